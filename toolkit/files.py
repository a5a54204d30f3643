"""Files that appear whole or not at all, hashes, and names that stay inside their folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from toolkit.errors import OutputError, UnusableModel, one_line, os_reason

__all__ = [
    "atomic_folder",
    "atomic_write",
    "inside",
    "read_bytes",
    "sha256",
    "sha256_bytes",
    "write_bytes",
    "write_text",
]

TEMPORARY = ".toolkit-tmp-"
"""How the names of files and folders in the making begin; left over only after a kill -9."""


@contextmanager
def atomic_write(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; put it in place when the block ends well.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    overwrite : bool
        False: never replace a file that exists, also one that appeared meanwhile.

    Raises
    ------
    OutputError
        If the file cannot be written, or exists and must not be replaced.

    Notes
    -----
    fsync before the rename, then of the folder: after a power cut the old file or the new one
    is there. A full disk, an error or Ctrl-C in the block leaves nothing.
    """
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _place(temporary, path, overwrite)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{one_line(path)}: cannot be written: {os_reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; move it there in one rename when the block ends well.

    An older folder at `path` is moved aside first and removed last, and comes back if the new one
    cannot take its place.

    Raises
    ------
    OutputError
        If the folder cannot be made or moved, or exists and must not be replaced.
    """
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    old = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not overwrite:
            raise OutputError(f"{one_line(path)}: exists and is not replaced")
        temporary.mkdir()
        yield temporary
        if path.exists():
            path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{one_line(path)}: cannot be written: {os_reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path`, whole or not at all. Raises `OutputError`."""
    with atomic_write(path, overwrite=overwrite) as stream:
        stream.write(data)


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all. Raises `OutputError`."""
    write_bytes(path, text.encode(), overwrite=overwrite)


def read_bytes(path: Path, *, limit: int) -> bytes:
    """Read a model's file of at most `limit` bytes.

    Raises
    ------
    UnusableModel
        If it is missing, not a plain file, larger, or cannot be read.
    """
    try:
        if not path.is_file():
            raise UnusableModel(f"{one_line(path)}: no such file")
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(min(size, limit) + 1)  # asked for more, it takes as much memory
    except OSError as error:
        raise UnusableModel(f"{one_line(path)}: cannot be read: {os_reason(error)}") from error
    if max(size, len(data)) > limit:
        raise UnusableModel(f"{one_line(path)}: larger than {limit / 1e6:.0f} MB; refused")
    return data


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def inside(folder: Path, name: str) -> Path:
    """The path of `name` in `folder`, refused if it leads out of it.

    Raises
    ------
    UnusableModel
        If `name` is absolute, has a ``..``, or is a link that leads elsewhere.
    """
    path = folder / name
    if not name or "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
        raise UnusableModel(
            f"{one_line(folder)}: names a file outside its folder: {one_line(name)}"
        )
    return path


def _place(temporary: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    taken = OutputError(f"{one_line(path)}: exists and is not replaced")
    try:
        os.link(temporary, path)  # fails where the name is taken, which a rename would not
    except FileExistsError:
        raise taken from None
    except OSError:  # file systems without hard links
        if path.exists():
            raise taken from None
        temporary.rename(path)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be opened for fsync there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
