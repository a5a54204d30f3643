"""What can be exported: every generator of the recipes, in every format, boundary and precision.

The weights are random and the tutorials' U-Nets are narrow, so that the table takes minutes: it
shows that the operations of a network survive, and how exactly. A cell is a whole export with its
proof; what is refused is refused by the same error that a user would see.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toolkit.errors import MissingRequirement, ToolkitError, one_line
from toolkit.export.bundle import Settings, export
from toolkit.export.formats import FORMATS
from toolkit.export.request import Request
from toolkit.export.source import Source
from toolkit.training.checkpoint import save_checkpoint, weights
from toolkit.training.networks import build_generator
from toolkit.training.recipe import load_recipe, recipe_names

__all__ = ["Cell", "Column", "columns", "fill", "render"]

NARROW: dict[str, dict[str, Any]] = {
    name: {"filters": 4} for name in ("unet_256", "unet_flat", "unet_instance", "unet_layers")
}
"""Options in place of the recipes'."""

_SIDE = 64
"""At which generators of free size are used."""

Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Column:
    """A generator that recipes train."""

    generator: str
    options: Options
    task: str
    recipes: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """What became of one export."""

    column: Column
    request: Request
    status: str
    """``proven``, ``refused`` or ``missing``."""
    detail: str
    """The figure, or the reason."""


def columns() -> list[Column]:
    """Each generator of the recipes once, with the recipes that train it."""
    found: dict[tuple[str, Options, str], list[str]] = {}
    for name in recipe_names():
        recipe = load_recipe(name)
        options = {**recipe.generator.options, **NARROW.get(recipe.generator.name, {})}
        key = recipe.generator.name, tuple(sorted(options.items())), recipe.task
        found.setdefault(key, []).append(name)
    return [Column(*key, recipes=tuple(names)) for key, names in found.items()]


def fill(
    column: Column, calibrate: Path | None, tell: Callable[[str], None] = lambda line: None
) -> list[Cell]:
    """Export one generator in every way that a format has, and some that it has not."""
    with tempfile.TemporaryDirectory(prefix="toolkit-table-") as name:
        folder = Path(name)
        source = Source(_checkpoint(folder, column), column.generator)
        cells = []
        for request in _requests():
            tell(f"{column.generator}: {_title(request)}")
            cells.append(_cell(column, source, request, folder / "out", calibrate))
        return cells


def render(cells: list[Cell]) -> str:
    """The table in Markdown, with the reasons of refusals below."""
    heads = list(dict.fromkeys(cell.column for cell in cells))
    found = {(cell.request, cell.column): cell for cell in cells}
    reasons: dict[str, int] = {}

    def show(cell: Cell) -> str:
        if cell.status == "proven":
            return cell.detail
        number = reasons.setdefault(cell.detail, len(reasons) + 1)
        return f"{cell.status} [{number}]"

    lines = [
        f"| | {' | '.join(_head(h) for h in heads)} |",
        f"|---|{'---|' * len(heads)}",
    ]
    for request in dict.fromkeys(cell.request for cell in cells):
        row = " | ".join(show(found[request, head]) for head in heads)
        lines.append(f"| {_title(request)} | {row} |")
    lines += ["", *(f"- {_head(h)}: {', '.join(h.recipes)}" for h in heads)]
    lines += ["", *(f"{number}. {reason}" for reason, number in reasons.items())]
    return "\n".join(lines)


def _requests() -> list[Request]:
    """Every format at both boundaries in each of its precisions, also where it has no such."""
    found = []
    for form in FORMATS.values():
        for boundary in ("tensor", "image"):
            side = min(form.picture_sides) if boundary == "image" and form.picture_sides else None
            precisions = form.tolerances.get(boundary, form.precisions[:1])
            found += [Request(form.name, one, boundary, side) for one in precisions]
    return found


def _cell(
    column: Column, source: Source, request: Request, out: Path, calibrate: Path | None
) -> Cell:
    form = FORMATS[request.format]
    calibrated = request.precision in form.calibrated
    try:
        form.require(form.write_needs, form.title)
        if request.boundary not in form.tolerances:
            return Cell(column, request, "refused", f"{form.name} has no image boundary")
        if calibrated and calibrate is None:
            return Cell(column, request, "missing", "needs --calibrate FOLDER")
        settings = Settings(calibrate=calibrate if calibrated else None, overwrite=True)
        made = export(source, [request], out, settings)
    except MissingRequirement as error:
        return Cell(column, request, "missing", one_line(error))
    except ToolkitError as error:
        return Cell(column, request, "refused", one_line(error).removesuffix("; nothing written"))
    (entry,) = made["files"].values()
    figures = entry["proof"]["figures"].values()
    worst = max(f["max_error"] for f in figures)
    colour = max(f["mean_ciede2000"] for f in figures)
    return Cell(column, request, "proven", f"{worst:.1g} ({colour:.1g})")


def _checkpoint(folder: Path, column: Column) -> Path:
    """A generator with random weights, whose norms have seen something, as a run's checkpoint."""
    torch.manual_seed(0)
    generator = build_generator(column.generator, **dict(column.options)).eval()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.2)
    unit = {"given_mean": [0.5] * 3, "given_std": [0.5] * 3}
    header = {
        "generator": {"name": column.generator, "options": dict(column.options)},
        "task": column.task,
        "preferred_size": _SIDE,
        "scaling": {**unit, "true_mean": [0.5] * 3, "true_std": [0.5] * 3},
        "finished": True,
    }
    path = folder / "best.safetensors"
    save_checkpoint(path, weights(generator, "generator"), header)
    return path


def _title(request: Request) -> str:
    words = [request.format, request.precision, request.boundary]
    return ":".join([*words, str(request.side)] if request.side else words)


def _head(column: Column) -> str:
    options = ", ".join(f"{k}={v}" for k, v in column.options if k not in ("dropout", "encoder"))
    task = "" if column.task == "colorize" else f" ({column.task})"
    return f"{column.generator}{task}{f' {options}' if options else ''}"
