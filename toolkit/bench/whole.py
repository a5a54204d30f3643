"""12 megapixels, JPEG to JPEG, the session warm; its floor, its parts, and the tutorials' way."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from toolkit.bench import tutorial
from toolkit.bench.measure import best, laps
from toolkit.bench.pictures import write_jpeg
from toolkit.runtime import photo as photos
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.encode import QUALITY, jpeg_subsampling
from toolkit.runtime.models import find
from toolkit.runtime.session import Session

__all__ = ["MEGAPIXELS", "measure_whole"]

MEGAPIXELS = 12


def measure_whole(
    model: str, folder: Path, *, megapixels: float = MEGAPIXELS, peer: bool = True
) -> dict[str, Any]:
    """Seconds of the whole, of each part alone, and of the floor: decode, network and encode.

    Parameters
    ----------
    model : str
    folder : Path
        For the files.
    megapixels : float
    peer : bool
        Also time the tutorials' way, where scikit-image is here; it takes half a minute.
    """
    source, target = folder / "whole.jpg", folder / "whole-color.jpg"
    write_jpeg(source, megapixels)
    colorizer = Colorizer(model)
    photo = photos.read(source)
    ab = colorizer.predict(photo.gray)
    picture = colorizer.render(photo, ab)
    session = Session(find(model).read())
    values = np.full((1, 1, *ab.shape[1:]), 50, np.float32)

    def encode() -> None:
        sub = jpeg_subsampling(QUALITY)
        picture.save(BytesIO(), "JPEG", quality=QUALITY, subsampling=sub)

    def run() -> None:
        with open(target, "wb") as stream:
            colorizer.write(colorizer.read(source), stream, quality=QUALITY)

    parts = {
        "decode (Pillow)": best(lambda: Image.open(source).load()),
        "network alone": best(lambda: session.run(values)),
        "encode (Pillow)": best(encode),
    }
    floor = sum(parts.values())
    parts["read (decode, orient, levels)"] = best(lambda: photos.read(source))
    parts["predict (resample, network)"] = best(lambda: colorizer.predict(photo.gray))
    parts["colour"] = best(lambda: colorizer.paint(photo, lambda top, band: None, ab=ab))
    parts["colour and encode together"] = best(lambda: colorizer.write(photo, BytesIO(), ab=ab))
    whole = best(run)
    other = None
    if peer and tutorial.available():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of colours outside sRGB
            (other,) = laps(lambda: tutorial.colorize(session, source, target, ab.shape[1]), 1)
    return {
        "megapixels": megapixels,
        "threads": colorizer.threads,
        "network": list(ab.shape[1:]),
        "parts_s": parts,
        "floor_s": floor,
        "whole_s": whole,
        "times_the_floor": whole / floor,
        "tutorials_s": other,
        "times_as_fast_as_the_tutorials": None if other is None else other / whole,
    }
