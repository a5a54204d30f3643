"""Normalisations by name, and whether the convolution before one needs a bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from toolkit.errors import one_of

__all__ = ["NORMS", "Norm", "norm_of"]


@dataclass(frozen=True)
class Norm:
    """A normalisation of feature maps."""

    build: Callable[[int], nn.Module]
    """From the number of channels."""
    bias_before: bool
    """Whether the convolution before it has a bias: not where the norm has one of its own."""


NORMS = {
    "batch": Norm(nn.BatchNorm2d, bias_before=False),
    "instance": Norm(nn.InstanceNorm2d, bias_before=True),
}
"""``instance`` has no weights, as PyTorch's default and the tutorials have it."""


def norm_of(name: str) -> Norm:
    """The normalisation of that name. Raises `UsageError` if there is none."""
    if name not in NORMS:
        raise one_of("norm", name, sorted(NORMS))
    return NORMS[name]
