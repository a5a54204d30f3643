"""`toolkit compare`: runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.terminal import Debug, Json, Quiet, print_json, say, warn

if TYPE_CHECKING:
    from toolkit.training.compare import Run


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    plot: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to draw their curves, as PNG.")
    ] = Path("compare.png"),
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare trainings: what their recipes differ in, how far they came, and their figures.

    Losses are means over the last epoch; gain and colourfulness are those of the best epoch, on
    photographs kept from training. What in RUN... is no run is left out.

    Example:  toolkit compare runs/* --plot sweep.png
    """
    from toolkit.errors import UnusableInput
    from toolkit.requirements import require
    from toolkit.training.compare import differences, draw_comparison, read_run

    require("matplotlib", "train", "drawing curves")
    found, problems = [], []
    for folder in runs:
        try:
            found.append(read_run(folder))
        except UnusableInput as error:
            problems.append(error)
    if not found:
        raise problems[0]
    for problem in problems:
        warn(f"{problem}; left out")
    keys = differences(found)
    draw_comparison(found, plot)
    if as_json:
        print_json([_row(run, keys) for run in found])
    else:
        _print_table(found, keys)
    say(f"curves: {plot}")


def _row(run: Run, keys: list[str]) -> dict[str, object]:
    return {
        "run": run.name,
        "settings": {key: run.settings.get(key) for key in keys},
        "epochs": run.done,
        "of": run.epochs,
        "losses": run.losses,
        "dev": run.best,
    }


def _print_table(runs: list[Run], keys: list[str]) -> None:
    from toolkit.training.compare import loss_names

    names = loss_names(runs)
    lines = [["run", "epochs", *names, "gain dB", "colour"]]
    for run in runs:
        short = "" if run.done >= run.epochs else " stopped"
        losses = (_figure(run.losses.get(name)) for name in names)
        figures = (_figure(run.best.get(name)) for name in ("gain", "colourfulness_ratio"))
        lines.append([run.name, f"{run.done}/{run.epochs}{short}", *losses, *figures])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *rest]))
    if keys:
        print()
    for run in runs if keys else []:
        told = " ".join(f"{key}={run.settings.get(key, '-')}" for key in keys)
        print(f"{run.name.ljust(widths[0])}  {told}")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
