"""What cannot be trained on: one clear line each, before anything is written, nothing lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.training.conftest import SMALL, picture
from toolkit.errors import ToolkitError, UnusableInput, UnusableModel, UsageError
from toolkit.training import trainer
from toolkit.training.recipe import Recipe, load_recipe, recipe_names


def refused(kind: type[ToolkitError], recipe: Recipe, folder: Path, run: Path) -> str:
    with pytest.raises(kind) as caught:
        trainer.train(recipe, folder, run)
    assert not run.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_photographs_are_counted(count: int, tmp_path: Path, small_recipe: Recipe) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(count):
        picture(i).save(folder / f"{i}.png")
    told = refused(UnusableInput, small_recipe, folder, tmp_path / "run")
    assert "photographs" in told
    assert str(folder) in told


def test_photographs_smaller_than_the_crop_are_enlarged_or_refused(
    tmp_path: Path, small_recipe: Recipe
) -> None:
    """From a scan of 20 pixels nothing can be chosen by; one of 28 is made larger."""
    for side, folder in ((8, tmp_path / "tiny"), (28, tmp_path / "little")):
        folder.mkdir()
        for i in range(12):
            picture(i, (side, side)).save(folder / f"{i}.png")
    told = refused(UnusableInput, small_recipe, tmp_path / "tiny", tmp_path / "run")
    assert "11 pixels" in told
    said: list[str] = []
    watcher = trainer.Watcher(on_message=said.append)
    recipe = replace(small_recipe, epochs=1)
    trainer.train(recipe, tmp_path / "little", tmp_path / "run", watcher=watcher)
    (warning,) = [line for line in said if "smaller than the crop" in line]
    assert "12 photographs" in warning
    assert "toolkit data check" in warning


CONTRADICTIONS = {
    "gan.mode=lsgan": "discriminator",
    "optimizer_discriminator.lr=0.1": "discriminator",
    "data.source_factors={people=2.0}": "weighting",
    "data.parts.chosen=10": "seed",
    "data.parts={by='seed', chosen=10, train=10}": "fewer",
    "data.zoom=[0.9, 0.5]": "smaller first",
    "data.fade=0.7": "fade",
    "data.grain=-1": "negative",
    "data.side=0": "side",
    "data.weighting=even": "sqrt",
    "optimizer.lr=-1.0": "lr",
    "optimizer.lr=nan": "lr",
    "optimizer.beta1=1.0": "beta1",
    "optimizer.factors={stem=-1.0}": "stem",
    "stages=[{crop=32, batch_size=0}]": "batch_size",
    "stages=[{crop=32}, {start=0.5, crop=32}, {start=0.2, crop=64}]": "one after the other",
    "stages=[{crop=32}, {start=1.0, crop=64}]": "before 1",
    "epochs=0": "epochs",
    "accumulate=0": "accumulate",
    "ema=1.0": "ema",
    "warmup=2.0": "warmup",
    "patience=-1": "patience",
    "schedule=cosin": "did you mean cosine",
    "losses=[]": "at least one loss",
    "optimiser.lr=1.0": "did you mean optimizer",
    "optimizer.rate=1.0": "unknown key optimizer.rate",
    "epochs=many": "epochs must be int",
}


@pytest.mark.parametrize("setting", sorted(CONTRADICTIONS))
def test_what_a_recipe_cannot_mean_is_named(setting: str) -> None:
    base = [] if setting.startswith("stages") else SMALL
    with pytest.raises(UsageError, match=CONTRADICTIONS[setting]) as caught:
        load_recipe("edge", [*base, setting])
    assert "\n" not in str(caught.value)


def test_no_recipe_contradicts_itself() -> None:
    for name in recipe_names():
        load_recipe(name)


@pytest.fixture
def begun(photos: Path, tmp_path: Path, small_recipe: Recipe) -> Path:
    trainer.train(replace(small_recipe, epochs=1), photos, tmp_path / "begun")
    return tmp_path / "begun"


def test_a_damaged_run_is_refused_and_left_as_it_is(begun: Path) -> None:
    last, data = begun / "last.safetensors", begun / "data.json"
    whole, described = last.read_bytes(), data.read_text()
    tampered = bytearray(whole)
    tampered[-100] ^= 1
    for damaged, word in ((whole[:-50], "not a checkpoint"), (bytes(tampered), "damaged")):
        last.write_bytes(damaged)
        with pytest.raises(UnusableModel, match=word) as caught:
            trainer.resume(begun)
        assert str(last) in str(caught.value)
        assert last.read_bytes() == damaged
    last.write_bytes(whole)
    for text in ("{", "[]", "{}"):
        data.write_text(text)
        with pytest.raises(UnusableInput, match=r"data\.json"):
            trainer.resume(begun)
    data.write_text(described)
    trainer.resume(begun)


def test_weights_of_another_generator_are_refused(
    begun: Path, photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    other = load_recipe("edge", [*SMALL, "generator.options.head=32"])
    with pytest.raises(UnusableModel, match="of another generator"):
        trainer.train(other, photos, tmp_path / "run", init_from=begun)
    assert not (tmp_path / "run").exists()
    recipe = json.dumps([16, 16, 16, 32])
    text = (begun / "recipe.toml").read_text()
    assert "widths" in text
    (begun / "recipe.toml").write_text(
        load_recipe(str(begun / "recipe.toml"), [f"generator.options.widths={recipe}"]).to_toml()
    )
    with pytest.raises(UnusableModel, match="of another generator"):
        trainer.resume(begun)


def test_gray_photographs_are_refused_before_the_first_step(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    for path in photos.rglob("*.png"):
        with Image.open(path) as image:
            gray = image.convert("L")
        gray.save(path)
    with pytest.raises(UnusableInput, match="toolkit data check"):
        trainer.train(small_recipe, photos, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_final_figures_that_cannot_be_had_cost_no_training(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    with pytest.raises(UnusableInput, match="no such folder"):
        trainer.train(small_recipe, photos, tmp_path / "run", val=tmp_path / "none")
    assert not (tmp_path / "run").exists()
    (tmp_path / "val").mkdir()
    picture(1).convert("L").save(tmp_path / "val" / "gray.png")
    told: list[str] = []
    watcher = trainer.Watcher(on_message=told.append)
    outcome = trainer.train(
        replace(small_recipe, epochs=1),
        photos,
        tmp_path / "run",
        val=tmp_path / "val",
        watcher=watcher,
    )
    assert outcome.val is None
    assert "no final figures" in told[-1]
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_a_crop_that_the_generator_cannot_take_is_named(photos: Path, tmp_path: Path) -> None:
    recipe = load_recipe("edge", [*SMALL, "stages=[{crop=40, batch_size=2}]"])
    with pytest.raises(UsageError, match="multiple of 32"):
        trainer.train(recipe, photos, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "crop", "told"),
    [("edge", 96, "multiple of 64, which the loss steady halves"), ("unet_256", 256, "256 alone")],
)
def test_a_crop_whose_half_the_generator_cannot_take_is_named(
    name: str, crop: int, told: str, photos: Path, tmp_path: Path
) -> None:
    changes = ['losses=[{name="l1"}, {name="steady"}]', f"stages=[{{crop={crop}, batch_size=2}}]"]
    with pytest.raises(UsageError, match=told):
        trainer.train(load_recipe(name, changes), photos, tmp_path / "run")
    assert not (tmp_path / "run").exists()
