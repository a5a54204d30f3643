"""The discriminator of the first tutorial: four strided layers, so 16 x 16 verdicts for 256."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["StridedPatchGAN"]


class StridedPatchGAN(nn.Module):
    """C64-C128-C256-C512, all 4 x 4 with stride 2 and InstanceNorm, and a last layer without bias.

    2,767,808 parameters with six channels in.

    Parameters
    ----------
    channels_in : int
        3 for L* with a*b*; 6 for a pair of RGB pictures.
    filters : int
        Channels of the first layer.
    """

    def __init__(self, channels_in: int = 3, filters: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(channels_in, filters, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for channels in (filters, filters * 2, filters * 4):
            layers += [
                nn.Conv2d(channels, channels * 2, 4, stride=2, padding=1),
                nn.InstanceNorm2d(channels * 2),
                nn.LeakyReLU(0.2),
            ]
        layers += [
            nn.ZeroPad2d((1, 0, 1, 0)),  # the 4 x 4 kernel below loses a row and a column
            nn.Conv2d(filters * 8, 1, 4, padding=1, bias=False),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, lab: Tensor) -> Tensor:
        """Scaled L*a*b*, shape (N, 3, H, W), to logits, shape (N, 1, H / 16, W / 16)."""
        verdict: Tensor = self.layers(lab)
        return verdict
