"""`toolkit evaluate`: how well a model colours a folder of photographs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import terminal

if TYPE_CHECKING:
    from toolkit.evaluation.protocol import Colorize, Evaluation
    from toolkit.evaluation.robustness import Robustness
    from toolkit.runtime.colorizer import Colorizer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's name, a bundle, or an ONNX file.")
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DIR", help="A folder of colour photographs, with all its folders."),
    ],
    contact_sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a picture of gray, ours and truth, sorted by error (.png or .jpg).",
            show_default=False,
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Also measure how the colours change with size, grain, fading, sepia, JPEG.",
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many, evenly over the folder.", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Photographs at a time.", show_default="all processors"
        ),
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0, max=2, help="Factor of the colours, as in colorize.")
    ] = 1.0,
    size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Short side that the network sees, as in colorize.", show_default=False
        ),
    ] = None,
    verbose: terminal.Verbose = False,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Measure how well a model colours photographs whose colours are known.

    Each photograph's own gray is coloured and compared with the truth, always in the same way,
    which is printed with the figures.

    Example:  toolkit evaluate default --data photos/val --contact-sheet sheet.jpg
    """
    from toolkit.evaluation import contact_sheet as sheets
    from toolkit.evaluation import protocol, table
    from toolkit.runtime.colorizer import Colorizer
    from toolkit.runtime.threads import available_threads

    if contact_sheet is not None:
        sheets.check_suffix(contact_sheet)
    photos = _photos(data, limit)
    jobs = jobs or available_threads()
    make = partial(Colorizer, model, strength=strength, threads=max(1, available_threads() // jobs))
    colorizer = make(size=size)
    with _progress(len(photos), "measuring") as step:
        evaluation = protocol.evaluate(
            _pixels(colorizer),
            photos,
            root=data,
            jobs=jobs,
            settings=_settings(strength, size),
            on_photo=step,
        )
    for left in evaluation.left_out:
        (terminal.warn if left.unreadable else terminal.detail)(f"{left.reason}; left out")
    steadiness = _robustness(colorizer, make, evaluation, jobs) if robustness else None

    if json:
        extra = {"robustness": steadiness.to_json()} if steadiness else {}
        terminal.print_json({"model": model, **evaluation.to_json(), **extra})
    else:
        print(table.table(evaluation, model))
        if steadiness:
            print("", table.robustness_table(steadiness), sep="\n")
    if contact_sheet is not None:
        with _progress(min(len(evaluation.rows), sheets.MOST), "drawing") as step:
            sheets.write_contact_sheet(
                contact_sheet, _pixels(colorizer), evaluation, heading=model, on_photo=step
            )
        terminal.say(f"contact sheet: {contact_sheet}")
    _fail_if_unreadable(evaluation)


def _pixels(colorizer: Colorizer) -> Colorize:
    """The colorizer as the protocol wants it: from 8-bit gray to 8-bit sRGB."""
    import numpy as np

    return lambda gray: np.asarray(colorizer.colorize(gray), np.uint8)


def _photos(data: Path, limit: int | None) -> list[Path]:
    """The photographs of a folder; of more than `limit` as many, evenly over their order."""
    from toolkit.runtime.photo import find_photos, no_photographs

    photos = find_photos(data)
    if not photos:
        raise no_photographs(data)
    if limit is None or len(photos) <= limit:
        return photos
    return [photos[k * len(photos) // limit] for k in range(limit)]


def _settings(strength: float, size: int | None) -> str:
    from toolkit.evaluation.protocol import DEFAULTS

    changed = [f"strength {strength:g}"] if strength != 1 else []
    changed += [f"size {size}"] if size is not None else []
    return ", ".join(changed) or DEFAULTS


def _robustness(
    colorizer: Colorizer, make: Callable[..., Colorizer], evaluation: Evaluation, jobs: int
) -> Robustness:
    from toolkit.contract import FlexibleSize
    from toolkit.evaluation import robustness

    legal = colorizer.contract.size
    at_side = {
        side: _pixels(make(size=side))
        for side in robustness.SIDES
        if isinstance(legal, FlexibleSize) and legal.minimum <= side <= legal.maximum
    }
    for side in sorted(set(robustness.SIDES) - set(at_side)):
        terminal.say(f"robustness: the model does not run at a side of {side}; not measured there")
    with _progress(len(evaluation.rows), "robustness") as step:
        return robustness.robustness(
            _pixels(colorizer),
            [row.path for row in evaluation.rows],
            at_side=at_side,
            jobs=jobs,
            on_photo=step,
        )


def _fail_if_unreadable(evaluation: Evaluation) -> None:
    from toolkit.errors import SomeFilesFailed

    unreadable = [left.photo for left in evaluation.left_out if left.unreadable]
    if unreadable:
        names = ", ".join(unreadable[:3]) + (", ..." if len(unreadable) > 3 else "")
        raise SomeFilesFailed(
            f"{len(unreadable)} of {len(unreadable) + len(evaluation.rows)} photographs could not "
            f"be read: {names}; the figures are of the others"
        )


@contextmanager
def _progress(length: int, label: str) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal; elsewhere nothing."""
    if not terminal.shows_progress():
        yield lambda: None
        return
    with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda: bar.update(1)
