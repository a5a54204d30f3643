"""The side at which the network looks: what it is worth, on small photographs and on large ones.

    python -m benchmarks.network_size FOLDER [--model default] [--sides 160,192,256,320,384,512]
        [--count 60] [--group PHOTO] [--crops OUT]

Two tables. The first is the protocol of `toolkit evaluate`: photographs at a short side of 400.
The second is made of the same photographs where people are small: `--tile` x `--tile` of them in
one picture, as faces are in a group photograph of 4,000 pixels, so that each has only a few of
the network's pixels. `--group` is a photograph to look at: crops of its middle, coloured at each
side, are written beside each other to `--crops`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.bench.measure import best
from toolkit.evaluation.metrics import compare
from toolkit.evaluation.protocol import gray_input, read_truth, shrink
from toolkit.evaluation.summary import means
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.photo import find_photos, read_rgb

UInt8 = NDArray[np.uint8]


def main() -> None:
    """Print both tables and write the crops."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sides", default="160,192,256,320,384,512")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--tile", type=int, default=3)
    parser.add_argument("--group", type=Path)
    parser.add_argument("--crops", type=Path)
    options = parser.parse_args()
    paths = find_photos(options.folder)
    paths = paths[:: max(1, len(paths) // options.count)][: options.count]
    truths = [read_truth(path) for path in paths]
    sides = [int(side) for side in options.sides.split(",")]
    tables = {
        f"{len(truths)} photographs": truths,
        f"{options.tile} x {options.tile} of them in one": mosaics(truths, options.tile),
    }
    for title, pictures in tables.items():
        print(title)
        print(f"{'side':>6}{'gain dB':>9}{'CIEDE2000':>11}{'colour':>8}{'worse %':>9}{'ms':>7}")
        for side in sides:
            print(row(Colorizer(options.model, size=side), side, pictures), flush=True)
    if options.group and options.crops:
        write_crops(options.model, options.group, sides, options.crops)


def row(colorizer: Colorizer, side: int, truths: Sequence[UInt8]) -> str:
    """The figures at one side, and the milliseconds of the network on one photograph."""
    found = means([compare(colored(colorizer, truth), truth) for truth in truths])
    seconds = best(lambda: colorizer.predict(gray_input(truths[0])), 3)
    return (
        f"{side:>6}{found['gain']:>+9.2f}{found['ciede2000']:>11.2f}"
        f"{found['colourfulness_ratio']:>8.2f}{100 * found['worse']:>9.0f}{seconds * 1e3:>7.0f}"
    )


def colored(colorizer: Colorizer, truth: UInt8) -> UInt8:
    """A photograph's own gray in the model's colours."""
    return _pixels(colorizer.colorize(gray_input(truth)))


def _pixels(picture: object) -> UInt8:
    return np.asarray(picture, np.uint8)


def mosaics(truths: Sequence[UInt8], tile: int, side: int = 400) -> list[UInt8]:
    """Pictures of `tile` x `tile` photographs each, their middle squares side by side."""
    squares = [shrink(_square(truth), side // tile) for truth in truths]
    squares = [s for s in squares if s.shape[:2] == (side // tile, side // tile)]
    groups = [squares[i : i + tile * tile] for i in range(0, len(squares), tile * tile)]
    return [
        np.concatenate([np.concatenate(g[i : i + tile], 1) for i in range(0, tile * tile, tile)])
        for g in groups
        if len(g) == tile * tile
    ]


def _square(rgb: UInt8) -> UInt8:
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return rgb[top : top + side, left : left + side]


def write_crops(model: str, path: Path, sides: Sequence[int], out: Path, size: int = 480) -> None:
    """The middle of a photograph at its own resolution, gray and then at each side."""
    gray = gray_input(read_rgb(path))
    height, width = gray.shape
    top, left = max(0, (height - size) // 2), max(0, (width - size) // 2)
    box = np.s_[top : top + size, left : left + size]
    crops: list[UInt8] = [np.repeat(gray[box][..., None], 3, axis=2)]
    crops += [_pixels(Colorizer(model, size=side).colorize(gray))[box] for side in sides]
    Image.fromarray(np.concatenate(crops, axis=1)).save(out)
    print(f"{out}: gray, then {', '.join(map(str, sides))}; {width} x {height} pixels")


if __name__ == "__main__":
    main()
