"""What can be learned, by name. A new task is a file here and a line in `TASKS`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from toolkit.errors import UsageError, one_of
from toolkit.training.data.augment import AGEING
from toolkit.training.recipe import Recipe
from toolkit.training.tasks.colorize import Colorize
from toolkit.training.tasks.luma import Luma
from toolkit.training.tasks.task import Task, Validator
from toolkit.training.tasks.translate import Translate
from toolkit.training.watcher import Watcher

__all__ = ["TASKS", "Task", "Validator", "open_task"]

TASKS: dict[str, type[Task]] = {
    "colorize": Colorize,
    "luma": Luma,
    "translate": Translate,
}
"""By the recipe's and the contract's name."""


def open_task(recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher) -> Task:
    """What a recipe learns from a folder.

    Raises
    ------
    UsageError
        If the recipe names something unknown.
    UnusableInput
        If too few photographs can be read, or a pair is none.
    """
    if recipe.task not in TASKS:
        raise one_of("task", recipe.task, sorted(TASKS))
    task = TASKS[recipe.task]
    aged = [name for name in AGEING if getattr(recipe.data, name)]
    if aged and not task.ages:
        raise UsageError(
            f"recipe: data.{aged[0]} ages the light of photographs to be coloured; the task "
            f"{recipe.task} has no use for it"
        )
    return task(recipe, folder, exclude, watcher)
