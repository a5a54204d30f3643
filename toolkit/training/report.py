"""What a run tells: a line of figures for each epoch, curves, sample pictures, the environment."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from toolkit.files import write_bytes, write_text

__all__ = ["draw_curves", "environment", "read_metrics", "write_metrics", "write_samples"]


def read_metrics(run: Path, before_epoch: int | None = None) -> list[dict[str, Any]]:
    """Rows of ``metrics.jsonl``, those of earlier epochs only if `before_epoch` is given."""
    file = run / "metrics.jsonl"
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [row for row in rows if before_epoch is None or row["epoch"] < before_epoch]


def write_metrics(run: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``metrics.jsonl``: a line for each epoch."""
    write_text(run / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def write_samples(run: Path, name: str, sheet: Image.Image) -> None:
    """Save ``samples/NAME.png``: rows of L*, predicted, true."""
    stream = BytesIO()
    sheet.save(stream, "PNG")
    write_bytes(run / "samples" / f"{name}.png", stream.getvalue())


def draw_curves(run: Path, rows: list[dict[str, Any]]) -> None:
    """Draw ``curves.png``: the losses, and the gain over gray on the `dev` photographs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in rows]
    figure = Figure(figsize=(10, 4))
    # Fixed margins: to find them matplotlib would draw everything twice.
    losses, gain = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.13, top=0.91, wspace=0.18)
    for name in rows[0]["train"]:
        losses.plot(epochs, [row["train"][name] for row in rows], label=name)
    losses.set(xlabel="epoch", ylabel="loss", title="Losses in training")
    losses.legend(frameon=False)
    gain.plot(epochs, [row["dev"]["gain"] for row in rows], color="tab:green")
    gain.axhline(0, color="gray", linewidth=0.8)
    gain.set(xlabel="epoch", ylabel="dB", title="PSNR over the gray photograph (dev)")
    for axes in (losses, gain):
        axes.spines[["top", "right"]].set_visible(False)
    stream = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png")
    write_bytes(run / "curves.png", stream.getvalue())


def environment(device: str, precision: str, command: list[str]) -> dict[str, Any]:
    """Versions and machine, for ``environment.json``."""
    packages = ("colorize-toolkit", "torch", "torchvision", "numpy", "pillow", "safetensors")
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": device,
        "precision": precision,
        "packages": versions,
        "command": command,
    }
