"""Many photographs: each is done or named; one bad file never stops the rest."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, takewhile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from toolkit.errors import OutputError, ToolkitError, UnusableModel, one_line
from toolkit.files import atomic_write
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.encode import QUALITY, encode
from toolkit.runtime.formats import by_name
from toolkit.runtime.levels import eight_bits
from toolkit.runtime.naming import Task
from toolkit.runtime.ordered import ordered
from toolkit.runtime.photo import Photo

if TYPE_CHECKING:
    from toolkit.runtime.report import Report

__all__ = ["DONE", "Outcome", "Settings", "run"]

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

    source: Path
    target: Path
    status: str
    """``done``, ``unchanged`` (since an earlier run), ``skipped`` (it exists) or ``failed``."""
    width: int = 0
    height: int = 0
    milliseconds: dict[str, float] = field(default_factory=dict)
    """For each of decode, network and write (colours and encoder, which work together)."""
    notes: tuple[str, ...] = ()
    error: ToolkitError | None = None


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
    started = time.perf_counter()
    with closing(colorizer.read_pages(task.source)) as pages:
        photo = next(pages)
        decoded = time.perf_counter()
        ab = None if photo.rgb is not None else colorizer.predict(photo.gray)
        predicted = time.perf_counter()
        to = task.format or photo.kept.format
        with atomic_write(task.target, overwrite=replace) as stream:
            if settings.side_by_side:
                image = _side_by_side(photo, colorizer.render(photo, ab))
                encode(image, stream, to, photo.kept, settings.quality)
            elif photo.kept.pages > 1 and to.name == "tiff":
                _write_pages(stream, chain([photo], pages), colorizer)
            else:
                colorizer.write(photo, stream, to, quality=settings.quality, ab=ab)
    times = np.diff([started, decoded, predicted, time.perf_counter()]) * 1e3
    laps = dict(zip(("decode", "network", "write"), times.round(2).tolist(), strict=True))
    notes = photo.kept.notes
    if photo.kept.pages > 1 and to.name != "tiff":
        notes += (f"it has {photo.kept.pages} pages, of which {to.name} holds the first",)
    height, width = photo.gray.shape
    return Outcome(task.source, task.target, "done", width, height, laps, notes)


def _write_pages(stream: BinaryIO, pages: Iterable[Photo], colorizer: Colorizer) -> None:
    with AppendingTiffWriter(stream) as writer:
        for page in pages:
            colorizer.write(page, writer, by_name("tiff"))
            writer.newFrame()


def _side_by_side(photo: Photo, image: Image.Image) -> Image.Image:
    gray = Image.fromarray(eight_bits(photo.gray))
    both = Image.new("RGB", (2 * image.width, image.height))
    both.paste(gray.convert("RGB"), (0, 0))
    both.paste(image.convert("RGB"), (image.width, 0))
    return both
