"""How far an artefact's colours lie from those that they should be.

Differences are measured in CIE units of a* and b*, where 0.001 is far below anything visible,
and as CIEDE2000 of the final sRGB pixels, where 1 begins to be seen. There is no relative error:
it means nothing where a* and b* are near 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.evaluation.metrics import ciede2000, psnr
from toolkit.lab import lab_to_rgb, rgb_to_lab, to_uint8

__all__ = [
    "Figures",
    "Tolerance",
    "measure_ab",
    "measure_l",
    "measure_pixels",
    "measure_rgb",
]

Float = NDArray[np.float32]
Pair = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Figures:
    """The distance between two sets of results."""

    max_error: float
    """Largest absolute difference: of a* or b* in CIE units, of pixels in levels."""
    mean_error: float
    mean_ciede2000: float
    """Of the final 8-bit sRGB pixels."""
    p99_ciede2000: float
    psnr: float
    """Of the final 8-bit sRGB pixels, in dB; 999 where they are equal."""
    psnr_loss: float | None = None
    """What the one loses against the other where the true colours are known, in dB; the mean
    over photographs."""

    def as_dict(self) -> dict[str, float]:
        """As the manifest stores them: four significant digits."""
        known = ((name, value) for name, value in asdict(self).items() if value is not None)
        return {name: float(f"{value:.4g}") for name, value in known}


@dataclass(frozen=True)
class Tolerance:
    """The largest figures that are accepted; None: not asked for."""

    max_error: float | None = None
    mean_error: float | None = None
    mean_ciede2000: float | None = None
    p99_ciede2000: float | None = None
    psnr_loss: float | None = None
    """Of photographs; without any it is not asked for."""

    def excess(self, figures: Figures) -> Iterator[str]:
        """Each figure that is too large, in words. A figure that is no number is too large."""
        for bound in fields(self):
            limit, value = getattr(self, bound.name), getattr(figures, bound.name)
            if limit is not None and value is not None and not value <= limit:
                yield f"{bound.name} {value:.4g} where {limit:g} is allowed"

    def describe(self) -> str:
        """The bounds in one line."""
        bounds = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ", ".join(f"{name} <= {limit:g}" for name, limit in bounds if limit is not None)


def measure_ab(pairs: Iterable[Pair]) -> Figures:
    """Compare a*b* with what they should be.

    Parameters
    ----------
    pairs : iterable of (lightness, ab, expected)
        L* of shape (N, 1, H, W), a*b* and the a*b* that they should be, (N, 2, H, W).

    Returns
    -------
    Figures
        Over all pixels of all pairs. Infinite where a result is no finite number.
    """
    return _figures(
        (ab, expected, _pixels(lightness, ab), _pixels(lightness, expected))
        for lightness, ab, expected in _comparable(pairs)
    )


def measure_l(pairs: Iterable[Pair]) -> Figures:
    """Compare L* with what they should be.

    Parameters
    ----------
    pairs : iterable of (input, lightness, expected)
        The latter two of shape (N, 1, H, W), in 0..100.
    """
    return _figures(
        (lightness, expected, _gray_pixels(lightness), _gray_pixels(expected))
        for _, lightness, expected in _comparable(pairs)
    )


def measure_rgb(pairs: Iterable[Pair]) -> Figures:
    """Compare RGB with what they should be; errors are of 0..1.

    Parameters
    ----------
    pairs : iterable of (input, rgb, expected)
        The latter two of shape (N, 3, H, W), sRGB in 0..1.
    """
    return _figures(
        (rgb, expected, _rgb_pixels(rgb), _rgb_pixels(expected))
        for _, rgb, expected in _comparable(pairs)
    )


def measure_pixels(pairs: Iterable[Pair]) -> Figures:
    """Compare sRGB pictures with what they should be; errors are levels of 0..255.

    Parameters
    ----------
    pairs : iterable of (input, pixels, expected)
        The latter two of shape (N, H, W, 3), 0..255.
    """
    return _figures(
        (
            pixels.astype(np.float32),
            expected.astype(np.float32),
            np.rint(pixels).astype(np.uint8),
            np.rint(expected).astype(np.uint8),
        )
        for _, pixels, expected in _comparable(pairs)
    )


def _comparable(pairs: Iterable[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        _, result, expected = pair
        if result.shape != expected.shape or not np.isfinite(result).all():
            raise _NoDistanceError
        yield pair


class _NoDistanceError(Exception):
    """A result of another shape, or not of finite numbers: no figure says how far it is."""


def _figures(
    compared: Iterable[tuple[Float, Float, NDArray[np.uint8], NDArray[np.uint8]]],
) -> Figures:
    errors, differences, ours, theirs = [], [], [], []
    try:
        for result, expected, first, second in compared:
            errors.append(np.abs(result - expected).ravel())
            differences.append(ciede2000(rgb_to_lab(first), rgb_to_lab(second)).ravel())
            ours.append(first.reshape(-1, 3))
            theirs.append(second.reshape(-1, 3))
    except _NoDistanceError:
        return Figures(np.inf, np.inf, np.inf, np.inf, 0.0)
    error, difference = np.concatenate(errors), np.concatenate(differences)
    return Figures(
        max_error=float(error.max()),
        mean_error=float(error.mean(dtype=np.float64)),
        mean_ciede2000=float(difference.mean(dtype=np.float64)),
        p99_ciede2000=float(np.percentile(difference, 99)),
        psnr=min(999.0, psnr(np.concatenate(ours), np.concatenate(theirs))),
    )


def _pixels(lightness: Float, ab: Float) -> NDArray[np.uint8]:
    """Every second pixel of every second row: CIEDE2000 of all takes longer than the network."""
    lab = np.concatenate([lightness, ab], axis=1)[..., ::2, ::2]
    return to_uint8(lab_to_rgb(lab.transpose(0, 2, 3, 1)))


def _gray_pixels(lightness: Float) -> NDArray[np.uint8]:
    return _pixels(lightness, np.zeros_like(lightness[:, [0, 0]]))


def _rgb_pixels(rgb: Float) -> NDArray[np.uint8]:
    return to_uint8(rgb[..., ::2, ::2].transpose(0, 2, 3, 1))
