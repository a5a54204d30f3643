"""What a run draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from toolkit.training.report import draw_curves


def test_curves_show_each_loss_and_the_gain(tmp_path: Path) -> None:
    rows = [
        {"epoch": n, "train": {"l1": 9.0 / n, "loss": 10.0 / n}, "dev": {"gain": 0.1 * n}}
        for n in (1, 2, 3)
    ]
    draw_curves(tmp_path, rows[:1])
    first = (tmp_path / "curves.png").read_bytes()
    draw_curves(tmp_path, rows)
    assert (tmp_path / "curves.png").read_bytes() != first
    with Image.open(tmp_path / "curves.png") as drawn:
        assert drawn.width > 2 * drawn.height
        pixels = np.asarray(drawn.convert("RGB"), np.int16)
    halves = pixels[:, : drawn.width // 2], pixels[:, drawn.width // 2 :]
    blue, orange, green = (31, 119, 180), (255, 127, 14), (44, 160, 44)
    for half, colors in zip(halves, ((blue, orange), (green,)), strict=True):
        for color in colors:
            assert (np.abs(half - color).max(-1) < 30).sum() > 100
