"""Whether a precision that is there for its speed is faster on this machine."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from toolkit.errors import ProofFailed
from toolkit.export.formats import Format, Order, Run

__all__ = ["LEAST", "check_speed", "speed_ratio"]

LEAST = 1.5
"""How many times as fast as its peer such a file must be: this project's choice. Below it the
colours that it costs buy nothing that fp16-storage does not give without any."""

_TURNS, _UNTIMED, _TIMED = 5, 4, 5
"""Turns of each, and runs in a turn. The threads of a file that has just had its turn go on waiting
for work, and slow down what runs next, for about as long as the untimed runs take."""


def speed_ratio(path: Path, form: Format, order: Order, given: NDArray[Any]) -> dict[str, float]:
    """How many times as fast as its peer an artefact is; the peer's precision is the key.

    Both take turns in one process, on all threads; the best time of each is that of a quiet
    moment.
    """
    peer = form.faster_than[order.contract.precision]
    with tempfile.TemporaryDirectory(prefix="toolkit-speed-") as folder:
        other = Path(folder) / path.name
        form.write(replace(order, contract=replace(order.contract, precision=peer)), other)
        runs = [_fastest(form, other), _fastest(form, path)]
        took: list[list[float]] = [[], []]
        for _ in range(_TURNS):
            for run, times in zip(runs, took, strict=True):
                for _ in range(_UNTIMED):
                    run(given)
                for _ in range(_TIMED):
                    start = time.perf_counter()
                    run(given)
                    times.append(time.perf_counter() - start)
    return {peer: round(min(took[0]) / min(took[1]), 2)}


def check_speed(name: str, precision: str, ratios: dict[str, float]) -> None:
    """Refuse a file that is not `LEAST` times as fast as each of its peers.

    Raises
    ------
    ProofFailed
    """
    for peer, ratio in ratios.items():
        if ratio < LEAST:
            raise ProofFailed(
                f"{name}: {precision} is {ratio} times as fast as {peer} on this processor, and "
                f"{LEAST} is asked for; nothing written. For another processor: --allow-slow"
            )


def _fastest(form: Format, path: Path) -> Run:
    """The last way to run it, with every optimisation, warmed up by the formats' own check."""
    *_, (_, run) = form.runs(path)
    return run
