"""The metrics against the papers' own figures and against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from toolkit.evaluation.metrics import (
    METRICS,
    ab_histogram_distance,
    ab_l1,
    ciede2000,
    colourfulness,
    compare,
    gray_rgb,
    psnr,
    ssim,
)
from toolkit.lab import gray_of_rgb, rgb_to_lab

UInt8 = NDArray[np.uint8]

# Sharma, Wu and Dalal 2005, Table 1: L*, a*, b* of both colours and their difference.
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


@pytest.mark.parametrize("swapped", [False, True])
def test_ciede2000_gives_the_34_published_differences(swapped: bool) -> None:
    first, second = SHARMA[:, :3], SHARMA[:, 3:6]
    if swapped:
        first, second = second, first
    np.testing.assert_allclose(ciede2000(first, second), SHARMA[:, 6], rtol=0, atol=5.1e-5)


def test_ciede2000_agrees_with_scikit_image_and_float32_stays_near() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (2, 40_000, 3), dtype=np.uint8)
    rgb[0, :500] = rgb[0, :500, :1]  # grays, where hue has no meaning
    first, second = rgb_to_lab(rgb)
    expected = deltaE_ciede2000(first.astype(np.float64), second.astype(np.float64))
    ours = ciede2000(first.astype(np.float64), second.astype(np.float64))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    single = ciede2000(first, second)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=0, atol=0.01)


def test_ciede2000_of_a_colour_with_itself_is_zero() -> None:
    lab = rgb_to_lab(np.random.default_rng(1).integers(0, 256, (1000, 3), dtype=np.uint8))
    assert ciede2000(lab, lab).max() == 0
    assert ciede2000(np.zeros(3), np.array([0.0, -0.0, 0.0])) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(11, 60), st.integers(11, 60), st.integers(0, 2**32 - 1))
def test_psnr_and_ssim_agree_with_scikit_image(height: int, width: int, seed: int) -> None:
    true, predicted = _photo_and_near(height, width, seed)
    assert psnr(predicted, true) == pytest.approx(peak_signal_noise_ratio(true, predicted))
    expected = structural_similarity(
        gray_of_rgb(true),
        gray_of_rgb(predicted),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert ssim(predicted, true) == pytest.approx(expected, abs=1e-9)


def test_equal_pictures_are_perfect_by_every_metric() -> None:
    true, _ = _photo_and_near(32, 48, 0)
    figures = compare(true, true)
    assert math.isinf(psnr(true, true))
    assert (figures["psnr"], figures["ssim"]) == (60, 1)
    for name in ("ab_l1", "ciede2000", "ab_histogram_distance"):
        assert figures[name] == pytest.approx(0, abs=1e-12), name
    assert figures["colourfulness"] == figures["colourfulness_true"]


def test_the_gray_photograph_gains_nothing_over_itself_and_has_no_colours() -> None:
    true, _ = _photo_and_near(32, 48, 3)
    figures = compare(gray_rgb(true), true)
    assert figures["gain"] == 0
    assert figures["psnr"] == figures["psnr_gray"] == psnr(gray_rgb(true), true)
    assert figures["colourfulness"] == 0
    assert figures["colourfulness_true"] == colourfulness(true) > 0
    assert figures["ssim"] == 1


def test_compare_returns_every_metric_of_the_registry_as_a_finite_float() -> None:
    flat = np.full((11, 11, 3), 128, np.uint8)
    for predicted, true in [_photo_and_near(40, 30, 5)[::-1], (flat, flat)]:
        figures = compare(predicted, true)
        assert list(figures) == list(METRICS)
        assert all(type(v) is float and math.isfinite(v) for v in figures.values())


def test_colourfulness_follows_the_definition_of_its_paper() -> None:
    assert colourfulness(np.full((5, 5, 3), 77, np.uint8)) == 0
    red_and_gray = np.array([[[200, 0, 0], [100, 100, 100]]], np.uint8)
    # rg = 200, 0 and yb = 100, 0: deviations 100 and 50, means 100 and 50
    assert colourfulness(red_and_gray) == pytest.approx(1.3 * math.hypot(100, 50))


def test_ab_l1_is_the_mean_over_pixels_and_both_channels() -> None:
    first = np.zeros((2, 1, 3))
    second = np.array([[[90.0, 3, -5]], [[10.0, 0, 0]]])
    assert ab_l1(first, second) == 2


def test_ab_histogram_distance_counts_colours_wherever_they_are() -> None:
    red, blue = np.array([50.0, 60, 40]), np.array([50.0, 20, -70])
    half = np.stack([red, red, blue, blue])
    assert ab_histogram_distance(half, half[::-1]) == 0
    assert ab_histogram_distance(half, np.stack([red] * 4)) == 0.5
    assert ab_histogram_distance(np.stack([red] * 4), np.stack([blue] * 3)) == 1
    gray = np.array([[0.0, 0, 0]])
    assert ab_histogram_distance(np.array([[50.0, -4.9, 4.9], [90.0, 4.9, -4.9]]), gray) == 0
    assert ab_histogram_distance(np.array([[50.0, -5.1, 0], [50.0, 0, 5.1]]), gray) == 1


def test_a_duller_picture_is_seen_by_every_colour_metric() -> None:
    true, _ = _photo_and_near(64, 64, 7)
    gray = gray_rgb(true).astype(np.float64)
    keeps = [1.0, 0.6, 0.2]
    rows = [compare((gray + k * (true - gray)).astype(np.uint8), true) for k in keeps]
    for name in ("psnr", "gain", "colourfulness"):
        assert rows[0][name] > rows[1][name] > rows[2][name], name
    for name in ("ab_l1", "ciede2000", "ab_histogram_distance"):
        assert rows[0][name] < rows[1][name] < rows[2][name], name


def test_wrong_shapes_are_refused() -> None:
    a, b = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21, 3), np.uint8)
    for function in (psnr, ssim, compare):
        with pytest.raises(ValueError, match="shapes differ"):
            function(a, b)
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(a[:10], a[:10])
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        compare(a[..., 0], a[..., 0])


def _photo_and_near(height: int, width: int, seed: int) -> tuple[UInt8, UInt8]:
    """A smooth colour picture and a distorted copy."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None] / 20
    phase, speed = rng.uniform(0, 6, (2, 3))
    true = 128 + 100 * np.sin(phase + speed * x + y)
    near = np.clip(true + rng.integers(-20, 21, true.shape), 0, 255)
    return true.astype(np.uint8), near.astype(np.uint8)
