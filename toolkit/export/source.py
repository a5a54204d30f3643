"""Which checkpoint to export: the one named, the newest finished run's, or the shipped model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableInput, UnusableModel, one_line
from toolkit.export import manifest
from toolkit.export.outside import load_weights
from toolkit.runtime.models import find
from toolkit.training import checkpoint
from toolkit.training.networks import Generator

__all__ = ["RUNS", "Source", "find_source"]

RUNS = Path("runs")

_SHIPPED = (
    Path(__file__).parents[1] / "shipped" / "default" / "checkpoint.safetensors",
    Path(__file__).parents[2] / "exports" / "default" / "checkpoint.safetensors",
)
"""In the wheel; in a checkout."""


@dataclass(frozen=True)
class Source:
    """A checkpoint to export."""

    path: Path
    name: str
    """For the bundle and its files."""
    reason: str = ""
    """Why this one, in a line; empty where the user named it."""
    generator: str = ""
    """What its weights are, where the file does not say: a `state_dict` from elsewhere."""
    header: dict[str, Any] = field(default_factory=dict)
    """What else is known of such weights: see `outside.of_recipe`."""
    strength: float = 1.0
    """Factor of the colours, folded into the artefacts."""

    def load(self) -> tuple[Generator, dict[str, Any]]:
        """The generator in evaluation mode, and the header. Raises `UnusableModel`."""
        if self.generator:
            options = self.header.get("generator", {}).get("options", {})
            return load_weights(self.path, self.generator, self.header, **options)
        generator, header = checkpoint.load_generator(self.path)
        strength = self.strength * float(header.get("strength", 1))
        return generator, {**header, "strength": strength}


def find_source(run: Path | None) -> Source:
    """Find the checkpoint that `run` means.

    Parameters
    ----------
    run : Path or None
        A run folder, a bundle with its checkpoint, or a ``.safetensors`` file. None: the newest
        finished run under ``runs/``, else the shipped model.

    Raises
    ------
    UnusableInput
        If there is none.
    """
    if run is not None:
        return _named(run)
    finished = sorted(filter(_finished, RUNS.glob("*/last.safetensors")), key=_written)
    if finished:
        folder = finished[-1].parent
        return Source(_best(folder), folder.name, f"{folder}, the newest finished run")
    for path in _SHIPPED:
        if path.is_file():
            return Source(path, "default", "the shipped model default (no finished run in runs/)")
    raise UnusableInput(
        "there is no finished run under runs/ and no shipped checkpoint: train one with "
        "`toolkit train`, or name a run folder"
    )


def _named(run: Path) -> Source:
    if run.is_file():
        name = run.parent.name if run.stem in ("best", "last", "checkpoint") else run.stem
        return Source(run, name or "model")
    if not run.is_dir():
        raise UnusableInput(f"{one_line(run)}: no such run folder or checkpoint")
    if (run / manifest.FILE).is_file() and "network" in manifest.read(run):
        shared = find(run)
        return Source(_best(shared.path.parent), run.resolve().name, strength=shared.strength)
    return Source(_best(run), run.resolve().name)


def _best(folder: Path) -> Path:
    for name in ("best", "last", "checkpoint"):
        if (folder / f"{name}.safetensors").is_file():
            return folder / f"{name}.safetensors"
    raise UnusableInput(f"{one_line(folder)}: holds no best.safetensors and no last.safetensors")


def _finished(last: Path) -> bool:
    try:
        return bool(checkpoint.read_header(last).get("finished"))
    except UnusableModel:
        return False


def _written(path: Path) -> float:
    return path.stat().st_mtime
