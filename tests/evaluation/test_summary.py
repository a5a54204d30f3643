"""Means and intervals over photographs."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.evaluation.metrics import METRICS
from toolkit.evaluation.summary import FIGURES, means, summarize


def _rows(
    gains: list[float], colourfulness: list[float], true: list[float]
) -> list[dict[str, float]]:
    blank = dict.fromkeys(METRICS, 1.0)
    return [
        blank | {"gain": g, "colourfulness": c, "colourfulness_true": t}
        for g, c, t in zip(gains, colourfulness, true, strict=True)
    ]


def test_the_share_made_worse_counts_gains_below_zero() -> None:
    rows = _rows([2.0, 0.0, -0.1, -3.0], [10] * 4, [20] * 4)
    assert means(rows)["worse"] == 0.5
    assert means(rows)["gain"] == pytest.approx(-0.275)


def test_the_colourfulness_ratio_is_that_of_the_means() -> None:
    rows = _rows([1, 1], [10, 30], [40, 40])
    assert means(rows)["colourfulness_ratio"] == 0.5
    nearly_gray = _rows([1, 1], [10, 10], [0.01, 39.99])  # the mean of ratios would be 500
    assert means(nearly_gray)["colourfulness_ratio"] == 0.5


def test_the_interval_is_the_same_every_time_and_covers_the_mean() -> None:
    rng = np.random.default_rng(0)
    rows = _rows(*(list(v) for v in rng.normal([[1], [20], [40]], 1, (3, 200))))
    first, second = summarize(rows), summarize(rows)
    assert first == second
    assert list(first) == list(FIGURES)
    for interval in first.values():
        assert interval.low <= interval.mean <= interval.high


def test_the_interval_is_as_wide_as_theory_says() -> None:
    gains = np.random.default_rng(1).normal(1.5, 2, 400)
    interval = summarize(_rows(list(gains), [1] * 400, [1] * 400))["gain"]
    expected = 1.96 * gains.std() / np.sqrt(400)
    assert (interval.high - interval.low) / 2 == pytest.approx(expected, rel=0.1)


def test_one_photograph_has_an_interval_of_no_width_and_none_is_an_error() -> None:
    interval = summarize(_rows([1.25], [10], [20]))["gain"]
    assert interval.low == interval.mean == interval.high == 1.25
    with pytest.raises(ValueError, match="no photographs"):
        summarize([])
