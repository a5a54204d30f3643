"""An evaluation as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

from toolkit.evaluation.protocol import Evaluation
from toolkit.evaluation.robustness import AIM, Robustness
from toolkit.evaluation.summary import FIGURES, Interval, means

__all__ = ["robustness_table", "show", "table"]

_OF_SOURCE = ("gain", "ciede2000", "colourfulness_ratio", "worse")


def show(name: str, value: float) -> str:
    """The value of a figure as it is printed, without its unit.

    A share is shown in percent, and the gain with its sign.
    """
    figure = FIGURES[name]
    if figure.unit == "share":
        return f"{100 * value:.1f}"
    return f"{value:{'+' if name == 'gain' else ''}.{figure.digits}f}"


def table(evaluation: Evaluation, model: str) -> str:
    """The figures over all photographs, then the main ones by source folder, and the protocol."""
    lines = [f"{model}: {_photographs(len(evaluation.rows))}", ""]
    lines += _figures(evaluation.figures())
    sources = evaluation.by_source()
    if len(sources) > 1:
        width = max(len(name) for name in ("source", *sources))
        titles = "  ".join(f"{FIGURES[name].title:>20}" for name in _OF_SOURCE)
        lines += ["", f"{'source':<{width}}  photos  {titles}"]
        for source, rows in sources.items():
            values = means([row.figures for row in rows])
            cells = "  ".join(f"{_with_unit(name, values[name]):>20}" for name in _OF_SOURCE)
            lines.append(f"{source:<{width}}  {len(rows):>6}  {cells}")
    if evaluation.left_out:
        lines += ["", f"left out: {_photographs(len(evaluation.left_out))}"]
    return "\n".join([*lines, "", fill(f"protocol: {evaluation.protocol}", 100)])


def robustness_table(robustness: Robustness) -> str:
    """How the colours change under each disturbance, in percent of the model's own chroma."""
    lines = [f"robustness: {_photographs(robustness.photos)}; mean change of ab, own mean chroma"]
    for name, c in robustness.changes.items():
        ratio = "no colours" if c.ratio is None else f"{100 * c.ratio:.1f} %"
        lines.append(f"{name:<24}{c.change:>8.2f} CIE  {c.chroma:>8.2f} CIE  {ratio:>12}")
    return "\n".join([*lines, f"the aim is a change under {100 * AIM:.0f} % of the chroma"])


def _figures(figures: Mapping[str, Interval]) -> list[str]:
    lines = [f"{'':<24}{'mean':>12}    95 % interval"]
    for name, interval in figures.items():
        low, high = show(name, interval.low), show(name, interval.high)
        mean = _with_unit(name, interval.mean)
        lines.append(f"{FIGURES[name].title:<24}{mean:>12}    {low} to {high}")
    return lines


def _with_unit(name: str, value: float) -> str:
    unit = {"share": "%"}.get(FIGURES[name].unit, FIGURES[name].unit)
    return f"{show(name, value)} {unit}".rstrip()


def _photographs(count: int) -> str:
    return f"{count} photograph" + ("" if count == 1 else "s")
