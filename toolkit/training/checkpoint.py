"""Checkpoints: safetensors with a JSON header, so that opening one executes nothing.

Tensors are named ``module.PATH``, ``ema.PATH``, ``optimizer.NAME.INDEX.KEY`` and ``random.torch``.
The header's ``toolkit`` entry is JSON: what generator it is, of which recipe, after which step, and
a SHA-256 over all tensors, so that a truncated or changed file is refused.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from toolkit.errors import UnusableModel, one_line, os_reason
from toolkit.files import atomic_write
from toolkit.training.networks import Generator, build_generator

__all__ = [
    "SCHEMA",
    "load_generator",
    "load_tensors",
    "optimizer_tensors",
    "read_header",
    "restore_module",
    "restore_optimizer",
    "save_checkpoint",
    "weights",
]

SCHEMA = 1


def save_checkpoint(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : Path
    tensors : dict of str to Tensor
    header : dict
        JSON; ``schema`` and ``sha256`` are added.

    Raises
    ------
    OutputError
        If it cannot be written; an older file of the same name stays.
    """
    tensors = {name: t.detach().to("cpu").contiguous() for name, t in tensors.items()}
    header = {**header, "schema": SCHEMA, "sha256": _digest(tensors)}
    data = save(tensors, metadata={"toolkit": json.dumps(header, sort_keys=True)})
    with atomic_write(path) as stream:
        stream.write(data)


def read_header(path: Path) -> dict[str, Any]:
    """The header of a checkpoint.

    Raises
    ------
    UnusableModel
        If the file is missing, is not a checkpoint of this program, or has an unknown schema.
    """
    with _opened(path) as stream:
        return _header(path, stream.metadata())


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors of a checkpoint and its header, after checking their hash.

    Raises
    ------
    UnusableModel
        As `read_header`, and if the contents are not those that were saved.
    """
    with _opened(path) as stream:
        header = _header(path, stream.metadata())
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    if _digest(tensors) != header.get("sha256"):
        raise UnusableModel(f"{one_line(path)}: damaged: its contents have another hash")
    return tensors, header


def load_generator(path: Path) -> tuple[Generator, dict[str, Any]]:
    """The trained generator, ready to be used: running means of the weights where there are any.

    Returns
    -------
    generator : Generator
        On the CPU, in float32, in evaluation mode.
    header : dict
        Among others ``generator`` (name, options), ``recipe``, ``step``, ``task``,
        ``preferred_size``, ``licence`` and ``model``.

    Raises
    ------
    UnusableModel
        As `load_tensors`, and if the weights are not those of the generator it names.
    """
    tensors, header = load_tensors(path)
    prefix = "ema." if any(name.startswith("ema.") for name in tensors) else "generator."
    own = {
        k.removeprefix(prefix): v.float() if v.is_floating_point() else v
        for k, v in tensors.items()
        if k.startswith(prefix)
    }
    generator = build_generator(header["generator"]["name"], **header["generator"]["options"])
    _load_state(generator, own, path)
    return generator.eval(), header


def weights(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Parameters and buffers of a module under the names that a checkpoint gives them."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def restore_module(module: nn.Module, tensors: dict[str, Tensor], prefix: str, path: Path) -> None:
    """Load a module's weights out of a checkpoint. Raises `UnusableModel`."""
    own = {
        k.removeprefix(f"{prefix}."): v for k, v in tensors.items() if k.startswith(f"{prefix}.")
    }
    _load_state(module, own, path)


def optimizer_tensors(optimizer: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The moments of an optimizer as tensors."""
    state = optimizer.state_dict()["state"]
    return {
        f"{prefix}.{index}.{key}": torch.as_tensor(value)
        for index, values in state.items()
        for key, value in values.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], prefix: str
) -> None:
    """The inverse of `optimizer_tensors`; rates and options stay those of the recipe."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{prefix}."):
            index, key = name.removeprefix(f"{prefix}.").split(".", 1)
            state.setdefault(int(index), {})[key] = _laid_out_as(parameters[int(index)], tensor)
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def _laid_out_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """Fused optimizers go through memory in order: moments must lie as their weights do."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _opened(path: Path) -> Any:
    try:
        with open(path, "rb"):
            pass
        return safe_open(path, "pt")
    except OSError as error:
        raise UnusableModel(f"{one_line(path)}: cannot be read: {os_reason(error)}") from None
    except SafetensorError as error:
        raise UnusableModel(f"{one_line(path)}: not a checkpoint: {one_line(error)}") from None


def _header(path: Path, metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})["toolkit"])
    except (KeyError, ValueError):
        raise UnusableModel(
            f"{one_line(path)}: has no header of this program: not one of its checkpoints"
        ) from None
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise UnusableModel(f"{one_line(path)}: its schema is unknown; this program knows {SCHEMA}")
    return header


def _load_state(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = one_line(error).removeprefix("Error(s) in loading state_dict for ")[:200]
        raise UnusableModel(f"{one_line(path)}: of another generator: {reason}") from None


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
