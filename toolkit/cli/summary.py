"""What a run over many photographs did: a table on a terminal, a line elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.cli import terminal

if TYPE_CHECKING:
    from toolkit.runtime.batch import Outcome

__all__ = ["tell"]


def tell(outcomes: Sequence[Outcome], seconds: float) -> None:
    """Sum a run up on stderr."""
    if terminal.shows_progress():
        _table(outcomes, seconds)
        return
    told = ", ".join(f"{n} {status}" for status, n in _counts(outcomes).items() if n)
    megapixels, speed = _megapixels(outcomes, seconds)
    terminal.say(f"{told}: {megapixels:.1f} megapixels in {seconds:.1f} s, {speed:.1f} a second")


def _table(outcomes: Sequence[Outcome], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    megapixels, speed = _megapixels(outcomes, seconds)
    counts = _counts(outcomes)
    cells = {status: str(n) for status, n in counts.items() if n or status in ("done", "failed")}
    cells["megapixels"] = f"{megapixels:.1f}"
    cells["seconds"] = f"{seconds:.1f}"
    cells["megapixels a second"] = f"{speed:.1f}"
    table = Table()
    for title in cells:
        failures = title == "failed" and counts["failed"] > 0
        table.add_column(title, justify="right", style="red" if failures else "")
    table.add_row(*cells.values())
    Console(stderr=True).print(table)


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    statuses = ("done", "unchanged", "skipped", "failed")
    return {status: sum(o.status == status for o in outcomes) for status in statuses}


def _megapixels(outcomes: Sequence[Outcome], seconds: float) -> tuple[float, float]:
    """All of them, and a second."""
    total = sum(o.width * o.height for o in outcomes) / 1e6
    return total, total / max(seconds, 1e-9)
