"""One step of learning: regression alone, or the game of generator and discriminator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import UsageError, one_of
from toolkit.training.data.batches import Batch
from toolkit.training.distributed import ALONE, Team
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


@dataclass
class _Part:
    """Photographs that go through the networks at once."""

    lightness: Tensor
    ab: Tensor
    share: float
    """What their mean loss counts in that of the whole batch."""
    game: _Game | None = None
    """What both moves look at, if memory allows to keep it between them."""


Look = Callable[[_Part], dict[str, Tensor]]
"""The losses of a part by name; the last is what the network moves against."""


class Regression:
    """Moves the generator towards the true colours.

    Attributes
    ----------
    modules, optimizers : dict
        By the names under which a checkpoint stores them.
    terms : list of (str, float, Module)
        Name, weight and loss.
    """

    def __init__(
        self, recipe: Recipe, generator: Generator, device: torch.device, team: Team
    ) -> None:
        self.recipe, self.generator, self.device, self.team = recipe, generator, device, team
        self.modules: dict[str, nn.Module] = {"generator": generator}
        self.settings = {
            "generator": recipe.optimizer,
            "discriminator": recipe.optimizer_discriminator,
        }
        self.optimizers = {"generator": _optimizer(recipe.optimizer, generator)}
        self.terms = [
            (term.name, term.weight, build_loss(term.name, generator, term.options).to(device))
            for term in recipe.losses
        ]
        self._bf16 = recipe.precision == "bf16"
        if recipe.accumulate < 1:
            raise UsageError(f"recipe: accumulate must be at least 1, not {recipe.accumulate}")

    def __call__(self, batch: Batch, share: float = 1.0) -> dict[str, Tensor]:
        """Learn from a batch, or from this process's `share` of one.

        Returns
        -------
        losses : dict of str to Tensor
            Means over the whole batch, still on the device.
        """
        losses = self._learn(self._parts(batch, share))
        self.team.add_up([*losses.values()])
        return losses

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Where the networks compute in bfloat16, if the recipe says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def colour_losses(self, predicted: Prediction, part: _Part) -> dict[str, Tensor]:
        """Each weighted term, at the generator's own resolution."""
        factor = part.ab.shape[-1] // predicted.ab.shape[-1]
        small = F.avg_pool2d(part.ab, factor) if factor > 1 else part.ab
        predicted = Prediction(predicted.ab.float(), predicted.logits, part.lightness)
        return {name: weight * term(predicted, small) for name, weight, term in self.terms}

    def _learn(self, parts: list[_Part]) -> dict[str, Tensor]:
        return self._move("generator", parts, self._regress)

    def _regress(self, part: _Part) -> dict[str, Tensor]:
        with self.autocast():
            predicted = self.generator.predict(part.lightness)
        losses = self.colour_losses(predicted, part)
        losses["loss"] = torch.stack([*losses.values()]).sum()
        return losses

    def _move(self, name: str, parts: list[_Part], look: Look) -> dict[str, Tensor]:
        """Move one network against the gradient of its loss over all parts, of all processes."""
        optimizer, settings = self.optimizers[name], self.settings[name]
        optimizer.zero_grad(set_to_none=True)
        means: dict[str, Tensor] = {}
        for part in parts:
            losses = look(part)
            (losses[[*losses][-1]] * part.share).backward()  # type: ignore[no-untyped-call]
            for key, loss in losses.items():
                value = loss.detach() * part.share
                means[key] = means[key] + value if key in means else value
        learned = [p for group in optimizer.param_groups for p in group["params"]]
        self.team.add_up([p.grad for p in learned if p.grad is not None])
        if settings.clip:
            nn.utils.clip_grad_norm_(learned, settings.clip)
        optimizer.step()
        return means

    def _parts(self, batch: Batch, share: float) -> list[_Part]:
        layout = torch.channels_last if self.recipe.channels_last else torch.contiguous_format
        lightness = batch.lightness.to(self.device, memory_format=layout, non_blocking=True)
        ab = batch.ab.to(self.device, non_blocking=True)
        parts = self.recipe.accumulate
        return [
            _Part(some, true, share * len(true) / len(ab))
            for some, true in zip(lightness.chunk(parts), ab.chunk(parts), strict=True)
        ]


