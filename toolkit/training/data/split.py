"""Which photographs are trained on, which are kept for choosing, and which for the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import UnusableInput, one_line, one_of
from toolkit.training.data.pack import Pack
from toolkit.training.recipe import Parts

__all__ = ["SPLITS", "Split", "split_pack"]

DEV_SHARE = 0.05


@dataclass(frozen=True)
class Split:
    """Positions in the pack.

    Attributes
    ----------
    train : list of int
        To learn from.
    dev : list of int
        To choose the best checkpoint by.
    held_out : list of int
        For the final figures alone.
    """

    train: list[int]
    dev: list[int]
    held_out: list[int] = field(default_factory=list)

    def describe(self, pack: Pack, folder: Path) -> dict[str, Any]:
        """The split by content hash, as ``data.json`` stores it."""
        return {
            "schema": 1,
            "folder": str(folder),
            "train": [pack.entries[i].sha256 for i in self.train],
            "dev": [pack.entries[i].sha256 for i in self.dev],
            "held_out": [pack.entries[i].sha256 for i in self.held_out],
            "unreadable": pack.unreadable,
        }


def split_pack(pack: Pack, folder: Path, parts: Parts) -> Split:
    """Divide a pack as a recipe says.

    Raises
    ------
    UnusableInput
        If there are fewer than two photographs to learn from and to choose by.
    UsageError
        If there is no such way to divide.
    """
    if parts.by not in SPLITS:
        raise one_of("value of data.parts.by", parts.by, sorted(SPLITS))
    if len(pack) < 2:
        raise UnusableInput(
            f"{one_line(folder)}: {len(pack)} photograph is too few to train: give at least 2"
        )
    return SPLITS[parts.by](pack, parts)


def _by_hash(pack: Pack, parts: Parts) -> Split:
    """Everything is learned from but `dev`."""
    return Split(*_without_dev(pack, range(len(pack))))


def _by_seed(pack: Pack, parts: Parts) -> Split:
    """Choose and divide with NumPy's older generator, call by call as the tutorials do.

    They seed, choose among the paths, and permute what was chosen. Their paths come in the order
    of the file system, which no seed fixes; here they are sorted by name.
    """
    by_name = sorted(range(len(pack)), key=lambda i: pack.entries[i].name)
    count = min(parts.chosen or len(pack), len(pack))
    # Fewer photographs than the recipe wants are divided in its proportion.
    share = parts.train / parts.chosen if parts.chosen else parts.train / len(pack)
    train = min(max(2, round(count * share)), count) if share else count
    rng = np.random.RandomState(parts.seed)
    chosen = rng.choice(np.array(by_name), count, replace=False)
    shuffled = chosen[rng.permutation(count)].tolist()
    return Split(*_without_dev(pack, sorted(shuffled[:train])), sorted(shuffled[train:]))


def _without_dev(pack: Pack, chosen: Sequence[int]) -> tuple[list[int], list[int]]:
    """Keep about 5 % for `dev`, by content hash alone.

    A photograph stays on its side when others come or go, and under any name.
    """
    dev = [i for i in chosen if int(pack.entries[i].sha256[:8], 16) < DEV_SHARE * 2**32]
    dev = dev[: len(chosen) // 2] or [chosen[0]]
    apart = set(dev)
    return [i for i in chosen if i not in apart], dev


SPLITS: dict[str, Callable[[Pack, Parts], Split]] = {"hash": _by_hash, "seed": _by_seed}
"""By the recipe's name."""
