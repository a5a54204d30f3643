"""The a*b* plane in bins, for generators that say how likely each colour is.

References
----------
.. [1] Zhang, Isola and Efros, "Colorful image colorization", 2016: a*b* quantised with a grid of
   10 into the 313 bins that lie in sRGB, soft-encoded with a Gaussian of sigma 5. The grid here
   is wider, so that a small head suffices.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from toolkit.lab import rgb_to_lab

__all__ = ["bin_centres", "soft_labels"]


def bin_centres(spacing: float) -> Tensor:
    """Centres of the hexagonal bins that hold a colour of sRGB.

    Parameters
    ----------
    spacing : float
        Distance between neighbours in CIE units.

    Returns
    -------
    centres : float32, shape (bins, 2), a* and b* in CIE units
        One of them is exactly (0, 0), so that gray is no compromise of its neighbours.
    """
    return _bin_centres(spacing).clone()


@cache
def _bin_centres(spacing: float) -> Tensor:
    steps = np.linspace(0, 255, 33, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    ab = rgb_to_lab(cube)[:, 1:].astype(np.float64)
    row_height = spacing * math.sqrt(3) / 2
    n = int(150 / row_height)
    rows, columns = np.mgrid[-n : n + 1, -n : n + 1]
    lattice = np.stack([(columns + 0.5 * (rows % 2)) * spacing, rows * row_height], -1)
    lattice = lattice.reshape(-1, 2)
    # The nearest centre, without the colour's own square, which is the same for all centres.
    score = ab @ lattice.T - (lattice**2).sum(-1) / 2
    return torch.from_numpy(lattice[np.unique(score.argmax(1))].astype(np.float32))


def soft_labels(ab: Tensor, centres: Tensor, sigma: float) -> Tensor:
    """Probability of each bin for known colours: a Gaussian around the colour.

    Parameters
    ----------
    ab : Tensor, shape (N, 2, h, w), CIE units
    centres : Tensor, shape (bins, 2), CIE units
    sigma : float
        Width of the Gaussian in CIE units.

    Returns
    -------
    labels : Tensor, shape (N, bins, h, w); sums to 1 over the bins
    """
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and softmax does not see the first term: one 1 x 1
    # convolution instead of a difference for every pair.
    weight = (centres / sigma**2)[:, :, None, None]
    bias = -(centres**2).sum(1) / (2 * sigma**2)
    return torch.softmax(torch.nn.functional.conv2d(ab, weight, bias), dim=1)
