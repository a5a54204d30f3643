"""Robustness of models whose changes are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import UnusableInput
from toolkit.evaluation.protocol import Colorize
from toolkit.evaluation.robustness import DISTURBANCES, SIDES, robustness
from toolkit.lab import gray_to_l, lab_to_rgb, to_uint8
from toolkit.runtime.photo import find_photos

UInt8 = NDArray[np.uint8]


def _painted(gray: UInt8, a: float, b: float) -> UInt8:
    """Mid-gray with the given a* and b*, whatever the photograph shows."""
    lab = np.empty((*gray.shape, 3), np.float32)
    lab[:] = 60, a, b
    return to_uint8(lab_to_rgb(lab))


def steady(gray: UInt8) -> UInt8:
    return _painted(gray, 12, 16)


def colourless(gray: UInt8) -> UInt8:
    return np.repeat(gray[..., None], 3, axis=2)


def test_a_model_that_gives_the_same_colours_always_does_not_change(photos: Path) -> None:
    result = robustness(steady, find_photos(photos), at_side=dict.fromkeys(SIDES, steady))
    assert result.photos == 6
    assert list(result.changes) == [*DISTURBANCES, "256 to 384", "256 to 512", "384 to 512"]
    for change in result.changes.values():
        assert change.change == 0
        assert change.ratio == 0
        assert change.chroma == pytest.approx(20, abs=0.5)


def test_a_change_is_told_in_units_of_the_models_own_chroma(photos: Path) -> None:
    def painter(chroma: float) -> Colorize:
        return lambda gray: _painted(gray, 0, chroma)

    by_side = {256: painter(20), 384: painter(30), 512: painter(40)}
    changes = robustness(steady, find_photos(photos), at_side=by_side).changes
    assert changes["256 to 512"].change == pytest.approx(20, abs=0.5)
    assert changes["256 to 512"].ratio == pytest.approx(20 / 30, abs=0.03)
    assert changes["384 to 512"].ratio == pytest.approx(10 / 35, abs=0.03)


def test_a_model_that_depends_on_gray_levels_is_found_out(photos: Path) -> None:
    def by_level(gray: UInt8) -> UInt8:
        return _painted(gray, 20, 0) if gray.max() > 230 else _painted(gray, -20, 0)

    changes = robustness(by_level, find_photos(photos), at_side={}).changes
    assert list(changes) == list(DISTURBANCES)
    assert changes["fading"].ratio is not None
    assert changes["fading"].ratio > 1


def test_a_model_without_colours_has_no_ratio_to_boast_of(photos: Path) -> None:
    result = robustness(colourless, find_photos(photos), at_side=dict.fromkeys(SIDES, colourless))
    assert all(change.ratio is None for change in result.changes.values())
    assert result.to_json()["changes"]["grain"]["ratio"] is None


@pytest.mark.parametrize("name", list(DISTURBANCES))
def test_a_disturbance_changes_the_gray_and_only_a_little(name: str) -> None:
    gray = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    before = gray.copy()
    disturbed = DISTURBANCES[name](gray)
    assert disturbed.dtype == np.uint8
    assert disturbed.shape == gray.shape
    np.testing.assert_array_equal(gray, before)
    np.testing.assert_array_equal(disturbed, DISTURBANCES[name](gray))
    error = np.abs(gray_to_l()[disturbed] - gray_to_l()[gray]).mean()
    assert 0.1 < error < 20
    smooth = disturbed.mean(axis=0)
    assert np.corrcoef(smooth, gray[0])[0, 1] > 0.99


def test_fading_lifts_black_and_lowers_white() -> None:
    assert DISTURBANCES["fading"](np.array([[0, 255]], np.uint8)).tolist() == [[60, 215]]


def test_unreadable_photographs_are_passed_over_and_none_at_all_is_refused(photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    paths = find_photos(photos)
    assert robustness(steady, paths, at_side={}).photos == 6
    with pytest.raises(UnusableInput, match="nothing readable"):
        robustness(steady, [photos / "broken.png"], at_side={})
