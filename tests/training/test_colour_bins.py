from __future__ import annotations

import numpy as np
import torch

from toolkit.lab import rgb_to_lab
from toolkit.training.networks.colour_bins import bin_centres, soft_labels


def test_every_srgb_colour_has_a_bin_near() -> None:
    centres = bin_centres(14.0).numpy()
    rng = np.random.default_rng(0)
    ab = rgb_to_lab(rng.integers(0, 256, (5000, 3), dtype=np.uint8))[:, 1:]
    nearest = np.sqrt(((ab[:, None] - centres[None]) ** 2).sum(-1)).min(1)
    assert nearest.max() <= 14.0 / np.sqrt(3) + 1.5  # a hexagon's corner, and the grid's own step


def test_gray_is_a_bin_of_its_own() -> None:
    assert (bin_centres(14.0) == 0).all(1).any()


def test_neighbours_are_one_spacing_apart() -> None:
    centres = bin_centres(14.0).double()
    nearest = (torch.cdist(centres, centres) + 1e3 * torch.eye(len(centres))).min(1).values
    torch.testing.assert_close(nearest, torch.full_like(nearest, 14.0), rtol=0, atol=1e-3)


def test_soft_labels_are_a_gaussian_around_the_colour() -> None:
    centres = bin_centres(14.0)
    ab = torch.tensor([[20.0, -35.0], [0.0, 0.0]])
    labels = soft_labels(ab[:, :, None, None], centres, sigma=7.0)[:, :, 0, 0]
    weights = torch.exp(-((ab[:, None] - centres[None]) ** 2).sum(-1) / (2 * 7.0**2))
    torch.testing.assert_close(labels, weights / weights.sum(1, keepdim=True), rtol=1e-4, atol=1e-6)


def test_the_mean_of_soft_labels_is_the_colour() -> None:
    """Well inside the gamut the bins carry a colour without a bias."""
    centres = bin_centres(14.0)
    ab = torch.randn(64, 2, 1, 1, generator=torch.Generator().manual_seed(0)) * 12
    mean = torch.einsum("nbhw,bc->nchw", soft_labels(ab, centres, 7.0), centres)
    assert float((mean - ab).abs().max()) < 0.5
