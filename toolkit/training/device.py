"""Where to train, and in which precision."""

from __future__ import annotations

import os

import torch

from toolkit.errors import MissingRequirement, one_of

__all__ = ["choose_device", "resolve_precision"]

_DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """``auto`` takes cuda, then mps, then cpu.

    Raises
    ------
    UsageError
        If there is no device of that name.
    MissingRequirement
        If this machine or this PyTorch does not have it.
    """
    if name not in _DEVICES:
        raise one_of("device", name, _DEVICES)
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, available in here.items() if available)
    if not here[name]:
        raise MissingRequirement(f"this machine has no {name} that PyTorch can use: --device cpu")
    if name != "cuda" or "LOCAL_RANK" not in os.environ:
        return torch.device(name)
    own = torch.device(name, int(os.environ["LOCAL_RANK"]))  # one GPU for each of torchrun's
    torch.cuda.set_device(own)
    return own


def resolve_precision(precision: str, device: torch.device) -> str:
    """``auto`` becomes bf16 where the hardware multiplies it natively, else fp32.

    Raises
    ------
    UsageError
        If there is no such precision.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise one_of("precision", precision, ["auto", "fp32", "bf16"])
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # Elsewhere a CPU emulates bf16 and is slower than in fp32.
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if device.type == "cpu" and native else "fp32"
