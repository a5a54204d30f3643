"""Terms of the generator's loss by name, and the game with the discriminator.

A new term is a class here and a line in `LOSSES`.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017.
.. [2] Mao et al., "Least squares generative adversarial networks", 2017.
.. [3] Lim and Ye, "Geometric GAN", 2017 (hinge).
.. [4] Zhang, Isola and Efros, "Colorful image colorization", 2016 (soft-encoded bins, and their
   rebalancing, equation 4).
.. [5] Hasler and Suesstrunk, "Measuring colourfulness in natural images", 2003 (M1, in CIELAB).
.. [6] Mathieu, Couprie and LeCun, "Deep multi-scale video prediction beyond mean square error",
   2016 (gradient difference).
.. [7] Chen, Chu, Zhang and Sun, "Simple baselines for image restoration", 2022 (trained on PSNR).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import UsageError, one_of
from toolkit.training.networks.colour_bins import soft_labels
from toolkit.training.networks.generator import AB_SCALE, Generator, Prediction, evaluating

__all__ = ["AT_HALF_SIZE", "GAN_MODES", "LOSSES", "Bins", "GanLoss", "build_loss"]


class _Elementwise(nn.Module):
    """A distance between predicted and true ab / 110, averaged over everything."""

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self._distance = distance

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        return self._distance(predicted.ab, ab)


class _Gradient(nn.Module):
    """Differences between neighbours, predicted against true: colours end where they should [6]_.

    Signed, because a* that falls where it should rise is wrong twice.
    """

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        rest = predicted.ab - ab
        down, right = rest.diff(dim=2).abs().mean(), rest.diff(dim=3).abs().mean()
        return down + right


class _Colourfulness(nn.Module):
    """How far each photograph's colourfulness is from the true one's, in units of ab / 110 [5]_."""

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        return (_m1(predicted.ab) - _m1(ab)).abs().mean()


class _Psnr(nn.Module):
    """Each photograph's squared error in decibels above one CIE unit: what PSNR counts [7]_.

    A photograph that is nearly gray counts as much as one in full colour, so a guess that would
    make it worse than gray is dear: the network learns to be quiet where it does not know.

    Parameters
    ----------
    harm : float, 0 or more
        How much more a decibel counts where the photograph came out worse than gray.
    """

    FLOOR = (1 / AB_SCALE) ** 2
    """Half of what the eye can tell apart; below it nothing is won."""

    def __init__(self, harm: float) -> None:
        super().__init__()
        if harm < 0:
            raise UsageError(f"the loss psnr: harm must be 0 or more, not {harm}")
        self.harm = harm

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        error = self._decibels(predicted.ab - ab)
        if self.harm:
            error = error + self.harm * F.relu(error - self._decibels(ab))
        return error.mean()

    def _decibels(self, rest: Tensor) -> Tensor:
        """Of each photograph, shape (N,)."""
        return 10 * torch.log10(1 + rest.square().mean((1, 2, 3)) / self.FLOOR)


class _Steady(nn.Module):
    """How far colours move when the generator sees the same crop at half the size.

    In units of the mean chroma of both, as `toolkit.evaluation.robustness` tells it: to make all
    colours duller gains nothing.

    Parameters
    ----------
    generator : Generator
        The one that predicts; it learns from both looks.
    """

    LEAST = 1 / AB_SCALE
    """Chroma below which the unit grows no smaller: what the eye just tells from gray."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        assert predicted.lightness is not None
        # With the norms' running statistics, which another size must not move.
        with evaluating(self.generator, dropout=False):
            small = self.generator.predict(F.avg_pool2d(predicted.lightness, 2)).ab.float()
        large = F.avg_pool2d(predicted.ab, 2)
        moved = _mean_chroma(large - small)
        return 2 * moved / (_mean_chroma(large) + _mean_chroma(small)).clamp_min(2 * self.LEAST)


def _mean_chroma(ab: Tensor) -> Tensor:
    # At exactly 0 a root has no slope.
    return ab.square().sum(1).add(1e-8).sqrt().mean()


