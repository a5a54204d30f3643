"""`toolkit colorize`: speed and memory by part and by size, against the tutorials' pipeline.

python -m benchmarks.runtime [--model default] [--sizes 1,3,12,48,100] [--without-peer]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import tutorial
from benchmarks.measure import best, peak_of, seconds_of
from benchmarks.pictures import gray_photo, write_jpeg
from toolkit.runtime import photo as photos
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.encode import QUALITY, jpeg_subsampling
from toolkit.runtime.models import find
from toolkit.runtime.session import Session


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sizes", default="1,3,12,48,100")
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as folder:
        whole(options.model, Path(folder), peer=not options.without_peer)
        color_stage(options.model)
        sizes(options.model, Path(folder), [float(v) for v in options.sizes.split(",")])
        cold_start(options.model, Path(folder))


def whole(model: str, folder: Path, *, peer: bool) -> None:
    """12 megapixels, JPEG to JPEG, the session warm; its floor, its parts, and the peer."""
    source, target = folder / "12.jpg", folder / "12-color.jpg"
    write_jpeg(source, 12)
    colorizer = Colorizer(model)
    photo = photos.read(source)
    ab = colorizer.predict(photo.gray)
    picture = colorizer.render(photo, ab)
    values = np.full((1, 1, *ab.shape[1:]), 50, np.float32)

    def run() -> None:
        read = colorizer.read(source)
        with open(target, "wb") as stream:
            colorizer.write(read, stream, quality=QUALITY)

    def encode() -> None:
        sub = jpeg_subsampling(QUALITY)
        picture.save(BytesIO(), "JPEG", quality=QUALITY, subsampling=sub)

    parts = {
        "decode (Pillow)": best(lambda: Image.open(source).load()),
        "network alone": best(lambda: colorizer._session.run(values)),
        "encode (Pillow)": best(encode),
    }
    floor = sum(parts.values())
    parts["floor: the three"] = floor
    parts["read (decode, orient, levels)"] = best(lambda: photos.read(source))
    parts["predict (resample, network)"] = best(lambda: colorizer.predict(photo.gray))
    parts["colour"] = best(lambda: colorizer.paint(photo, lambda top, band: None, ab=ab))
    parts["colour and encode together"] = best(lambda: colorizer.write(photo, BytesIO(), ab=ab))
    parts["whole, JPEG to JPEG"] = best(run)
    print(f"12 megapixels, {colorizer.threads} threads, network at {ab.shape[1]}x{ab.shape[2]}")
    for name, seconds in parts.items():
        print(f"  {name:<32}{seconds * 1e3:>8.0f} ms{seconds / floor:>7.2f} x floor")
    if peer:
        session = Session(find(model).read())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of colours outside sRGB
            other = best(lambda: tutorial.colorize(session, source, target, ab.shape[1]), 1)
        ratio = other / parts["whole, JPEG to JPEG"]
        print(f"  {'the tutorials, scikit-image':<32}{other * 1e3:>8.0f} ms{ratio:>7.1f} x ours")


def color_stage(model: str) -> None:
    """Milliseconds per megapixel of what turns L* and a*b* into pixels."""
    print("colour stage, ms per megapixel on 12 megapixels")
    photo = photos.read(_jpeg_bytes(12))
    kinds = (("bilinear", 0.0), ("bilinear", 1.0), ("guided", 1.0), ("bilinear", 2.0))
    for threads in (1, 2):
        row = [_painting(model, photo, threads, *kind) * 1e3 / 12 for kind in kinds]
        print(
            f"  {threads} threads: without colours {row[0]:.1f}, bilinear {row[1]:.1f}, "
            f"guided {row[2]:.1f}, twice as vivid {row[3]:.1f}"
        )


def _painting(
    model: str, photo: photos.Photo, threads: int, upsample: str, strength: float
) -> float:
    colorizer = Colorizer(model, threads=threads, upsample=upsample, strength=strength)
    ab = colorizer.predict(photo.gray)
    return best(lambda: colorizer.paint(photo, lambda top, band: None, ab=ab))


def sizes(model: str, folder: Path, megapixels: list[float]) -> None:
    """Time and peak memory over size, each in a process of its own."""
    print(f"{'megapixels':>11}{'warm s':>9}{'ms/MP':>8}{'peak MB':>9}{'130 MB + 8 B/px':>17}")
    colorizer = Colorizer(model)
    for size in megapixels:
        source = folder / f"{size:g}.jpg"
        write_jpeg(source, size)

        def run(path: Path = source) -> None:
            colorizer.write(colorizer.read(path), BytesIO())

        seconds = best(run, 3)
        arguments = [str(source), "--overwrite", "--model", model]
        peak = peak_of("toolkit", "colorize", *arguments) / 1e6
        limit = 130 + 8 * size
        print(f"{size:>11g}{seconds:>9.2f}{seconds / size * 1e3:>8.1f}{peak:>9.0f}{limit:>17.0f}")


def cold_start(model: str, folder: Path) -> None:
    """The whole process on one small photograph, and what of it is not ours."""
    source = folder / "small.jpg"
    write_jpeg(source, 0.3)
    path = find(model).path
    floor = (
        "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '1'\n"
        "import numpy, PIL.Image, onnxruntime as o\n"
        "s = o.SessionOptions(); s.log_severity_level = 4\n"
        f"o.InferenceSession({str(path)!r}, s, providers=['CPUExecutionProvider'])"
    )
    python = sys.executable
    command = [python, "-m", "toolkit", "colorize", str(source), "--overwrite", "--model", model]
    ours, least = seconds_of(command), seconds_of([python, "-c", floor])
    help_only = seconds_of([python, "-m", "toolkit", "--help"])
    print(f"cold start, 0.3 megapixels: {ours:.2f} s; imports and session alone: {least:.2f} s")
    print(f"toolkit --help: {help_only:.2f} s")


def _jpeg_bytes(megapixels: float) -> bytes:
    stream = BytesIO()
    gray_photo(megapixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    main()
