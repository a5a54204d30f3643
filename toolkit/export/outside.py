"""Weights that were trained elsewhere: a plain PyTorch `state_dict` of a tutorials' generator."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.errors import UnusableModel, UsageError, one_line, os_reason
from toolkit.training.networks import Generator, build_generator
from toolkit.training.recipe import Recipe, load_recipe

__all__ = ["PUBLISHED", "load_weights", "of_recipe"]

_GENERATOR_PREFIXES = ("net_G.", "netG.", "generator.", "module.")
_WRAPPERS = ("state_dict", "model_state_dict", "net_G", "generator")

PUBLISHED = {
    "victorian-rgb": {
        "given_mean": [0.5350533, 0.5350533, 0.5350533],
        "given_std": [0.25051587, 0.25051587, 0.25051587],
        "true_mean": [0.58090717, 0.52688643, 0.45678478],
        "true_std": [0.25644188, 0.25482641, 0.24456465],
    }
}
"""The scaling that a tutorial prints, by recipe: the first one, section 3-1, of Victorian400."""


def of_recipe(name: str, mean: Sequence[float] = (), std: Sequence[float] = ()) -> dict[str, Any]:
    """What a recipe says of weights that come without a header.

    Parameters
    ----------
    name : str
        A recipe's name or file.
    mean, std : sequence of three or six float
        For a translator: of red, green and blue in 0..1, of both pictures, or first of the given
        one and then of the true one. By default those that its tutorial prints.

    Returns
    -------
    header : dict
        As that of a checkpoint: ``generator``, ``task``, ``preferred_size`` and perhaps
        ``scaling``.

    Raises
    ------
    UsageError
        If there is no such recipe, or the scaling is missing or makes no sense for it.
    """
    recipe = load_recipe(name)
    header: dict[str, Any] = {
        "generator": {"name": recipe.generator.name, "options": recipe.generator.options},
        "task": recipe.task,
        "preferred_size": recipe.preferred_size,
    }
    if recipe.task == "translate":
        header["scaling"] = _scaling(recipe, mean, std)
    elif mean or std:
        raise UsageError(
            f"--mean and --std are for pictures that are translated, and {recipe.name} is for "
            f"{recipe.task}, whose scaling is fixed"
        )
    return header


def _scaling(recipe: Recipe, mean: Sequence[float], std: Sequence[float]) -> dict[str, list[float]]:
    if not mean and not std:
        pairs = recipe.data.pairs
        stated = {
            "given_mean": pairs.given_mean,
            "given_std": pairs.given_std,
            "true_mean": pairs.true_mean,
            "true_std": pairs.true_std,
        }
        if all(stated.values()):
            return stated
        if recipe.name in PUBLISHED:
            return PUBLISHED[recipe.name]
        raise UsageError(
            f"{recipe.name} measures its scaling on its pictures: say with --mean and --std what "
            "the weights were trained with; toolkit data stats measures it"
        )
    if not len(mean) == len(std) in (3, 6) or min(std) <= 0:
        raise UsageError(
            "--mean and --std belong together, each of three numbers (both pictures) or six (the "
            "given one, then the true one), deviations above 0"
        )
    return {
        "given_mean": list(mean[:3]),
        "given_std": list(std[:3]),
        "true_mean": list(mean[-3:]),
        "true_std": list(std[-3:]),
    }


def load_weights(
    path: Path, generator: str, header: Mapping[str, Any] | None = None, **options: Any
) -> tuple[Generator, dict[str, Any]]:
    """Open a `state_dict` as one of our generators.

    The tutorials name their layers otherwise, but list them in the order of the architecture, as
    ours do: the names are mapped by that order, and each pair must agree in kind and shape.

    Parameters
    ----------
    path : Path
        A ``.pth`` file, opened with ``weights_only``: nothing in it is executed. The weights may
        bear the prefix ``net_G.`` and lie among those of a discriminator.
    generator : str
        A name of the registry.
    header : mapping, optional
        What is known besides: see `of_recipe`.
    **options
        Of the generator.

    Returns
    -------
    generator : Generator
        In evaluation mode.
    header : dict
        As that of a checkpoint; the licence is unknown.

    Raises
    ------
    UnusableModel
        If the file holds anything but tensors, or they are not those of this generator.
    """
    theirs = _own(_read(path))
    network = build_generator(generator, **options)
    ours = network.state_dict()
    if len(theirs) != len(ours):
        raise UnusableModel(
            f"{one_line(path)}: holds {len(theirs)} tensors where {generator} has {len(ours)}: "
            "not the weights of this generator"
        )
    mapped: dict[str, Tensor] = {}
    for (name, tensor), (their_name, value) in zip(ours.items(), theirs.items(), strict=True):
        same_kind = name.rpartition(".")[2] == their_name.rpartition(".")[2]
        if not same_kind or tensor.shape != value.shape:
            raise UnusableModel(
                f"{one_line(path)}: {one_line(their_name)} has shape {tuple(value.shape)} where "
                f"{generator} has {name}, {tuple(tensor.shape)}: not the weights of this generator"
            )
        mapped[name] = value
    network.load_state_dict(mapped)
    known = {
        "generator": {"name": generator, "options": options},
        "recipe": "trained elsewhere",
        "task": "colorize",
        "preferred_size": network.fixed_size or 256,
        "licence": "LicenseRef-unknown",
        "model": path.stem,
        **(header or {}),
    }
    return network.eval(), known


def _read(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UnusableModel(f"{one_line(path)}: cannot be read: {os_reason(error)}") from None
    except pickle.UnpicklingError:
        raise UnusableModel(
            f"{one_line(path)}: holds more than tensors, and opening it would run what it holds; "
            "save it again with torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as error:  # its unpickler raises whatever the bytes lead it to
        raise UnusableModel(
            f"{one_line(path)}: PyTorch cannot open it: {one_line(error)[:120]}"
        ) from None
    if not isinstance(found, dict):
        raise UnusableModel(f"{one_line(path)}: holds no state_dict")
    for wrapper in _WRAPPERS:
        if isinstance(found.get(wrapper), dict):
            return dict(found[wrapper])
    return found


def _own(state: dict[str, Any]) -> dict[str, Tensor]:
    """The generator's tensors, without its prefix and without a discriminator's."""
    for prefix in _GENERATOR_PREFIXES:
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if own:
            state = own
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
