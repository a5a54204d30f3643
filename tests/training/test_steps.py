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


def test_parts_of_a_network_move_at_their_own_rates() -> None:
    torch.manual_seed(0)
    generator = build_generator("edge_lite")
    factors = {"encoder": 0.5, "encoder.conv_stem": 0.0, "encoder.*.depthwise_conv": 0.0}
    recipe = replace(RECIPE, discriminator=None, optimizer=Optimizer(lr=1e-2, factors=factors))
    before = {name: p.detach().clone() for name, p in generator.named_parameters()}
    build_step(recipe, generator, None, torch.device("cpu"))(batch())
    # Adam's first step moves every weight by its rate.
    moved = {
        n: float((p.detach() - before[n]).abs().max()) for n, p in generator.named_parameters()
    }
    assert moved["encoder.conv_stem.weight"] == 0
    assert moved["encoder.blocks.15.depthwise_conv.weight"] == 0
    assert moved["encoder.blocks.15.project_conv.weight"] == pytest.approx(5e-3, rel=1e-3)
    assert moved["classifier.weight"] == pytest.approx(1e-2, rel=1e-3)


def test_a_recipe_that_moves_nothing_is_refused() -> None:
    generator = build_generator("edge")
    parts = {name: 0.0 for name, _ in generator.named_children()}
    recipe = replace(RECIPE, discriminator=None, optimizer=Optimizer(factors=parts))
    with pytest.raises(UsageError, match="every factor"):
        build_step(recipe, generator, None, torch.device("cpu"))


@pytest.mark.parametrize("adversarial", [True, False])
def test_a_batch_in_parts_teaches_what_it_does_at_once(adversarial: bool) -> None:
    """With InstanceNorm and without dropout, where no photograph sees the others."""
    after, losses = [], []
    for parts in (1, 2):
        torch.manual_seed(0)
        generator = build_generator("unet_layers", filters=4, n_layers=5, dropout=0.0)
        judge = build_discriminator("patchgan", filters=4, n_layers=1, norm="instance")
        recipe = replace(RECIPE, accumulate=parts)
        step = build_step(recipe, generator, judge if adversarial else None, torch.device("cpu"))
        told = [step(batch()) for _ in range(3)][-1]
        losses.append(torch.stack([told[name] for name in sorted(told)]))
        after.append(torch.cat([p.detach().flatten() for p in generator.parameters()]))
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-4)
    # Adam makes a step of the rate out of every gradient, also out of one that is rounding alone.
    assert float((after[0] - after[1]).abs().mean()) < 1e-2 * RECIPE.optimizer.lr


def test_fewer_than_one_part_is_refused() -> None:
    generator = build_generator("unet_layers", filters=4, n_layers=5)
    with pytest.raises(UsageError, match="accumulate"):
        build_step(replace(RECIPE, accumulate=0), generator, None, torch.device("cpu"))
