"""``toolkit colorize --noise N``: several colourings of each photograph, by PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError, one_line

if TYPE_CHECKING:
    from toolkit.runtime.naming import Task
    from toolkit.runtime.session import Network

__all__ = ["networks", "numbered"]


def networks(model: str, count: int) -> list[Network]:
    """The network of a run, a bundle with its checkpoint or a checkpoint, with `count` seeds.

    Raises
    ------
    MissingRequirement
        If PyTorch is not installed.
    UsageError
        If the network has no dropout.
    UnusableInput, UnusableModel
        If there is no checkpoint, or it cannot be opened.
    """
    from toolkit.requirements import require

    for module in ("torch", "torchvision", "safetensors"):
        require(module, "train", "--noise")
    from toolkit.export.noise import Noisy
    from toolkit.export.source import find_source

    noisy = Noisy(find_source(Path(model)).path)
    return [noisy.with_seed(seed) for seed in range(1, count + 1)]


def numbered(tasks: Iterable[Task], count: int) -> list[list[Task]]:
    """The same photographs `count` times, with targets of their own: ``scan-color-2.jpg``.

    Raises
    ------
    UsageError
        If such a target is an address, or one of the photographs.
    """
    tasks = list(tasks)
    sources = {task.source for task in tasks}

    def own(task: Task, number: int) -> Task:
        if not isinstance(task.target, Path):
            raise UsageError("--noise writes files: give a folder with --output")
        target = task.target.with_stem(f"{task.target.stem}-{number}")
        if target in sources:
            raise UsageError(f"{one_line(target)}: is a photograph itself: give --output")
        return replace(task, target=target)

    return [[own(task, number) for task in tasks] for number in range(1, count + 1)]