def _m1(ab: Tensor) -> Tensor:
    """sigma + 0.37 mu: the spread of the colours, and how far their mean is from gray [5]_."""
    # A gray photograph has no direction in which to become colourful: no root of exactly 0.
    spread = ab.var(dim=(2, 3), correction=0).sum(1).add(1e-6).sqrt()
    mean = ab.mean(dim=(2, 3)).square().sum(1).add(1e-6).sqrt()
    return spread + 0.37 * mean


class Bins(nn.Module):
    """Cross-entropy between the bins' scores and soft-encoded true colours [4]_.

    Parameters
    ----------
    centres : Tensor, shape (bins, 2), CIE units
    sigma : float
        Width of the Gaussian around a true colour, in CIE units.
    rebalance : float, 0..1
        How far rare colours count more than frequent ones; 0: all pixels alike. The paper's
        lambda is 1 minus this: 0.5 there.
    """

    centres: Tensor
    weights: Tensor

    def __init__(self, centres: Tensor, sigma: float, rebalance: float) -> None:
        super().__init__()
        if not 0 <= rebalance <= 1:
            raise UsageError(f"the loss bins: rebalance must be in 0..1, not {rebalance}")
        self.register_buffer("centres", centres.clone(), persistent=False)
        self.register_buffer("weights", torch.ones(len(centres)), persistent=False)
        self.sigma, self.rebalance = sigma, rebalance

    def balance(self, prior: Tensor) -> None:
        """Weigh each bin by how rare it is, so that the mean weight of a pixel is 1 (equation 4).

        Parameters
        ----------
        prior : Tensor, shape (bins,); sums to 1
            How often each colour occurs in the photographs to learn from.
        """
        even = (1 - self.rebalance) / len(prior)
        weights = 1 / (self.rebalance * prior.double() + even).clamp_min(1e-9)
        weights /= (weights * prior).sum()
        self.weights.copy_(weights)

    def forward(self, predicted: Prediction, ab: Tensor) -> Tensor:
        assert predicted.logits is not None
        labels = soft_labels(ab * AB_SCALE, self.centres, self.sigma).permute(0, 2, 3, 1)
        # Over the last axis, which channels_last makes contiguous: four times faster on a CPU.
        scores = predicted.logits.permute(0, 2, 3, 1)
        total = scores.logsumexp(dim=-1)
        if self.rebalance:
            each = (total - (labels * scores).sum(-1)) * self.weights[labels.argmax(-1)]
            return each.mean()
        # A product of vectors: no array of pixels x bins is written for it.
        return (total.sum() - torch.dot(labels.flatten(), scores.flatten())) / total.numel()


def _l1(generator: Generator) -> nn.Module:
    return _Elementwise(F.l1_loss)


def _l2(generator: Generator) -> nn.Module:
    return _Elementwise(F.mse_loss)


def _huber(generator: Generator, *, delta: float = 0.05) -> nn.Module:
    def huber(predicted: Tensor, true: Tensor) -> Tensor:
        return F.smooth_l1_loss(predicted, true, beta=delta)

    return _Elementwise(huber)


def _gradient(generator: Generator) -> nn.Module:
    return _Gradient()


def _colourfulness(generator: Generator) -> nn.Module:
    return _Colourfulness()


def _psnr(generator: Generator, *, harm: float = 0.0) -> nn.Module:
    return _Psnr(harm)


def _steady(generator: Generator) -> nn.Module:
    return _Steady(generator)


def _bins(generator: Generator, *, sigma: float = 7.0, rebalance: float = 0.0) -> nn.Module:
    centres = getattr(generator, "centres", None)
    if centres is None or not len(centres):
        raise UsageError("the loss bins needs a generator with colour bins: edge, bin_spacing > 0")
    return Bins(centres, sigma, rebalance)


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "bins": _bins,
    "colourfulness": _colourfulness,
    "gradient": _gradient,
    "huber": _huber,
    "l1": _l1,
    "l2": _l2,
    "psnr": _psnr,
    "steady": _steady,
}

AT_HALF_SIZE = frozenset({"steady"})
"""Terms that show each crop to the generator at half its size too."""


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
