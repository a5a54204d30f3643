"""Runs beside each other: what was different, what came of it, and their curves in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableInput, one_line
from toolkit.files import write_bytes
from toolkit.training.recipe import load_recipe
from toolkit.training.report import read_metrics

__all__ = ["Run", "differences", "draw_comparison", "loss_names", "read_run"]

_TOLD_ELSEWHERE = ("name", "summary", "source", "reproduces", "licence", "model_version")


@dataclass(frozen=True)
class Run:
    """A run folder, read without its weights."""

    name: str
    settings: dict[str, Any]
    """Every value of its recipe by its full key, as ``--set`` takes it."""
    epochs: int
    """That the recipe asks for."""
    rows: list[dict[str, Any]]
    """Of ``metrics.jsonl``, one for each epoch that ended."""

    @property
    def done(self) -> int:
        """Epochs that ended."""
        return self.rows[-1]["epoch"] if self.rows else 0

    @property
    def losses(self) -> dict[str, float]:
        """Means over the last epoch."""
        return self.rows[-1]["train"] if self.rows else {}

    @property
    def best(self) -> dict[str, float]:
        """Figures on `dev` after the best epoch, the one that ``best.safetensors`` holds."""
        return max((row["dev"] for row in self.rows), key=lambda dev: dev["gain"], default={})


def read_run(folder: Path) -> Run:
    """Read a run's recipe and figures.

    Raises
    ------
    UnusableInput
        If it is not a run folder, or its figures cannot be read.
    """
    if not (folder / "recipe.toml").is_file():
        raise UnusableInput(f"{one_line(folder)}: not a run folder: it has no recipe.toml")
    recipe = load_recipe(str(folder / "recipe.toml"))
    try:
        rows = read_metrics(folder)
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{one_line(folder / 'metrics.jsonl')}: {one_line(error)}") from None
    told = {key: value for key, value in asdict(recipe).items() if key not in _TOLD_ELSEWHERE}
    return Run(folder.resolve().name, dict(_flat(told, "")), recipe.epochs, rows)


def differences(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    return [key for key in keys if any(_differs(run, runs[0], key) for run in runs[1:])]


def loss_names(runs: Sequence[Run]) -> list[str]:
    """Losses that any of the runs had, by name."""
    return sorted({name for run in runs for name in run.losses})


def draw_comparison(runs: Sequence[Run], path: Path) -> None:
    """Draw each run's losses and its gain over gray, one line for each run.

    Raises
    ------
    OutputError
        If the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    titles = {"loss": "Loss of the generator", "d": "Loss of the discriminator"}
    shown = [name for name in titles if name in loss_names(runs)]
    figure = Figure(figsize=(4.5 * (len(shown) + 1), 4.2), layout="constrained")
    *panels, gain = figure.subplots(1, len(shown) + 1, squeeze=False)[0]
    for run in runs:
        epochs = [row["epoch"] for row in run.rows]
        marker = "o" if len(epochs) == 1 else ""
        for name, axes in zip(shown, panels, strict=True):
            values = [row["train"].get(name) for row in run.rows]
            axes.plot(epochs, values, label=run.name, marker=marker)
        values = [row["dev"]["gain"] for row in run.rows]
        gain.plot(epochs, values, label=run.name, marker=marker)
    for name, axes in zip(shown, panels, strict=True):
        # A rate that is far too high leaves losses twenty times as large.
        axes.set(xlabel="epoch", ylabel="loss", title=titles[name], yscale="log")
    gain.axhline(0, color="gray", linewidth=0.8)
    gain.set(xlabel="epoch", ylabel="dB", title="PSNR over the gray photograph (dev)")
    for axes in (*panels, gain):
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    gain.legend(frameon=False)
    stream = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png")
    write_bytes(path, stream.getvalue())


def _differs(run: Run, other: Run, key: str) -> bool:
    return run.settings.get(key) != other.settings.get(key)


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested tables and lists, by their keys joined with dots."""
    if isinstance(value, dict) and (value or not key):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from _flat(inner, f"{key}.{i}")
    else:
        yield key, value
