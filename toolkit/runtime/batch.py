"""Many photographs: each is done or named; one bad file never stops the rest."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import chain, takewhile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from toolkit.errors import OutputError, ToolkitError, UnusableModel, one_line
from toolkit.files import atomic_write
from toolkit.runtime.colorizer import Colorizer, Source
from toolkit.runtime.encode import QUALITY, encode
from toolkit.runtime.formats import Format
from toolkit.runtime.levels import eight_bits
from toolkit.runtime.naming import Task
from toolkit.runtime.ordered import ordered
from toolkit.runtime.photo import Photo
from toolkit.runtime.sequence import holds, write_sequence

if TYPE_CHECKING:
    from toolkit.runtime.remote import Place
    from toolkit.runtime.report import Report

__all__ = ["DONE", "Made", "Outcome", "Settings", "make", "run"]

DONE = ("done", "unchanged")
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Settings:
    """How results are written."""

    quality: int = QUALITY
    side_by_side: bool = False
    """The photograph and its colours beside each other in one picture."""
    overwrite: bool = False
    skip_existing: bool = False
    resume: bool = False
    """What the report calls done and unchanged is not done again."""


@dataclass(frozen=True)
class Outcome:
    """What became of one photograph."""

    source: Place
    target: Place
    status: str
    """``done``, ``unchanged`` (since an earlier run), ``skipped`` (it exists) or ``failed``."""
    width: int = 0
    height: int = 0
    milliseconds: dict[str, float] = field(default_factory=dict)
    """For each of decode, network and write (colours and encoder, which work together)."""
    notes: tuple[str, ...] = ()
    error: ToolkitError | None = None


@dataclass(frozen=True)
class Made:
    """What `make` made: as in `Outcome`."""

    width: int
    height: int
    milliseconds: dict[str, float]
    notes: tuple[str, ...]


def run(
    tasks: Iterable[Task],
    colorizer: Colorizer,
    settings: Settings,
    *,
    jobs: int = 1,
    report: Report | None = None,
    stop: Event | None = None,
) -> Iterator[Outcome]:
    """Colour the photographs of `tasks`, `jobs` at a time, and tell of each in their order.

    Parameters
    ----------
    tasks : iterable of Task
    colorizer : Colorizer
    settings : Settings
    jobs : int
    report : Report, optional
        Gets each outcome, and knows those of earlier runs.
    stop : Event, optional
        Once it is set, what has begun is finished and nothing more is begun.

    Raises
    ------
    UnusableModel
        If the model fails: the next photograph would fare no better.
    OutputError
        If the disk is full or the report cannot be written; what is done stays.
    """

    def one(task: Task) -> Outcome:
        try:
            return _one(task, colorizer, settings, report)
        except UnusableModel:
            raise
        except ToolkitError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
                raise
            return Outcome(task.source, task.target, "failed", error=error)

    going = tasks if stop is None else takewhile(lambda _: not stop.is_set(), tasks)
    for outcome in ordered(one, going, jobs):
        if report is not None:
            report.add(outcome)
        yield outcome


def _one(task: Task, colorizer: Colorizer, settings: Settings, report: Report | None) -> Outcome:
    if settings.resume and report is not None and report.is_done(task):
        return Outcome(task.source, task.target, "unchanged")
    ours = settings.resume and report is not None and report.knows(task)
    replace = settings.overwrite or ours
    if task.target.exists() and not replace:
        if settings.skip_existing:
            return Outcome(task.source, task.target, "skipped")
        raise OutputError(
            f"{one_line(task.target)}: exists; use --overwrite, --skip-existing or --output"
        )
    source = task.source if isinstance(task.source, Path) else task.source.read()

    def opened() -> AbstractContextManager[BinaryIO]:
        if isinstance(task.target, Path):
            return atomic_write(task.target, overwrite=replace)
        return task.target.writing(overwrite=replace)

    made = make(source, opened, colorizer, settings, task.format)
    return Outcome(
        task.source, task.target, "done", made.width, made.height, made.milliseconds, made.notes
    )


def make(
    source: Source,
    opened: Callable[[], AbstractContextManager[BinaryIO]],
    colorizer: Colorizer,
    settings: Settings,
    to: Format | None = None,
) -> Made:
    """Colour one file, all its pages, into another.

    Parameters
    ----------
    source : path or bytes
    opened : callable
        Opens the result for writing; called when the photograph has been read and understood.
    colorizer : Colorizer
    settings : Settings
    to : Format, optional
        By default that of the photograph.

    Raises
    ------
    UnusableInput
        If the photograph cannot be read.
    UnusableModel
        If the model fails on it.
    OutputError
        If the result cannot be written.
    """
    started = time.perf_counter()
    with closing(colorizer.read_pages(source)) as pages:
        photo = next(pages)
        decoded = time.perf_counter()
        ab = None if photo.rgb is not None else colorizer.predict(photo.gray)
        predicted = time.perf_counter()
        to = to or photo.kept.format
        with opened() as stream:
            if settings.side_by_side:
                image = _side_by_side(photo, colorizer.render(photo, ab))
                encode(image, stream, to, photo.kept, settings.quality)
            elif holds(to, photo):
                write_sequence(stream, chain([photo], pages), colorizer, to, settings.quality)
            else:
                colorizer.write(photo, stream, to, quality=settings.quality, ab=ab)
    times = np.diff([started, decoded, predicted, time.perf_counter()]) * 1e3
    laps = dict(zip(("decode", "network", "write"), times.round(2).tolist(), strict=True))
    notes = photo.kept.notes
    if photo.kept.pages > 1 and (settings.side_by_side or not holds(to, photo)):
        several = f"{photo.kept.pages} {photo.kept.format.sequence}"
        notes += (f"it has {several}, of which the first is coloured",)
    height, width = photo.gray.shape
    return Made(width, height, laps, notes)


def _side_by_side(photo: Photo, image: Image.Image) -> Image.Image:
    gray = Image.fromarray(eight_bits(photo.gray))
    both = Image.new("RGB", (2 * image.width, image.height))
    both.paste(gray.convert("RGB"), (0, 0))
    both.paste(image.convert("RGB"), (image.width, 0))
    return both
