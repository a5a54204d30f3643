"""L* to a*b*: gray photographs to their colours."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from toolkit.runtime.photo import find_photos
from toolkit.training.data.samples import ColourSamples
from toolkit.training.networks import Generator
from toolkit.training.preparation import prepare_photographs, tell_of_small
from toolkit.training.recipe import Recipe
from toolkit.training.tasks.task import Task, Validator
from toolkit.training.validation import Validation, evaluate_paths
from toolkit.training.watcher import Watcher

__all__ = ["Colorize"]


class Colorize(Task):
    """Learns colours from a folder of colour photographs."""

    channels = (1, 2)
    ages = True

    def __init__(
        self, recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher
    ) -> None:
        self.recipe, self.folder = recipe, folder
        self.pack, self.split = prepare_photographs(recipe, folder, exclude, watcher)
        tell_of_small(self.pack, recipe, folder, watcher)
        self.samples = ColourSamples(recipe.data)

    def validator(self, positions: list[int]) -> Validator:
        recipe = self.recipe
        return Validation(self._paths(positions), recipe.preferred_size, recipe.dropout_at_test)

    def final(self, generator: Generator, val: Path | None) -> dict[str, float] | None:
        paths = find_photos(val) if val else self._paths(self.split.held_out)
        if not paths:
            return None
        return evaluate_paths(generator, paths, val or self.folder, self.recipe.preferred_size)

    def _paths(self, positions: list[int]) -> list[Path]:
        return [self.folder / self.pack.entries[i].name for i in positions]
