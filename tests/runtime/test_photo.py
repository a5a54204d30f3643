"""The one reader of photographs: every format and mode, oriented, in sRGB, or one clean error."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image, ImageCms

from toolkit import lab
from toolkit.errors import MissingRequirement, UnusableInput
from toolkit.runtime import photo
from toolkit.runtime.levels import eight_bits

RNG = np.random.default_rng(0)
GRAY = np.add.outer(np.arange(40), np.arange(0, 180, 3)).astype(np.uint8)
"""A smooth picture of 40 x 60, so that lossy formats keep it."""


def file(image: Image.Image, to: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, to, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("to", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 3),
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 3),
        ("TIFF", {"big_tiff": True}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 6),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
        ("AVIF", {"quality": 95}, 6),
    ],
)
def test_formats(to: str, options: dict[str, Any], tolerance: int) -> None:
    read = photo.read(file(Image.fromarray(GRAY), to, **options))
    assert read.gray.dtype == np.uint8
    assert read.kept.format.pillow == to
    assert np.abs(read.gray.astype(int) - GRAY).max() <= tolerance


def test_heic_is_read_and_written_with_its_extra(tmp_path: Path) -> None:
    import pillow_heif

    path = tmp_path / "scan.heic"
    pillow_heif.from_pillow(Image.fromarray(GRAY)).save(path, quality=95)
    read = photo.read(path)
    assert read.kept.format.name == "heic"
    assert np.abs(read.gray.astype(int) - GRAY).mean() <= 2


def test_a_format_whose_package_is_missing_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    with pytest.raises(MissingRequirement, match=r"pip install '.*\[images\]'"):
        photo.read(b"\0\0\0\x18ftypheic" + bytes(40))


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    path.write_bytes(file(Image.fromarray(GRAY), "PNG"))
    assert photo.read(path).kept.format.name == "png"


@pytest.mark.parametrize("to", ["EPS", "PPM", "TGA", "PCX", "ICO"])
def test_other_formats_are_not_opened(to: str) -> None:
    with pytest.raises(UnusableInput, match="not a picture in a known format"):
        photo.read(file(Image.fromarray(GRAY).convert("RGB"), to))


ALPHA = np.full(GRAY.shape, 77, np.uint8)


@pytest.mark.parametrize("endian", ["<", ">"])
def test_16_bit_gray_keeps_its_depth(endian: str) -> None:
    deep = RNG.integers(0, 65_536, (40, 60)).astype(np.uint16)
    mode = "I;16" if endian == "<" else "I;16B"
    image = Image.frombytes(mode, (60, 40), deep.astype(f"{endian}u2").tobytes())
    for to in ("TIFF", "PNG") if endian == "<" else ("TIFF",):
        read = photo.read(file(image, to)).gray
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, deep)


def test_1_bit() -> None:
    bits = GRAY > 100
    for to in ("PNG", "TIFF", "BMP"):
        read = photo.read(file(Image.fromarray(bits), to)).gray
        np.testing.assert_array_equal(read, bits * np.uint8(255))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_parted_from_the_picture(mode: str) -> None:
    image = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(ALPHA)]).convert(mode)
    read = photo.read(file(image, "PNG"))
    np.testing.assert_array_equal(read.gray, GRAY)
    assert read.alpha is not None
    np.testing.assert_array_equal(read.alpha, ALPHA)


def test_a_palette_with_a_clear_colour_has_alpha() -> None:
    image = Image.fromarray(GRAY // 2).convert("P", palette=Image.Palette.ADAPTIVE)
    read = photo.read(file(image, "GIF", transparency=image.getpixel((0, 0))))
    assert read.alpha is not None
    assert read.alpha[0, 0] == 0
    assert read.alpha[-1, -1] == 255


def test_colours_give_their_luminance() -> None:
    rgb = RNG.integers(0, 256, (30, 20, 3)).astype(np.uint8)
    read = photo.read(file(Image.fromarray(rgb), "PNG"))
    np.testing.assert_array_equal(read.gray, lab.gray_of_rgb(rgb))
    assert read.rgb is None
    np.testing.assert_array_equal(photo.read_rgb(file(Image.fromarray(rgb), "PNG")), rgb)


def test_cmyk_is_read_as_pillow_reads_it() -> None:
    image = Image.fromarray(GRAY).convert("RGB").convert("CMYK")
    assert np.abs(photo.read_rgb(file(image, "TIFF"))[..., 0].astype(int) - GRAY).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_floating_point_tiff(top: float) -> None:
    values = (GRAY / 255 * top).astype(np.float32)
    values[0, 0], values[0, 1] = top, np.nan
    read = photo.read(file(Image.fromarray(values), "TIFF")).gray
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(eight_bits(read)[1:], GRAY[1:])
    assert (read[0, 0], read[0, 1]) == (65_535, 0)


TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("to", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_applied_once_and_reset(to: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010F] = "Maker"
    options: dict[str, Any] = {"lossless": True} if to == "WEBP" else {}
    read = photo.read(file(Image.fromarray(GRAY), to, exif=exif.tobytes(), **options))
    np.testing.assert_array_equal(read.gray, TURNS[turn](GRAY))
    kept = Image.Exif()
    kept.load(read.kept.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x010F] == "Maker"


@pytest.mark.parametrize("turn", [0, 9, 700])
def test_an_orientation_that_does_not_exist_is_reported(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    read = photo.read(file(Image.fromarray(GRAY), "PNG", exif=exif.tobytes()))
    np.testing.assert_array_equal(read.gray, GRAY)
    assert any("orientation" in note for note in read.kept.notes)


def gamma_profile(gamma: float) -> bytes:
    """A gray ICC profile with one gamma, made by hand: header, tag table, white, curve."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    tags = [(b"wtpt", white), (b"kTRC", curve + bytes(2))]
    at = 128 + 4 + 12 * len(tags)
    table, body = len(tags).to_bytes(4, "big"), b""
    for name, data in tags:
        table += name + (at + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    size = (128 + len(table) + len(body)).to_bytes(4, "big")
    head = size + b"lcms\x02\x40\0\0mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    head += bytes.fromhex("0000f6d6000100000000d32d")
    return head.ljust(128, b"\0") + table + body


def test_a_gray_profile_gives_what_its_srgb_twin_gives() -> None:
    linear = lab.srgb_decode(GRAY / 255)
    twin = np.rint(255 * linear ** (1 / 1.8)).astype(np.uint8)
    read = photo.read(file(Image.fromarray(twin), "PNG", icc_profile=gamma_profile(1.8)))
    assert read.kept.notes == ()
    assert np.abs(read.gray.astype(int) - GRAY)[GRAY > 10].max() <= 2
    assert np.abs(twin.astype(int) - GRAY).max() > 10


def test_a_16_bit_gray_profile_gives_it_too() -> None:
    deep = (GRAY.astype(np.uint16) + 40) * 257
    twin = np.rint(65_535 * lab.srgb_decode(deep / 65_535) ** (1 / 1.8)).astype(np.uint16)
    image = Image.frombytes("I;16", GRAY.shape[::-1], twin.tobytes())
    read = photo.read(file(image, "TIFF", icc_profile=gamma_profile(1.8)))
    assert read.gray.dtype == np.uint16
    assert np.abs(read.gray.astype(int) - deep).max() < 400


def test_srgb_pixels_with_an_srgb_profile_are_untouched() -> None:
    rgb = RNG.integers(0, 256, (30, 20, 3)).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    read = photo.read_rgb(file(Image.fromarray(rgb), "PNG", icc_profile=profile))
    np.testing.assert_array_equal(read, rgb)


@pytest.mark.parametrize("to", ["TIFF", "PNG"])
@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200, bytes(10_000_000)])
def test_a_profile_that_cannot_be_used_is_reported_and_ignored(profile: bytes, to: str) -> None:
    read = photo.read(file(Image.fromarray(GRAY), to, icc_profile=profile))
    np.testing.assert_array_equal(read.gray, GRAY)
    assert any("profile" in note and "ignored" in note for note in read.kept.notes)


