"""Photographs by name: fetched, checked, unpacked, and noted where they came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from toolkit.errors import DownloadError, UsageError, one_line, one_of
from toolkit.files import atomic_folder, write_text
from toolkit.training.data.archive import unpack
from toolkit.training.data.datasets import DATASETS, Dataset
from toolkit.training.data.download import check, digests, discard, download

__all__ = ["RECORD", "fetch", "find_dataset"]

RECORD = "fetched.json"
"""Beside the photographs: address, size and checksums of the archive they came in."""


def find_dataset(name: str, sha256: str | None = None) -> tuple[str, Dataset]:
    """A data set by name, or the archive at an address.

    Returns
    -------
    folder : str
        What its folder is called unless the user says so.
    dataset : Dataset

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    extra = {"sha256": sha256} if sha256 else {}
    if "://" in name:
        stem = PurePosixPath(urlsplit(name).path).name.partition(".")[0]
        return stem or "photographs", Dataset(name, "", checks=extra)
    if name not in DATASETS:
        raise one_of("data set", name, sorted(DATASETS))
    known = DATASETS[name]
    return name, Dataset(known.url, known.about, known.size, {**known.checks, **extra})


def fetch(
    dataset: Dataset,
    folder: Path,
    *,
    on_progress: Callable[[int, int | None], None] = lambda done, total: None,
    on_message: Callable[[str], None] = lambda message: None,
) -> int:
    """Bring the photographs of a data set into a folder.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        Appears when all of it is there. While it is fetched, ``FOLDER.part`` grows beside it, and
        the next call goes on with that.
    on_progress : callable
        Called with the bytes that are there and their number in the end, if that is known.
    on_message : callable

    Returns
    -------
    files : int
        0 if they were there already.

    Raises
    ------
    UsageError
        If the folder is taken by something else.
    DownloadError
        If it cannot be fetched, is not what it should be, or must not be unpacked.
    OutputError
        If it cannot be written.
    """
    if (folder / RECORD).is_file() and json.loads((folder / RECORD).read_text())["url"] == (
        dataset.url
    ):
        return 0
    if folder.exists():
        raise UsageError(f"{one_line(folder)}: exists; name another folder with --out")
    part = folder.with_name(f"{folder.name}.part")
    download(dataset.url, part, size=dataset.size, on_progress=on_progress)
    on_message("checking")
    found = digests(part, {"sha256", *dataset.checks})
    check(part, found, dataset.checks, dataset.url)
    if not dataset.checks:
        on_message(f"no checksum of it is known; its SHA-256 is {found['sha256']}")
    record = {"url": dataset.url, "size": part.stat().st_size, **found}
    on_message("unpacking")
    try:
        with atomic_folder(folder) as making:
            files = unpack(part, making)
            write_text(making / RECORD, json.dumps(record, indent=1))
    except DownloadError:  # fetched again it may be another one
        discard(part)
        raise
    discard(part)
    return files
