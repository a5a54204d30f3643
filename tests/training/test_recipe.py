from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import UnusableInput, UsageError
from toolkit.training.recipe import Parts, Recipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_and_survives_its_own_file(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    (tmp_path / "recipe.toml").write_text(recipe.to_toml())
    assert load_recipe(str(tmp_path / "recipe.toml")) == recipe


def test_a_run_keeps_every_value() -> None:
    stored = tomllib.loads(load_recipe("edge").to_toml())
    assert set(stored) >= set(Recipe.__dataclass_fields__) - {"discriminator"}


def test_the_pix2pix_recipe_is_the_tutorials() -> None:
    recipe = load_recipe("unet_256")
    for optimizer in (recipe.optimizer, recipe.optimizer_discriminator):
        assert (optimizer.name, optimizer.lr, optimizer.beta1, optimizer.beta2) == (
            "adam",
            2e-4,
            0.5,
            0.999,
        )
    assert [(loss.name, loss.weight) for loss in recipe.losses] == [("l1", 100.0)]
    assert (recipe.gan.mode, recipe.gan.discriminator_factor) == ("vanilla", 0.5)
    assert (recipe.generator.initialise, recipe.data.fit, recipe.data.flip) == (
        "normal",
        "stretch",
        True,
    )
    assert (recipe.stages[0].crop, recipe.stages[0].batch_size, recipe.epochs) == (256, 16, 100)


def test_set_changes_single_values() -> None:
    settings = ["optimizer.lr=1e-3", "stages.0.batch_size=4", "gan.mode=lsgan"]
    recipe = load_recipe("unet_256", settings)
    assert (recipe.optimizer.lr, recipe.stages[0].batch_size, recipe.gan.mode) == (1e-3, 4, "lsgan")


def test_coco_lab_is_unet_256_with_the_tutorials_split() -> None:
    lab, plain = load_recipe("coco-lab"), load_recipe("unet_256")
    assert lab.data.parts == Parts("seed", 123, 10_000, 8_000)
    assert replace(lab.data, parts=Parts()) == plain.data
    for name in ("generator", "discriminator", "gan", "losses", "stages", "epochs", "optimizer"):
        assert getattr(lab, name) == getattr(plain, name)


def test_what_the_tutorials_say_differently_is_in_their_recipes() -> None:
    flat, half, paper = (load_recipe(name) for name in ("coco-flat", "coco-flat-5k", "paper"))
    assert flat.data.parts == Parts("seed", 1, 10_000, 8_000)
    assert half.data.parts == Parts("seed", 1, 5_000, 4_000)
    assert (flat.gan.discriminator_factor, half.gan.discriminator_factor) == (1.0, 0.5)
    assert (flat.samples_every, flat.samples_from) == (200, "dev")
    assert paper.generator.options == {"n_layers": 8, "norm": "instance", "dropout": 0.5}


def test_the_fourth_tutorials_names_are_understood() -> None:
    recipe = load_recipe("coco-lab", ["lr_G=0.1", "lr_D=0.2", "beta1=0.9"])
    assert (recipe.optimizer.lr, recipe.optimizer_discriminator.lr) == (0.1, 0.2)
    assert (recipe.optimizer.beta1, recipe.optimizer_discriminator.beta1) == (0.9, 0.9)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("optimiser.lr=1", "optimizer"),
        ("optimizer.lrr=1", "optimizer.lr"),
        ("epochs=many", "epochs must be int"),
        ("epochs=0", "at least 1"),
        ("epochs", "KEY=VALUE"),
        ("stages=[]", "stages"),
        ("stages.9.crop=1", "no such place"),
        ("losses=[]", "at least one loss"),
        ("data.zoom=[1]", "data.zoom"),
        ("generator=3", "must be a table"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("edge", [setting])
    assert told in str(caught.value)


def test_an_unknown_recipe_lists_the_choices() -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("egde")
    assert "did you mean edge?" in str(caught.value)
    assert all(name in str(caught.value) for name in recipe_names())


def test_a_missing_or_broken_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    with pytest.raises(UnusableInput, match="not TOML"):
        load_recipe(str(tmp_path / "bad.toml"))
    (tmp_path / "short.toml").write_text('name = "x"')
    with pytest.raises(UsageError, match="missing"):
        load_recipe(str(tmp_path / "short.toml"))
