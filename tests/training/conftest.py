from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from toolkit.files import write_text
from toolkit.training import checkpoint, report, trainer
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


def everything(path: Path) -> dict[str, torch.Tensor]:
    tensors, _ = checkpoint.load_tensors(path)
    return tensors


def assert_same_run(first: Path, second: Path) -> None:
    one, two = everything(first / "last.safetensors"), everything(second / "last.safetensors")
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    rows = [(run / "metrics.jsonl").read_text() for run in (first, second)]
    assert rows[0] == rows[1]


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


@pytest.fixture(scope="session")
def finished_once(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never killed."""
    place = tmp_path_factory.mktemp("finished")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_CACHE", str(place / "cache"))
        trainer.train(load_recipe("edge", SMALL), scenes, place / "whole")
    return place / "whole"


@pytest.fixture
def finished(finished_once: Path, photos: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil, on the test's own photographs."""
    run = shutil.copytree(finished_once, tmp_path / "whole")
    described = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps({**described, "folder": str(photos)}))
    return run
