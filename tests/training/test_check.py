from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import picture
from toolkit.errors import UnusableInput
from toolkit.training.data.check import Finding, check_folder
from toolkit.training.data.exclude import read_exclude, write_exclude
from toolkit.training.data.stats import stats_of_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six colour photographs of scenes that differ, and one of each fault."""
    place = tmp_path / "photos"
    place.mkdir()
    for i in range(6):
        scene(i).save(place / f"good{i}.png")
    scene(7).convert("L").save(place / "gray.png")
    light = np.asarray(scene(8).convert("L"))[..., None] / 255
    sepia = 255 * light ** np.array([0.8, 1.0, 1.35])
    Image.fromarray(sepia.astype(np.uint8)).save(place / "sepia.jpg", quality=90)
    scene(9).resize((120, 40)).save(place / "small.png")
    scene(0).resize((200, 180)).save(place / "again.jpg", quality=80)
    scene(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(place / "mirrored.webp")
    (place / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    return place


def scene(seed: int) -> Image.Image:
    """Blobs of colours that do not follow from their light."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((280, 240), Image.Resampling.BICUBIC)


def test_each_fault_is_found_and_no_good_photograph(folder: Path) -> None:
    check = check_folder(folder)
    assert check.photos == 12
    assert {(finding.kind, finding.name) for finding in check.findings} == {
        ("unreadable", "broken.jpg"),
        ("small", "small.png"),
        ("gray", "gray.png"),
        ("gray", "sepia.jpg"),
        ("duplicate", "again.jpg"),
        ("duplicate", "mirrored.webp"),
    }
    reasons = {finding.name: finding.reason for finding in check.findings}
    assert reasons["again.jpg"] == "copy of good0.png"
    assert reasons["mirrored.webp"] == "mirror image of good1.png"


def test_the_shortest_side_is_the_users(folder: Path) -> None:
    kinds = {finding.kind for finding in check_folder(folder, min_side=40).findings}
    assert "small" not in kinds


def test_two_plain_skies_are_not_one_photograph(tmp_path: Path) -> None:
    for i, top in enumerate([(40, 90, 200), (230, 120, 60)]):
        ramp = np.linspace(0, 1, 128)[:, None, None]
        sky = np.broadcast_to((1 - ramp) * np.array(top) + ramp * 250, (128, 128, 3)).copy()
        sky[100:] = [(90, 160, 60), (160, 40, 120)][i]
        Image.fromarray(sky.astype(np.uint8)).save(tmp_path / f"{i}.png")
    assert check_folder(tmp_path).findings == []


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    for look in (check_folder, stats_of_folder):
        with pytest.raises(UnusableInput, match="no photographs"):
            look(tmp_path)


def test_a_list_comes_back_as_it_was_written(tmp_path: Path) -> None:
    names = ["people/a b.png", "#1.png", "ä/写真.jpg", "x.png"]
    findings = [Finding(name, "gray", "flat\nand dull") for name in names]
    write_exclude(tmp_path / "list.txt", findings)
    assert read_exclude(tmp_path / "list.txt") == sorted(names)


def test_a_list_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="line break"):
        write_exclude(tmp_path / "list.txt", [Finding("a\nb.png", "gray", "")])
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_exclude(tmp_path / "list.txt")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UnusableInput, match="UTF-8"):
        read_exclude(tmp_path / "photo.jpg")


def test_stats_are_those_of_all_pixels(tmp_path: Path) -> None:
    pixels = []
    for source in ("gray", "resized"):
        (tmp_path / source).mkdir()
        for i in range(3):
            image = picture(i, (40, 30))
            (image.convert("L") if source == "gray" else image).save(tmp_path / source / f"{i}.png")
            pixels.append(np.asarray(image.convert("L").convert("RGB")) / 255)
            if source == "resized":
                pixels[-1] = np.asarray(image) / 255
    sources, whole = stats_of_folder(tmp_path)
    assert list(sources) == ["gray", "resized"]
    np.testing.assert_allclose(whole.mean, np.mean(pixels, (0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(whole.std, np.std(pixels, (0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(sources["resized"].mean, np.mean(pixels[3:], (0, 1, 2)), atol=1e-12)
    assert len(set(sources["gray"].mean)) == 1


def test_stats_count_sizes_and_what_cannot_be_read(tmp_path: Path) -> None:
    for i, size in enumerate([(40, 30), (50, 20), (60, 70)]):
        picture(i, size).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"")
    sources, whole = stats_of_folder(tmp_path)
    assert (whole.photos, whole.unreadable) == (3, 1)
    assert (whole.width, whole.height) == ((40, 50, 60), (20, 30, 70))
    assert sources == {".": whole}


def test_a_large_photograph_weighs_no_more_than_a_small_one(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10), (255, 0, 0)).save(tmp_path / "a.png")
    Image.new("RGB", (100, 100), (0, 0, 0)).save(tmp_path / "b.png")
    _, whole = stats_of_folder(tmp_path)
    assert whole.mean == (0.5, 0, 0)
    assert whole.std == (0.5, 0, 0)
