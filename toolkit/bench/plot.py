"""Quality against latency, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from toolkit.bench.models import Row
from toolkit.errors import UnusableInput, UsageError
from toolkit.files import write_bytes
from toolkit.requirements import require

__all__ = ["SUFFIXES", "check_plot", "write_plot"]

SUFFIXES = (".png", ".svg", ".pdf")


def check_plot(path: Path) -> None:
    """Fail before anything is measured if the plot could not be drawn or named so.

    Raises
    ------
    UsageError
        If its suffix is none of `SUFFIXES`.
    MissingRequirement
        If matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path.name}: name a file that ends with {', '.join(SUFFIXES)}")
    require("matplotlib", "train", "--plot")


def write_plot(path: Path, rows: Sequence[Row], threads: int) -> None:
    """Draw each artefact at its median latency and its quality.

    The quality is the gain over gray where photographs were given, else the likeness to the
    trained network that the proof found.

    Raises
    ------
    UnusableInput
        If no artefact has both.
    OutputError
        If it cannot be written.
    """
    from matplotlib.figure import Figure

    measured = any(row.quality for row in rows)
    points = [
        (1e3 * row.threads[threads]["p50_s"], quality, _label(row))
        for row in rows
        if threads in row.threads and (quality := _quality(row, measured)) is not None
    ]
    if not points:
        raise UnusableInput("no quality is known to plot: give colour photographs with --data")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for x, y, label in points:
        axes.plot(x, y, "o", color="#33658a")
        axes.annotate(label, (x, y), xytext=(6, 4), textcoords="offset points", fontsize=8)
    axes.margins(0.25)
    axes.set_xlabel(f"median latency, {threads} threads (ms)")
    axes.set_ylabel("gain over gray (dB)" if measured else "PSNR against the trained network (dB)")
    axes.grid(alpha=0.3)
    stream = BytesIO()
    figure.savefig(stream, format=path.suffix[1:].lower(), dpi=150)
    write_bytes(path, stream.getvalue())


def _quality(row: Row, measured: bool) -> float | None:
    return row.quality.get("gain") if measured else row.candidate.proof.get("psnr")


def _label(row: Row) -> str:
    chosen = row.candidate
    return f"{chosen.format} {chosen.precision} {chosen.contract.boundary}"
