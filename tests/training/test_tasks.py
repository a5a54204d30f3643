"""The tasks besides colouring: light that is restored, pictures that are translated."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.training.conftest import picture
from toolkit.errors import UnusableInput, UsageError
from toolkit.lab import gray_of_rgb, gray_to_l
from toolkit.training import checkpoint, trainer
from toolkit.training.data.batches import Batches
from toolkit.training.data.pack import Pack
from toolkit.training.data.pairs import halves, open_pairs
from toolkit.training.data.samples import LumaSamples, PairSamples, blurred
from toolkit.training.networks import build_generator
from toolkit.training.recipe import Data, Pairs, Stage, load_recipe
from toolkit.training.tasks import TASKS, open_task
from toolkit.training.watcher import Watcher

HALF = [0.5, 0.5, 0.5]
SCALES = ("given_mean", "given_std", "true_mean", "true_std")
PAIRS = [
    "generator.options={channels_in=3, channels_out=3, filters=4, n_layers=5}",
    "generator.name=unet_layers",
    "discriminator.options={channels_in=6, filters=4}",
    "data.side=32",
    "stages=[{crop=32, batch_size=4}]",
    "epochs=2",
]
LUMA = [
    "generator.options={filters=[8, 4]}",
    "data.side=48",
    "stages=[{crop=32, batch_size=4}]",
    "data.samples_per_epoch=24",
    "epochs=2",
]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    for name in ("gray", "resized"):
        (folder / name).mkdir(parents=True)
    for i in range(24):
        colour = picture(i, (32, 32))
        colour.save(folder / "resized" / f"{i:02d}.png")
        # Another suffix: a name counts without it.
        colour.convert("L").save(folder / "gray" / f"{i:02d}.bmp")
    return folder


@pytest.fixture
def side_by_side(pairs: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "side-by-side"
    folder.mkdir()
    for path in sorted((pairs / "gray").iterdir()):
        both = Image.new("RGB", (64, 32))
        with Image.open(path) as gray:
            both.paste(gray.convert("RGB"))
        with Image.open(pairs / "resized" / f"{path.stem}.png") as colour:
            both.paste(colour, (32, 0))
        both.save(folder / f"{path.stem}.png")
    return folder


def losses(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["train"]["loss"] for row in rows]


def test_every_task_has_a_recipe() -> None:
    recipes = ("srcnn", "victorian-rgb", "victorian-rgb-fixed", "paper", "paper-pairs")
    assert {load_recipe(name).task for name in recipes} == set(TASKS)


def test_an_unknown_task_is_named(photos: Path) -> None:
    recipe = load_recipe("edge", ["task=translat"])
    with pytest.raises(UsageError, match="translate"):
        open_task(recipe, photos, (), Watcher())


def test_light_that_no_task_would_age_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.grain"):
        open_task(load_recipe("srcnn", [*LUMA, "data.grain=2.0"]), photos, (), Watcher())


# Pairs.


def test_pairs_are_the_same_in_every_layout(pairs: Path, side_by_side: Path) -> None:
    folders = open_pairs(pairs, Pairs(), side=32, fit="stretch")
    a_to_b = open_pairs(side_by_side, Pairs(layout="AtoB"), side=32, fit="stretch")
    b_to_a = open_pairs(side_by_side, Pairs(layout="BtoA"), side=32, fit="stretch")

    def by_name(pack: Pack) -> dict[str, NDArray[np.uint8]]:
        return {Path(entry.name).stem: pack[i] for i, entry in enumerate(pack.entries)}

    first, second, third = map(by_name, (folders, a_to_b, b_to_a))
    assert first.keys() == second.keys() == third.keys()
    for name, entry in first.items():
        np.testing.assert_array_equal(entry, second[name])
        given, true = halves(entry)
        np.testing.assert_array_equal(np.concatenate([true, given], axis=1), third[name])
        np.testing.assert_array_equal(given[..., 0], given[..., 2])


def _no_partner(pairs: Path) -> None:
    (pairs / "resized" / "07.png").unlink()


def _no_partner_either(pairs: Path) -> None:
    (pairs / "gray" / "07.bmp").unlink()


def _other_size(pairs: Path) -> None:
    picture(7, (32, 40)).save(pairs / "resized" / "07.png")


def _no_folder(pairs: Path) -> None:
    (pairs / "gray").rename(pairs / "grey")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_partner, "07.bmp: has no partner"),
        (_no_partner_either, "07.png: has no partner"),
        (_other_size, "another size"),
        (_no_folder, "no such folder"),
    ],
)
def test_what_is_no_pair_is_named(pairs: Path, spoil: Callable[[Path], None], told: str) -> None:
    spoil(pairs)
    with pytest.raises(UnusableInput, match=told) as error:
        open_task(load_recipe("victorian-rgb", PAIRS), pairs, (), Watcher())
    assert "\n" not in str(error.value)


def test_a_missing_partner_ends_the_command_with_exit_4(pairs: Path, tmp_path: Path) -> None:
    _no_partner(pairs)
    settings = [part for setting in PAIRS for part in ("--set", setting)]
    command = ["train", pairs, "--recipe", "victorian-rgb", "--out", tmp_path / "run", *settings]
    result = subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, command)], capture_output=True, text=True
    )
    assert result.returncode == 4
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_pair_can_be_left_out_by_either_name(pairs: Path) -> None:
    _no_partner(pairs)
    out = ("gray/07.bmp", "resized/03.png")
    pack = open_pairs(pairs, Pairs(), side=32, fit="stretch", exclude=out)
    assert len(pack) == 22
    assert not {Path(e.name).stem for e in pack.entries} & {"07", "03"}


def test_a_picture_that_is_no_two_is_refused(side_by_side: Path) -> None:
    picture(3, (63, 32)).save(side_by_side / "03.png")
    with pytest.raises(UnusableInput, match=r"03\.png: is 63 pixels wide"):
        open_pairs(side_by_side, Pairs(layout="AtoB"), side=32, fit="stretch")


def test_both_pictures_of_a_pair_are_cropped_and_mirrored_alike(tmp_path: Path) -> None:
    for i in range(4):
        both = Image.new("RGB", (128, 64))
        scene = picture(i, (64, 64))
        both.paste(scene)
        both.paste(scene, (64, 0))
        both.save(tmp_path / f"{i}.png")
    layout = Pairs("AtoB", "", "", HALF, HALF, HALF, HALF)
    pack = open_pairs(tmp_path, layout, side=64, fit="stretch")
    data = Data(side=64, flip=True, zoom=(0.5, 0.9), pairs=layout)
    batches = Batches(
        pack, [0, 1, 2, 3], data, [Stage(crop=32, batch_size=4)], 3, 0, PairSamples(data)
    )
    for step in range(3):
        torch.testing.assert_close(batches[step].lightness, batches[step].ab, rtol=0, atol=0)


def test_the_scaling_is_measured_on_the_pairs_to_learn_from(pairs: Path) -> None:
    task = open_task(load_recipe("victorian-rgb", PAIRS), pairs, (), Watcher())
    chosen = [halves(task.pack[i]) for i in task.split.train]
    scaling = task.recipe.data.pairs
    for view, mean, std in (
        (0, scaling.given_mean, scaling.given_std),
        (1, scaling.true_mean, scaling.true_std),
    ):
        levels = np.stack([pair[view] for pair in chosen]).reshape(-1, 3) / 255
        np.testing.assert_allclose(mean, levels.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(std, levels.std(axis=0), atol=1e-6)
    batch = task.samples.batch([*zip(*chosen, strict=True)], np.random.default_rng(0))
    for values in (batch.lightness, batch.ab):
        assert values.mean((0, 2, 3)).abs().max() < 1e-4
        assert (values.std((0, 2, 3)) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("recipe", ["victorian-rgb", "victorian-rgb-fixed", "paper-pairs"])
def test_a_translator_learns_and_says_how_its_pictures_are_scaled(
    recipe: str, pairs: Path, side_by_side: Path, tmp_path: Path
) -> None:
    folder = side_by_side if recipe == "paper-pairs" else pairs
    changes = [*PAIRS, "epochs=6", "optimizer.lr=4e-3"]
    outcome = trainer.train(load_recipe(recipe, changes), folder, tmp_path / "run", val=folder)
    fallen = losses(tmp_path / "run")
    assert fallen[-1] < 0.9 * fallen[0]
    assert outcome.val is not None
    assert outcome.val["photos"] == 24
    generator, header = checkpoint.load_generator(tmp_path / "run" / "best.safetensors")
    assert header["task"] == "translate"
    assert generator(torch.zeros(1, 3, 64, 32)).shape == (1, 3, 64, 32)
    kept = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())["data"]["pairs"]
    assert header["scaling"] == {name: kept[name] for name in SCALES}
    assert all(len(values) == 3 for values in header["scaling"].values())


def test_a_generator_of_other_channels_is_refused_before_it_learns(
    pairs: Path, tmp_path: Path
) -> None:
    recipe = load_recipe("victorian-rgb", [*PAIRS, "generator.options.channels_out=2"])
    with pytest.raises(UsageError, match="channels_out=3"):
        trainer.train(recipe, pairs, tmp_path / "run")


# Light.


def test_bicubic_takes_detail_away_and_keeps_the_light() -> None:
    light = np.random.default_rng(0).uniform(20, 80, (60, 70)).astype(np.float32)
    for factor in (2, 3, 4):
        soft = blurred(light, factor)
        assert soft.shape == light.shape
        assert soft.std() < 0.6 * light.std()
        assert abs(soft.mean() - light.mean()) < 1


def test_a_target_is_the_photograph_pixel_by_pixel(photos: Path) -> None:
    task = open_task(load_recipe("srcnn", LUMA), photos, (), Watcher())
    data = replace(task.recipe.data, samples_per_epoch=0)
    stages = [Stage(crop=32, batch_size=2)]
    batches = Batches(task.pack, [5], data, stages, 1, 0, LumaSamples(data))
    batch = batches[0]
    assert batch.lightness.shape == batch.ab.shape == (1, 1, 32, 32)
    whole = gray_to_l()[gray_of_rgb(task.pack[5])] / 100
    target = batch.ab[0, 0].numpy()
    windows = np.lib.stride_tricks.sliding_window_view(whole, (32, 32))
    both = np.abs(windows - target).max((2, 3)), np.abs(windows - target[:, ::-1]).max((2, 3))
    assert min(b.min() for b in both) < 1e-6
    # Noise goes, so that the given one is smoother.
    assert batch.lightness.diff().abs().mean() < batch.ab.diff().abs().mean()


def test_a_restorer_learns_and_is_measured_against_bicubic(photos: Path, tmp_path: Path) -> None:
    recipe = load_recipe("srcnn", [*LUMA, "epochs=6", "optimizer.lr=3e-3"])
    outcome = trainer.train(recipe, photos, tmp_path / "run", val=photos)
    fallen = losses(tmp_path / "run")
    assert fallen[-1] < 0.5 * fallen[0]
    assert outcome.val is not None
    assert outcome.val["gain"] == pytest.approx(
        outcome.val["psnr"] - outcome.val["psnr_bicubic"], abs=1e-6
    )
    alone = [outcome.val[f"gain_{factor}"] for factor in recipe.data.shrink]
    assert np.mean(alone) == pytest.approx(outcome.val["gain"], abs=1e-6)
    assert len(set(alone)) == len(recipe.data.shrink) > 1
    header = checkpoint.read_header(tmp_path / "run" / "best.safetensors")
    assert header["task"] == "luma"
    with Image.open(tmp_path / "run" / "samples" / "epoch_001.png") as sheet:
        assert sheet.height == 3 * 224


def test_photographs_smaller_than_the_crop_are_not_enlarged(photos: Path, tmp_path: Path) -> None:
    recipe = load_recipe("srcnn", [*LUMA, "stages=[{crop=64, batch_size=4}]", "data.side=96"])
    with pytest.raises(UnusableInput, match="64 x 64"):
        open_task(recipe, photos, (), Watcher())
    picture(99, (80, 70)).save(photos / "large.png")
    picture(98, (80, 71)).save(photos / "larger.png")
    told: list[str] = []
    task = open_task(recipe, photos, (), Watcher(on_message=told.append))
    names = {task.pack.entries[i].name for i in task.split.train}
    assert names <= {"large.png", "larger.png"}
    assert any("40 photographs are smaller" in line for line in told)


def test_a_tile_needs_no_more_than_the_reach_around_it() -> None:
    torch.manual_seed(0)
    network = build_generator("srcnn").eval()
    assert network.reach is not None
    x = torch.rand(1, 1, 64, 64)
    y = x.clone()
    y[..., 32, 32] += 1
    with torch.no_grad():
        changed = (network(x) != network(y))[0, 0].nonzero() - 32
    assert changed.abs().max() == network.reach
