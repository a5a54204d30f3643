from __future__ import annotations

import numpy as np
import pytest

from toolkit.export.parity import Tolerance, measure_ab, measure_pixels
from toolkit.export.proof_set import l_fields

L = l_fields()[:2, :, ::8, ::8]
AB = np.random.default_rng(0).uniform(-30, 30, (2, 2, 32, 32)).astype(np.float32)


def test_equal_results_have_no_distance() -> None:
    figures = measure_ab([(L, AB, AB.copy())])
    assert (figures.max_error, figures.mean_error, figures.mean_ciede2000) == (0, 0, 0)
    assert figures.psnr == 999


def test_one_wrong_value_is_the_largest_error_and_little_of_the_mean() -> None:
    wrong = AB.copy()
    wrong[1, 0, 3, 4] += 7
    figures = measure_ab([(L, wrong, AB)])
    assert figures.max_error == pytest.approx(7, abs=1e-4)
    assert figures.mean_error == pytest.approx(7 / AB.size, rel=1e-3)
    assert list(Tolerance(max_error=6).excess(figures))
    assert not list(Tolerance(max_error=8).excess(figures))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_pass_no_tolerance(bad: float) -> None:
    wrong = AB.copy()
    wrong[0, 0, 0, 0] = bad
    figures = measure_ab([(L, wrong, AB)])
    for name in ("max_error", "mean_error", "mean_ciede2000", "p99_ciede2000"):
        assert list(Tolerance(**{name: 1e9}).excess(figures))


def test_another_shape_passes_no_tolerance() -> None:
    assert list(Tolerance(max_error=1e9).excess(measure_ab([(L, AB[:, :1], AB)])))


def test_pictures_are_compared_in_levels() -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (1, 9, 8, 3), np.uint8)
    other = pixels.copy()
    other[0, 0, 0, 0] += 1
    figures = measure_pixels([(pixels, other, pixels)])
    assert figures.max_error == 1
    assert figures.mean_error == pytest.approx(1 / pixels.size)
