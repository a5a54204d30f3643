"""Archives from elsewhere, unpacked as if somebody wanted to do harm with them."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from toolkit.errors import DownloadError, one_line

__all__ = ["unpack"]

GROWTH, ALLOWANCE = 4, 64_000_000
"""Unpacked, an archive may have this many times its bytes, and these besides: photographs are
packed already and hardly grow, while a bomb grows a thousandfold."""

FILES = 1_000_000

BLOCK = 1 << 20

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    """As the archive says."""
    kind: str
    """``file``, ``folder``, or what else it is."""
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, into: Path) -> int:
    """Unpack a tar (also compressed) or zip archive into an empty folder.

    Parameters
    ----------
    archive : Path
    into : Path
        It exists. After an error it may hold a part.

    Returns
    -------
    files : int

    Raises
    ------
    DownloadError
        If it is no archive, is damaged, has a path that leads out of the folder, a link or a
        device, the same file twice, or far more in it than an archive of photographs can have.
    OSError
        If it cannot be written.
    """
    allowed = GROWTH * archive.stat().st_size + ALLOWANCE
    files = 0
    try:
        with _members(archive) as members:
            for member in members:
                path = _place(member, into, archive)
                if member.kind == "folder":
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                files += 1
                allowed -= member.size
                if allowed < 0 or files > FILES:
                    raise _refused(archive, "more than an archive of photographs can hold", member)
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.exists():
                    raise _refused(archive, "the same file twice", member)
                with member.open() as packed, open(path, "xb") as stream:
                    # A zip's directory may lie about a size.
                    for block in iter(lambda packed=packed: packed.read(BLOCK), b""):  # type: ignore[misc]
                        if stream.tell() + len(block) > member.size:
                            raise _refused(archive, "more than its size says", member)
                        stream.write(block)
    except _BROKEN as error:
        raise DownloadError(f"{one_line(archive)}: damaged: {one_line(error)}") from None
    return files


def _place(member: _Member, into: Path, archive: Path) -> Path:
    name = PurePosixPath(member.name)
    outside = name.is_absolute() or ".." in name.parts
    if outside or any(c in member.name for c in "\\:\0") or not member.name:
        raise _refused(archive, "a path that leads out of its folder", member)
    if member.kind not in ("file", "folder"):
        raise _refused(archive, f"a {member.kind}", member)
    return into / name


def _refused(archive: Path, why: str, member: _Member) -> DownloadError:
    name = one_line(member.name)[:200]
    return DownloadError(f"{one_line(archive)}: refused, nothing unpacked: holds {why}: {name}")


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield _of_zip(packed)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed_tar:
            yield _of_tar(packed_tar)
    else:
        raise DownloadError(f"{one_line(archive)}: neither a tar nor a zip archive")


def _of_zip(packed: zipfile.ZipFile) -> Iterator[_Member]:
    for info in packed.infolist():
        unix = info.external_attr >> 16
        kind = "folder" if info.is_dir() else "link" if unix & 0o170000 == 0o120000 else "file"
        if info.flag_bits & 1:
            kind = "file with a password"
        yield _Member(info.filename, info.file_size, kind, lambda info=info: packed.open(info))  # type: ignore[misc]


def _of_tar(packed: tarfile.TarFile) -> Iterator[_Member]:
    for info in packed:
        kind = "file" if info.isreg() else "folder" if info.isdir() else "link"
        if info.ischr() or info.isblk() or info.isfifo():
            kind = "device"

        def opened(info: tarfile.TarInfo = info) -> IO[bytes]:
            stream = packed.extractfile(info)
            assert stream is not None
            return stream

        yield _Member(info.name, info.size, kind, opened)
