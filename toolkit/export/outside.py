"""Weights that were trained elsewhere: a plain PyTorch `state_dict` of a tutorials' generator."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.errors import UnusableModel, one_line, os_reason
from toolkit.training.networks import Generator, build_generator

__all__ = ["load_weights"]

_GENERATOR_PREFIXES = ("net_G.", "netG.", "generator.", "module.")
_WRAPPERS = ("state_dict", "model_state_dict", "net_G", "generator")


def load_weights(path: Path, generator: str, **options: Any) -> tuple[Generator, dict[str, Any]]:
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
    header = {
        "generator": {"name": generator, "options": options},
        "recipe": "trained elsewhere",
        "task": "colorize",
        "preferred_size": network.fixed_size or 256,
        "licence": "LicenseRef-unknown",
        "model": path.stem,
    }
    return network.eval(), header


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
