"""A folder of photographs as one array on disk, so that training reads arrays and not JPEGs.

Each photograph is decoded, turned upright and made smaller once. The pack lies in the user's
cache folder under a name made of the contents of all photographs and the size, so that a changed
folder is another pack, and the same folder is never decoded twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, UnusableInput, one_line
from toolkit.files import atomic_folder, sha256, sha256_bytes, write_text
from toolkit.runtime.photo import find_photos, no_photographs, read_rgb

__all__ = [
    "FITS",
    "Pack",
    "build_pack",
    "cache_folder",
    "hashes",
    "name_of",
    "open_pack",
    "processors",
    "source_of",
]

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
    """Photographs in one file.

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
        self._pixels = folder / "pixels.rgb"

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, i: int) -> UInt8:
        """sRGB pixels of a photograph, shape (H, W, 3)."""
        entry = self.entries[i]
        size = entry.height * entry.width * 3
        # In one request: through a memory map a disk is asked for a few pages at a time, which took
        # twenty times as long.
        flat = np.fromfile(self._pixels, np.uint8, size, offset=entry.offset)
        return flat.reshape(entry.height, entry.width, 3)


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
    paths = [path for path in find_photos(folder) if name_of(path, folder) not in left_out]
    if not paths:
        raise no_photographs(folder)
    by_hash = dict(sorted(zip(hashes(paths), paths, strict=True)))
    unreadable = {name_of(p, folder): "cannot be read" for h, p in by_hash.items() if not h}
    by_hash.pop("", None)
    names = {digest: name_of(path, folder) for digest, path in by_hash.items()}
    make = FITS[fit]

    def read(digest: str) -> UInt8:
        return np.asarray(make(Image.fromarray(read_rgb(by_hash[digest])), side))

    return build_pack(folder, names, [side, fit], read, unreadable, on_progress)


def build_pack(
    folder: Path,
    names: dict[str, str],
    made_how: list[object],
    read: Callable[[str], UInt8],
    unreadable: dict[str, str],
    on_progress: Callable[[int, int], None],
) -> Pack:
    """The pack of these pictures; made if the cache has none that was made alike.

    Parameters
    ----------
    folder : Path
        For the message where nothing can be read.
    names : dict of str to str
        By content hash, sorted.
    made_how : list
        Whatever else decides what `read` gives, as JSON.
    read : callable
        Content hash to sRGB pixels, shape (H, W, 3); `ToolkitError` makes it an unreadable one.
    unreadable : dict of str to str
        Names and reasons that are known already; the others are added.
    on_progress : callable
        Called with the pictures done and the number of all.

    Raises
    ------
    UnusableInput
        If none of them can be read.
    """

    def attempt(digest: str) -> UInt8 | str:
        try:
            return read(digest)
        except ToolkitError as error:
            return str(error)

    # The names belong to the key: folders are sources, and sources have weights.
    content = [_VERSION, *made_how, list(names.items())]
    place = cache_folder() / "packs" / sha256_bytes(json.dumps(content).encode())[:32]
    if (place / "index.json").exists():
        return Pack(place)
    entries: list[dict[str, object]] = []
    with ThreadPoolExecutor(processors()) as pool, atomic_folder(place, overwrite=True) as making:
        with open(making / "pixels.rgb", "wb") as stream:
            results = pool.map(attempt, names)
            for done, (digest, got) in enumerate(zip(names, results, strict=True)):
                if isinstance(got, str):
                    unreadable[names[digest]] = got
                else:
                    height, width = got.shape[:2]
                    entry = Entry(names[digest], digest, stream.tell(), height, width)
                    entries.append(vars(entry))
                    stream.write(got.tobytes())
                on_progress(done + 1, len(names))
        if not entries:
            raise UnusableInput(f"{one_line(folder)}: none of its photographs can be read")
        write_text(
            making / "index.json", json.dumps({"entries": entries, "unreadable": unreadable})
        )
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


def hashes(paths: Sequence[Path]) -> list[str]:
    """The content hash of each file; nothing where it cannot be read."""
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(_hash, paths))


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return ""


def name_of(path: Path, folder: Path) -> str:
    """Path below the folder of photographs, with forward slashes."""
    return path.relative_to(folder).as_posix()
