"""Which photographs are trained on, and which are kept for choosing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableInput, one_line
from toolkit.training.data.pack import Pack

__all__ = ["Split", "split_by_hash"]

DEV_SHARE = 0.05


@dataclass(frozen=True)
class Split:
    """Positions in the pack: `train` to learn from, `dev` to choose the best checkpoint."""

    train: list[int]
    dev: list[int]

    def describe(self, pack: Pack, folder: Path) -> dict[str, Any]:
        """The split by content hash, as ``data.json`` stores it."""
        return {
            "schema": 1,
            "folder": str(folder),
            "train": [pack.entries[i].sha256 for i in self.train],
            "dev": [pack.entries[i].sha256 for i in self.dev],
            "unreadable": pack.unreadable,
        }


def split_by_hash(pack: Pack, folder: Path) -> Split:
    """Keep about 5 % for `dev`, by content hash alone.

    A photograph stays on its side when others come or go, and under any name.

    Raises
    ------
    UnusableInput
        If there are fewer than two photographs.
    """
    if len(pack) < 2:
        raise UnusableInput(
            f"{one_line(folder)}: {len(pack)} photograph is too few to train: give at least 2"
        )
    dev = [i for i, e in enumerate(pack.entries) if int(e.sha256[:8], 16) < DEV_SHARE * 2**32]
    dev = dev[: len(pack) // 2] or [0]
    chosen = set(dev)
    return Split([i for i in range(len(pack)) if i not in chosen], dev)
