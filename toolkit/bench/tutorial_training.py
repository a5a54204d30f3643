"""The training loop as the tutorials write it, after the fourth: what ours is measured against.

scikit-image in ``__getitem__``, photographs decoded anew each time, float32, PyTorch's default
layout, plain Adam, every loss fetched at every step. The networks are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from toolkit.training.losses import GanLoss
from toolkit.training.networks import build_discriminator, build_generator

__all__ = ["TutorialLoop", "available", "tutorial_batches"]


def available() -> bool:
    """Whether scikit-image is here: the `train` extra brings it."""
    return find_spec("skimage") is not None


class _Photographs(Dataset[dict[str, Tensor]]):
    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        from skimage.color import rgb2lab

        with Image.open(self.paths[i]) as photo:
            image = photo.convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        lab = torch.from_numpy(rgb2lab(np.array(image)).astype("float32").transpose(2, 0, 1))
        return {"L": lab[[0]] / 50.0 - 1.0, "ab": lab[[1, 2]] / 110.0}


def tutorial_batches(paths: Sequence[Path], size: int, workers: int) -> Iterator[dict[str, Tensor]]:
    """Batches without end."""
    loader: DataLoader[dict[str, Tensor]] = DataLoader(
        _Photographs(paths), batch_size=size, shuffle=True, drop_last=True, num_workers=workers
    )
    while True:
        yield from loader


class TutorialLoop:
    """One step of pix2pix: discriminator, then generator."""

    def __init__(self) -> None:
        self.generator = build_generator("unet_256")
        self.discriminator = build_discriminator("patchgan")
        self.gan, self.l1 = GanLoss("vanilla"), nn.L1Loss()
        rates: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.opt_g = torch.optim.Adam(self.generator.parameters(), **rates)
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), **rates)

    def __call__(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """Learn from a batch."""
        lightness, ab = batch["L"], batch["ab"]
        made = self.generator(lightness)
        self.discriminator.requires_grad_(True)
        self.opt_d.zero_grad()
        fake = torch.cat([lightness, made], dim=1)
        d_fake = self.gan(self.discriminator(fake.detach()), real=False)
        d_real = self.gan(self.discriminator(torch.cat([lightness, ab], dim=1)), real=True)
        d = (d_fake + d_real) * 0.5
        d.backward()
        self.opt_d.step()
        self.discriminator.requires_grad_(False)
        self.opt_g.zero_grad()
        gan = self.gan(self.discriminator(fake), real=True)
        l1 = self.l1(made, ab) * 100.0
        (gan + l1).backward()
        self.opt_g.step()
        losses = {"d_fake": d_fake, "d_real": d_real, "d": d, "gan": gan, "l1": l1}
        return {name: loss.item() for name, loss in losses.items()}
