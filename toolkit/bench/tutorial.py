"""The whole path as the tutorials write it: scikit-image at full size around the same model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.runtime.session import Session

__all__ = ["available", "colored", "colorize"]


def available() -> bool:
    """Whether scikit-image is here: the `train` extra brings it."""
    return find_spec("skimage") is not None


def colorize(session: Session, source: Path, target: Path, side: int) -> None:
    """Read, convert, run at `side` x 4/3 `side`, resize a*b* up, convert back, save."""
    rgb = np.asarray(Image.open(source).convert("RGB"))
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colored(session, rgb, side)).save(target, quality=92, subsampling=0)


def colored(session: Session, rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The colour stage and the network."""
    from skimage import color, transform

    small = transform.resize(rgb, _network_shape(rgb, side), anti_aliasing=True)
    l_small = color.rgb2lab(small)[..., 0].astype(np.float32)
    ab = session.run(l_small[None, None])[0].transpose(1, 2, 0)
    lightness = color.rgb2lab(rgb)[..., :1]
    full = np.concatenate([lightness, transform.resize(ab, rgb.shape[:2])], axis=2)
    result: NDArray[np.uint8] = (color.lab2rgb(full) * 255).round().astype(np.uint8)
    return result


def _network_shape(rgb: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Both sides as multiples of 32."""
    height, width = rgb.shape[:2]
    return side, round(side * width / height / 32) * 32
