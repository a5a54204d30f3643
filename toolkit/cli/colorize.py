"""``toolkit colorize``: photographs and folders of them."""

from __future__ import annotations

import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO, TextIOWrapper
from itertools import chain
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import colouring, terminal

if TYPE_CHECKING:
    from toolkit.runtime.batch import Outcome, Settings
    from toolkit.runtime.colorizer import Colorizer
    from toolkit.runtime.formats import Format
    from toolkit.runtime.naming import Task
    from toolkit.runtime.session import Network

STANDARD = Path("-")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="colorize")(_colorize)


def _colorize(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...",
            help="Photographs, folders, patterns like 'scans/*.jpg'; - for stdin to stdout.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file, or a folder that keeps the input's tree."),
    ] = None,
    model: colouring.Model = "default",
    format: colouring.Format = None,
    quality: colouring.Quality = 92,
    strength: colouring.Strength = 1.0,
    size: colouring.Size = None,
    upsample: colouring.Upsample = None,
    tta: colouring.Tta = False,
    restore: Annotated[
        str | None,
        typer.Option("--restore", help="A model that sharpens the light first: recipe srcnn."),
    ] = None,
    noise: Annotated[
        int | None,
        typer.Option(
            "--noise",
            metavar="N",
            min=1,
            help="N colourings of each, dropout on as in pix2pix; --model is a run. Needs PyTorch.",
            show_default=False,
        ),
    ] = None,
    keep_original_color: colouring.KeepOriginalColor = "auto",
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Gray and colour in one picture.")
    ] = False,
    contact_sheet: Annotated[
        Path | None, typer.Option("--contact-sheet", help="A picture that shows all, small.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave results that exist as they are.")
    ] = False,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="A file with one path on each line.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", help="i/N: the i-th of N parts of the list.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Add a line of JSON for each photograph to this file."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Pass over what --report calls done and unchanged.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be read and written.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for photographs that drop into the folder.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Photographs at a time.")] = 1,
    max_megapixels: colouring.MaxMegapixels = 250.0,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    verbose: terminal.Verbose = False,
    debug: terminal.Debug = False,
) -> None:
    """Colour black-and-white photographs.

    \b
    Examples:
      toolkit colorize grandma.jpg              writes grandma-color.jpg beside it
      toolkit colorize scans/ -o coloured/      a folder, in the same tree
      toolkit colorize 'scans/*.tif' -m vivid   stronger colours
      toolkit colorize archive/ -o coloured/ -j 2 --report done.jsonl --resume
      toolkit colorize - < old.jpg > new.jpg

    Nothing that exists is replaced unless you say --overwrite, and no photograph that you give
    ever is. Without --output a folder's results go to a folder beside it. Size, light, EXIF,
    resolution, 16 bits, pages and frames stay as they are; the result is in sRGB. One bad file is
    named and the others are done.

    Names that begin with - go after --. Addresses like s3://bucket/scans/ go in and out too, with
    the extra scale; HEIC and 48-bit scans with the extra images.

    Ends with 0 if all is done, 3 if some files failed, 4 if nothing could be read, 7 if the model
    cannot be used, 8 if the result cannot be written.
    """
    from toolkit.cli.noise import networks, numbered
    from toolkit.errors import UsageError
    from toolkit.runtime.batch import Settings, run
    from toolkit.runtime.colorizer import Colorizer
    from toolkit.runtime.formats import by_name
    from toolkit.runtime.naming import plan
    from toolkit.runtime.report import Report
    from toolkit.runtime.selection import expand, read_manifest
    from toolkit.runtime.selection import shard as part_of
    from toolkit.runtime.threads import available_threads

    # What is wrong with a photograph is told in our own words; its name may be no UTF-8.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    inputs = [*expand(paths or []), *(read_manifest(manifest) if manifest else [])]
    to = by_name(format) if format else None
    _check(inputs, watch=watch, resume=resume, report=report, contact_sheet=contact_sheet)
    if noise and (watch or report or STANDARD in inputs):
        raise UsageError("--noise goes with no --watch, no --report and no standard input")

    def colorizer(network: str | Network = model) -> Colorizer:
        return Colorizer(
            network,
            strength=strength,
            size=size,
            upsample=upsample,
            tta=tta,
            restore=restore,
            keep_original_color=keep_original_color,
            threads=max(1, available_threads() // jobs),
            max_megapixels=max_megapixels,
        )

    if inputs == [STANDARD]:
        _through(colorizer(), output, to, Settings(quality, side_by_side))
        return
    if STANDARD in inputs:
        raise UsageError("- is standard input and stands alone; for a file of this name give ./-")

    def tasks() -> list[Task]:
        found = plan(inputs, output, to)
        return part_of(found, shard) if shard else found

    def rounds(work: Iterable[Task]) -> list[Iterable[Task]]:
        return [*numbered(work, noise)] if noise else [work]

    if dry_run:
        for task in chain(*rounds(tasks())):
            print(f"{task.source} -> {task.target}")
        return
    settings = Settings(quality, side_by_side, overwrite, skip_existing, resume)
    engines = [colorizer(n) for n in networks(model, noise)] if noise else [colorizer()]
    engine = engines[0]
    weights = (engine.contract.source, engine.contract.precision)
    choices = (strength, size, upsample, tta, keep_original_color, format, quality, side_by_side)
    sharpened = [engine.restorer.source] if engine.restorer else []
    known = Report(report, repr((weights, choices, *sharpened))) if report else None
    with _stopping() as stop:
        work: Iterable[Task] = _watched(tasks, stop) if watch else tasks()
        outcomes = []
        started = time.perf_counter()
        pairs = zip(rounds(work), engines, strict=True)
        done = (
            run(some, engine, settings, jobs=jobs, report=known, stop=stop)
            for some, engine in pairs
        )
        for outcome in _with_progress(chain.from_iterable(done), work, len(engines)):
            outcomes.append(outcome)
            _tell(outcome, json)
        _finish(outcomes, time.perf_counter() - started, json=json, sheet=contact_sheet)
        _raise_failures(outcomes, interrupted=stop.is_set() and not watch)


def _check(
    inputs: list[Path],
    *,
    watch: bool,
    resume: bool,
    report: Path | None,
    contact_sheet: Path | None,
) -> None:
    from toolkit.errors import UsageError
    from toolkit.runtime.formats import by_name

    if not inputs:
        raise UsageError("no photographs are named. Try: toolkit colorize grandma.jpg")
    if resume and report is None:
        raise UsageError("--resume needs --report FILE, which says what is done")
    if watch and not (len(inputs) == 1 and inputs[0].is_dir()):
        raise UsageError("--watch needs one folder")
    if contact_sheet is not None:
        by_name(contact_sheet.suffix or "none")


def _through(
    colorizer: Colorizer, output: Path | None, to: Format | None, settings: Settings
) -> None:
    """One photograph from standard input, to standard output or `output`."""
    from toolkit.files import write_bytes
    from toolkit.runtime.batch import make
    from toolkit.runtime.formats import by_suffix

    stream = BytesIO()
    to = to or (by_suffix(output.suffix) if output else None)
    made = make(sys.stdin.buffer.read(), lambda: nullcontext(stream), colorizer, settings, to)
    for note in made.notes:
        terminal.warn(note)
    if output is not None:
        write_bytes(output, stream.getvalue(), overwrite=False)
    else:
        sys.stdout.buffer.write(stream.getvalue())
        sys.stdout.buffer.flush()


@contextmanager
def _stopping() -> Iterator[Event]:
    """Ctrl-C once: finish what is in hand; twice: stop at once, which harms no file."""
    stop = Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _watched(tasks: Callable[[], list[Task]], stop: Event) -> Iterator[Task]:
    from toolkit.runtime.watch import watch

    terminal.say("waiting for photographs; Ctrl-C ends")
    yield from watch(tasks, stop)


def _with_progress(
    outcomes: Iterator[Outcome], work: Iterable[Task], times: int
) -> Iterator[Outcome]:
    if not terminal.shows_progress() or not isinstance(work, list) or times * len(work) < 2:
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import Progress

    # Paths go above the bar where both are on the terminal, and where they are sent if not.
    both = sys.stdout.isatty()
    with Progress(console=Console(stderr=True), redirect_stdout=both) as progress:
        yield from progress.track(outcomes, times * len(work), description="colouring")


def _tell(outcome: Outcome, json: bool) -> None:
    from toolkit.errors import one_line

    for note in outcome.notes:
        terminal.warn(f"{one_line(outcome.source)}: {note}")
    if outcome.status == "done" and not json:
        print(outcome.target, flush=True)
    stages = ", ".join(f"{name} {value:.0f} ms" for name, value in outcome.milliseconds.items())
    terminal.detail(f"{one_line(outcome.source)}: {outcome.status} {stages}")


def _finish(outcomes: list[Outcome], seconds: float, *, json: bool, sheet: Path | None) -> None:
    from toolkit.runtime.report import as_json

    if json:
        terminal.print_json([as_json(outcome) for outcome in outcomes])
    if len(outcomes) > 1:
        from toolkit.cli.summary import tell

        tell(outcomes, seconds)
    if sheet is not None:
        from toolkit.runtime.contact_sheet import write_contact_sheet
        from toolkit.runtime.formats import by_name

        pairs = [
            (o.source, o.target)
            for o in outcomes
            if o.status == "done" and isinstance(o.source, Path) and isinstance(o.target, Path)
        ]
        write_contact_sheet(sheet, pairs, by_name(sheet.suffix))


def _raise_failures(outcomes: list[Outcome], *, interrupted: bool) -> None:
    from toolkit.errors import Interrupted, SomeFilesFailed

    if interrupted:
        raise Interrupted(
            f"interrupted after {len(outcomes)} photographs, which are whole; go on with the same "
            "command and --skip-existing"
        )
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if not errors:
        return
    if len(outcomes) == 1:
        raise errors[0]
    lines = "\n".join(f"  {error}" for error in errors)
    kinds = {type(error) for error in errors}
    if len(errors) == len(outcomes) and len(kinds) == 1:
        raise kinds.pop()(f"all {len(errors)} photographs failed:\n{lines}")
    raise SomeFilesFailed(
        f"{len(errors)} of {len(outcomes)} photographs failed, the others are done:\n{lines}"
    )
