"""The contact sheet as a file: its pictures, their order and its names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import OutputError, UsageError
from toolkit.evaluation.contact_sheet import check_suffix, spread, write_contact_sheet
from toolkit.evaluation.protocol import Evaluation, evaluate, read_truth
from toolkit.runtime.photo import find_photos

UInt8 = NDArray[np.uint8]


def green(gray: UInt8) -> UInt8:
    return np.stack([gray // 4, gray, gray // 4], axis=2)


@pytest.fixture
def evaluation(photos: Path) -> Evaluation:
    return evaluate(green, find_photos(photos), root=photos)


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG")])
def test_the_sheet_is_a_picture_of_the_named_kind(
    evaluation: Evaluation, tmp_path: Path, suffix: str, kind: str
) -> None:
    path = tmp_path / "new" / f"sheet{suffix}"
    assert write_contact_sheet(path, green, evaluation, heading="default") == 6
    with Image.open(path) as sheet:
        sheet.load()
        assert sheet.format == kind
        assert sheet.width > sheet.height / 2
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_worst_photograph_stands_first_as_gray_ours_and_truth(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    worst = evaluation.by_error()[0]
    picture = Image.fromarray(read_truth(worst.path))
    picture.thumbnail((200, 200), Image.Resampling.LANCZOS)
    expected = np.asarray(picture)
    height, width = expected.shape[:2]
    write_contact_sheet(tmp_path / "sheet.png", green, evaluation, heading="default")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    strips = [sheet[:, 6 + k * 206 :][:, :width] for k in range(3)]
    tops = [y for y in range(100) if np.array_equal(strips[2][y : y + height], expected)]
    assert len(tops) == 1
    gray, ours = (strip[tops[0] : tops[0] + height].astype(int) for strip in strips[:2])
    assert np.ptp(gray, axis=2).max() == 0
    assert np.abs(ours[..., 1] - gray[..., 1]).max() <= 2
    assert np.abs(ours[..., 0] - gray[..., 0] // 4).max() <= 2


def test_of_many_photographs_the_sheet_shows_the_whole_range(evaluation: Evaluation) -> None:
    rows = evaluation.by_error()
    shown = spread(rows, 3)
    assert [shown[0], shown[-1]] == [rows[0], rows[-1]]
    assert len(shown) == 3
    assert spread(rows, 10) == rows


def test_names_of_every_script_and_length_are_drawn(photos: Path, tmp_path: Path) -> None:
    for name in ("祖母.png", "\udcff.png", "x" * 200 + ".png"):
        (photos / "first.png").rename(photos / name)
        evaluation = evaluate(green, [photos / name], root=photos)
        write_contact_sheet(tmp_path / "sheet.png", green, evaluation, heading="m" * 400)
        (photos / name).rename(photos / "first.png")


def test_another_suffix_is_a_usage_error_and_a_taken_place_an_output_error(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        check_suffix(tmp_path / "sheet.tiff")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_contact_sheet(tmp_path / "file" / "a.png", green, evaluation, heading="default")
