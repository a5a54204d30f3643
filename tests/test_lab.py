"""sRGB and CIE L*a*b*: scikit-image's numbers, Lindbloom's, and exact round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color

from toolkit import lab

LINDBLOOM = {
    # sRGB, D65: the page "RGB/Lab calculator" of brucelindbloom.com, to four decimals. It adapts
    # no white and its constants have more digits than CIE 15's, so 0.02 is the agreement to expect.
    (255, 255, 255): (100.0, 0.0, 0.0),
    (255, 0, 0): (53.2408, 80.0925, 67.2032),
    (0, 255, 0): (87.7347, -86.1827, 83.1793),
    (0, 0, 255): (32.2970, 79.1875, -107.8602),
    (255, 255, 0): (97.1393, -21.5537, 94.4780),
    (0, 255, 255): (91.1132, -48.0875, -14.1312),
    (255, 0, 255): (60.3242, 98.2343, -60.8249),
    (0, 0, 0): (0.0, 0.0, 0.0),
}


def cube(step: int) -> np.ndarray:
    """The sRGB cube on a grid with both ends, uint8, shape (n, 3)."""
    axis = np.unique(np.append(np.arange(0, 256, step), 255)).astype(np.uint8)
    return np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)


def test_lab_agrees_with_scikit_image_over_the_cube() -> None:
    rgb = cube(5)
    expected = color.rgb2lab(rgb.astype(np.float64)[None] / 255)[0]
    assert np.abs(lab.rgb_to_lab(rgb) - expected).max() < 2e-4


def test_lab_agrees_where_numpy_has_no_fast_cube_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "_cube_root_here", lambda: lab._cube_root)
    rgb = cube(5)
    expected = color.rgb2lab(rgb.astype(np.float64)[None] / 255)[0]
    assert np.abs(lab.rgb_to_lab(rgb) - expected).max() < 2e-4


@pytest.mark.parametrize("shape", [(256, 256), (3, 20_000), (1, 1), (7, 0)])
def test_channels_apart_are_the_same_also_mirrored(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)[:, ::-1]
    planes = np.empty((3, *shape), np.float32)
    lab.rgb_to_lab_planes(rgb, planes)
    np.testing.assert_array_equal(planes, lab.rgb_to_lab(rgb).transpose(2, 0, 1))


def test_floating_point_rgb_agrees_with_scikit_image() -> None:
    rgb = np.random.default_rng(0).random((20_000, 3))
    expected = color.rgb2lab(rgb[None])[0]
    assert np.abs(lab.rgb_to_lab(rgb) - expected).max() < 2e-4


def test_rgb_agrees_with_scikit_image_over_the_cube() -> None:
    values = color.rgb2lab(cube(5).astype(np.float64)[None] / 255)[0]
    expected = color.lab2rgb(values[None])[0]
    assert np.abs(lab.lab_to_rgb(values) - expected).max() < 2e-4


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_colours_outside_srgb_are_clipped_as_scikit_image_does() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform((0, -120, -120), (100, 120, 120), (20_000, 3))
    assert np.abs(lab.lab_to_rgb(values) - color.lab2rgb(values[None])[0]).max() < 2e-4


@pytest.mark.parametrize(("rgb", "expected"), LINDBLOOM.items())
def test_published_values(rgb: tuple[int, int, int], expected: tuple[float, ...]) -> None:
    assert lab.rgb_to_lab(np.array([rgb], np.uint8))[0] == pytest.approx(expected, abs=0.02)


def test_every_8_bit_colour_comes_back_exactly() -> None:
    green, blue = (v.ravel() for v in np.mgrid[0:256, 0:256].astype(np.uint8))
    rgb = np.stack([np.zeros_like(green), green, blue], axis=1)
    for red in range(256):
        rgb[:, 0] = red
        np.testing.assert_array_equal(lab.to_uint8(lab.lab_to_rgb(lab.rgb_to_lab(rgb))), rgb)


@pytest.mark.parametrize("levels", [256, 65_536])
def test_the_table_of_gray_levels_is_l_of_the_gray_pixel(levels: int) -> None:
    gray = np.arange(levels) / (levels - 1)
    expected = color.rgb2lab(np.repeat(gray[:, None], 3, axis=1)[None])[0, :, 0]
    np.testing.assert_allclose(lab.gray_to_l(levels), expected, atol=2e-4)


@given(st.floats(0, 100))
def test_lightness_to_gray_and_back(lightness: float) -> None:
    assert lab.l_of_gray(lab.l_to_gray(lightness)) == pytest.approx(lightness, abs=1e-3)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=7)))
def test_gray_in_three_channels_is_gray(gray: np.ndarray) -> None:
    np.testing.assert_array_equal(lab.gray_of_rgb(np.repeat(gray[..., None], 3, axis=-1)), gray)


def test_the_gray_of_a_colour_has_its_lightness() -> None:
    rgb = cube(15)
    lightness = lab.gray_to_l()[lab.gray_of_rgb(rgb)]
    half_a_level = np.diff(lab.gray_to_l()).max() / 2
    assert np.abs(lightness - lab.rgb_to_lab(rgb)[:, 0]).max() <= half_a_level + 1e-3


def test_16_bit_gray_is_finer_than_8_bit() -> None:
    rgb = cube(51).astype(np.uint16) * 257
    lightness = lab.gray_to_l(65_536)[lab.gray_of_rgb(rgb)]
    assert np.abs(lightness - lab.rgb_to_lab(rgb / 65_535)[:, 0]).max() < 2e-3


@pytest.mark.parametrize("convert", [lab.rgb_to_lab, lab.lab_to_rgb])
@pytest.mark.parametrize("shape", [(), (3, 2), (4,)])
def test_other_than_three_channels_is_refused(convert: object, shape: tuple[int, ...]) -> None:
    assert callable(convert)
    with pytest.raises(ValueError, match="three channels"):
        convert(np.zeros(shape, np.float32))


@pytest.mark.parametrize("count", [0, 1, lab.STRIP - 1, lab.STRIP, lab.STRIP + 1])
def test_the_strips_do_not_show(count: int) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (count, 3)).astype(np.uint8)
    whole = lab.rgb_to_lab(rgb)
    ones = [lab.rgb_to_lab(rgb[i : i + 1])[0] for i in range(max(0, count - 3), count)]
    assert whole.shape == (count, 3)
    for expected, got in zip(ones, whole[max(0, count - 3) :], strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-4)
