"""The protocol on real files: what the model is given, and what the figures are made of."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UnusableInput
from toolkit.evaluation.metrics import METRICS, compare, gray_rgb
from toolkit.evaluation.protocol import describe, evaluate, read_truth, shrink
from toolkit.evaluation.summary import FIGURES
from toolkit.lab import gray_of_rgb
from toolkit.runtime.photo import find_photos

UInt8 = NDArray[np.uint8]


def as_gray(gray: UInt8) -> UInt8:
    return np.repeat(gray[..., None], 3, axis=2)


def as_warm(gray: UInt8) -> UInt8:
    warm = gray[..., None] * np.array([1.1, 0.95, 0.8])
    clipped: UInt8 = np.clip(warm, 0, 255).astype(np.uint8)
    return clipped


@settings(max_examples=40, deadline=None)
@given(st.integers(32, 1500), st.integers(32, 1500))
def test_the_short_side_becomes_400_and_the_aspect_stays(height: int, width: int) -> None:
    small = shrink(np.zeros((height, width, 3), np.uint8))
    if min(height, width) <= 400:
        assert small.shape == (height, width, 3)
    else:
        assert min(small.shape[:2]) == 400
        assert small.shape[0] / height == pytest.approx(small.shape[1] / width, abs=1 / 64)


def test_shrinking_is_pillows_lanczos(photos: Path) -> None:
    original = Image.open(photos / "sea" / "large.png").convert("RGB")
    expected = np.asarray(original.resize((600, 400), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(read_truth(photos / "sea" / "large.png"), expected)


def test_the_model_is_given_the_luminance_of_the_shrunken_photograph(photos: Path) -> None:
    given_to_model: list[UInt8] = []

    def colorize(gray: UInt8) -> UInt8:
        given_to_model.append(gray)
        return as_gray(gray)

    path = photos / "sea" / "large.png"
    evaluate(colorize, [path], root=photos)
    assert given_to_model[0].dtype == np.uint8
    np.testing.assert_array_equal(given_to_model[0], gray_of_rgb(read_truth(path)))


def test_a_turned_photograph_is_compared_upright(tmp_path: Path) -> None:
    picture = _picture(60, 40, 1)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    row = evaluate(as_gray, [tmp_path / "turned.png"], root=tmp_path).rows[0]
    assert (row.height, row.width) == (40, 60)


def test_rows_are_what_compare_says_in_the_order_given(photos: Path) -> None:
    paths = find_photos(photos)
    for jobs in (1, 3):
        evaluation = evaluate(as_warm, paths, root=photos, jobs=jobs)
        assert [row.path for row in evaluation.rows] == paths
        for row in evaluation.rows:
            true = read_truth(row.path)
            assert row.figures == compare(as_warm(np.asarray(gray_of_rgb(true), np.uint8)), true)


def test_a_model_that_gives_gray_gains_nothing_and_makes_nothing_worse(photos: Path) -> None:
    figures = evaluate(as_gray, find_photos(photos), root=photos).figures()
    for name in ("gain", "worse", "colourfulness", "colourfulness_ratio"):
        assert (figures[name].low, figures[name].mean, figures[name].high) == (0, 0, 0), name
    assert figures["psnr"] == figures["psnr_gray"]


def test_a_model_that_makes_everything_worse_is_told_so(photos: Path) -> None:
    def inverted_colours(gray: UInt8) -> UInt8:
        return np.stack([255 - gray, gray, 255 - gray], axis=2)

    assert evaluate(inverted_colours, find_photos(photos), root=photos).figures()["worse"].mean == 1


def test_sources_are_the_first_folders(photos: Path) -> None:
    evaluation = evaluate(as_warm, find_photos(photos), root=photos)
    assert {name: len(rows) for name, rows in evaluation.by_source().items()} == {
        ".": 1,
        "people": 3,
        "sea": 2,
    }
    errors = [row.figures["ciede2000"] for row in evaluation.by_error()]
    assert errors == sorted(errors, reverse=True)


def test_what_cannot_be_measured_is_left_out_and_named(photos: Path) -> None:
    Image.fromarray(gray_rgb(_picture(50, 50, 9))).save(photos / "gray.png")
    Image.fromarray(_picture(20, 300, 9)).save(photos / "thin.png")
    whole = (photos / "sea" / "large.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    evaluation = evaluate(as_warm, find_photos(photos), root=photos)
    assert len(evaluation.rows) == 6
    left_out = {left.photo: left for left in evaluation.left_out}
    assert set(left_out) == {"cut.png", "gray.png", "thin.png"}
    assert {name for name, left in left_out.items() if left.unreadable} == {"cut.png"}
    assert "no colours" in left_out["gray.png"].reason
    assert "300 x 20" in left_out["thin.png"].reason


def test_a_folder_without_a_colour_photograph_is_refused(tmp_path: Path) -> None:
    Image.fromarray(gray_rgb(_picture(50, 50, 9))).save(tmp_path / "gray.png")
    with pytest.raises(UnusableInput, match=r"no colour photograph.*no colours to compare"):
        evaluate(as_gray, find_photos(tmp_path), root=tmp_path)
    with pytest.raises(UnusableInput, match="no colour photograph"):
        evaluate(as_gray, [], root=tmp_path)


def test_an_error_of_the_model_ends_the_evaluation(photos: Path) -> None:
    seen: list[UInt8] = []

    def fails(gray: UInt8) -> UInt8:
        seen.append(gray)
        raise RuntimeError("engine stopped")

    with pytest.raises(RuntimeError, match="engine stopped"):
        evaluate(fails, find_photos(photos) * 20, root=photos)
    assert len(seen) < 100


def test_json_has_every_figure_finite_and_the_protocol(photos: Path) -> None:
    evaluation = evaluate(as_warm, find_photos(photos), root=photos)
    value = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert value["protocol"] == describe()
    assert value["photos"] == 6
    assert list(value["figures"]) == list(FIGURES)
    assert value["sources"]["people"]["photos"] == 3
    assert all(math.isfinite(row[name]) for row in value["rows"] for name in METRICS)


def test_settings_other_than_the_defaults_stand_in_the_protocol(photos: Path) -> None:
    plain = evaluate(as_warm, [photos / "first.png"], root=photos)
    other = evaluate(as_warm, [photos / "first.png"], root=photos, settings="strength 1.3")
    assert "the program's defaults" in plain.protocol
    assert "strength 1.3" in other.protocol
    assert "defaults" not in other.protocol


def _picture(height: int, width: int, seed: int) -> UInt8:
    """Large patches of random colours."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    return np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC))
