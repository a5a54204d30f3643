"""Pictures made to harm: each format, mutated, through the reader.

More than the fast suite has time for: ``pytest tests/attacks --mutations 20000``.
What happened so far: nothing but clean errors (Pillow 13.0, 2,000 of each format).
"""

from __future__ import annotations

import multiprocessing
import resource
import struct
import time
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UnusableInput
from toolkit.runtime import photo

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of what it forgives

SECONDS = 10.0
GRAY = np.add.outer(np.arange(48), np.arange(0, 128, 2)).astype(np.uint8)
FRAMES = [Image.fromarray(np.roll(GRAY, 5 * i)) for i in (1, 2)]

SEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {}),
    "jpeg progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff jpeg": ("TIFF", {"compression": "jpeg"}),
    "webp": ("WEBP", {}),
    "webp lossless": ("WEBP", {"lossless": True}),
    "bmp": ("BMP", {}),
    "gif": ("GIF", {}),
    "avif": ("AVIF", {"speed": 10}),
    "gif animated": ("GIF", {"save_all": True, "append_images": FRAMES}),
    "webp animated": ("WEBP", {"save_all": True, "append_images": FRAMES}),
}


def _png(rgb: NDArray[np.uint16]) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.png_encode(rgb))


def _tiff(rgb: NDArray[np.uint16], compression: str | None = None) -> bytes:
    import tifffile

    stream = BytesIO()
    tifffile.imwrite(stream, rgb, photometric="rgb", compression=compression)
    return stream.getvalue()


DEEP: dict[str, Callable[[NDArray[np.uint16]], bytes]] = {
    "png 48 bits": _png,
    "tiff 48 bits": _tiff,
    "tiff 48 bits lzw": partial(_tiff, compression="lzw"),
}
"""What Pillow does not write."""


def seed_file(kind: str) -> bytes:
    if kind in DEEP:
        return DEEP[kind](np.repeat(GRAY[..., None].astype(np.uint16) * 257, 3, axis=2))
    to, options = SEEDS[kind]
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    stream = BytesIO()
    extra = {} if to in ("BMP", "GIF") else {"exif": exif.tobytes()}
    Image.fromarray(GRAY).save(stream, to, **options, **extra)
    return stream.getvalue()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, doubled or set to extremes; the first ones, by which it is known,
    seldom."""
    attack = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(4 if rng.random() < 0.95 else 0, max(5, len(attack))))
        match int(rng.integers(0, 5)):
            case 0:
                attack[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                attack[at : at + 4] = struct.pack("<I", int(rng.integers(0, 2**32)))
            case 2:
                del attack[at : at + int(rng.integers(1, 64))]
            case 3:
                attack[at:at] = attack[at : at + int(rng.integers(1, 64))]
            case 4:
                attack[at : at + 2] = rng.choice([b"\0\0", b"\xff\xff", b"\x7f\xff", b"\x80\0"])
    return bytes(attack)


@pytest.mark.parametrize("kind", [*SEEDS, *DEEP])
def test_mutated_files_are_read_or_refused(kind: str, mutations: int) -> None:
    data = seed_file(kind)
    rng = np.random.default_rng(len(kind))
    refused = 0
    for _ in range(mutations):
        attack = mutated(data, rng)
        started = time.monotonic()
        try:
            found = [p.gray for p in islice(photo.pages(attack, max_megapixels=1), 3)]
        except UnusableInput as error:
            refused += 1
            message = str(error)
        else:
            message = ""
            assert found
            assert all(gray.ndim == 2 and gray.size <= 1e6 for gray in found)
        assert "\n" not in message
        assert time.monotonic() - started < SECONDS
    assert refused > 0


def _peak_of(data: bytes, queue: multiprocessing.Queue[tuple[float, float, str]]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    try:
        photo.read(data)
        said = ""
    except UnusableInput as error:
        said = str(error)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    queue.put((seconds, peak / 1024, said))


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


BOMBS = {
    "50,000 x 50,000 in the header": png(50_000, 50_000, chunk(b"IDAT", b"")),
    "a text that unpacks to 200 MB": png(
        8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000))), chunk(b"IDAT", b"")
    ),
    "a profile that unpacks to 200 MB": png(
        8, 8, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000))), chunk(b"IDAT", b"")
    ),
}


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="Linux or macOS: peak memory")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_little_time_and_memory(name: str) -> None:
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    process = context.Process(target=_peak_of, args=(BOMBS[name], queue))
    process.start()
    seconds, megabytes, said = queue.get(timeout=60)
    process.join()
    assert said
    assert seconds < (0.1 if "header" in name else 1)
    assert megabytes < 100


def test_a_tiff_of_ten_thousand_pages_is_read_page_by_page(tmp_path: Path) -> None:
    pages = 10_000
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]
    size = 2 + 12 * len(entries) + 4
    body = b"".join(
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", 0 if page == pages - 1 else 16 + (page + 1) * size)
        for page in range(pages)
    )
    path = tmp_path / "long.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 16) + bytes([99]) + bytes(7) + body)
    started = time.process_time()
    reader = photo.pages(path)
    assert next(reader).kept.pages == pages
    assert time.process_time() - started < SECONDS
    reader.close()


def test_a_tiff_whose_pages_form_a_loop_ends() -> None:
    stream = BytesIO()
    Image.fromarray(GRAY).save(stream, "TIFF")
    data = bytearray(stream.getvalue())
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    assert len(list(photo.pages(bytes(data)))) == 1


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for number in range(3):
        pages = [Image.fromarray(np.tile(GRAY, (9, 9))) for _ in range(3)]
        pages[0].save(path, save_all=True, append_images=pages[1:])
        reader = photo.pages(path)
        next(reader)
        with open(path, "r+b") as stream:
            stream.truncate(path.stat().st_size // (2 + number))
        with pytest.raises(UnusableInput):
            list(reader)
