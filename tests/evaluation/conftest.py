"""A small folder of made colour photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six colour pictures: one in the folder itself, three in ``people``, two in ``sea``."""
    folder = tmp_path / "photos"
    sizes = {
        "first.png": (60, 80),
        "people/a.png": (90, 64),
        "people/b.jpg": (64, 64),
        "people/group/c.png": (50, 70),
        "sea/large.png": (500, 750),
        "sea/small.webp": (48, 96),
    }
    for seed, (name, (height, width)) in enumerate(sizes.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        patches = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        patches.resize((width, height), Image.Resampling.BICUBIC).save(folder / name)
    return folder