def test_all_pages_of_a_tiff() -> None:
    images = [Image.fromarray(GRAY[: 10 + i]) for i in range(5)]
    data = file(images[0], "TIFF", save_all=True, append_images=images[1:])
    pages = list(photo.pages(data))
    assert [page.gray.shape[0] for page in pages] == [10, 11, 12, 13, 14]
    assert pages[0].kept.pages == 5


def animation(to: str, frames: int = 3) -> bytes:
    images = [Image.fromarray(np.roll(GRAY, 9 * i, axis=1)) for i in range(frames)]
    options = {"lossless": True} if to == "WEBP" else {}
    times = [100 * (i + 1) for i in range(frames)]
    return file(
        images[0], to, save_all=True, append_images=images[1:], duration=times, loop=0, **options
    )


@pytest.mark.parametrize("to", ["GIF", "WEBP"])
def test_all_frames_of_an_animation(to: str) -> None:
    frames = list(photo.pages(animation(to)))
    assert [frame.kept.milliseconds for frame in frames] == [100, 200, 300]
    assert frames[0].kept.pages == 3
    assert frames[0].kept.loop == 0
    for i, frame in enumerate(frames):
        assert np.abs(frame.gray.astype(int) - np.roll(GRAY, 9 * i, axis=1)).max() <= 1


