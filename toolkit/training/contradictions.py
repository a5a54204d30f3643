"""What a recipe must not say: values out of range, and keys that count for nothing together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolkit.errors import UsageError, one_of
from toolkit.training.schedule import SCHEDULES

if TYPE_CHECKING:
    from toolkit.training.recipe import Data, Optimizer, Recipe, Stage

__all__ = ["check_recipe"]


def check_recipe(recipe: Recipe) -> None:
    """Name the first thing that cannot be meant.

    Raises
    ------
    UsageError
    """
    for problem in _problems(recipe):
        raise UsageError(f"recipe {recipe.name}: {problem}")
    if recipe.schedule not in SCHEDULES:
        raise one_of("schedule", recipe.schedule, sorted(SCHEDULES))


def _problems(recipe: Recipe) -> Iterator[str]:
    if recipe.accumulate < 1:
        yield f"accumulate must be at least 1, not {recipe.accumulate}"
    if not 0 <= recipe.ema < 1:
        yield f"ema must be at least 0 and below 1, not {recipe.ema}"
    if not 0 <= recipe.warmup <= 1:
        yield f"warmup is a share of the steps, 0..1, not {recipe.warmup}"
    for key in ("patience", "keep_every", "samples_every", "seed"):
        if getattr(recipe, key) < 0:
            yield f"{key} must not be negative, as {getattr(recipe, key)} is"
    yield from _of_optimizer("optimizer", recipe.optimizer)
    yield from _of_optimizer("optimizer_discriminator", recipe.optimizer_discriminator)
    yield from _of_stages(recipe.stages)
    yield from _of_data(recipe.data)
    if recipe.discriminator is None:
        defaults = type(recipe.gan)(), type(recipe.optimizer_discriminator)()
        for key, default in zip(("gan", "optimizer_discriminator"), defaults, strict=True):
            if getattr(recipe, key) != default:
                yield f"{key} counts for nothing without a discriminator: leave it out, or add one"


def _of_optimizer(where: str, optimizer: Optimizer) -> Iterator[str]:
    for key in ("lr", "weight_decay", "clip"):
        if not getattr(optimizer, key) >= 0:  # also not a number
            yield f"{where}.{key} must not be negative, as {getattr(optimizer, key)} is"
    for key in ("beta1", "beta2"):
        if not 0 <= getattr(optimizer, key) < 1:
            yield f"{where}.{key} must be at least 0 and below 1, not {getattr(optimizer, key)}"
    for part, factor in optimizer.factors.items():
        if not factor >= 0:
            yield f"{where}.factors.{part} must not be negative, as {factor} is"


def _of_stages(stages: list[Stage]) -> Iterator[str]:
    starts = [stage.start for stage in stages]
    if starts != sorted(set(starts)) or not all(start < 1 for start in starts):
        yield f"stages must start one after the other, before 1, not at {starts}"
    for number, stage in enumerate(stages):
        for key in ("crop", "batch_size"):
            if getattr(stage, key) < 1:
                yield f"stages.{number}.{key} must be at least 1, not {getattr(stage, key)}"


def _of_data(data: Data) -> Iterator[str]:
    low, high = data.zoom
    if not 0 < low <= high <= 1:
        yield f"data.zoom must be two shares of a photograph, the smaller first, not {[low, high]}"
    if data.side < 1:
        yield f"data.side must be at least 1, not {data.side}"
    for key in ("gamma", "grain", "blur", "scratches", "samples_per_epoch"):
        if not getattr(data, key) >= 0:
            yield f"data.{key} must not be negative, as {getattr(data, key)} is"
    if not 0 <= data.fade < 0.5:
        yield f"data.fade must be at least 0 and below 0.5, not {data.fade}"
    if data.weighting not in ("none", "sqrt"):
        yield f"data.weighting must be none or sqrt, not {data.weighting}"
    if data.weighting == "none" and data.source_factors:
        yield "data.source_factors count for nothing with data.weighting = none: make it sqrt"
    parts = data.parts
    if parts.by == "hash" and (parts.chosen or parts.train):
        yield "data.parts.chosen and .train count for nothing with by = hash: make it seed"
    if parts.chosen and parts.train >= parts.chosen:
        yield f"data.parts.train must be fewer than .chosen, not {parts.train} of {parts.chosen}"
