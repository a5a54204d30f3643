"""Real processes, started by torchrun, on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from toolkit.training import checkpoint, trainer
from toolkit.training.distributed import ALONE, Team
from toolkit.training.recipe import load_recipe

TINY = [
    "epochs=2",
    "generator.options={filters=4, n_layers=5, dropout=0.0}",
    "discriminator.options={filters=4, n_layers=1, norm='instance'}",
    "data.side=32",
    "data.samples_per_epoch=17",
    "precision=fp32",
    "preferred_size=32",
    "stages=[{crop=32, batch_size=8}]",
]
"""InstanceNorm, no dropout, and a last batch of one photograph that no two processes can share."""


def torchrun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "toolkit", "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def rows(run: Path) -> list[dict[str, dict[str, float]]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def tensors(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load_tensors(run / "last.safetensors")[0]


def test_two_processes_lose_what_one_does(photos: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    trainer.train(load_recipe("paper", TINY), photos, one)
    changes = [part for setting in TINY for part in ("--set", setting)]
    done = torchrun(photos, "--recipe", "paper", "--out", two, *changes)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run  ") == 1  # one of them tells
    for alone, shared in zip(rows(one), rows(two), strict=True):
        assert alone["train"].keys() == shared["train"].keys()
        for name, loss in alone["train"].items():
            assert shared["train"][name] == pytest.approx(loss, abs=1e-4), name
        assert shared["dev"]["gain"] == pytest.approx(alone["dev"]["gain"], abs=1e-2)
    assert {p.name for p in one.iterdir()} == {p.name for p in two.iterdir()}
    assert tensors(two).keys() - tensors(one).keys() == {"random.torch.1"}


@pytest.mark.slow
def test_two_processes_go_on_as_if_nothing_had_happened(photos: Path, tmp_path: Path) -> None:
    """Stopped after an epoch by a smaller recipe; with dropout, which each process draws anew."""
    changes = [s.replace("dropout=0.0", "dropout=0.5") for s in TINY]
    asked = [part for setting in changes for part in ("--set", setting)]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for run, epochs in ((whole, 2), (stopped, 1)):
        done = torchrun(photos, "--recipe", "paper", "--out", run, *asked, "--epochs", str(epochs))
        assert done.returncode == 0, done.stderr
    recipe = (whole / "recipe.toml").read_text()
    (stopped / "recipe.toml").write_text(recipe)
    held, header = checkpoint.load_tensors(stopped / "last.safetensors")
    checkpoint.save_checkpoint(stopped / "last.safetensors", held, {**header, "finished": False})
    done = torchrun("--resume", stopped)
    assert done.returncode == 0, done.stderr
    first, second = tensors(whole), tensors(stopped)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert rows(whole) == rows(stopped)
    assert not torch.equal(first["random.torch"], first["random.torch.1"])


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_every_photograph_counts_once(size: int, count: int) -> None:
    team = [Team(rank, size) for rank in range(size)]
    assert sum(t.share(count) for t in team) == pytest.approx(1)
    counted = [i for t in team if t.share(count) for i in range(count)[t.part(count)]]
    assert counted == list(range(count))
    assert all(len(range(count)[t.part(count)]) > 0 for t in team)


def test_alone_nothing_is_sent() -> None:
    values = [torch.ones(2)]
    ALONE.add_up(values)
    assert values[0].tolist() == [1, 1]
    assert ALONE.any(True, False) == [True, False]
    assert ALONE.told("x") == "x"
