"""Gray prints scanned in 48 bits keep all their tones."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from toolkit import lab
from toolkit.runtime import photo

TONES = (np.arange(40 * 60, dtype=np.uint32).reshape(40, 60) * 27).astype(np.uint16)
SCAN = np.stack([TONES, TONES, TONES], axis=2)


def tiff(pixels: NDArray[np.uint16] = SCAN, **options: object) -> bytes:
    stream = BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb", **options)  # type: ignore[arg-type]
    return stream.getvalue()


def png(pixels: NDArray[np.uint16] = SCAN) -> bytes:
    return bytes(imagecodecs.png_encode(pixels))


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_every_tone_of_a_tiff(compression: str | None, byteorder: str) -> None:
    read = photo.read(tiff(compression=compression, byteorder=byteorder))
    assert read.kept.notes == ()
    np.testing.assert_array_equal(read.gray, TONES)


def test_every_tone_of_a_png_with_and_without_transparency() -> None:
    np.testing.assert_array_equal(photo.read(png()).gray, TONES)
    clear = np.concatenate([SCAN, np.full((40, 60, 1), 30_000, np.uint16)], axis=2)
    read = photo.read(png(clear))
    np.testing.assert_array_equal(read.gray, TONES)
    assert read.alpha is not None
    assert abs(int(read.alpha[0, 0]) - 117) <= 1


def test_a_tinted_scan_has_the_light_of_its_colours() -> None:
    sepia = (SCAN * [1, 0.9, 0.7]).astype(np.uint16)
    read = photo.read(tiff(sepia))
    np.testing.assert_array_equal(read.gray, lab.gray_of_rgb(sepia))
    assert len(np.unique(read.gray)) > 2000


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_is_turned_as_its_eight_bits_are(turn: int) -> None:
    data = tiff(extratags=[(274, 3, 1, turn, True)])
    upright = Image.open(BytesIO(data))
    upright.load()  # Pillow turns a TIFF while loading it
    expected = np.asarray(upright.convert("L")).astype(int)
    read = photo.read(data)
    assert read.gray.dtype == np.uint16
    assert read.gray.shape == expected.shape
    assert np.abs(read.gray / 257 - expected).max() <= 1


def test_each_page_has_its_own() -> None:
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for page in (SCAN, SCAN[::-1], SCAN[:, ::-1]):
            writer.write(page, photometric="rgb")
    pages = [page.gray for page in photo.pages(stream.getvalue())]
    for got, expected in zip(pages, (TONES, TONES[::-1], TONES[:, ::-1]), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_what_cannot_be_used_leaves_eight_bits_and_a_note() -> None:
    other = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = other.find("sRGB".encode("utf-16-be"))
    other[at : at + 8] = "mine".encode("utf-16-be")
    read = photo.read(tiff(iccprofile=bytes(other)))
    assert read.gray.dtype == np.uint8
    assert any("colour profile of its own" in note for note in read.kept.notes)


def test_without_the_extra_eight_bits_are_read_and_the_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(png())
    code = (
        "import sys; sys.modules['imagecodecs'] = None\n"
        "from toolkit.runtime.photo import read\n"
        "scan = read('scan.png'); print(scan.gray.dtype, *scan.kept.notes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.startswith("uint8 it has 16 bits for each colour, of which 8 are read")
    assert "[images]" in done.stdout


def test_an_eight_bit_picture_loads_no_such_reader() -> None:
    code = (
        "import io, sys; from PIL import Image; from toolkit.runtime.photo import read\n"
        "s = io.BytesIO(); Image.new('RGB', (9, 9)).save(s, 'TIFF'); read(s.getvalue())\n"
        "print([m for m in ('tifffile', 'imagecodecs') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
