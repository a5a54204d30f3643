"""How far a coloured photograph is from the true one: the metrics, in NumPy.

Each metric is a plain function on arrays. `METRICS` is the registry that the protocol, the table
and the trainer go by: a new metric is one function and one line there.

References
----------
.. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
   visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004.
.. [2] D. Hasler, S. Suesstrunk, "Measuring colourfulness in natural images", Human Vision and
   Electronic Imaging VIII, SPIE 5007, 2003.
.. [3] M. J. Swain, D. H. Ballard, "Color indexing", International Journal of Computer Vision
   7(1), 1991.
.. [4] R. Zhang, P. Isola, A. A. Efros, "Colorful image colorization", ECCV 2016: the grid of 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.evaluation.colour_difference import ciede2000
from toolkit.lab import gray_of_rgb, rgb_to_lab

__all__ = [
    "METRICS",
    "Metric",
    "Pair",
    "ab_histogram_distance",
    "ab_l1",
    "ciede2000",
    "colourfulness",
    "compare",
    "gray_rgb",
    "psnr",
    "ssim",
]

UInt8 = NDArray[np.uint8]
Float = NDArray[np.floating[Any]]

PSNR_CEILING = 60.0
"""What `METRICS` takes for the PSNR, in dB, of pictures nearer than this, so that means stay
finite. The rounding to 8 bits alone (mean square 1/12) gives 58.9 dB."""

_SSIM_SIGMA = 1.5  # [1]_, section III-C
_SSIM_RADIUS = 5  # an 11 x 11 window [1]_
_SSIM_K1, _SSIM_K2 = 0.01, 0.03  # [1]_, section III-B

_AB_BIN = 10.0  # CIE units [4]_
_AB_EDGE = 110.0  # a* and b* of sRGB lie in -108..99


def psnr(predicted: UInt8, true: UInt8) -> float:
    """Peak signal-to-noise ratio over all pixels and channels.

    Parameters
    ----------
    predicted, true : uint8, the same shape

    Returns
    -------
    float
        In dB; infinite where the two are equal.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _same_shape(predicted, true)
    difference = np.subtract(predicted, true, dtype=np.int32)
    square = float(np.mean(np.square(difference, out=difference)))
    return 10 * math.log10(255**2 / square) if square else math.inf


def ssim(predicted: UInt8, true: UInt8) -> float:
    """Structural similarity of the luminance, with a Gaussian window of sigma 1.5 [1]_.

    Parameters
    ----------
    predicted, true : uint8, shape (H, W) or (H, W, 3), the same shape
        Of a colour picture the luminance is taken, sRGB-encoded: `toolkit.lab.gray_of_rgb`.
        Both sides at least 11.

    Returns
    -------
    float
        In -1..1; 1 where the luminances are equal.

    Raises
    ------
    ValueError
        If the shapes differ, or a side is shorter than the window.

    Notes
    -----
    The mean is over the windows that lie whole inside the picture. A colorizer that keeps the
    photograph's luminance scores close to 1: what this figure tells is whether it does.
    """
    _same_shape(predicted, true)
    if min(true.shape[:2]) < 2 * _SSIM_RADIUS + 1:
        raise ValueError(f"too small for the 11 x 11 window of SSIM: {true.shape}")
    x, y = (
        (gray_of_rgb(image) if image.ndim == 3 else image).astype(np.float64)
        for image in (predicted, true)
    )
    mean_x, mean_y = _window(x), _window(y)
    variance_x = _window(x * x) - mean_x * mean_x
    variance_y = _window(y * y) - mean_y * mean_y
    covariance = _window(x * y) - mean_x * mean_y
    c1, c2 = (_SSIM_K1 * 255) ** 2, (_SSIM_K2 * 255) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(np.mean(above / below))


