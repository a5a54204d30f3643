"""Tar shards, in the layout of webdataset: members of one stem belong together."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from types import TracebackType

from toolkit.errors import OutputError, UnusableInput, one_line, os_reason
from toolkit.runtime.formats import SUFFIXES

__all__ = ["Member", "ShardWriter", "members"]


@dataclass(frozen=True)
class Member:
    """A file in a tar: where its bytes lie."""

    path: Path
    """Of the tar."""
    name: str
    offset: int
    size: int

    @property
    def is_photo(self) -> bool:
        """Whether its suffix is that of a picture format."""
        return PurePosixPath(self.name).suffix.lower() in SUFFIXES

    def read(self) -> bytes:
        """Its bytes. Raises `UnusableInput`."""
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self.offset)
                data = stream.read(self.size)
        except OSError as error:
            raise UnusableInput(
                f"{one_line(self.name)}: cannot be read: {os_reason(error)}"
            ) from error
        if len(data) < self.size:
            raise UnusableInput(f"{one_line(self.name)}: the shard ends in the middle of it")
        return data


def members(path: Path) -> Iterator[Member]:
    """The plain files in a tar, by its headers; no pixel is read.

    Raises
    ------
    UnusableInput
        If it is no tar or is damaged; what comes before the damage has been given.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                if info.isreg() and not PurePosixPath(info.name).name.startswith("."):
                    yield Member(path, info.name, info.offset_data, info.size)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise UnusableInput(f"the shard is damaged: {one_line(error)}") from None


class ShardWriter:
    """A tar in the making, the same bytes for the same members: no times, no owners.

    Parameters
    ----------
    path : Path
        A local file; whoever makes it puts it in place when it is whole.
    """

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tar.close()

    def add(self, name: str, data: bytes) -> None:
        """Append a member. Raises `OutputError`."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        try:
            with closing(BytesIO(data)) as stream:
                self._tar.addfile(info, stream)
        except OSError as error:
            raise OutputError(f"{one_line(name)}: cannot be written: {os_reason(error)}") from error
