"""How weights begin."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from toolkit.training.networks.imagenet import load_imagenet

__all__ = ["INITIALISERS"]


def _normal(network: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for norms (pix2pix, Isola et al. 2017, 6.2)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


INITIALISERS: dict[str, Callable[[nn.Module], None]] = {
    "default": lambda network: None,
    "imagenet": load_imagenet,
    "normal": _normal,
}
"""By the recipe's name: ``default`` keeps PyTorch's own; ``imagenet`` needs the encoder for it."""
