"""`toolkit colorize --noise`: several colourings of one photograph, by dropout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from toolkit.cli.colorize import _colorize as colorize
from toolkit.errors import UnusableInput, UsageError
from toolkit.export.noise import Noisy
from toolkit.training.checkpoint import save_checkpoint, weights
from toolkit.training.networks import build_generator

GRAY = np.add.outer(np.arange(0, 128, 2), np.arange(0, 120, 2)).astype(np.uint8)


def saved(folder: Path, name: str, **options: object) -> Path:
    """A run folder with a random network of the paper's kind."""
    torch.manual_seed(0)
    generator = build_generator(name, **options)
    for parameter in generator.parameters():
        parameter.data.mul_(4)  # colours that an eye would see
    folder.mkdir()
    facts = {"generator": {"name": name, "options": options}, "preferred_size": 32}
    save_checkpoint(folder / "best.safetensors", weights(generator, "generator"), facts)
    return folder


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    Image.fromarray(GRAY).save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image, np.int16)


def test_each_colouring_differs_and_comes_again(tmp_path: Path, scan: Path) -> None:
    run = saved(tmp_path / "run", "unet_layers", filters=4, n_layers=5)
    for folder in ("once", "again"):
        colorize([scan], output=tmp_path / folder, model=str(run), noise=3)
    names = [f"scan-{number}.png" for number in (1, 2, 3)]
    assert sorted(p.name for p in (tmp_path / "once").iterdir()) == names
    first, second, third = (pixels(tmp_path / "once" / name) for name in names)
    for one, other in ((first, second), (second, third), (first, third)):
        assert np.abs(one - other).max() > 3
    for name in names:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_random_numbers_of_others_are_left_alone(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", "unet_layers", filters=4, n_layers=5)
    noisy = Noisy(run / "best.safetensors")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    noisy.run(np.zeros((1, 1, 32, 32), np.float32))
    assert torch.equal(torch.rand(3), expected)


def test_what_cannot_vary_is_refused(tmp_path: Path, scan: Path) -> None:
    still = saved(tmp_path / "still", "unet_layers", filters=4, n_layers=5, dropout=0.0)
    with pytest.raises(UsageError, match="no dropout"):
        colorize([scan], output=tmp_path / "out", model=str(still), noise=2)
    with pytest.raises(UnusableInput, match="no such run folder"):
        colorize([scan], output=tmp_path / "out", model="nowhere", noise=2)
    with pytest.raises(UsageError, match="--report"):
        colorize([scan], model=str(still), noise=2, report=tmp_path / "report.jsonl")
    assert not (tmp_path / "out").exists()


def test_no_photograph_is_ever_a_target(tmp_path: Path, scan: Path) -> None:
    run = saved(tmp_path / "run", "unet_layers", filters=4, n_layers=5)
    mine = scan.with_name("scan-color-2.png")
    Image.fromarray(GRAY).save(mine)
    before = mine.read_bytes()
    with pytest.raises(UsageError, match="is a photograph itself"):
        colorize([scan, mine], model=str(run), noise=2, overwrite=True)
    assert mine.read_bytes() == before
