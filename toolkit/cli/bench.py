"""``toolkit bench``: how fast, how large and how good, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="bench")(_bench)


def _bench(
    model: Annotated[
        str,
        typer.Argument(metavar="[MODEL]", help="A name, a bundle folder or an ONNX file."),
    ] = "default",
    runtime: Annotated[
        bool,
        typer.Option("--runtime", help="Measure `toolkit colorize`: from a file to a file."),
    ] = False,
    training: Annotated[
        bool,
        typer.Option("--training", help="Measure the steps of a training against tutorials' own."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Colour photographs: what the files' colours are worth; with --runtime what is "
            "coloured, with --training what is learned from.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw quality against latency (.png, .svg or .pdf)."),
    ] = None,
    threads: Annotated[
        str, typer.Option("--threads", help="Numbers of threads, separated by commas.")
    ] = "1,2",
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="Side of the network's input.", show_default="its own"),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, help="Calls for the median and the 95th percentile.")
    ] = 20,
    megapixels: Annotated[
        str, typer.Option("--megapixels", help="With --runtime: sizes, separated by commas.")
    ] = "1,12,48,100",
    photographs: Annotated[
        int,
        typer.Option(
            "--photographs", min=1, help="With --runtime and without --data: how many are made."
        ),
    ] = 40,
    peer: Annotated[
        bool, typer.Option("--peer/--no-peer", help="With --runtime: the tutorials' way too.")
    ] = True,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Measure a model's files, the runtime or the training on this machine.

    Example:  toolkit bench exports/mine --data photos/ --plot quality.png

    Each file runs in a process of its own, beside PyTorch eager where torch and the checkpoint
    are there. Leave the machine alone meanwhile: what else runs is in the figures.
    """
    from toolkit.errors import UsageError

    if runtime and training:
        raise UsageError("--runtime and --training are two measurements: choose one")
    if plot is not None and (runtime or training):
        raise UsageError("--plot draws a model's files; leave out --runtime and --training")
    if training:
        _training(data, json)
    elif runtime:
        sizes = _numbers(megapixels, "--megapixels", float)
        _runtime(model, data, sizes, photographs, peer, json)
    else:
        counts = [int(n) for n in _numbers(threads, "--threads", int)]
        _models(model, data, plot, counts, size, repeat, json)


def _models(
    model: str,
    data: Path | None,
    plot: Path | None,
    threads: list[int],
    size: int | None,
    repeat: int,
    json: bool,
) -> None:
    from toolkit.bench.models import bench_models, candidates
    from toolkit.bench.plot import check_plot, write_plot
    from toolkit.bench.table import models_table

    if plot is not None:
        check_plot(plot)
    chosen = candidates(model)
    rows = bench_models(chosen, threads=threads, side=size, repeat=repeat, progress=_doing)
    if data is not None:
        from toolkit.bench.quality import with_quality

        rows = with_quality(rows, data, progress=_doing)
    if json:
        terminal.print_json({"model": model, "files": [row.to_json() for row in rows]})
    else:
        print(models_table(rows))
    if plot is not None:
        write_plot(plot, rows, threads[-1])
        terminal.say(f"plot: {plot}")


def _runtime(
    model: str, data: Path | None, sizes: list[float], photographs: int, peer: bool, json: bool
) -> None:
    from toolkit.bench.runtime import bench_runtime
    from toolkit.bench.table import runtime_table

    found = bench_runtime(
        model, data=data, sizes=sizes, photographs=photographs, peer=peer, progress=_doing
    )
    if json:
        terminal.print_json(found)
    else:
        print(runtime_table(found))


def _training(data: Path | None, json: bool) -> None:
    from toolkit.requirements import require

    require("torch", "train", "--training")
    from toolkit.bench.training import measure_training, training_table

    found = measure_training(data, progress=_doing)
    if json:
        terminal.print_json(found)
    else:
        print(training_table(found))


def _doing(what: str) -> None:
    terminal.say(f"measuring {what}")


def _numbers(text: str, option: str, kind: Any) -> list[float]:
    from toolkit.errors import UsageError, one_line

    try:
        numbers = [kind(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or any(not 0 < n <= 10_000 for n in numbers):
        raise UsageError(f"{option} {one_line(text)}: give numbers like 1,2")
    return numbers
