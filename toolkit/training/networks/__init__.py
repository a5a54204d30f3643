"""Generators and discriminators by name. A new one is a file here and a line in a registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from toolkit.errors import UsageError, one_of
from toolkit.training.networks.edge import Edge
from toolkit.training.networks.edge_lite import EdgeLite
from toolkit.training.networks.generator import Generator
from toolkit.training.networks.patchgan import PatchGAN
from toolkit.training.networks.patchgan_strided import StridedPatchGAN
from toolkit.training.networks.pixel import PixelGAN
from toolkit.training.networks.resnet_unet import ResNetUNet
from toolkit.training.networks.srcnn import SRCNN
from toolkit.training.networks.unet import UNet256
from toolkit.training.networks.unet_flat import UNetFlat
from toolkit.training.networks.unet_instance import UNetInstance
from toolkit.training.networks.unet_layers import UNetLayers

__all__ = ["DISCRIMINATORS", "GENERATORS", "Generator", "build_discriminator", "build_generator"]

T = TypeVar("T")

GENERATORS: dict[str, Callable[..., Generator]] = {
    "edge": Edge,
    "edge_lite": EdgeLite,
    "srcnn": SRCNN,
    "resnet_unet": ResNetUNet,
    "unet_256": UNet256,
    "unet_flat": UNetFlat,
    "unet_instance": UNetInstance,
    "unet_layers": UNetLayers,
}

DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "patchgan": PatchGAN,
    "patchgan_strided": StridedPatchGAN,
    "pixel": PixelGAN,
}


def build_generator(name: str, **options: Any) -> Generator:
    """Build a generator with random weights.

    Raises
    ------
    UsageError
        If there is no generator of that name, or it has no such option.
    """
    return _build("generator", GENERATORS, name, options)


def build_discriminator(name: str, **options: Any) -> nn.Module:
    """Build a discriminator with random weights. Raises `UsageError` as `build_generator`."""
    return _build("discriminator", DISCRIMINATORS, name, options)


def _build(kind: str, registry: dict[str, Callable[..., T]], name: str, options: Any) -> T:
    if name not in registry:
        raise one_of(kind, name, sorted(registry))
    try:
        return registry[name](**options)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{kind} {name}: {error}") from None
