"""sRGB to CIE L*a*b* and back, in float32 NumPy.

The numbers are those of scikit-image (`skimage.color`, illuminant D65, 2 degree observer), so
that a network trained on its Lab sees the same values here. The tests hold this module to
2e-4 of scikit-image in float64 over the whole sRGB cube.

Work is done in strips of `STRIP` pixels with the channels apart: the buffers of a strip stay in
the processor's second-level cache, which is worth two to four times the speed of the whole
picture at once.

References
----------
.. [1] IEC 61966-2-1:1999, the sRGB curve: 0.04045, 12.92, 0.055, 2.4.
.. [2] CIE 15:2004, L*a*b*: 0.008856, 7.787, 16/116; white D65, 2 degrees.
.. [3] The matrix and the white point are those of scikit-image, ``color/colorconv.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import local

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RGB_FROM_RELATIVE",
    "RGB_FROM_XYZ",
    "STRIP",
    "WHITE",
    "XYZ_FROM_RGB",
    "gray_of_rgb",
    "gray_to_l",
    "l_of_gray",
    "l_to_gray",
    "lab_to_rgb",
    "rgb_to_lab",
    "rgb_to_lab_planes",
    "to_uint8",
]

Float = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

STRIP = 8_192
"""Pixels. The products of twice as many are large enough for BLAS to start threads, which cost more
than they give, and are in the way of the network's own."""

XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])

_EPSILON = 0.008856
_KAPPA = 7.787
_OFFSET = 16.0 / 116.0
# 7.787 is rounded, so that the line and the curve miss each other by 3e-7: up to here stands the
# line's end instead of the curve's beginning.
_TOE_END = np.float32((_KAPPA * _EPSILON + _OFFSET) ** 3)
F_EPSILON = 0.2068966  # where scikit-image changes branch on the way back

# Linear light from white-relative XYZ and back: the white point is folded into the matrices.
_RELATIVE_FROM_RGB = XYZ_FROM_RGB / WHITE[:, None]
RGB_FROM_RELATIVE = RGB_FROM_XYZ * WHITE
_RGB_FROM_RELATIVE = RGB_FROM_RELATIVE.astype(np.float32)

# CIE's f is the cube root with a straight toe: where the root is held at the toe's end, the rest of
# the line is added. Two products say all but the root, of (R, G, B, 1) and of (roots, toes, 1).
_ROOTS_AND_TOES = np.block(
    [
        [_RELATIVE_FROM_RGB, np.zeros((3, 1))],
        [_KAPPA * _RELATIVE_FROM_RGB, np.full((3, 1), -_KAPPA * _EPSILON)],
    ]
).astype(np.float32)
_LAB_OF_F = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
_LAB_OF_ROOTS_AND_TOES = np.hstack([_LAB_OF_F, _LAB_OF_F, [[-16], [0], [0]]]).astype(np.float32)

_ENCODE_STEPS = 65_535


def srgb_decode(values: ArrayLike) -> NDArray[np.float64]:
    """sRGB values in 0..1 to linear light in 0..1 [1]_."""
    v = np.asarray(values, np.float64)
    return np.where(v > 0.04045, ((np.maximum(v, 0) + 0.055) / 1.055) ** 2.4, v / 12.92)


def srgb_encode(linear: ArrayLike) -> NDArray[np.float64]:
    """Linear light in 0..1 to sRGB values in 0..1 [1]_."""
    v = np.asarray(linear, np.float64)
    return np.where(v > 0.0031308, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055, 12.92 * v)


@cache
def decode_table(levels: int = 256) -> Float:
    """Linear light for each of `levels` sRGB code values (256 or 65,536)."""
    return srgb_decode(np.arange(levels) / (levels - 1)).astype(np.float32)


@cache
def encode_table() -> Float:
    """sRGB in 0..1 for 65,536 equal steps of linear light; index with ``linear * 65535 + 0.5``.

    The steepest part of the curve (12.92) makes half a step an error of 1e-4.
    """
    return srgb_encode(np.arange(_ENCODE_STEPS + 1) / _ENCODE_STEPS).astype(np.float32)


@cache
def gray_to_l(levels: int = 256) -> Float:
    """L* in 0..100 for each code value of a gray picture with `levels` levels.

    A gray pixel needs no conversion: look its value up here.
    """
    return l_of_gray(np.arange(levels) / (levels - 1))


def l_of_gray(gray: ArrayLike) -> Float:
    """L* in 0..100 of sRGB gray values in 0..1, also between two levels."""
    y = srgb_decode(gray)
    f = np.where(y > _EPSILON, np.cbrt(y), _KAPPA * y + _OFFSET)
    lightness: Float = np.clip(116 * f - 16, 0, 100).astype(np.float32)
    return lightness


