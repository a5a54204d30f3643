"""Which photographs of a long list are this run's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import TypeVar

from toolkit.errors import UnusableInput, UsageError, one_line, os_reason
from toolkit.runtime.formats import SUFFIXES
from toolkit.runtime.naming import is_address

__all__ = ["expand", "read_manifest", "shard"]

T = TypeVar("T")


def expand(paths: Iterable[Path]) -> list[Path]:
    """Replace patterns like ``scans/*.jpg`` by what they match, as a Unix shell does.

    Windows' shells hand patterns over as they are; ``**`` goes through folders at any depth. A
    path that exists under this very name is no pattern. Of what matches, folders and files with
    a picture's suffix are taken.

    Raises
    ------
    UnusableInput
        If a pattern matches none.
    """
    found: list[Path] = []
    for path in paths:
        text = str(path)
        if not has_magic(text) or is_address(path) or path.exists():
            found.append(path)
            continue
        # Path.glob takes no absolute patterns.
        matches = [Path(name) for name in sorted(glob(text, recursive=True))]  # noqa: PTH207
        matches = [p for p in matches if p.is_dir() or p.suffix.lower() in SUFFIXES]
        if not matches:
            raise UnusableInput(f"{one_line(path)}: no photograph matches this pattern")
        found += matches
    return found


def read_manifest(path: Path) -> list[Path]:
    """The paths that a text file names, one on each line; empty lines are passed over.

    Raises
    ------
    UnusableInput
        If it cannot be read or names nothing.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UnusableInput(f"{one_line(path)}: cannot be read: {os_reason(error)}") from error
    paths = [Path(line) for line in text.splitlines() if line.strip()]
    if not paths:
        raise UnusableInput(f"{one_line(path)}: names no photographs")
    return paths


def shard(items: Sequence[T], part: str) -> list[T]:
    """Every N-th item from the i-th on, for `part` ``i/N``, i from 1 to N.

    The N parts of one list have nothing in common and together are the list.

    Raises
    ------
    UsageError
        If `part` has another form.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", part)
    index, count = (int(v) for v in match.groups()) if match else (0, 0)
    if not 1 <= index <= count:
        raise UsageError(f"--shard {one_line(part)}: give i/N, i from 1 to N, like 2/8")
    return list(items[index - 1 :: count])
