"""What a run needs before its first step: networks, photographs, weights to start from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toolkit.errors import UnusableInput, UsageError, one_line
from toolkit.training.data.pack import FITS, Pack, open_pack
from toolkit.training.data.split import Split, split_pack
from toolkit.training.losses import AT_HALF_SIZE
from toolkit.training.networks import Generator
from toolkit.training.networks.initialise import INITIALISERS
from toolkit.training.recipe import Network, Recipe
from toolkit.training.watcher import Watcher

__all__ = [
    "check_channels",
    "check_sizes",
    "find_weights",
    "prepare_network",
    "prepare_photographs",
    "tell_of_small",
    "tell_of_split",
    "tell_of_unreadable",
]


def find_weights(source: Path) -> Path:
    """The checkpoint of a run folder, of a bundle, or the file itself. Raises `UnusableInput`."""
    for name in ("best.safetensors", "checkpoint.safetensors", "last.safetensors"):
        if (source / name).is_file():
            return source / name
    if source.is_file():
        return source
    raise UnusableInput(f"{one_line(source)}: no checkpoint, and no run or bundle that has one")


def prepare_network(
    network: Network, build: Callable[..., nn.Module], recipe: Recipe, device: torch.device
) -> Any:
    """A generator or discriminator with the weights it begins with, where it will be trained.

    Raises
    ------
    UsageError
        If the recipe names something unknown.
    """
    built = build(network.name, **network.options)
    if network.initialise not in INITIALISERS:
        raise UsageError(f"recipe: initialise must be one of {', '.join(INITIALISERS)}")
    INITIALISERS[network.initialise](built)
    if recipe.channels_last:
        built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return built.to(device)


def prepare_photographs(
    recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher
) -> tuple[Pack, Split]:
    """The photographs of a folder as a pack, divided as the recipe says.

    Raises
    ------
    UsageError
        If the recipe names something unknown.
    UnusableInput
        If too few of them can be read.
    """
    if recipe.data.fit not in FITS:
        raise UsageError(f"recipe: data.fit must be one of {', '.join(FITS)}")
    pack = open_pack(
        folder,
        side=recipe.data.side,
        fit=recipe.data.fit,
        exclude=exclude,
        on_progress=watcher.on_pack,
    )
    for name in exclude:
        if not (folder / name).is_file():
            watcher.on_message(f"{one_line(name)}: to be left out, but not there")
    tell_of_unreadable(pack, watcher)
    split = split_pack(pack, folder, recipe.data.parts)
    tell_of_split(split, watcher)
    return pack, split


def tell_of_unreadable(pack: Pack, watcher: Watcher) -> None:
    """Name what could not be read."""
    for name, reason in pack.unreadable.items():
        watcher.on_message(f"skipped {one_line(name)}: {reason}")
    if pack.unreadable:
        watcher.on_message(f"{len(pack.unreadable)} of the photographs cannot be read")


def tell_of_split(split: Split, watcher: Watcher) -> None:
    """Say how many photographs there are for what."""
    held_out = f", {len(split.held_out)} held out" if split.held_out else ""
    watcher.on_message(
        f"{len(split.train)} photographs to train on, {len(split.dev)} to choose by{held_out}"
    )


def tell_of_small(pack: Pack, recipe: Recipe, folder: Path, watcher: Watcher) -> None:
    """Say how many photographs have to be enlarged for the crop."""
    crop = max(stage.crop for stage in recipe.stages)
    small = sum(min(entry.height, entry.width) < crop for entry in pack.entries)
    if small:
        watcher.on_message(
            f"{small} photographs are smaller than the crop of {crop} pixels and are enlarged; "
            f"list them with: toolkit data check {one_line(folder)} --min-side {crop}"
        )


def check_channels(generator: Generator, channels: tuple[int, int], crop: int) -> None:
    """Refuse a generator that takes or gives others than the task. Raises `UsageError`."""
    wanted, device = channels, next(generator.parameters()).device
    try:
        with torch.no_grad():
            made = generator.eval()(torch.zeros(1, wanted[0], crop, crop, device=device)).shape[1]
        found = f"gives {made}"
    except RuntimeError:
        made, found = -1, "takes another number"
    if made != wanted[1]:
        raise UsageError(
            f"recipe: the task has {wanted[0]} channels in and {wanted[1]} out, and the generator "
            f"{found}: set generator.options.channels_in={wanted[0]} and channels_out={wanted[1]}"
        )


def check_sizes(recipe: Recipe, generator: Generator) -> None:
    """Refuse crops that the generator cannot take. Raises `UsageError`."""
    halving = next((term.name for term in recipe.losses if term.name in AT_HALF_SIZE), None)
    if halving and generator.fixed_size:
        raise UsageError(
            f"recipe: the loss {halving} shows each crop at half its size too, and the generator "
            f"takes {generator.fixed_size} alone: leave it out"
        )
    multiple = generator.multiple_of * (2 if halving else 1)
    for stage in recipe.stages:
        legal = stage.crop == generator.fixed_size or (
            generator.fixed_size is None and stage.crop % multiple == 0
        )
        if not legal:
            wanted = generator.fixed_size or f"a multiple of {multiple}"
            why = f", which the loss {halving} halves" if halving else ""
            raise UsageError(f"recipe: crop {stage.crop} does not fit the generator: {wanted}{why}")
