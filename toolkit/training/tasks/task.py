"""What the loop asks of a task: pictures, batches, figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.training.data.pack import Pack
from toolkit.training.data.samples import Samples
from toolkit.training.data.split import Split
from toolkit.training.networks import Generator
from toolkit.training.recipe import Recipe
from toolkit.training.watcher import Watcher

__all__ = ["Task", "Validator"]

UInt8 = NDArray[np.uint8]


class Validator(Protocol):
    """A fixed set of pictures that a generator is measured on again and again."""

    @property
    def photos(self) -> Sequence[UInt8]:
        """The true pictures."""

    def __call__(self, generator: Generator) -> dict[str, float]:
        """Mean figures; ``gain`` is what the best checkpoint is chosen by."""

    def sheet(self, generator: Generator) -> Image.Image:
        """The first pictures in three rows: given, predicted, true."""


class Task:
    """A recipe's task on a folder.

    Attributes
    ----------
    recipe : Recipe
        With what was measured on the photographs filled in.
    pack : Pack
    split : Split
    samples : Samples
        What a picture of the pack becomes in a batch.
    """

    channels: tuple[int, int]
    """Of what the generator takes and gives."""

    ages: bool = False
    """Whether L* may be varied as time does, the truth staying what it is."""

    recipe: Recipe
    pack: Pack
    split: Split
    samples: Samples

    def __init__(
        self, recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher
    ) -> None:
        raise NotImplementedError

    def validator(self, positions: list[int]) -> Validator:
        """Measures on these pictures of the pack. Raises `UnusableInput` where none will do."""
        raise NotImplementedError

    def final(self, generator: Generator, val: Path | None) -> dict[str, float] | None:
        """Mean figures on the folder `val`, else on what the recipe holds out, if anything.

        Raises
        ------
        UnusableInput
            If nothing there can be measured.
        """
        raise NotImplementedError

    def header(self) -> dict[str, Any]:
        """What the exporter must know besides the generator, for a checkpoint's header."""
        return {"task": self.recipe.task}
