"""From L* and a*b* to pixels: held to a slow reference of a few lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import lab
from toolkit.runtime import compose
from toolkit.runtime.gamut import Gamut
from toolkit.runtime.guided import lines
from toolkit.runtime.resample import lightness

Doubles = NDArray[np.float64]

HALVINGS, SLACK = 10, 1e-4
"""As the definition in `toolkit.runtime.gamut` states them; not imported, so that both are held."""


def colored(gray: NDArray[np.uint8], ab: NDArray[np.float32], **options: int) -> NDArray[np.uint8]:
    out = np.zeros((*gray.shape, 3), np.uint8)

    def put(top: int, band: compose.Pixels) -> None:
        out[top : top + len(band)] = band[..., :3]

    compose.compose(gray, ab, put, **options)
    return out


def upsampled(plane: Doubles, height: int, width: int) -> Doubles:
    """``upsample: bilinear`` of the contract, one pixel at a time."""
    h, w = plane.shape
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            sy = min(max((y + 0.5) * h / height - 0.5, 0), h - 1)
            sx = min(max((x + 0.5) * w / width - 0.5, 0), w - 1)
            y0, x0 = int(sy), int(sx)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            top = plane[y0, x0] * (1 - (sx - x0)) + plane[y0, x1] * (sx - x0)
            low = plane[y1, x0] * (1 - (sx - x0)) + plane[y1, x1] * (sx - x0)
            out[y, x] = top * (1 - (sy - y0)) + low * (sy - y0)
    return out


def linear(l_values: Doubles, a: Doubles, b: Doubles) -> Doubles:
    y = (l_values + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    return np.tensordot(lab.RGB_FROM_RELATIVE, xyz, 1)


def reference(gray: NDArray[np.uint8], ab: NDArray[np.float32], slack: float = SLACK) -> Doubles:
    """``upsample: bilinear`` and ``gamut: chroma`` in float64."""
    l_values = lab.gray_to_l()[gray].astype(float)
    a, b = (upsampled(plane.astype(float), *gray.shape) for plane in ab)

    def inside(t: Doubles) -> NDArray[np.bool_]:
        rgb = linear(l_values, t * a, t * b)
        within: NDArray[np.bool_] = (rgb.min(axis=0) >= -slack) & (rgb.max(axis=0) <= 1 + slack)
        return within

    t = np.zeros(gray.shape)
    for k in range(1, HALVINGS + 1):
        t = np.where(inside(t + 0.5**k), t + 0.5**k, t)
    t = np.where(inside(np.ones_like(t)), 1, t)
    return 255 * lab.srgb_encode(np.clip(linear(l_values, t * a, t * b), 0, 1)).transpose(1, 2, 0)


sides = st.integers(1, 40)


@settings(max_examples=40, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 60), st.integers(0, 2**31))
def test_any_size_agrees_with_the_reference_to_one_level(
    height: int, width: int, h: int, w: int, chroma: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    gray = rng.integers(0, 256, (height, width)).astype(np.uint8)
    ab = rng.normal(0, chroma, (2, h, w)).astype(np.float32)
    # Where the bound falls on a halving, float32 may decide it the other way.
    off = [np.abs(colored(gray, ab) - reference(gray, ab, SLACK + d)) for d in (0, 1e-6, -1e-6)]
    assert np.min([o.max(axis=2) for o in off], axis=0).max() <= 1


def test_bands_threads_and_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (150, 90)).astype(np.uint8)
    ab = rng.normal(0, 25, (2, 13, 7)).astype(np.float32)
    whole = colored(gray, ab, band=1000)
    for band, threads in ((1, 1), (7, 3), (128, 2)):
        np.testing.assert_array_equal(colored(gray, ab, band=band, threads=threads), whole)
    monkeypatch.setattr(compose, "STRIP", 200)
    np.testing.assert_array_equal(colored(gray, ab), whole)


def test_without_colours_the_photograph_comes_back_exactly() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(
        colored(gray, np.zeros((2, 4, 4), np.float32)), np.repeat(gray[..., None], 3, axis=2)
    )


def test_luminance_is_kept_where_colours_are_in_gamut() -> None:
    rng = np.random.default_rng(3)
    gray = rng.integers(30, 230, (200, 200)).astype(np.uint8)
    ab = rng.normal(0, 8, (2, 10, 10)).astype(np.float32)
    output = lab.rgb_to_lab(colored(gray, ab))[..., 0]
    assert np.abs(output - lab.gray_to_l()[gray]).max() <= 0.5


def test_a_shadow_may_leave_one_channel_exactly_as_it_is() -> None:
    found = ["0x1.d62ad8p-2", "0x1.666600p-2", "0x1.dbf1a2p-2"]  # in a photograph
    f = np.array([[float.fromhex(value)] for value in found], np.float32)
    gray = Gamut(16384).solve(np.repeat(f[2:], 3, axis=0))[:, 0]
    red, green, blue = Gamut(16384).solve(f)[:, 0]
    assert red - gray[0] == pytest.approx(0.62 * 33.88, rel=0.01)
    assert green == pytest.approx(gray[1], rel=1e-4)
    assert -SLACK * 16384 <= blue < 0


def test_out_of_gamut_colours_keep_lightness_and_hue() -> None:
    gray = np.full((1, 64), 128, np.uint8)
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ab = np.array([200 * np.cos(angle), 200 * np.sin(angle)], np.float32)[:, None]
    values = lab.rgb_to_lab(colored(gray, ab))[0]
    assert np.abs(values[:, 0] - lab.gray_to_l()[128]).max() < 0.6
    turned = np.angle(np.exp(1j * (np.arctan2(values[:, 2], values[:, 1]) - angle)))
    assert np.abs(turned).max() < 0.03
    assert np.hypot(values[:, 1], values[:, 2]).min() > 20


def test_strength_scales_the_colours() -> None:
    gray = np.full((4, 4), 128, np.uint8)
    ab = np.full((2, 1, 1), 10, np.float32)
    half = np.zeros((4, 4, 3), np.uint8)
    compose.compose(gray, ab, lambda top, band: np.copyto(half, band[..., :3]), strength=0.5)
    np.testing.assert_array_equal(half, colored(gray, ab * np.float32(0.5)))


def test_16_bits_are_finer_than_8_and_agree_with_them() -> None:
    rng = np.random.default_rng(4)
    gray = rng.integers(0, 65_536, (64, 50)).astype(np.uint16)
    ab = rng.normal(0, 20, (2, 8, 8)).astype(np.float32)
    deep = np.zeros((64, 50, 3), np.uint16)
    compose.compose(gray, ab, lambda top, band: np.copyto(deep, band[..., :3]), bits=16)
    eight = np.zeros((64, 50, 3), np.uint8)
    compose.compose(gray, ab, lambda top, band: np.copyto(eight, band[..., :3]), bits=8)
    assert np.abs(deep / 257 - eight).max() < 0.75
    plain = np.zeros((64, 50, 3), np.uint16)
    compose.compose(gray, ab * 0, lambda top, band: np.copyto(plain, band[..., :3]), bits=16)
    assert np.abs(plain - gray[..., None].astype(int)).max() <= 2
    assert len(np.unique(plain)) > 2000


def test_guided_colours_stop_at_the_edge() -> None:
    gray = np.full((160, 160), 60, np.uint8)
    gray[:, 85:] = 190  # the edge lies inside a place of the 16 x 16 grid, not between two
    ab = np.zeros((2, 16, 16), np.float32)
    ab[:, :, 9:] = 30
    ab[:, :, 8] = 15
    truth = np.where(np.arange(160) >= 85, 30.0, 0.0)

    def wrong(planes: NDArray[np.float32]) -> float:
        values = lab.rgb_to_lab(colored(gray, planes))[80]
        return float(np.abs(values[:, 1] - truth)[65:105].mean())

    assert wrong(lines(ab, lightness(gray, 16, 16))) < 0.5 * wrong(ab)
