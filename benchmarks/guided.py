"""Bilinear against guided upsampling on photographs whose colours are known.

    python -m benchmarks.guided FOLDER [--model default] [--count 60]

The true a*b* at the network's size take the network's place, so that only the way back is
measured; then the network itself. CIEDE2000 is over the pixels within 3 of a strong edge (the
5 % steepest of L*) and over all. The last two lines are the colour stage on one large photograph.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from toolkit import lab
from toolkit.bench.measure import best
from toolkit.bench.pictures import gray_photo
from toolkit.runtime.colorizer import UPSAMPLE, Colorizer
from toolkit.runtime.formats import by_name
from toolkit.runtime.metadata import Kept
from toolkit.runtime.photo import Photo, find_photos, read_rgb
from toolkit.runtime.resample import network_size, shrink


def main() -> None:
    """Print the table."""
    from skimage.color import deltaE_ciede2000

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    paths = find_photos(options.folder)
    paths = paths[:: max(1, len(paths) // options.count)][: options.count]
    sums: dict[tuple[str, str], list[tuple[float, float]]] = {}
    colorizers = {u: Colorizer(options.model, upsample=u, size=options.size) for u in UPSAMPLE}
    for path in paths:
        rgb = read_rgb(path)
        truth = lab.rgb_to_lab(rgb)
        photo = Photo(lab.gray_of_rgb(rgb), None, Kept(by_name("png")))
        edges = near_edges(truth[..., 0])
        size = colorizers["bilinear"].contract.size
        full_height, full_width = photo.gray.shape
        height, width = network_size(size, full_height, full_width, options.size)
        known = np.stack([resized(truth[..., c], height, width) for c in (1, 2)])
        for upsample, colorizer in colorizers.items():
            for source, ab in (("truth", known), ("network", colorizer.predict(photo.gray))):
                picture = lab.rgb_to_lab(np.asarray(colorizer.render(photo, ab)))
                off = deltaE_ciede2000(truth, picture)
                sums.setdefault((source, upsample), []).append((off[edges].mean(), off.mean()))
    print(f"{len(paths)} photographs, network at a short side of {options.size}")
    for (source, upsample), values in sums.items():
        edge, everywhere = np.mean(values, axis=0)
        print(f"{source:>8} {upsample:<9} CIEDE2000 near edges {edge:.2f}, all {everywhere:.2f}")
    for upsample, colorizer in colorizers.items():
        print(f"{upsample:>18} {milliseconds(colorizer):.1f} ms per megapixel")


def milliseconds(colorizer: Colorizer, megapixels: float = 12) -> float:
    """Of the colour stage, for each megapixel."""
    photo = Photo(np.asarray(gray_photo(megapixels)), None, Kept(by_name("png")))
    ab = colorizer.predict(photo.gray)
    return best(lambda: colorizer.paint(photo, lambda top, band: None, ab=ab)) * 1e3 / megapixels


def near_edges(lightness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels within 3 of the steepest 5 %."""
    steep = np.hypot(*np.gradient(lightness))
    mask = Image.fromarray(steep > np.quantile(steep, 0.95))
    return np.asarray(mask.convert("L").filter(ImageFilter.MaxFilter(7))) > 0


def resized(plane: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A plane at the network's size."""
    return shrink(shrink(plane, height).T, width).T


if __name__ == "__main__":
    main()