def test_of_too_long_an_animation_the_first_frame_is_taken_and_that_is_said() -> None:
    one = GRAY.size / 1e6
    (frame,) = photo.pages(animation("GIF"), max_megapixels=2 * one)
    assert frame.kept.pages == 1
    assert any("3 frames" in note for note in frame.kept.notes)


def test_of_an_animated_png_the_first_frame_is_taken_and_that_is_said() -> None:
    (frame,) = photo.pages(animation("PNG"))
    np.testing.assert_array_equal(frame.gray, GRAY)
    assert any("animated" in note for note in frame.kept.notes)


def test_resolution_is_kept_and_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    read = photo.read(file(Image.fromarray(GRAY), "JPEG", dpi=(300, 600), exif=exif.tobytes()))
    assert read.kept.dpi == (600, 300)


def png_header(width: int, height: int) -> bytes:
    import zlib

    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\r" + head + zlib.crc32(head).to_bytes(4, "big") + b"\0\0\0\0IDAT"
    )


def test_a_picture_over_the_limit_is_refused_by_its_header() -> None:
    with pytest.raises(UnusableInput, match="2500 megapixels, over the limit of 250"):
        photo.read(png_header(50_000, 50_000))
    with pytest.raises(UnusableInput, match="over the limit"):
        photo.read(file(Image.fromarray(GRAY), "PNG"), max_megapixels=0.001)


def test_extreme_shapes() -> None:
    for shape in ((1, 1), (1, 3000), (3000, 1)):
        gray = RNG.integers(0, 256, shape).astype(np.uint8)
        np.testing.assert_array_equal(photo.read(file(Image.fromarray(gray), "PNG")).gray, gray)


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("Dear grandma,")
    whole = file(Image.fromarray(GRAY.repeat(8, 0).repeat(8, 1)), "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    for name, words in (
        ("empty.jpg", "empty"),
        ("text.jpg", "not a picture"),
        ("cut.jpg", "ends in the middle of the picture"),
        ("missing.jpg", "no such file"),
        (".", "a folder"),
    ):
        with pytest.raises(UnusableInput, match=words) as caught:
            photo.read(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: they have named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnusableInput, match="not a plain file"):
        photo.read(tmp_path / "pipe.jpg")


def test_folders_are_walked_sorted_and_without_loops(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.tiff", "a/y.png", "notes.txt", ".hidden/c.jpg", "._b.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "a" / "node_modules").mkdir()
    (tmp_path / "a" / "node_modules" / "icon.png").write_bytes(b"")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = [p.relative_to(tmp_path).as_posix() for p in photo.find_photos(tmp_path)]
    assert found == ["a/y.png", "a/z.tiff", "b.JPG"]


def test_a_folder_of_links_to_folders_says_that_they_are_not_followed(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "scans"
    elsewhere.mkdir()
    folder.mkdir()
    assert "name another one" in str(photo.no_photographs(folder))
    (folder / "box 1").symlink_to(elsewhere, target_is_directory=True)
    assert "box 1 is a link to another folder" in str(photo.no_photographs(folder))


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_any_gray_picture_is_read_exactly(gray: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(photo.read(file(Image.fromarray(gray), "PNG")).gray, gray)


def test_reading_does_not_load_the_engine() -> None:
    code = "import sys, toolkit.runtime.photo; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
