"""``toolkit batch``: millions of photographs, on a cluster and in object stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import colouring, terminal

if TYPE_CHECKING:
    from toolkit.scale.report import Report
    from toolkit.scale.run_folder import RunFolder
    from toolkit.scale.worker import Summary


def register(app: typer.Typer) -> None:
    """Add the commands."""
    batch = typer.Typer(
        help="Colour millions of photographs, and say what became of each.", no_args_is_help=True
    )
    batch.command("run")(_run)
    batch.command("report")(_report)
    app.add_typer(batch, name="batch")


def _run(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder or prefix, a manifest (.txt, .csv, .parquet), or tars: 's{0..9}.tar'."
        ),
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DEST", help="A folder or prefix for the results.")
    ],
    model: colouring.Model = "default",
    address: Annotated[
        str | None,
        typer.Option("--address", help="Of a Ray cluster, or auto. By default this machine."),
    ] = None,
    actors: Annotated[
        int | None, typer.Option("--actors", min=1, help="By default as many as fit.")
    ] = None,
    cpus_per_actor: Annotated[
        int, typer.Option("--cpus-per-actor", min=1, help="CPUs and threads of each.")
    ] = 1,
    memory_per_actor: Annotated[
        float | None,
        typer.Option("--memory-per-actor", min=0, help="GB. By default an even share."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do what has no row yet, and nothing twice.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: what failed, too.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace results that exist, also another job's."),
    ] = False,
    layout: Annotated[
        str, typer.Option("--layout", help="tree: a file for each photograph; or shards: tars.")
    ] = "tree",
    column: Annotated[
        str, typer.Option("--column", help="Of paths, in a CSV or Parquet manifest.")
    ] = "path",
    format: colouring.Format = None,
    quality: colouring.Quality = 92,
    strength: colouring.Strength = 1.0,
    size: colouring.Size = None,
    upsample: colouring.Upsample = None,
    tta: colouring.Tta = False,
    keep_original_color: colouring.KeepOriginalColor = "auto",
    max_megapixels: colouring.MaxMegapixels = 250.0,
    part: Annotated[
        int, typer.Option("--part", min=1, help="Photographs whose rows are one file.")
    ] = 64,
    retries: Annotated[
        int, typer.Option("--retries", min=0, help="Of an operation on a store that fails.")
    ] = 5,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Colour what a source names, and write a row of Parquet for each input.

    Example:  toolkit batch run s3://scans/1900/ s3://coloured/1900/ --resume

    Killed at any moment and started again with --resume, it does what is missing. The rows are
    in DEST/_toolkit/; toolkit batch report DEST sums them up.
    """
    _require("pyarrow", "ray", "fsspec")
    from toolkit.errors import UsageError, one_of
    from toolkit.runtime.formats import by_name
    from toolkit.scale.batch import Choices, job_of, run
    from toolkit.scale.job import LAYOUTS

    if layout not in LAYOUTS:
        raise one_of("layout", layout, LAYOUTS)
    if retry_failed and not resume:
        raise UsageError("--retry-failed goes with --resume")
    job, weights = job_of(
        model,
        strength=strength,
        size=size,
        upsample=upsample,
        tta=tta,
        keep_original_color=keep_original_color,
        format=by_name(format).name if format else None,
        quality=quality,
        layout=layout,
    )
    choices = Choices(
        address=address,
        actors=actors,
        cpus_per_actor=cpus_per_actor,
        memory_per_actor=None if memory_per_actor is None else int(memory_per_actor * 1e9),
        resume=resume,
        retry_failed=retry_failed,
        overwrite=overwrite,
        part=part,
        column=column,
        retries=retries,
        max_megapixels=max_megapixels,
    )
    with _interruptible():
        folder = run(
            source, destination, job, weights, choices, tell=terminal.say, progress=_Progress()
        )
    _end(folder, json)


def _report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The DEST of toolkit batch run.")],
    failed: Annotated[
        bool, typer.Option("--failed", help="Print the inputs that failed: a manifest to retry.")
    ] = False,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Sum up the rows of a job: totals, throughput, percentiles, failures by kind.

    Example:  toolkit batch report s3://coloured/1900/
    """
    _require("pyarrow", "fsspec")
    from toolkit.runtime.stores import Stores
    from toolkit.scale.report import failed as failures
    from toolkit.scale.report import summarise
    from toolkit.scale.run_folder import RunFolder

    folder = RunFolder.of(run, Stores())
    if failed:
        rows = list(failures(folder))
        if json:
            keys = ("input", "unit", "kind", "message")
            terminal.print_json([{key: getattr(row, key) for key in keys} for row in rows])
        for unit in dict.fromkeys(row.unit for row in rows) if not json else ():
            print(unit)
        return
    _print(summarise(folder), json)


def _end(folder: RunFolder, json: bool) -> None:
    from toolkit.errors import SomeFilesFailed
    from toolkit.scale.report import summarise

    report = summarise(folder)
    _print(report, json)
    bad = report.status.get("failed", 0)
    if bad:
        raise SomeFilesFailed(
            f"{bad} of {report.inputs} photographs failed, the others are done; "
            "toolkit batch report DEST --failed lists them"
        )


def _print(report: Report, json: bool) -> None:
    if json:
        speed = report.photographs_per_second
        terminal.print_json({**asdict(report), "photographs_per_second": speed})
        return
    told = ", ".join(f"{count} {status}" for status, count in sorted(report.status.items()))
    print(f"inputs      {report.inputs}: {told or 'none'}")
    print(
        f"throughput  {report.photographs_per_second:.1f} photographs a second, "
        f"{report.megapixels:.1f} megapixels in {report.seconds:.1f} s; "
        f"start-up {report.startup_seconds:.1f} s, {len(report.runs)} runs"
    )
    for stage, times in report.milliseconds.items():
        print(f"{stage:<11} p50 {times['p50']:.1f} ms, p99 {times['p99']:.1f} ms")
    for kind, count in report.kinds.items():
        print(f"failed      {count} {kind}")


def _require(*modules: str) -> None:
    import toolkit.scale  # sets what Ray reads when it is imported  # noqa: F401
    from toolkit.requirements import require

    for module in modules:
        require(module, "scale", "toolkit batch")


class _Progress:
    """Says now and then how far the job is."""

    def __init__(self) -> None:
        self._inputs, self._failed, self._next = 0, 0, 0.0

    def __call__(self, summary: Summary) -> None:
        import time

        self._inputs += summary.inputs
        self._failed += summary.failed
        if time.monotonic() >= self._next:
            terminal.say(f"{self._inputs:,} photographs, {self._failed:,} of them failed")
            self._next = time.monotonic() + 10


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn Ctrl-C into one line that says how to go on."""
    from toolkit.errors import Interrupted

    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted; what is done is kept, go on with the same command and --resume"
        ) from None
