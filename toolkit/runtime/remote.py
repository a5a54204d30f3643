"""Photographs by address for small jobs: what `toolkit colorize` does with ``s3://...``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias

from toolkit.errors import UnusableInput, UsageError, one_line
from toolkit.runtime.formats import SUFFIXES, Format, by_suffix
from toolkit.runtime.naming import SUFFIX, Task
from toolkit.runtime.photo import find_photos
from toolkit.runtime.stores import Stores, join

__all__ = ["Place", "Remote", "plan"]


@dataclass(frozen=True)
class Remote:
    """A file or a folder with an address."""

    url: str
    stores: Stores

    def __str__(self) -> str:
        return self.url

    def exists(self) -> bool:
        """Whether it is there. Raises `UnusableInput` where the store cannot say."""
        return self.stores.exists(self.url)

    def size(self) -> int:
        """Its bytes. Raises `UnusableInput`."""
        return self.stores.size(self.url)

    def read(self) -> bytes:
        """All its bytes. Raises `UnusableInput`."""
        return self.stores.read(self.url)

    @contextmanager
    def writing(self, *, overwrite: bool) -> Iterator[BinaryIO]:
        """What is written in the block is put there when it ends well. Raises `OutputError`."""
        stream = BytesIO()
        yield stream
        self.stores.write(self.url, stream.getvalue(), overwrite=overwrite)


Place: TypeAlias = Path | Remote


def plan(paths: Sequence[Path], output: Path | None, to: Format | None) -> list[Task]:
    """What is read and what is written, where one side or both have addresses.

    Raises
    ------
    UnusableInput
        If a folder has no photographs.
    UsageError
        If `output` names one file and there are several photographs, or two results would have
        one name, or a photograph would be replaced.
    """
    stores = Stores()
    into = _place(output, stores) if output else None
    tasks = []
    for path in paths:
        found = _photos(_place(path, stores))
        single = len(paths) == len(found) == 1
        for source, key in found:
            tasks.append(Task(source, _target(source, key, into, to, single=single), to))
    targets = {str(task.target) for task in tasks}
    if len(targets) < len(tasks):
        raise UsageError("two photographs would have one result: give them to separate folders")
    replaced = targets & {str(task.source) for task in tasks}
    if replaced:
        raise UsageError(f"{one_line(min(replaced))}: is a photograph, which is never replaced")
    return tasks


def _place(path: Path, stores: Stores) -> Place:
    """The address that a Path was made from, or the Path: it keeps one of two slashes."""
    head, separator, rest = path.as_posix().partition(":/")
    if not separator or len(head) < 2 or path.exists():
        return path
    return Remote(f"{head}://{rest.lstrip('/')}", stores)


def _photos(given: Place) -> list[tuple[Place, str]]:
    """Each photograph of one argument, with its place in the tree."""
    if isinstance(given, Path):
        if not given.is_dir():
            return [(given, given.name)]
        pairs: list[tuple[Place, str]] = [
            (path, path.relative_to(given).as_posix()) for path in find_photos(given)
        ]
    else:
        if PurePosixPath(given.url).suffix.lower() in SUFFIXES:
            return [(given, given.url.rsplit("/", 1)[-1])]
        base = given.url.rstrip("/") + "/"
        pairs = [
            (Remote(url, given.stores), url.removeprefix(base))
            for url, _ in given.stores.find(given.url)
            if PurePosixPath(url).suffix.lower() in SUFFIXES
        ]
    if not pairs:
        raise UnusableInput(f"{one_line(given)}: no photographs in this folder")
    return pairs


def _target(
    source: Place, key: str, output: Place | None, to: Format | None, *, single: bool
) -> Place:
    path = PurePosixPath(key)
    suffix = path.suffix if to is None or path.suffix.lower() in to.suffixes else to.suffixes[0]
    if output is None:
        name = f"{path.stem}{SUFFIX}{suffix}"
        if isinstance(source, Path):
            return source.with_name(name)
        return Remote(join(source.url.rsplit("/", 1)[0], name), source.stores)
    text = os.fspath(output) if isinstance(output, Path) else output.url
    wanted = by_suffix(PurePosixPath(text).suffix)
    if wanted is not None:
        if not single:
            raise UsageError(f"{one_line(text)} is one file and there are several photographs")
        if to not in (None, wanted):
            raise UsageError(f"--format and --output {one_line(text)} contradict each other")
        return output
    relative = path.with_name(path.stem + suffix)
    if isinstance(output, Path):
        return output / relative
    return Remote(join(output.url, relative.as_posix()), output.stores)
