"""How often each colour occurs in the photographs to learn from; kept in the run.

References
----------
.. [1] Zhang, Isola and Efros, "Colorful image colorization", 2016, section 2.2: the empirical
   distribution over the bins, smoothed with a Gaussian.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from toolkit.errors import UnusableInput, one_line
from toolkit.files import write_text
from toolkit.lab import rgb_to_lab
from toolkit.training.data.pack import Pack
from toolkit.training.networks.colour_bins import soft_labels

__all__ = ["PHOTOGRAPHS", "measure_prior", "read_prior", "write_prior"]

PHOTOGRAPHS = 5000
"""As many are looked at: more do not move the figures."""

SIDE = 32
"""Pixels of a photograph's side while its colours are counted."""


def measure_prior(pack: Pack, positions: Sequence[int], centres: Tensor, sigma: float) -> Tensor:
    """Count the colours of photographs, each soft-encoded as the loss does.

    Parameters
    ----------
    pack : Pack
    positions : sequence of int
        Of the photographs to learn from; at most `PHOTOGRAPHS`, evenly taken, are looked at.
    centres : Tensor, shape (bins, 2), CIE units
    sigma : float
        In CIE units.

    Returns
    -------
    prior : float64, shape (bins,); sums to 1
    """
    total = torch.zeros(len(centres), dtype=torch.float64)
    for i in positions[:: max(1, len(positions) // PHOTOGRAPHS)]:
        photo = Image.fromarray(pack[i]).resize((SIDE, SIDE), Image.Resampling.BOX)
        ab = rgb_to_lab(np.asarray(photo))[..., 1:].transpose(2, 0, 1)
        labels = soft_labels(torch.from_numpy(np.ascontiguousarray(ab))[None], centres, sigma)
        total += labels.double().mean((0, 2, 3))
    return total / total.sum()


def write_prior(path: Path, centres: Tensor, prior: Tensor) -> None:
    """Keep it as JSON. Raises `OutputError`."""
    rows = [[a, b, p] for (a, b), p in zip(centres.tolist(), prior.tolist(), strict=True)]
    write_text(path, json.dumps({"a, b, share": rows}, indent=None))


def read_prior(path: Path, bins: int) -> Tensor:
    """What `write_prior` kept, bit by bit.

    Raises
    ------
    UnusableInput
        If it cannot be read, or is of other bins.
    """
    try:
        rows = json.loads(path.read_text())["a, b, share"]
        prior = torch.tensor([row[2] for row in rows], dtype=torch.float64)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise UnusableInput(f"{one_line(path)}: cannot be read: begin the run again") from None
    if len(prior) != bins:
        raise UnusableInput(f"{one_line(path)}: of {len(prior)} colours, not {bins}")
    return prior
