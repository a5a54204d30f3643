from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_train import toolkit
from tests.training.test_compare import write_run


@pytest.fixture
def sweep(tmp_path: Path) -> list[Path]:
    (tmp_path / "notes").mkdir()
    return [
        write_run(tmp_path / "first", 3, "epochs=3"),
        tmp_path / "notes",
        write_run(tmp_path / "second", 2, "epochs=3", "lr_G=0.1"),
    ]


def test_a_sweep_is_a_table_and_a_picture(sweep: list[Path], tmp_path: Path) -> None:
    done = toolkit("compare", *sweep, "--plot", tmp_path / "sweep.png")
    assert done.returncode == 0
    head, first, second, blank, *settings = done.stdout.splitlines()
    assert " ".join(head.split()) == "run epochs d gan l1 loss gain dB colour"
    assert " ".join(first.split()) == "first 3/3 0.500 1.000 6.000 7.000 -0.000 0.200"
    assert second.split()[:3] == ["second", "2/3", "stopped"]
    assert blank == ""
    assert [line.split() for line in settings] == [
        ["first", "optimizer.lr=0.0002"],
        ["second", "optimizer.lr=0.1"],
    ]
    assert (tmp_path / "sweep.png").is_file()
    assert "notes: not a run folder" in done.stderr


def test_a_program_may_read_it(sweep: list[Path], tmp_path: Path) -> None:
    done = toolkit("compare", *sweep, "--json", "--plot", tmp_path / "sweep.png")
    rows = json.loads(done.stdout)
    assert [(row["run"], row["settings"], row["epochs"], row["of"]) for row in rows] == [
        ("first", {"optimizer.lr": 2e-4}, 3, 3),
        ("second", {"optimizer.lr": 0.1}, 2, 3),
    ]


def test_without_a_run_it_is_one_line(tmp_path: Path) -> None:
    done = toolkit("compare", tmp_path, "--plot", tmp_path / "sweep.png")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
