"""A folder of photographs as one array on disk, so that training reads arrays and not JPEGs.

Each photograph is decoded, turned upright and made smaller once. The pack lies in the user's
cache folder under a name made of the contents of all photographs and the size, so that a changed
folder is another pack, and the same folder is never decoded twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, UnusableInput, one_line
from toolkit.files import atomic_folder, sha256, sha256_bytes, write_text
from toolkit.runtime.photo import find_photos, read_rgb

__all__ = ["FITS", "Pack", "cache_folder", "open_pack", "processors", "source_of"]

UInt8 = NDArray[np.uint8]

_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One photograph of the pack."""

    name: str
    """Path below the folder, with forward slashes."""
    sha256: str
    offset: int
    height: int
    width: int

    @property
    def source(self) -> str:
        """Where the photograph came from."""
        return source_of(self.name)


class Pack:
    """Photographs in one memory-mapped file.

    Attributes
    ----------
    entries : list of Entry
        Those that could be read, sorted by content hash, without duplicates.
    unreadable : dict of str to str
        Names and reasons of the others.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.entries = [Entry(**row) for row in index["entries"]]
        self.unreadable: dict[str, str] = index["unreadable"]
        self._pixels = np.memmap(folder / "pixels.rgb", np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, i: int) -> UInt8:
        """sRGB pixels of a photograph, shape (H, W, 3)."""
        entry = self.entries[i]
        size = entry.height * entry.width * 3
        flat = self._pixels[entry.offset : entry.offset + size]
        return np.asarray(flat).reshape(entry.height, entry.width, 3)


def cache_folder() -> Path:
    """Where packs lie: ``TOOLKIT_CACHE``, else the user's cache folder."""
    if set_by_user := os.environ.get("TOOLKIT_CACHE"):
        return Path(set_by_user)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "colorize-toolkit"


def open_pack(
    folder: Path,
    *,
    side: int,
    fit: str,
    exclude: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pack:
    """Open the pack of a folder of photographs; make it if it is not there.

    Parameters
    ----------
    folder : Path
        Searched with all its subfolders.
    side : int
        Side of a photograph in the pack, in pixels.
    fit : str
        A name in `FITS`.
    exclude : collection of str
        Paths below the folder of photographs that are treated as if they were not there.
    on_progress : callable
        Called with the photographs done and the number of all.

    Raises
    ------
    UnusableInput
        If there is no photograph in the folder that can be read.
    """
    left_out = set(exclude)
    paths = [path for path in find_photos(folder) if _name(path, folder) not in left_out]
    if not paths:
        raise UnusableInput(f"{one_line(folder)}: no photographs in this folder")
    with ThreadPoolExecutor(processors()) as pool:
        by_hash = dict(sorted(zip(pool.map(_hash, paths), paths, strict=True)))
        unreadable = {_name(p, folder): "cannot be read" for h, p in by_hash.items() if not h}
        by_hash.pop("", None)
        # The names belong to the key: folders are sources, and sources have weights.
        content = [_VERSION, side, fit, [(h, _name(p, folder)) for h, p in by_hash.items()]]
        place = cache_folder() / "packs" / sha256_bytes(json.dumps(content).encode())[:32]
        if not (place / "index.json").exists():
            make = FITS[fit]

            def shrink(path: Path) -> UInt8 | str:
                try:
                    return np.asarray(make(Image.fromarray(read_rgb(path)), side))
                except ToolkitError as error:
                    return str(error)

            entries: list[dict[str, object]] = []
            with atomic_folder(place, overwrite=True) as making:
                with open(making / "pixels.rgb", "wb") as stream:
                    results = pool.map(shrink, by_hash.values())
                    for done, (item, got) in enumerate(zip(by_hash.items(), results, strict=True)):
                        name = _name(item[1], folder)
                        if isinstance(got, str):
                            unreadable[name] = got
                        else:
                            entry = Entry(name, item[0], stream.tell(), got.shape[0], got.shape[1])
                            entries.append(vars(entry))
                            stream.write(got.tobytes())
                        on_progress(done + 1, len(by_hash))
                if not entries:
                    raise UnusableInput(f"{one_line(folder)}: none of its photographs can be read")
                index = {"entries": entries, "unreadable": unreadable}
                write_text(making / "index.json", json.dumps(index))
    return Pack(place)


def _stretch(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


def _cover(image: Image.Image, side: int) -> Image.Image:
    scale = side / min(image.size)
    if scale >= 1:
        return image
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "stretch": _stretch,
    "cover": _cover,
}
"""How a photograph becomes an entry of a pack.

``stretch``: squeezed into side x side, bicubic, as the tutorials do. ``cover``: the aspect ratio
stays, the short side becomes `side`; smaller photographs stay as they are.
"""


def source_of(name: str) -> str:
    """The first folder of a path below the folder of photographs; ``.`` if there is none."""
    return name.split("/", 1)[0] if "/" in name else "."


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return ""


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
