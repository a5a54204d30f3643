from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.training.conftest import assert_same_run, everything
from toolkit.errors import TrainingDiverged, UnusableInput, UsageError
from toolkit.training import checkpoint, trainer
from toolkit.training.recipe import Loss, Network, Optimizer, Recipe, load_recipe


def test_the_losses_fall_and_the_colours_beat_gray(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    recipe = replace(small_recipe, epochs=12, data=replace(small_recipe.data, samples_per_epoch=64))
    outcome = trainer.train(recipe, photos, tmp_path / "run", val=photos)
    rows = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert rows[-1]["train"]["loss"] < 0.8 * rows[0]["train"]["loss"]
    assert outcome.dev["gain"] > 0.5
    assert outcome.val is not None
    assert outcome.val["gain"] > 0.5


def test_a_run_folder_holds_what_the_design_says(finished: Path) -> None:
    names = {p.relative_to(finished).as_posix() for p in finished.rglob("*") if p.is_file()}
    assert names == {
        "best.safetensors",
        "curves.png",
        "data.json",
        "environment.json",
        "last.safetensors",
        "metrics.jsonl",
        "recipe.toml",
        "samples/epoch_001.png",
        "samples/epoch_002.png",
    }
    header = checkpoint.read_header(finished / "last.safetensors")
    assert header["finished"] is True
    with Image.open(finished / "samples" / "epoch_001.png") as sheet:
        assert sheet.height == 3 * 224
    generator, _ = checkpoint.load_generator(finished / "best.safetensors")
    assert generator(torch.zeros(1, 1, 64, 64)).shape == (1, 2, 64, 64)


def test_the_same_seed_gives_the_same_weights(
    finished: Path, photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    trainer.train(small_recipe, photos, tmp_path / "again")
    assert_same_run(finished, tmp_path / "again")


@pytest.mark.parametrize("mode", ["vanilla", "lsgan", "hinge"])
def test_the_game_with_a_discriminator_runs(
    mode: str, photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    recipe = replace(
        small_recipe,
        epochs=1,
        discriminator=Network("patchgan", {"filters": 8, "n_layers": 1}, "normal"),
        gan=replace(small_recipe.gan, mode=mode),
    )
    trainer.train(recipe, photos, tmp_path / "run")
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert set(row["train"]) == {"bins", "huber", "gan", "loss", "d_fake", "d_real", "d"}
    names = everything(tmp_path / "run" / "last.safetensors")
    assert any(name.startswith("discriminator.") for name in names)
    assert any(name.startswith("optimizer.discriminator.") for name in names)


def test_weights_of_an_earlier_run_are_a_start(
    finished: Path, photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    still = replace(small_recipe, epochs=1, optimizer=Optimizer("adamw", lr=0.0))
    trainer.train(still, photos, tmp_path / "next", init_from=finished)
    before, after = (
        everything(finished / "best.safetensors"),
        everything(tmp_path / "next" / "best.safetensors"),
    )
    assert torch.equal(before["generator.classifier.weight"], after["generator.classifier.weight"])


def test_patience_ends_a_run_that_gets_no_better(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    still = replace(
        small_recipe, epochs=9, patience=2, ema=0.0, optimizer=Optimizer("adamw", lr=0.0)
    )
    outcome = trainer.train(still, photos, tmp_path / "run")
    assert outcome.steps == 3 * 3  # one epoch, and two that are no better
    assert checkpoint.read_header(tmp_path / "run" / "last.safetensors")["finished"] is True
    assert trainer.resume(tmp_path / "run").steps == 3 * 3
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 3


def test_numbers_that_are_not_finite_stop_the_run(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    wild = replace(small_recipe, epochs=40, optimizer=Optimizer("adam", lr=1e30), ema=0.0)
    with pytest.raises(TrainingDiverged, match=r"optimizer\.lr"):
        trainer.train(wild, photos, tmp_path / "run", save_every=0)
    kept = everything(tmp_path / "run" / "last.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_other_photographs_are_refused_on_resume(finished: Path, photos: Path) -> None:
    next(iter(photos.rglob("*.png"))).unlink()
    with pytest.raises(UnusableInput, match="--allow-data-change"):
        trainer.resume(finished)
    trainer.resume(finished, allow_data_change=True)


def test_a_taken_run_folder_is_not_touched(
    finished: Path, photos: Path, small_recipe: Recipe
) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*")}
    with pytest.raises(UsageError, match="--resume"):
        trainer.train(small_recipe, photos, finished)
    assert before == {p: p.stat().st_mtime_ns for p in finished.rglob("*")}


TUTORIALS = ["coco-flat", "coco-flat-5k", "coco-lab", "paper", "unet_256"]


@pytest.mark.parametrize("name", TUTORIALS)
def test_every_tutorials_recipe_trains(name: str, photos: Path, tmp_path: Path) -> None:
    """With networks of a tenth of the width; the whole ones are a matter of hours."""
    changes = [
        "epochs=1",
        "generator.options.filters=4",
        "discriminator.options.filters=4",
        "stages.0.batch_size=4",
        "data.samples_per_epoch=8",
    ]
    outcome = trainer.train(load_recipe(name, changes), photos, tmp_path / "run")
    assert outcome.steps == 2
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    # The six meters of the tutorials.
    assert set(row["train"]) == {"gan", "l1", "loss", "d_fake", "d_real", "d"}
    described = json.loads((tmp_path / "run" / "data.json").read_text())
    held_out = 8 if name.startswith("coco") else 0
    assert len(described["held_out"]) == held_out
    assert (outcome.val is not None) == bool(held_out)
    assert outcome.val is None or outcome.val["photos"] == held_out


def test_samples_and_checkpoints_come_as_often_as_the_recipe_says(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    recipe = replace(small_recipe, samples_every=2, samples_from="train", keep_every=1)
    trainer.train(recipe, photos, tmp_path / "run")
    samples = {p.name for p in (tmp_path / "run" / "samples").iterdir()}
    steps = {f"step_{n:06d}.png" for n in (2, 4, 6)}
    assert samples == steps | {"epoch_001.png", "epoch_002.png"}
    for name in ("epoch_001", "epoch_002"):
        generator, header = checkpoint.load_generator(tmp_path / "run" / f"{name}.safetensors")
        assert header["epoch"] == int(name[-1])
        assert generator(torch.zeros(1, 1, 32, 32)).shape == (1, 2, 32, 32)
    with pytest.raises(UsageError, match="dev, train"):
        trainer.train(replace(recipe, samples_from="val"), photos, tmp_path / "other")


def test_losses_beyond_the_tutorials_are_lines_of_a_recipe(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    """The prior of the photographs is measured once, and kept in the run."""
    losses = [
        Loss("bins", options={"rebalance": 0.5}),
        Loss("gradient", 2.0),
        Loss("colourfulness", 0.5),
    ]
    recipe = replace(small_recipe, epochs=1, losses=losses, accumulate=2)
    run = tmp_path / "run"
    trainer.train(recipe, photos, run)
    row = json.loads((run / "metrics.jsonl").read_text())
    assert set(row["train"]) == {"bins", "gradient", "colourfulness", "loss"}
    kept = (run / "prior.json").read_text()
    shares = [share for _, _, share in json.loads(kept)["a, b, share"]]
    assert sum(shares) == pytest.approx(1)
    trainer.resume(run)
    assert (run / "prior.json").read_text() == kept
    (run / "prior.json").write_text("{}")
    with pytest.raises(UnusableInput, match=r"prior\.json"):
        trainer.resume(run)


def test_looking_with_dropout_changes_no_weight(photos: Path, tmp_path: Path) -> None:
    """Figures with noise are others; the training does not notice."""
    changes = [
        "epochs=1",
        "generator.options={filters=4, n_layers=5}",
        "discriminator.options.filters=4",
        "stages=[{crop=32, batch_size=4}]",
        "data.samples_per_epoch=8",
        "data.side=32",
        "preferred_size=32",
    ]
    rows: list[dict[str, Any]] = []
    weights: list[dict[str, torch.Tensor]] = []
    for noise in ("false", "true", "true"):
        run = tmp_path / f"run{len(rows)}"
        recipe = load_recipe("paper", [*changes, f"dropout_at_test={noise}"])
        trainer.train(recipe, photos, run)
        rows.append(json.loads((run / "metrics.jsonl").read_text()))
        weights.append(everything(run / "last.safetensors"))
    assert rows[0]["train"] == rows[1]["train"]
    assert rows[0]["dev"] != rows[1]["dev"]
    assert rows[1]["dev"] == rows[2]["dev"]
    one, other = weights[:2]
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.slow
def test_pix2pix_learns(photos: Path, tmp_path: Path) -> None:
    """The 54 M U-Net with its discriminator: a few steps, its L1 falls."""
    recipe = load_recipe(
        "unet_256", ["epochs=6", "stages=[{crop=256, batch_size=2}]", "data.samples_per_epoch=16"]
    )
    trainer.train(recipe, photos, tmp_path / "run")
    rows = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert rows[-1]["train"]["l1"] < 0.7 * rows[0]["train"]["l1"]
