from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def toolkit(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    without_data = {k: v for k, v in os.environ.items() if k != "TOOLKIT_DATA"}
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=without_data | environment,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "TOOLKIT_DATA"),
        (["nowhere/"], 4, "nowhere: no such folder"),
        ([".", "--recipe", "egde"], 2, "did you mean edge?"),
        ([".", "--set", "generator.name=unet"], 2, "unet_256"),
        ([".", "--device", "tpu"], 2, "cuda"),
        (["--resume", "nowhere"], 4, "not a run folder"),
        ([".", "--resume", "runs/x"], 2, "--resume takes its folders from the run"),
        (["."], 4, "no photographs"),
    ],
)
def test_a_wrong_call_is_one_line(
    arguments: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = toolkit("train", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert told in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_the_folder_may_be_named_once(tmp_path: Path) -> None:
    done = toolkit("train", TOOLKIT_DATA=str(tmp_path))
    assert done.returncode == 4
    assert str(tmp_path) in done.stderr


def test_recipes_lists_name_and_source() -> None:
    done = toolkit("recipes")
    assert done.returncode == 0
    for name in ("edge", "edge-regression", "unet_256", "coco-flat", "coco-lab", "paper"):
        assert name in done.stdout
    assert "source: tutorial 004" in done.stdout
    assert "reproduces: data, split, batch, generator" in done.stdout