def l_to_gray(lightness: ArrayLike) -> Float:
    """L* in 0..100 to the sRGB gray value in 0..1 that has it. The inverse of `gray_to_l`."""
    f = (np.asarray(lightness, np.float64) + 16) / 116
    y = np.where(f > F_EPSILON, f**3, (f - _OFFSET) / _KAPPA)
    gray: Float = np.clip(srgb_encode(np.clip(y, 0, 1)), 0, 1).astype(np.float32)
    return gray


def to_uint8(values: Float) -> UInt8:
    """Values in 0..1 to the nearest of 256 levels; what lies outside is clipped."""
    return (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def gray_of_rgb(rgb: NDArray[np.uint8] | NDArray[np.uint16]) -> UInt8 | NDArray[np.uint16]:
    """The luminance of an sRGB picture as a gray file stores it.

    Parameters
    ----------
    rgb : uint8 or uint16, shape (..., 3)

    Returns
    -------
    gray : the same dtype, shape (...)
        sRGB-encoded relative luminance, rounded to the nearest level. R = G = B comes back as
        it is.
    """
    top = int(np.iinfo(rgb.dtype).max)
    flat = np.ascontiguousarray(rgb).reshape(-1, 3)
    out = np.empty(len(flat), rgb.dtype)
    decode, encode = decode_table(top + 1), encode_table() * np.float32(top)
    weights = XYZ_FROM_RGB[1].astype(np.float32)
    for start in range(0, len(flat), STRIP):
        strip = out[start : start + STRIP]
        red, green, blue = flat[start : start + STRIP].T
        y = decode[red] * weights[0]
        y += decode[green] * weights[1]
        y += decode[blue] * weights[2]
        if top == 255:
            strip[:] = encode[_encode_index(y)] + np.float32(0.5)
        else:  # 65,536 levels of linear light are too few for the shadows of 65,536 gray levels
            strip[:] = np.rint(srgb_encode(np.clip(y, 0, 1)) * top)
        np.copyto(strip, red, where=(red == green) & (green == blue))
    return out.reshape(rgb.shape[:-1])


def rgb_to_lab(rgb: ArrayLike) -> Float:
    """sRGB to CIE L*a*b*.

    Parameters
    ----------
    rgb : shape (..., 3)
        uint8 in 0..255, or floating point in 0..1.

    Returns
    -------
    lab : float32, shape (..., 3)
        L* in 0..100; a* and b* in CIE units, about -108..99 over the sRGB cube.

    Raises
    ------
    ValueError
        If the last axis does not have three channels.

    Examples
    --------
    >>> rgb_to_lab(np.uint8([[255, 255, 255]])).round(2)[0, 0]
    np.float32(100.0)
    """
    array = _three_channels(rgb)
    flat = array.reshape(-1, 3)
    out = np.empty(flat.shape, np.float32)
    strip = _strip_of(STRIP)
    for start in range(0, len(flat), STRIP):
        strip.lab(flat[start : start + STRIP].T, out[start : start + STRIP].T)
    return out.reshape(array.shape)


def rgb_to_lab_planes(rgb: UInt8, out: Float) -> None:
    """sRGB to CIE L*a*b* with the channels apart, as networks want them.

    Parameters
    ----------
    rgb : uint8, shape (H, W, 3)
        Any view: a mirrored picture costs nothing more.
    out : float32, shape (3, H, W)
        A contiguous array, filled with what `rgb_to_lab` gives.
    """
    width = max(1, rgb.shape[1])
    rows = max(1, STRIP // width)
    strip = _strip_of(rows * width)
    planes = out.reshape(3, -1)
    for top in range(0, len(rgb), rows):
        part = planes[:, top * width : (top + rows) * width]
        strip.lab(rgb[top : top + rows].transpose(2, 0, 1), part)


class _Strip:
    """Buffers for a number of pixels: to make them takes longer than to convert a strip."""

    def __init__(self, pixels: int) -> None:
        self._index = np.empty((3, pixels), np.intp)
        self._linear = np.ones((4, pixels), np.float32)
        self._f = np.ones((7, pixels), np.float32)
        # An array and not a number: NumPy is five times as fast at the larger of two arrays.
        self._toe_end = np.full((3, pixels), _TOE_END, np.float32)
        self._nothing = np.zeros((3, pixels), np.float32)

    def lab(self, part: NDArray[np.uint8] | Float, out: Float) -> None:
        """Pixels of shape (3, ...) to L*, a*, b* of shape (3, their number)."""
        count = part[0].size
        linear, f = self._linear[:, :count], self._f[:, :count]
        if part.dtype == np.uint8:
            index = self._index[:, :count]
            index.reshape(part.shape)[...] = part
            np.take(decode_table(), index, out=linear[:3], mode="wrap")  # the fastest; none wraps
        else:
            linear[:3] = _decode(part.astype(np.float32, copy=False)).reshape(3, count)
        np.matmul(_ROOTS_AND_TOES, linear, out=f[:6])
        roots, toes = f[:3], f[3:6]
        np.maximum(roots, self._toe_end[:, :count], out=roots)
        _cube_root_here()(roots, roots)
        np.minimum(toes, self._nothing[:, :count], out=toes)
        np.matmul(_LAB_OF_ROOTS_AND_TOES, f, out=out)


_THREAD = local()


def _strip_of(pixels: int) -> _Strip:
    """The strip that this thread keeps; for rows that are longer, one of their own."""
    if pixels > STRIP:
        return _Strip(pixels)
    if not hasattr(_THREAD, "strip"):
        _THREAD.strip = _Strip(STRIP)
    kept: _Strip = _THREAD.strip
    return kept


def lab_to_rgb(lab: ArrayLike) -> Float:
    """CIE L*a*b* to sRGB; colours outside sRGB are clipped channel by channel.

    Parameters
    ----------
    lab : shape (..., 3)
        L* in 0..100, a* and b* in CIE units.

    Returns
    -------
    rgb : float32, shape (..., 3), in 0..1

    Raises
    ------
    ValueError
        If the last axis does not have three channels.

    Notes
    -----
    This is scikit-image's rule. The runtime keeps L* and hue instead: see
    `toolkit.runtime.compose`.
    """
    array = _three_channels(lab)
    flat = array.reshape(-1, 3)
    out = np.empty(flat.shape, np.float32)
    encode = encode_table()
    for start in range(0, len(flat), STRIP):
        part = flat[start : start + STRIP]
        f = np.empty((3, len(part)), np.float32)
        np.multiply(part[:, 0] + np.float32(16), np.float32(1 / 116), out=f[1])
        np.add(f[1], part[:, 1] * np.float32(1 / 500), out=f[0])
        np.subtract(f[1], part[:, 2] * np.float32(1 / 200), out=f[2])
        np.maximum(f[2], 0, out=f[2])  # as scikit-image, which sets negative z alone to 0
        index = _encode_index(linear_from_f(f))
        out[start : start + STRIP] = np.take(encode, index, mode="clip").T
    return out.reshape(array.shape)


def linear_from_f(f: Float) -> Float:
    """Linear sRGB, unclipped, from the three f values of Lab; both of shape (3, n).

    ``f[1]`` is (L* + 16) / 116, ``f[0]`` is ``f[1]`` + a* / 500, ``f[2]`` is ``f[1]`` - b* / 200.
    """
    # Below the branch the cube stands still at its smallest value and the straight line goes on;
    # adding both is a third of the cost of choosing with a mask.
    root = np.maximum(f, np.float32(F_EPSILON))
    relative = root * root
    relative *= root
    relative += (f - root) * np.float32(1 / _KAPPA)
    linear: Float = _RGB_FROM_RELATIVE @ relative
    return linear


def _three_channels(values: ArrayLike) -> NDArray[np.float32] | UInt8:
    array = np.asarray(values)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"expected three channels on the last axis, got shape {array.shape}")
    return array if array.dtype == np.uint8 else array.astype(np.float32, copy=False)


def _encode_index(linear: Float) -> NDArray[np.int32]:
    scaled = linear * np.float32(_ENCODE_STEPS)
    scaled += np.float32(0.5)
    np.clip(scaled, 0, _ENCODE_STEPS, out=scaled)
    return scaled.astype(np.intp)


def _decode(values: Float) -> Float:
    clipped = np.clip(values, 0, 1)
    high = np.exp(np.float32(2.4) * np.log((clipped + np.float32(0.055)) / np.float32(1.055)))
    return np.where(clipped > np.float32(0.04045), high, clipped / np.float32(12.92))


@cache
def _cube_root_here() -> Callable[[Float, Float], object]:
    """NumPy's own where it is vectorised (AVX-512: a tenth of the time), else `_cube_root`."""
    try:
        from numpy.lib.introspect import opt_func_info
    except ImportError:  # before NumPy 2.1
        return _cube_root
    found = opt_func_info(func_name="^cbrt$", signature="float32")
    versions = [version["current"] for version in found.get("cbrt", {}).values()]
    vectorised = any(not version.startswith("baseline") for version in versions)
    return np.cbrt if vectorised else _cube_root


def _cube_root(x: Float, out: Float) -> None:
    """Cube root of positive numbers; six times as fast as a `numpy.cbrt` that is not vectorised.

    A third of the bit pattern is a first guess within 4 %; each step of Halley's method cubes
    the error, so two leave only float32's own rounding.
    """
    guess = (x.view(np.int32) * np.float32(1 / 3)).astype(np.int32)
    guess += np.int32(709_921_077)
    y = guess.view(np.float32)
    for _ in range(2):
        cube = y * y * y
        upper = cube + x
        upper += x
        cube += cube
        cube += x
        upper /= cube
        y = y * upper
    out[...] = y
