"""The PixelGAN discriminator: one verdict for each pixel, by its colour alone.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017,
   section 6.1.2: C64-C128 with 1 x 1 filters, "no effect on spatial sharpness", but on colour.
"""

from __future__ import annotations

from torch import Tensor, nn

from toolkit.training.networks.norm import norm_of

__all__ = ["PixelGAN"]


class PixelGAN(nn.Module):
    """C64-C128 and a last layer of one channel, all 1 x 1.

    Parameters
    ----------
    channels_in : int
        3 for L* with a*b*.
    filters : int
        Channels of the first layer.
    norm : str
        ``batch`` or ``instance``.
    """

    def __init__(self, channels_in: int = 3, filters: int = 64, norm: str = "batch") -> None:
        super().__init__()
        chosen = norm_of(norm)
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, filters, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(filters, filters * 2, 1, bias=chosen.bias_before),
            chosen.build(filters * 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(filters * 2, 1, 1),
        )

    def forward(self, lab: Tensor) -> Tensor:
        """Scaled L*a*b*, shape (N, 3, H, W), to logits, shape (N, 1, H, W)."""
        verdict: Tensor = self.layers(lab)
        return verdict