def colourfulness(rgb: UInt8) -> float:
    """Colourfulness after Hasler and Suesstrunk, their M3 [2]_.

    Parameters
    ----------
    rgb : uint8, shape (..., 3)
        sRGB; the figure is on the scale of 0..255.

    Returns
    -------
    float
        0 for a gray picture; about 15 slightly, 45 quite and 80 highly colourful.
    """
    red, green, blue = np.moveaxis(rgb.reshape(-1, 3).astype(np.float64), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, offset = opponents.std(axis=1), opponents.mean(axis=1)
    return float(np.hypot(*spread) + 0.3 * np.hypot(*offset))


def ab_l1(lab1: Float, lab2: Float) -> float:
    """Mean absolute difference of a* and b*.

    Parameters
    ----------
    lab1, lab2 : shape (..., 3), the same shape
        CIE L*a*b*.

    Returns
    -------
    float
        CIE units; the mean over pixels and over the two channels, as an L1 loss takes it.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _same_shape(lab1, lab2)
    return float(np.mean(np.abs(lab1[..., 1:] - lab2[..., 1:]), dtype=np.float64))


def ab_histogram_distance(lab1: Float, lab2: Float) -> float:
    """How much the two pictures' colours differ, wherever in the picture they are.

    Parameters
    ----------
    lab1, lab2 : shape (..., 3)
        CIE L*a*b*; the shapes may differ.

    Returns
    -------
    float
        In 0..1: the share of the pixels that would have to change their bin.

    Notes
    -----
    One less the histogram intersection of Swain and Ballard [3]_, which is the total variation
    distance, of the joint histograms of a* and b* in square bins of 10 CIE units [4]_, one of
    them centred on gray.
    """
    first, second = _ab_histogram(lab1), _ab_histogram(lab2)
    return float(1 - np.minimum(first, second).sum())


@dataclass(frozen=True)
class Pair:
    """A coloured photograph and the true one; what several metrics need is computed once."""

    predicted: UInt8
    """sRGB, shape (H, W, 3)."""
    true: UInt8
    """sRGB, the same shape."""

    def __post_init__(self) -> None:
        _same_shape(self.predicted, self.true)
        if self.true.ndim != 3 or self.true.shape[2] != 3 or self.true.dtype != np.uint8:
            raise ValueError(
                f"expected uint8 of shape (H, W, 3), got {self.true.dtype} {self.true.shape}"
            )

    @cached_property
    def gray(self) -> UInt8:
        """The true photograph without its colours, sRGB, shape (H, W, 3)."""
        return gray_rgb(self.true)

    @cached_property
    def predicted_lab(self) -> NDArray[np.float32]:
        """CIE L*a*b* of `predicted`, shape (H, W, 3)."""
        return rgb_to_lab(self.predicted)

    @cached_property
    def true_lab(self) -> NDArray[np.float32]:
        """CIE L*a*b* of `true`, shape (H, W, 3)."""
        return rgb_to_lab(self.true)

    @cached_property
    def psnr(self) -> float:
        """PSNR of `predicted` against `true` in dB, at most `PSNR_CEILING`."""
        return min(psnr(self.predicted, self.true), PSNR_CEILING)

    @cached_property
    def psnr_gray(self) -> float:
        """PSNR of `gray` against `true` in dB, at most `PSNR_CEILING`."""
        return min(psnr(self.gray, self.true), PSNR_CEILING)


@dataclass(frozen=True)
class Metric:
    """One line of the registry."""

    name: str
    """The key in `compare`, in JSON and in the trainer's logs."""
    title: str
    """The heading in tables."""
    unit: str
    """``dB``, ``CIE`` or empty."""
    digits: int
    """How many decimals a table shows."""
    measure: Callable[[Pair], float]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("gain", "gain over gray", "dB", 2, lambda p: p.psnr - p.psnr_gray),
        Metric("psnr", "PSNR", "dB", 2, lambda p: p.psnr),
        Metric("psnr_gray", "PSNR of gray", "dB", 2, lambda p: p.psnr_gray),
        Metric("ssim", "SSIM of luminance", "", 4, lambda p: ssim(p.predicted, p.true)),
        Metric("ab_l1", "L1 in ab", "CIE", 2, lambda p: ab_l1(p.predicted_lab, p.true_lab)),
        Metric(
            "ciede2000",
            "CIEDE2000",
            "CIE",
            2,
            lambda p: float(np.mean(ciede2000(p.predicted_lab, p.true_lab), dtype=np.float64)),
        ),
        Metric("colourfulness", "colourfulness", "", 1, lambda p: colourfulness(p.predicted)),
        Metric("colourfulness_true", "the truth's", "", 1, lambda p: colourfulness(p.true)),
        Metric(
            "ab_histogram_distance",
            "ab-histogram distance",
            "",
            3,
            lambda p: ab_histogram_distance(p.predicted_lab, p.true_lab),
        ),
    )
}
"""Every metric of one photograph by its name, in the order of the table."""


def compare(predicted: UInt8, true: UInt8) -> dict[str, float]:
    """Measure one coloured photograph by every metric of `METRICS`.

    Parameters
    ----------
    predicted, true : uint8, shape (H, W, 3), the same shape
        sRGB; both sides at least 11. The gray photograph that the gain is over is made from
        `true`.

    Returns
    -------
    dict of str to float
        Finite figures by the metric's name.

    Raises
    ------
    ValueError
        If the shapes differ, or are not those of a colour picture large enough.
    """
    pair = Pair(predicted, true)
    return {name: metric.measure(pair) for name, metric in METRICS.items()}


def gray_rgb(rgb: UInt8) -> UInt8:
    """The luminance of an sRGB picture as an sRGB picture, uint8, shape (H, W, 3)."""
    gray = gray_of_rgb(rgb).astype(np.uint8, copy=False)
    return np.repeat(gray[..., None], 3, axis=-1)


def _same_shape(first: NDArray[Any], second: NDArray[Any]) -> None:
    if first.shape != second.shape:
        raise ValueError(f"the shapes differ: {first.shape} and {second.shape}")


def _window(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian mean of each window that lies whole inside `image`."""
    offsets = np.arange(-_SSIM_RADIUS, _SSIM_RADIUS + 1)
    weights = np.exp(-0.5 * np.square(offsets / _SSIM_SIGMA))
    weights /= weights.sum()
    height, width = (side - 2 * _SSIM_RADIUS for side in image.shape)
    rows = sum(w * image[k : k + height] for k, w in enumerate(weights))
    return np.asarray(sum(w * rows[:, k : k + width] for k, w in enumerate(weights)))


def _ab_histogram(lab: Float) -> NDArray[np.float64]:
    """Share of the pixels in each bin; sums to 1."""
    half = int(_AB_EDGE / _AB_BIN)
    side = 2 * half + 1
    index = np.rint(lab[..., 1:].reshape(-1, 2) / _AB_BIN).astype(np.intp)
    np.clip(index, -half, half, out=index)
    counts = np.bincount((index[:, 0] + half) * side + index[:, 1] + half, minlength=side**2)
    return counts / len(index)
