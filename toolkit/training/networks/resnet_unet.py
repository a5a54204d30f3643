"""A U-Net whose encoder is a ResNet that may have seen ImageNet.

References
----------
.. [1] He et al., "Deep residual learning for image recognition", 2016; as torchvision builds it.
.. [2] Ronneberger, Fischer and Brox, "U-Net", 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import DownloadError, UsageError, one_line, one_of
from toolkit.training.networks.generator import Generator

__all__ = ["RESNETS", "ResNetEncoder", "ResNetUNet"]

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's R, G, B in 0..1, which torchvision's weights expect to be taken off."""

MOST = 24.0
"""Of a map's values between two stages. Photographs stay below it: 18 at most after a hundred steps
from random weights. Noise, of which no norm has seen the like, would come out of each stage larger
than of the one before, up to 777, and float32 then rounds by more than the colours may differ."""


class ResNetEncoder(nn.Module):
    """Maps of an L* picture at five sizes, by a ResNet without its classifier.

    Parameters
    ----------
    name : str
        One of `RESNETS`.

    Attributes
    ----------
    widths : list of int
        Channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
    """

    def __init__(self, name: str) -> None:
        from torchvision import models

        super().__init__()
        if name not in RESNETS:
            raise one_of("encoder", name, RESNETS)
        self.name = name
        whole = models.get_model(name, weights=None)
        # One channel: gray says the same in each of three.
        self.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.bn1, self.maxpool = whole.bn1, whole.maxpool
        self.layer1, self.layer2 = whole.layer1, whole.layer2
        self.layer3, self.layer4 = whole.layer3, whole.layer4
        wide = whole.fc.in_features
        self.widths = [64, wide // 8, wide // 4, wide // 2, wide]

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """Scaled L*, shape (N, 1, H, W), to maps of `widths` channels, the largest first."""
        maps = [self.bn1(self.conv1(lightness)).clamp(0.0, MOST)]
        x = self.maxpool(maps[0])
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x).clamp(0.0, MOST)
            maps.append(x)
        return maps

    def load_imagenet(self) -> None:
        """Download torchvision's weights for ImageNet, or take them from its cache.

        Gray in 0..1 is about (L* / 50 - 1 + 1) / 2: the first convolution takes up that scaling
        and the mean and deviation that are taken off R, G and B.

        Raises
        ------
        DownloadError
            If they are not in the cache and cannot be downloaded.
        """
        from torchvision import models

        weights = models.get_model_weights(self.name).DEFAULT
        try:
            published = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except (OSError, RuntimeError) as error:
            raise DownloadError(
                f"{weights.url}: cannot be downloaded: {one_line(error)}; try again, put the file "
                f"into {torch.hub.get_dir()}/checkpoints, or begin with random weights: "
                "--set generator.initialise=default"
            ) from None
        rgb = published["conv1.weight"] / torch.tensor(STD)[:, None, None]
        off = (0.5 - torch.tensor(MEAN))[:, None, None]
        wanted = self.state_dict()
        ours = {name: value for name, value in published.items() if name in wanted}
        ours["conv1.weight"] = rgb.sum(1, keepdim=True) / 2
        ours["bn1.running_mean"] = ours["bn1.running_mean"] - (rgb * off).sum((1, 2, 3))
        self.load_state_dict(ours)


class ResNetUNet(Generator):
    """L* to a*b* at full size.

    Parameters
    ----------
    encoder : str
        A ResNet of torchvision, one of `RESNETS`.
    decoder : sequence of five int
        Channels at 1/16, 1/8, 1/4, 1/2 and the whole of the size.
    """

    multiple_of = 32

    def __init__(
        self,
        encoder: str = "resnet18",
        decoder: tuple[int, int, int, int, int] = (256, 128, 96, 64, 32),
    ) -> None:
        super().__init__()
        if len(decoder) != 5:
            raise UsageError(f"generator resnet_unet: decoder needs 5 widths, not {len(decoder)}")
        self.encoder = ResNetEncoder(encoder)
        *skips, channels = self.encoder.widths
        self.up = nn.ModuleList()
        for skip, width in zip([*reversed(skips), 0], decoder, strict=True):
            self.up.append(
                nn.Sequential(
                    nn.Conv2d(channels + skip, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU6(),
                )
            )
            channels = width
        self.last = nn.Conv2d(channels, 2, 1)

    def forward(self, lightness: Tensor) -> Tensor:
        maps = self.encoder(lightness)
        x = maps.pop()
        for up in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = up(torch.cat([x, maps.pop()], 1) if maps else x)
        return torch.tanh(self.last(x))
