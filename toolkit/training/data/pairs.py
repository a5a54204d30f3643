"""Pairs of pictures, given and true, as a pack: side by side, the given one on the left."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UnusableInput, one_line, one_of
from toolkit.files import sha256_bytes
from toolkit.runtime.photo import find_photos, read_rgb
from toolkit.training.data.pack import FITS, Pack, build_pack, hashes, name_of
from toolkit.training.recipe import Pairs

__all__ = ["LAYOUTS", "halves", "open_pairs"]

UInt8 = NDArray[np.uint8]
Read = Callable[[], tuple[UInt8, UInt8]]
"""Reads the given and the true picture of one pair."""


class _UnequalSizesError(Exception):
    """The two pictures of a pair have different sizes; the message names the pair."""


def open_pairs(
    folder: Path,
    layout: Pairs,
    *,
    side: int,
    fit: str,
    exclude: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pack:
    """Open the pack of a folder of pairs; make it if it is not there.

    Parameters
    ----------
    folder : Path
    layout : Pairs
        The recipe's part on pairs.
    side, fit
        As for `open_pack`, of each picture of a pair.
    exclude : collection of str
        Paths below the folder; a pair is left out where either of its pictures is named.
    on_progress : callable
        Called with the pairs done and the number of all.

    Raises
    ------
    UsageError
        If there is no such layout.
    UnusableInput
        If a picture has no partner, the two of a pair differ in size, or none can be read.
    """
    if layout.layout not in LAYOUTS:
        raise one_of("value of data.pairs.layout", layout.layout, sorted(LAYOUTS))
    found = LAYOUTS[layout.layout](folder, layout, set(exclude))
    if not found:
        raise UnusableInput(f"{one_line(folder)}: no pairs in this folder")
    names, readers, unreadable = {}, {}, {}
    for digest, name, read in sorted(found, key=lambda pair: pair[:2]):
        if not digest:
            unreadable[name] = "cannot be read"
            continue
        names[digest], readers[digest] = name, read
    make = FITS[fit]

    def pair(digest: str) -> UInt8:
        given, true = readers[digest]()
        if given.shape != true.shape:
            raise _UnequalSizesError(
                f"{one_line(folder / names[digest])}: its partner has another size "
                f"({_size(given)}, {_size(true)}): give both the same, or leave the pair out with "
                "--exclude"
            )
        small = [np.asarray(make(Image.fromarray(half), side)) for half in (given, true)]
        return np.concatenate(small, axis=1)

    how: list[object] = ["pairs", layout.layout, side, fit]
    try:
        return build_pack(folder, names, how, pair, unreadable, on_progress)
    except _UnequalSizesError as error:
        raise UnusableInput(str(error)) from None


def halves(pair: UInt8) -> list[UInt8]:
    """The given and the true picture of an entry of the pack."""
    middle = pair.shape[1] // 2
    return [pair[:, :middle], pair[:, middle:]]


def _in_two_folders(folder: Path, layout: Pairs, exclude: set[str]) -> list[tuple[str, str, Read]]:
    """Content hash, name and reader of every pair; a name counts without its suffix."""
    sides = [_by_stem(folder / name) for name in (layout.given, layout.true)]
    for (mine, theirs), other in zip(
        (sides, sides[::-1]), (layout.true, layout.given), strict=True
    ):
        alone = [stem for stem in mine if stem not in theirs]
        alone = [stem for stem in alone if name_of(mine[stem], folder) not in exclude]
        if alone:
            raise UnusableInput(
                f"{one_line(mine[alone[0]])}: has no partner in {one_line(folder / other)}"
                f"{f', and {len(alone) - 1} more have none' if alone[1:] else ''}: add it, or "
                "leave it out with --exclude"
            )
    both = [(sides[0][stem], sides[1][stem]) for stem in sides[0] if stem in sides[1]]
    both = [pair for pair in both if not {name_of(path, folder) for path in pair} & exclude]
    digests = [hashes([pair[i] for pair in both]) for i in (0, 1)]
    return [
        (
            sha256_bytes(f"{one} {two}".encode()) if one and two else "",
            name_of(given, folder),
            lambda given=given, true=true: (read_rgb(given), read_rgb(true)),  # type: ignore[misc]
        )
        for (given, true), one, two in zip(both, *digests, strict=True)
    ]


def _by_stem(folder: Path) -> dict[str, Path]:
    return {str(PurePosixPath(name_of(p, folder)).with_suffix("")): p for p in find_photos(folder)}


def _side_by_side(folder: Path, layout: Pairs, exclude: set[str]) -> list[tuple[str, str, Read]]:
    paths = [path for path in find_photos(folder) if name_of(path, folder) not in exclude]
    true_first = layout.layout == "BtoA"

    def read(path: Path) -> tuple[UInt8, UInt8]:
        both = read_rgb(path)
        if both.shape[1] % 2:
            raise _UnequalSizesError(
                f"{one_line(path)}: is {both.shape[1]} pixels wide, which are no two pictures side "
                "by side: leave it out with --exclude"
            )
        left, right = halves(both)
        return (right, left) if true_first else (left, right)

    return [
        (digest, name_of(path, folder), lambda path=path: read(path))  # type: ignore[misc]
        for path, digest in zip(paths, hashes(paths), strict=True)
    ]


def _size(picture: UInt8) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"


LAYOUTS: dict[str, Callable[[Path, Pairs, set[str]], list[tuple[str, str, Read]]]] = {
    "AtoB": _side_by_side,
    "BtoA": _side_by_side,
    "folders": _in_two_folders,
}
"""How pairs lie in a folder, by the recipe's name."""
