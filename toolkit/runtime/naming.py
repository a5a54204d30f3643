"""Where each coloured photograph goes: beside it, into a folder, never over anything given."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError, one_line, os_reason
from toolkit.runtime.formats import Format, by_suffix
from toolkit.runtime.photo import find_photos, no_photographs

if TYPE_CHECKING:
    from toolkit.runtime.remote import Place

__all__ = ["SUFFIX", "Task", "is_address", "plan"]

SUFFIX = "-color"
_LONGEST = 255
"""Bytes of a name that the common file systems hold."""


@dataclass(frozen=True)
class Task:
    """One photograph to be coloured."""

    source: Place
    target: Place
    format: Format | None
    """What the result is written as; None: as the photograph."""


def plan(paths: Iterable[Path], output: Path | None, to: Format | None) -> list[Task]:
    """What is read and what is written, for all that a user named.

    Parameters
    ----------
    paths : iterable of Path
        Files, folders and addresses (``s3://bucket/scans``, also as a Path makes them, ``s3:/``).
    output : Path, optional
        A file (for one photograph) or a folder. It is a folder if it is one, if it ends with a
        separator, or if its suffix is that of no picture format.
    to : Format, optional
        By default each result has the format of its photograph.

    Returns
    -------
    tasks : list of Task
        No two with the same target, and no target that is a source: names that would meet get
        a number.

    Raises
    ------
    UnusableInput
        If a folder has no photographs.
    UsageError
        If `output` names one file and there are several photographs, its suffix and `to`
        contradict each other, it is the photograph itself, or a name is too long.
    """
    paths = list(paths)
    if any(is_address(path) for path in [*paths, *([output] if output else [])]):
        from toolkit.runtime import remote  # what it stands on comes with an extra

        return remote.plan(paths, output, to)
    try:
        return _plan(paths, output, to)
    except OSError as error:  # a name that is too long to ask for
        raise UsageError(f"{one_line(error.filename)}: {os_reason(error)}") from error


def is_folder(output: Path) -> bool:
    """Whether an output path means a folder."""
    return output.is_dir() or by_suffix(output.suffix) is None


def is_address(path: Path) -> bool:
    """Whether a path is an address, as a Path makes it: ``s3:/bucket/a.jpg``."""
    head, separator, _ = path.as_posix().partition(":/")
    return bool(separator) and len(head) > 1 and head.isalnum() and not path.exists()


def _plan(paths: Iterable[Path], output: Path | None, to: Format | None) -> list[Task]:
    pairs = [pair for path in paths for pair in _expand(path, output, to)]
    if output is not None and not is_folder(output):
        return [_into_file(pairs, output, to)]
    sources = {_key(source) for source, _ in pairs}
    taken: set[Path] = set()
    tasks = []
    for source, target in pairs:
        free = _free(target, sources | taken)
        taken.add(_key(free))
        tasks.append(Task(source, free, to))
    return tasks


def _expand(path: Path, output: Path | None, to: Format | None) -> list[tuple[Path, Path]]:
    """Each photograph of one argument with the target that it asks for."""
    if not path.is_dir():
        folder = path.parent if output is None else output
        return [(path, folder / _name(path, to, beside=output is None))]
    root = path.with_name(path.resolve().name + SUFFIX) if output is None else output
    inside = root.resolve()
    same = inside == path.resolve()
    found = [
        p
        for p in find_photos(path)
        if same or not p.resolve().is_relative_to(inside)  # results of an earlier run
    ]
    if same:
        found = [p for p in found if not _is_result(p)]
    if not found:
        raise no_photographs(path)
    return [(p, root / p.relative_to(path).parent / _name(p, to, beside=same)) for p in found]


def _name(path: Path, to: Format | None, *, beside: bool) -> str:
    suffix = path.suffix if to is None or path.suffix.lower() in to.suffixes else to.suffixes[0]
    return _fitting(path.stem, SUFFIX if beside else "", suffix)


def _fitting(stem: str, mark: str, suffix: str) -> str:
    """The name of these parts, the stem shortened where file systems could not hold it."""
    while stem and len(os.fsencode(f"{stem}{mark}{suffix}")) > _LONGEST:
        stem = stem[:-1]
    return f"{stem}{mark}{suffix}"


def _is_result(path: Path) -> bool:
    """Whether a file lies beside the photograph that it was made from."""
    stem = path.stem
    return stem.endswith(SUFFIX) and path.with_name(stem[: -len(SUFFIX)] + path.suffix).exists()


def _into_file(pairs: list[tuple[Path, Path]], output: Path, to: Format | None) -> Task:
    if len(pairs) != 1:
        raise UsageError(
            f"{one_line(output)} is one file and there are {len(pairs)} photographs: give a "
            "folder with --output"
        )
    wanted = by_suffix(output.suffix)
    if to is not None and to != wanted:
        raise UsageError(
            f"--format {to.name} and --output {one_line(output.name)} contradict each other"
        )
    if _key(output) == _key(pairs[0][0]):
        raise UsageError(f"{one_line(output)}: is the photograph itself, which is never replaced")
    return Task(pairs[0][0], output, wanted)


def _free(target: Path, taken: set[Path]) -> Path:
    if _key(target) not in taken:
        return target
    stem = target.stem if target.stem.endswith(SUFFIX) else target.stem + SUFFIX
    candidate, number = target.with_name(_fitting(stem, "", target.suffix)), 2
    while _key(candidate) in taken:
        candidate = target.with_name(_fitting(stem, f"-{number}", target.suffix))
        number += 1
    return candidate


def _key(path: Path) -> Path:
    """What two names of the same file have in common, also where the file is still to be made."""
    return Path(os.path.realpath(path.parent), path.name) if not path.exists() else path.resolve()
