"""Terms of the generator's loss by name, and the game with the discriminator.

A new term is a class here and a line in `LOSSES`.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017.
.. [2] Mao et al., "Least squares generative adversarial networks", 2017.
.. [3] Lim and Ye, "Geometric GAN", 2017 (hinge).
.. [4] Zhang, Isola and Efros, "Colorful image colorization", 2016 (soft-encoded bins).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import UsageError, one_of
from toolkit.training.networks.colour_bins import soft_labels
from toolkit.training.networks.generator import AB_SCALE, Generator, Prediction

__all__ = ["GAN_MODES", "LOSSES", "GanLoss", "build_loss"]


class _Elementwise(nn.Module):
    """A distance between predicted and true ab / 110, averaged over everything."""

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self._distance = distance

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        return self._distance(predicted.ab, ab)


class _Bins(nn.Module):
    """Cross-entropy between the bins' scores and soft-encoded true colours [4]_."""

    def __init__(self, centres: Tensor, sigma: float) -> None:
        super().__init__()
        self.register_buffer("centres", centres.clone(), persistent=False)
        self.sigma = sigma

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        assert predicted.logits is not None
        labels = soft_labels(ab * AB_SCALE, self.get_buffer("centres"), self.sigma)
        return -(labels * torch.log_softmax(predicted.logits, dim=1)).sum(1).mean()


def _l1(generator: Generator) -> nn.Module:
    return _Elementwise(F.l1_loss)


def _l2(generator: Generator) -> nn.Module:
    return _Elementwise(F.mse_loss)


def _huber(generator: Generator, *, delta: float = 0.05) -> nn.Module:
    def huber(predicted: Tensor, true: Tensor) -> Tensor:
        return F.smooth_l1_loss(predicted, true, beta=delta)

    return _Elementwise(huber)


def _bins(generator: Generator, *, sigma: float = 7.0) -> nn.Module:
    centres = getattr(generator, "centres", None)
    if centres is None or not len(centres):
        raise UsageError("the loss bins needs a generator with colour bins: edge, bin_spacing > 0")
    return _Bins(centres, sigma)


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "bins": _bins,
    "huber": _huber,
    "l1": _l1,
    "l2": _l2,
}


def build_loss(name: str, generator: Generator, options: dict[str, Any]) -> nn.Module:
    """Build a term; call it with a `Prediction` and the true ab / 110 of the same size.

    Raises
    ------
    UsageError
        If there is no term of that name, it has no such option, or the generator lacks what it
        needs.
    """
    if name not in LOSSES:
        raise one_of("loss", name, sorted(LOSSES))
    try:
        return LOSSES[name](generator, **options)
    except TypeError as error:
        raise UsageError(f"loss {name}: {error}") from None


def _hinge(logits: Tensor, labels: Tensor) -> Tensor:
    return F.relu(1 - torch.where(labels > 0.5, logits, -logits)).mean()


GAN_MODES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "vanilla": F.binary_cross_entropy_with_logits,
    "lsgan": F.mse_loss,
    "hinge": _hinge,
}


class GanLoss(nn.Module):
    """How far the discriminator's verdicts are from what they should be.

    Parameters
    ----------
    mode : str
        ``vanilla`` [1]_, ``lsgan`` [2]_ or ``hinge`` [3]_.
    """

    real_label: Tensor
    fake_label: Tensor

    def __init__(self, mode: str) -> None:
        super().__init__()
        if mode not in GAN_MODES:
            raise one_of("GAN mode", mode, sorted(GAN_MODES))
        self.mode = mode
        self.register_buffer("real_label", torch.tensor(1.0))
        self.register_buffer("fake_label", torch.tensor(0.0))

    def forward(self, verdicts: Tensor, *, real: bool, fooling: bool = False) -> Tensor:
        """Loss of a map of verdicts that ought to say `real`.

        `fooling` marks the generator's side, where hinge is linear.
        """
        if self.mode == "hinge" and fooling:
            return -verdicts.mean()
        label = self.real_label if real else self.fake_label
        return GAN_MODES[self.mode](verdicts, label.expand_as(verdicts))
