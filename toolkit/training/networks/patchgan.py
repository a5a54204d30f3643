"""The PatchGAN discriminator: one verdict for each patch of the picture.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017,
   section 6.1.2: with three strided layers the receptive field is 70 x 70. The third tutorial
   builds it by `n_layers` and norm, the fourth with BatchNorm.
"""

from __future__ import annotations

from torch import Tensor, nn

from toolkit.training.networks.norm import norm_of

__all__ = ["PatchGAN"]


class PatchGAN(nn.Module):
    """C64-C128-C256-C512 and a last layer of one channel, all 4 x 4 (2,765,633 parameters).

    Parameters
    ----------
    channels_in : int
        3 for L* with a*b*.
    filters : int
        Channels of the first layer.
    n_layers : int
        Normalised layers; the last of them has stride 1. 1 to 5 see 16, 34, 70, 142 and 286
        pixels.
    norm : str
        ``batch`` or ``instance``.
    """

    def __init__(
        self, channels_in: int = 3, filters: int = 64, n_layers: int = 3, norm: str = "batch"
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, not {n_layers}; or take pixel")
        chosen = norm_of(norm)
        layers: list[nn.Module] = [
            nn.Conv2d(channels_in, filters, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        channels = filters
        for i in range(n_layers):
            wider = min(channels * 2, filters * 8)
            stride = 1 if i == n_layers - 1 else 2
            layers += [
                nn.Conv2d(channels, wider, 4, stride=stride, padding=1, bias=chosen.bias_before),
                chosen.build(wider),
                nn.LeakyReLU(0.2),
            ]
            channels = wider
        layers.append(nn.Conv2d(channels, 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, lab: Tensor) -> Tensor:
        """Scaled L*a*b*, shape (N, 3, H, W), to logits, shape (N, 1, h, w)."""
        verdict: Tensor = self.layers(lab)
        return verdict
