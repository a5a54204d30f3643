from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from toolkit.errors import UnusableInput, UsageError
from toolkit.training.recipe import Recipe, load_recipe, recipe_names


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
    recipe = load_recipe("edge", ["optimizer.lr=1e-3", "stages.0.batch_size=4", "gan.mode=lsgan"])
    assert (recipe.optimizer.lr, recipe.stages[0].batch_size, recipe.gan.mode) == (1e-3, 4, "lsgan")


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
