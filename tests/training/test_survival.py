"""What a run outlives: kill -9, Ctrl-C, a full disk. It ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import SMALL, assert_same_run, everything
from toolkit.training import checkpoint, trainer
from toolkit.training.data.pack import open_pack
from toolkit.training.recipe import Gan, Network, Recipe
from toolkit.training.session import Outcome, Session


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "toolkit", "train", *map(str, arguments)]


def small(photos: Path, run: Path) -> list[str]:
    changes = [part for setting in SMALL for part in ("--set", setting)]
    return command(photos, "--recipe", "edge", "--out", run, "--save-every", "0", *changes)


def test_killed_at_any_moment_and_resumed_ends_bit_identical(
    finished: Path, photos: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    rng = random.Random(0)
    process = subprocess.Popen(small(photos, run))
    for _ in range(2):
        while not (run / "last.safetensors").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.wait()
        process = subprocess.Popen(command("--resume", run, "--save-every", "0"))
        time.sleep(rng.uniform(3, 5))
    assert process.wait() == 0
    assert_same_run(finished, run)


def test_ctrl_c_saves_and_says_how_to_go_on(finished: Path, photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "interrupted"
    process = subprocess.Popen(small(photos, run), stderr=subprocess.PIPE, text=True)
    while not (run / "last.safetensors").exists():
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert f"toolkit train --resume {run}" in told
    assert "Traceback" not in told
    subprocess.run(command("--resume", run), check=True)
    assert_same_run(finished, run)


@pytest.fixture
def full_disk() -> Iterator[Callable[[bool], None]]:
    """Let the system refuse every file of more than 100 bytes, or no longer."""
    resource = pytest.importorskip("resource", reason="limits on files: run on Linux or macOS")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(full: bool) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100 if full else soft, hard))

    yield limit
    limit(False)


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    photos: Path,
    tmp_path: Path,
    small_recipe: Recipe,
    full_disk: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = replace(small_recipe, epochs=3, keep_every=1, samples_every=2)
    trainer.train(recipe, photos, tmp_path / "undisturbed")
    run, work = tmp_path / "run", Session.work

    def work_without_room(session: Session, save_every: float) -> Outcome:
        full_disk(True)
        return work(session, save_every)

    def on_epoch(row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            assert {p.name for p in run.iterdir() if p.is_file()} == {
                "data.json",
                "environment.json",
                "recipe.toml",
            }
            full_disk(False)

    told: list[str] = []
    monkeypatch.setattr(Session, "work", work_without_room)
    trainer.train(
        recipe, photos, run, watcher=trainer.Watcher(on_epoch=on_epoch, on_message=told.append)
    )
    (warning,) = [message for message in told if message.startswith("warning")]
    assert "cannot be written" in warning
    assert "training goes on" in warning
    assert_same_run(tmp_path / "undisturbed", run)
    checkpoint.load_generator(run / "best.safetensors")
    assert (run / "curves.png").exists()


def test_a_disk_that_stays_full_ends_a_run_at_its_end(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    run = tmp_path / "run"
    open_pack(photos, side=small_recipe.data.side, fit=small_recipe.data.fit)
    limited = ["bash", "-c", 'ulimit -f 8 && exec "$@"', "bash", *small(photos, run)]
    done = subprocess.run(limited, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 8
    told = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert len(told) == 2
    assert told[0].startswith("warning: ")
    assert told[1].startswith("error: ")
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_start_from_weights_outlives_a_kill_before_the_first_step(
    finished: Path, photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    class Killed(Exception):
        pass

    def kill(session: Session, save_every: float) -> Outcome:
        raise Killed

    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "work", kill)
        with pytest.raises(Killed):
            trainer.train(small_recipe, photos, run, init_from=finished)
    begun, source = everything(run / "last.safetensors"), everything(finished / "best.safetensors")
    assert all(torch.equal(begun[name], source[name]) for name in source)
    trainer.resume(run)


def test_a_game_that_is_resumed_within_an_epoch_tells_the_same(
    photos: Path, tmp_path: Path, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(
        small_recipe,
        discriminator=Network("pixel", {"filters": 8}),
        gan=Gan(first="generator", discriminator_factor=1.0),
    )
    trainer.train(recipe, photos, tmp_path / "whole")

    class Stopped(Exception):
        pass

    def save_and_stop(session: Session) -> None:
        save(session)
        raise Stopped

    run, save = tmp_path / "stopped", Session._save
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_save", save_and_stop)
        with pytest.raises(Stopped):
            trainer.train(recipe, photos, run, save_every=0)
    assert checkpoint.read_header(run / "last.safetensors")["step"] == 1
    trainer.resume(run)
    assert_same_run(tmp_path / "whole", run)
