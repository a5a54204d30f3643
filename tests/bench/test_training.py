"""That it runs and says what it measured; what it measures is no matter of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.bench import training
from toolkit.bench.training import measure_training, training_table
from toolkit.errors import UnusableInput
from toolkit.training.recipe import Recipe, load_recipe

TINY = {
    "unet_256": ["generator.options.filters=2", "discriminator.options.filters=2"],
    "edge": ["generator.options.head=16", "stages=[{crop=64}, {start=0.5, crop=32, batch_size=2}]"],
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same recipes with small networks."""
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))

    def loaded(name: str) -> Recipe:
        return load_recipe(name, TINY[name])

    monkeypatch.setattr(training, "load_recipe", loaded)


@pytest.mark.slow
def test_the_loops_are_measured_on_the_same_photographs(small: None) -> None:
    pytest.importorskip("skimage")
    found = measure_training(batch=1, steps=1)
    assert found["photographs"] == 32
    for name in ("unet_256", "edge", "tutorial"):
        assert found[name]["per_second"] > 0
    assert 0 <= found["edge"]["waiting"] <= 1
    assert found["data_per_second"]["ours"] > found["data_per_second"]["tutorial"]
    table = training_table(found)
    assert "recipe edge" in table
    assert "tutorials' data side" in table


def test_without_scikit_image_ours_are_measured_alone() -> None:
    row = {"per_second": 2.0, "waiting": 0.01}
    found = {
        "photographs": 3,
        "batch": 4,
        "threads": 2,
        "device": "cpu",
        "data_per_second": {"ours": 100.0},
        "unet_256": row,
        "edge": row,
    }
    table = training_table(found)
    assert "needs scikit-image" in table
    assert "1.0%" in table


def test_too_few_photographs_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="fewer than 4"):
        measure_training(tmp_path)
