from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from toolkit.errors import UsageError
from toolkit.training.data.batches import Batch
from toolkit.training.networks import build_discriminator, build_generator
from toolkit.training.recipe import Gan, Loss, Network, Optimizer, Recipe
from toolkit.training.steps import Adversarial, build_step

RECIPE = Recipe(
    name="game",
    summary="",
    source="",
    epochs=1,
    generator=Network("unet_layers"),
    losses=[Loss("l1", 100.0)],
    discriminator=Network("pixel"),
    optimizer=Optimizer(lr=1e-2),
    optimizer_discriminator=Optimizer(lr=1e-2),
    precision="fp32",
)


def batch() -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(2, 1, 64, 64) * 2 - 1, torch.rand(2, 2, 64, 64) - 0.5)


def game(**changes: object) -> tuple[Adversarial, nn.Module]:
    torch.manual_seed(0)
    generator = build_generator("unet_layers", filters=4, n_layers=5, dropout=0.0)
    discriminator = build_discriminator("pixel", filters=4)
    recipe = replace(RECIPE, gan=Gan(**changes))  # type: ignore[arg-type]
    step = build_step(recipe, generator, discriminator, torch.device("cpu"))
    assert isinstance(step, Adversarial)
    return step, discriminator


def test_who_moves_second_meets_the_other_after_its_move() -> None:
    by_first = {first: game(first=first)[0](batch()) for first in ("discriminator", "generator")}
    one, other = by_first["discriminator"], by_first["generator"]
    # Both see the colours that the untrained generator made ...
    for name in ("l1", "d_fake", "d_real"):
        torch.testing.assert_close(one[name], other[name], rtol=1e-6, atol=0)
    # ... but the generator that moves second is judged by a discriminator that has learned.
    assert abs(float(one["gan"]) - float(other["gan"])) > 1e-3
    assert list(one) == ["d_fake", "d_real", "d", "l1", "gan", "loss"]
    assert list(other) == ["l1", "gan", "loss", "d_fake", "d_real", "d"]


@pytest.mark.parametrize("first", ["discriminator", "generator"])
def test_both_players_move(first: str) -> None:
    step, _ = game(first=first)
    before = {
        name: [p.detach().clone() for p in module.parameters()]
        for name, module in step.modules.items()
    }
    step(batch())
    for name, module in step.modules.items():
        moved = [
            not torch.equal(b, p) for b, p in zip(before[name], module.parameters(), strict=True)
        ]
        assert all(moved), name


def test_the_discriminators_losses_are_averaged_or_summed() -> None:
    mean, total = (game(discriminator_factor=f)[0](batch()) for f in (0.5, 1.0))
    torch.testing.assert_close(mean["d"], (mean["d_fake"] + mean["d_real"]) / 2)
    torch.testing.assert_close(total["d"], total["d_fake"] + total["d_real"])


def test_the_game_needs_no_other_loss() -> None:
    torch.manual_seed(0)
    generator = build_generator("unet_layers", filters=4, n_layers=5)
    recipe = replace(RECIPE, losses=[])
    step = build_step(recipe, generator, build_discriminator("pixel"), torch.device("cpu"))
    losses = step(batch())
    torch.testing.assert_close(losses["loss"], losses["gan"])


def test_an_unknown_player_is_named() -> None:
    with pytest.raises(UsageError, match="discriminator, generator"):
        game(first="judge")
