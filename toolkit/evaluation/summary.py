"""The figures of many photographs as means with 95 % intervals.

References
----------
.. [1] B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13: the
   percentile interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.evaluation.metrics import METRICS

__all__ = ["FIGURES", "Figure", "Interval", "means", "summarize"]

RESAMPLES = 2000
SEED = 0

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean over photographs and the 95 % bootstrap interval around it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """What is told of a set of photographs."""

    title: str
    unit: str
    digits: int
    of_means: Callable[[Mapping[str, Any]], Any]
    """From the mean of every metric, and of ``worse``: 1 for a photograph with a gain below 0.
    The means are numbers, or arrays of one number for each resample."""


FIGURES: dict[str, Figure] = {
    **{
        name: Figure(m.title, m.unit, m.digits, lambda means, name=name: means[name])  # type: ignore[misc]
        for name, m in METRICS.items()
    },
    # Of the means and not the mean of ratios, which one nearly gray truth would run away with.
    "colourfulness_ratio": Figure(
        "colourfulness ratio",
        "",
        2,
        lambda means: means["colourfulness"] / np.maximum(means["colourfulness_true"], 1e-6),
    ),
    "worse": Figure("made worse than gray", "share", 3, lambda means: means["worse"]),
}
"""Every figure of a set by its name: the mean of each metric, and what follows from the means."""


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Every figure of `FIGURES` over photographs measured by `metrics.compare`.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    names, values = _matrix(rows)
    average = dict(zip(names, values.mean(axis=0), strict=True))
    return {name: float(figure.of_means(average)) for name, figure in FIGURES.items()}


def summarize(rows: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """Every figure of `FIGURES` with its 95 % interval, by 2,000 resamples of the photographs [1]_.

    The seed is fixed: equal rows give equal intervals.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    names, values = _matrix(rows)
    rng = np.random.default_rng(SEED)
    resampled = np.empty((len(names), RESAMPLES))
    for column in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, len(values), len(values)), minlength=len(values))
        resampled[:, column] = drawn @ values / len(values)
    draws = dict(zip(names, resampled, strict=True))
    intervals = {}
    for name, mean in means(rows).items():
        low, high = np.percentile(FIGURES[name].of_means(draws), [2.5, 97.5])
        intervals[name] = Interval(mean, float(low), float(high))
    return intervals


def _matrix(rows: Sequence[Mapping[str, float]]) -> tuple[list[str], Float]:
    """The names of the columns, and one row for each photograph."""
    if not rows:
        raise ValueError("no photographs to summarize")
    names = [*METRICS, "worse"]
    values = [[*(row[name] for name in METRICS), float(row["gain"] < 0)] for row in rows]
    return names, np.array(values)
