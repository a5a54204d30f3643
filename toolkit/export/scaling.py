"""What stands around a generator in the artefact, by its task: ports, and the scaling inside.

A new task is a function here and a line in `TASKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.contract import Port
from toolkit.errors import UnusableModel, one_of
from toolkit.training.networks import Generator
from toolkit.training.networks.generator import AB_SCALE, L_SCALE, LUMA_SCALE

__all__ = ["TASKS", "Task", "task_of"]


@dataclass(frozen=True)
class Task:
    """One line of the registry."""

    name: str
    input: Port
    output: Port
    around: Callable[[Mapping[str, Any]], tuple[nn.Module, nn.Module]]
    """From a checkpoint's header to what stands before and after the generator."""
    extra: Callable[[Generator], dict[str, str]] = lambda generator: {}
    """What the contract says besides."""
    boundaries: tuple[str, ...] = ("tensor",)


class _FromL(nn.Module):
    def forward(self, lightness: Tensor) -> Tensor:
        return lightness / L_SCALE - 1


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, values: Tensor) -> Tensor:
        return values * self.factor


class _Over(_Times):
    def forward(self, values: Tensor) -> Tensor:
        return values / self.factor


class _ToL(_Times):
    def forward(self, values: Tensor) -> Tensor:
        return (values * self.factor).clamp(0, 100)


class _EachChannel(nn.Conv2d):
    """value * factor + offset, channel by channel.

    As a convolution, because Core ML would fuse product and sum into a batch_norm, which in an
    artefact is the mark of a network left in training.
    """

    def __init__(self, factor: list[float], offset: list[float]) -> None:
        super().__init__(len(factor), len(factor), 1)
        self.weight = nn.Parameter(torch.diag(torch.tensor(factor))[:, :, None, None], False)
        self.bias = nn.Parameter(torch.tensor(offset), False)


class _Levels(_EachChannel):
    def forward(self, values: Tensor) -> Tensor:
        return super().forward(values).clamp(0, 1)


def _colorize(header: Mapping[str, Any]) -> tuple[nn.Module, nn.Module]:
    return _FromL(), _Times(AB_SCALE * float(header.get("strength", 1)))


def _luma(header: Mapping[str, Any]) -> tuple[nn.Module, nn.Module]:
    return _Over(LUMA_SCALE), _ToL(LUMA_SCALE)


def _translate(header: Mapping[str, Any]) -> tuple[nn.Module, nn.Module]:
    try:
        scaling = header["scaling"]
        given = zip(scaling["given_mean"], scaling["given_std"], strict=True)
        factor, offset = zip(*((1 / std, -mean / std) for mean, std in given), strict=True)
        made = _Levels(scaling["true_std"], scaling["true_mean"])
        return _EachChannel(list(factor), list(offset)), made
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise UnusableModel(
            "the checkpoint does not say by which mean and deviation its pictures were scaled"
        ) from None


def _overlap(generator: Generator) -> dict[str, str]:
    if generator.reach is None:
        raise UnusableModel(
            "the generator sees the whole picture, so it cannot restore one in tiles: no model "
            "for the task luma"
        )
    return {"overlap": str(generator.reach)}


TASKS: dict[str, Task] = {
    "colorize": Task(
        "colorize",
        Port("l", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
        Port("ab", "cie-ab", "float32", "NCHW", 2, (-128.0, 127.0)),
        _colorize,
        boundaries=("tensor", "image"),
    ),
    "luma": Task(
        "luma",
        Port("l", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
        Port("restored", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
        _luma,
        _overlap,
    ),
    "translate": Task(
        "translate",
        Port("given", "srgb", "float32", "NCHW", 3, (0.0, 1.0)),
        Port("made", "srgb", "float32", "NCHW", 3, (0.0, 1.0)),
        _translate,
    ),
}
"""By the contract's name."""


def task_of(header: Mapping[str, Any]) -> Task:
    """The task that a checkpoint was trained for. Raises `UsageError` for one not known here."""
    name = str(header.get("task", "colorize"))
    if name not in TASKS:
        raise one_of("task", name, sorted(TASKS))
    return TASKS[name]