class Adversarial(Regression):
    """Generator and discriminator against each other, in the order that the recipe gives (pix2pix).

    Both moves of a step judge the same colours, made before either. Where a batch goes through in
    several parts they are made again for the second move, with other dropout.
    """

    def __init__(
        self,
        recipe: Recipe,
        generator: Generator,
        discriminator: nn.Module,
        device: torch.device,
        team: Team,
    ) -> None:
        super().__init__(recipe, generator, device, team)
        self.discriminator = discriminator
        self.modules["discriminator"] = discriminator
        self.optimizers["discriminator"] = _optimizer(recipe.optimizer_discriminator, discriminator)
        self._gan = GanLoss(recipe.gan.mode).to(device)
        if recipe.gan.first not in ORDERS:
            raise one_of("value of gan.first", recipe.gan.first, sorted(ORDERS))
        self._looks: dict[str, Look] = {
            "discriminator": self._discriminate,
            "generator": self._generate,
        }

    def _learn(self, parts: list[_Part]) -> dict[str, Tensor]:
        if len(parts) == 1:
            parts[0].game = self._play(parts[0])
        losses: dict[str, Tensor] = {}
        for player in ORDERS[self.recipe.gan.first]:
            self.discriminator.requires_grad_(player == "discriminator")
            losses |= self._move(player, parts, self._looks[player])
        return losses

    def _play(self, part: _Part) -> _Game:
        lightness, ab = part.lightness, part.ab
        with self.autocast():
            predicted = self.generator.predict(lightness)
        full = predicted.ab.float()
        if full.shape[-1] != ab.shape[-1]:
            full = F.interpolate(full, ab.shape[-2:], mode="bilinear", align_corners=False)
        return _Game(predicted, torch.cat([lightness, full], 1), torch.cat([lightness, ab], 1))

    def _discriminate(self, part: _Part) -> dict[str, Tensor]:
        """The discriminator learns to tell true colours from the generator's."""
        with torch.no_grad():
            game = part.game or self._play(part)
        with self.autocast():
            fake_verdicts = self.discriminator(game.fake.detach()).float()
            true_verdicts = self.discriminator(game.true).float()
        d_fake = self._gan(fake_verdicts, real=False)
        d_real = self._gan(true_verdicts, real=True)
        d = (d_fake + d_real) * self.recipe.gan.discriminator_factor
        return {"d_fake": d_fake, "d_real": d_real, "d": d}

    def _generate(self, part: _Part) -> dict[str, Tensor]:
        """The generator learns the true colours, and to be taken for true."""
        game = part.game or self._play(part)
        with self.autocast():
            verdicts = self.discriminator(game.fake).float()
        losses = self.colour_losses(game.predicted, part)
        losses["gan"] = self.recipe.gan.weight * self._gan(verdicts, real=True, fooling=True)
        losses["loss"] = torch.stack([*losses.values()]).sum()
        return losses


@dataclass
class _Game:
    """What both moves of a step look at."""

    predicted: Prediction
    fake: Tensor
    """L* with the generator's a*b*, scaled, shape (N, 3, H, W)."""
    true: Tensor
    """L* with the true a*b*."""


def build_step(
    recipe: Recipe,
    generator: Generator,
    discriminator: nn.Module | None,
    device: torch.device,
    team: Team = ALONE,
) -> Regression:
    """The step that a recipe asks for."""
    if discriminator is None:
        return Regression(recipe, generator, device, team)
    return Adversarial(recipe, generator, discriminator, device, team)


def _optimizer(settings: Optimizer, module: nn.Module) -> torch.optim.Optimizer:
    if settings.name not in OPTIMIZERS:
        raise one_of("optimizer", settings.name, sorted(OPTIMIZERS))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        factor = _factor(name, settings.factors)
        if factor == 0:
            parameter.requires_grad_(False)
            continue
        # Decay pulls weights towards 0; biases and norms have no reason to be small.
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    if not groups:
        raise UsageError("recipe: every factor of the optimizer is 0, so nothing would be learned")
    options = [
        {
            "params": parameters,
            "lr": factor * settings.lr,
            "factor": factor,
            "weight_decay": decay,
        }
        for (factor, decay), parameters in groups.items()
    ]
    # Fused: each weight is read and written once; for 54 M of them a fifth of the time.
    return OPTIMIZERS[settings.name](
        options, lr=settings.lr, betas=(settings.beta1, settings.beta2), fused=True
    )


def _factor(name: str, factors: dict[str, float]) -> float:
    fitting = [
        part for part in factors if fnmatchcase(name, part) or fnmatchcase(name, f"{part}.*")
    ]
    return factors[max(fitting, key=len)] if fitting else 1.0
