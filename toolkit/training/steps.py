"""One step of learning: regression alone, or the game of generator and discriminator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import one_of
from toolkit.training.data.batches import Batch
from toolkit.training.losses import GanLoss, build_loss
from toolkit.training.networks.generator import Generator, Prediction
from toolkit.training.recipe import Optimizer, Recipe

__all__ = ["OPTIMIZERS", "ORDERS", "Adversarial", "Regression", "build_step"]

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}

ORDERS = {
    "discriminator": ("discriminator", "generator"),
    "generator": ("generator", "discriminator"),
}
"""Who moves in a step, by who is first."""


class Regression:
    """Moves the generator towards the true colours.

    Attributes
    ----------
    modules, optimizers : dict
        By the names under which a checkpoint stores them.
    """

    def __init__(self, recipe: Recipe, generator: Generator, device: torch.device) -> None:
        self.recipe, self.generator, self.device = recipe, generator, device
        self.modules: dict[str, nn.Module] = {"generator": generator}
        self.optimizers = {"generator": _optimizer(recipe.optimizer, generator)}
        self._terms = [
            (term.name, term.weight, build_loss(term.name, generator, term.options).to(device))
            for term in recipe.losses
        ]
        self._bf16 = recipe.precision == "bf16"

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from a batch; the losses by name, still on the device."""
        lightness, ab = self._to_device(batch)
        with self.autocast():
            predicted = self.generator.predict(lightness)
        losses = self.colour_losses(predicted, ab)
        losses["loss"] = torch.stack([*losses.values()]).sum()
        self.descend("generator", losses["loss"], self.recipe.optimizer)
        return {name: value.detach() for name, value in losses.items()}

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Where the networks compute in bfloat16, if the recipe says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def colour_losses(self, predicted: Prediction, ab: Tensor) -> dict[str, Tensor]:
        """Each weighted term, at the generator's own resolution."""
        factor = ab.shape[-1] // predicted.ab.shape[-1]
        small = F.avg_pool2d(ab, factor) if factor > 1 else ab
        predicted = Prediction(predicted.ab.float(), predicted.logits)
        return {name: weight * term(predicted, small) for name, weight, term in self._terms}

    def descend(self, name: str, loss: Tensor, settings: Optimizer) -> None:
        """Move one network against the gradient of its loss."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip:
            nn.utils.clip_grad_norm_(self.modules[name].parameters(), settings.clip)
        optimizer.step()

    def _to_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        layout = torch.channels_last if self.recipe.channels_last else torch.contiguous_format
        lightness = batch.lightness.to(self.device, memory_format=layout, non_blocking=True)
        return lightness, batch.ab.to(self.device, non_blocking=True)


class Adversarial(Regression):
    """Generator and discriminator against each other, in the order that the recipe gives (pix2pix).

    Both moves of a step judge the same colours, made before either.
    """

    def __init__(
        self,
        recipe: Recipe,
        generator: Generator,
        discriminator: nn.Module,
        device: torch.device,
    ) -> None:
        super().__init__(recipe, generator, device)
        self.discriminator = discriminator
        self.modules["discriminator"] = discriminator
        self.optimizers["discriminator"] = _optimizer(recipe.optimizer_discriminator, discriminator)
        self._gan = GanLoss(recipe.gan.mode).to(device)
        if recipe.gan.first not in ORDERS:
            raise one_of("value of gan.first", recipe.gan.first, sorted(ORDERS))
        moves = {"discriminator": self._discriminate, "generator": self._generate}
        self._moves = [moves[player] for player in ORDERS[recipe.gan.first]]

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        lightness, ab = self._to_device(batch)
        with self.autocast():
            predicted = self.generator.predict(lightness)
        full = predicted.ab.float()
        if full.shape[-1] != ab.shape[-1]:
            full = F.interpolate(full, ab.shape[-2:], mode="bilinear", align_corners=False)
        game = _Game(predicted, ab, torch.cat([lightness, full], 1), torch.cat([lightness, ab], 1))
        losses: dict[str, Tensor] = {}
        for move in self._moves:
            losses |= move(game)
        return {name: value.detach() for name, value in losses.items()}

    def _discriminate(self, game: _Game) -> dict[str, Tensor]:
        """The discriminator learns to tell true colours from the generator's."""
        self.discriminator.requires_grad_(True)
        with self.autocast():
            fake_verdicts = self.discriminator(game.fake.detach()).float()
            true_verdicts = self.discriminator(game.true).float()
        d_fake = self._gan(fake_verdicts, real=False)
        d_real = self._gan(true_verdicts, real=True)
        d = (d_fake + d_real) * self.recipe.gan.discriminator_factor
        self.descend("discriminator", d, self.recipe.optimizer_discriminator)
        return {"d_fake": d_fake, "d_real": d_real, "d": d}

    def _generate(self, game: _Game) -> dict[str, Tensor]:
        """The generator learns the true colours, and to be taken for true."""
        self.discriminator.requires_grad_(False)
        with self.autocast():
            verdicts = self.discriminator(game.fake).float()
        losses = self.colour_losses(game.predicted, game.ab)
        losses["gan"] = self.recipe.gan.weight * self._gan(verdicts, real=True, fooling=True)
        losses["loss"] = torch.stack([*losses.values()]).sum()
        self.descend("generator", losses["loss"], self.recipe.optimizer)
        return losses


@dataclass
class _Game:
    """What both moves of a step look at."""

    predicted: Prediction
    ab: Tensor
    fake: Tensor
    """L* with the generator's a*b*, scaled, shape (N, 3, H, W)."""
    true: Tensor
    """L* with the true a*b*."""


def build_step(
    recipe: Recipe, generator: Generator, discriminator: nn.Module | None, device: torch.device
) -> Regression:
    """The step that a recipe asks for."""
    if discriminator is None:
        return Regression(recipe, generator, device)
    return Adversarial(recipe, generator, discriminator, device)


def _optimizer(settings: Optimizer, module: nn.Module) -> torch.optim.Optimizer:
    if settings.name not in OPTIMIZERS:
        raise one_of("optimizer", settings.name, sorted(OPTIMIZERS))
    # Decay pulls weights towards 0; biases and norms have no reason to be small.
    decayed = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return OPTIMIZERS[settings.name](groups, lr=settings.lr, betas=(settings.beta1, settings.beta2))
