from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from toolkit.files import write_text
from toolkit.training import report
from toolkit.training.recipe import Recipe, load_recipe

SMALL = [
    "epochs=2",
    "generator.options.stem=16",
    "generator.options.widths=[16, 16, 16, 16]",
    "generator.options.head=16",
    "data.side=48",
    "data.samples_per_epoch=24",
    "data.weighting=none",
    "preferred_size=32",
    "stages=[{crop=32, batch_size=8}]",
]
"""Settings that make the recipe edge a matter of seconds."""


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A scene whose colours follow from its light, so that they can be learned."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    light = np.sin(x / rng.uniform(4, 12) + rng.uniform(0, 6)) + np.cos(y / rng.uniform(4, 12))
    light = (light + 2) / 4
    rgb = np.stack([light, 0.6 * light, 1 - light], -1) * 255
    return Image.fromarray(np.clip(rgb + rng.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TOOLKIT_CACHE", str(folder))
    # Sums of floats depend on how many threads share them: runs that are compared use one,
    # here and in the processes that a test starts.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    return folder


@pytest.fixture(autouse=True)
def plain_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than the training of a small network; it has tests of its own."""
    monkeypatch.setattr(
        report, "draw_curves", lambda run, rows: write_text(run / "curves.png", "-" * 200)
    )


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty photographs of two sources."""
    folder = tmp_path_factory.mktemp("scenes")
    for i in range(40):
        place = folder / ("people" if i % 4 == 0 else "places")
        place.mkdir(exist_ok=True)
        picture(i).save(place / f"{i:02d}.png")
    return folder


@pytest.fixture
def photos(scenes: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may spoil."""
    return shutil.copytree(scenes, tmp_path / "photos")


@pytest.fixture
def small_recipe() -> Recipe:
    return load_recipe("edge", SMALL)
