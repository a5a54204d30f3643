from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from toolkit.errors import UsageError
from toolkit.training.losses import GAN_MODES, LOSSES, Bins, GanLoss, build_loss
from toolkit.training.networks import build_generator
from toolkit.training.networks.colour_bins import soft_labels
from toolkit.training.networks.generator import Generator, Prediction

EDGE = build_generator("edge", stem=16, widths=(16, 16, 16, 16), head=16)


@pytest.mark.parametrize("name", ["l1", "l2", "huber"])
def test_distances_are_zero_at_the_truth_and_grow(name: str) -> None:
    loss = build_loss(name, EDGE, {})
    true = torch.full((1, 2, 4, 4), 0.2)
    at = [float(loss(Prediction(true + d), true)) for d in (0.0, 0.1, 0.3)]
    assert at[0] == 0 < at[1] < at[2]


def test_l1_is_the_mean_of_absolute_differences() -> None:
    loss = build_loss("l1", EDGE, {})
    assert float(loss(Prediction(torch.zeros(1, 2, 2, 2)), torch.full((1, 2, 2, 2), 0.25))) == 0.25


def test_bins_is_the_cross_entropy_to_soft_labels() -> None:
    loss = build_loss("bins", EDGE, {"sigma": 7.0})
    torch.manual_seed(0)
    centres = EDGE.get_buffer("centres")
    logits, ab = torch.randn(2, len(centres), 3, 3), torch.randn(2, 2, 3, 3) * 0.2
    labels = soft_labels(ab * 110, centres, 7.0)
    slow = -sum(
        float(labels[n, b, i, j] * (logits[n, b, i, j] - logits[n, :, i, j].logsumexp(0)))
        for n in range(2)
        for b in range(len(centres))
        for i in range(3)
        for j in range(3)
    )
    assert math.isclose(float(loss(Prediction(ab, logits), ab)), slow / 18, rel_tol=1e-4)


def test_bins_needs_a_generator_with_bins() -> None:
    with pytest.raises(UsageError, match="bin_spacing"):
        build_loss("bins", build_generator("edge", bin_spacing=0.0), {})


def colours(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(2, 2, 5, 6) * 0.2


def test_gradient_sees_edges_and_not_a_tint() -> None:
    loss, true = build_loss("gradient", EDGE, {}), colours()
    assert float(loss(Prediction(true + 0.3), true)) == pytest.approx(0, abs=1e-6)
    step = torch.zeros(1, 2, 2, 4)
    step[..., 2:] = 0.5  # one of three neighbours on each row
    assert float(loss(Prediction(step), torch.zeros_like(step))) == pytest.approx(0.5 / 3)
    assert float(loss(Prediction(step), -step)) == pytest.approx(1.0 / 3)


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    loss, true = build_loss("colourfulness", EDGE, {}), colours()
    slow = []
    for photo in true.double():
        spread = math.sqrt(sum(float(plane.var(correction=0)) for plane in photo))
        mean = math.hypot(*(float(plane.mean()) for plane in photo))
        slow.append(spread + 0.37 * mean)
    expected = sum(abs(0.5 * m - m) for m in slow) / 2
    assert float(loss(Prediction(0.5 * true), true)) == pytest.approx(expected, rel=1e-3)


def test_colourfulness_can_be_learned_from_gray() -> None:
    gray = torch.zeros(1, 2, 4, 4, requires_grad=True)
    build_loss("colourfulness", EDGE, {})(Prediction(gray), colours()[:1, :, :4, :4]).backward()
    assert gray.grad is not None
    assert gray.grad.isfinite().all()


def test_psnr_is_in_decibels_and_counts_each_photograph_alike() -> None:
    loss, true = build_loss("psnr", EDGE, {}), colours()
    near, far = torch.full_like(true[:1], 0.1), torch.full_like(true[:1], 1.0)
    one = float(loss(Prediction(true[:1] + near), true[:1]))
    ten = float(loss(Prediction(true[:1] + far), true[:1]))
    assert ten - one == pytest.approx(20, abs=0.1)  # ten times the error
    both = float(loss(Prediction(true + torch.cat([near, far])), true))
    assert both == pytest.approx((one + ten) / 2)
    assert float(loss(Prediction(true), true)) == 0


def test_psnr_counts_harm_more() -> None:
    plain, careful = (build_loss("psnr", EDGE, {"harm": harm}) for harm in (0.0, 2.0))
    true = colours()
    better, worse = Prediction(0.9 * true), Prediction(-true)
    assert float(careful(better, true)) == float(plain(better, true))
    harm = float(plain(worse, true) - plain(Prediction(0 * true), true))
    assert harm == pytest.approx(20 * math.log10(2), abs=0.1)  # twice as far as gray is
    assert float(careful(worse, true)) == pytest.approx(float(plain(worse, true)) + 2 * harm)


def test_psnr_refuses_a_bonus_for_harm() -> None:
    with pytest.raises(UsageError, match="harm must be 0 or more"):
        build_loss("psnr", EDGE, {"harm": -1.0})


def test_psnr_can_be_learned_from_the_truth() -> None:
    true = colours().requires_grad_()
    build_loss("psnr", EDGE, {})(Prediction(true), true.detach()).backward()
    assert true.grad is not None
    assert true.grad.isfinite().all()


def test_rare_colours_count_more() -> None:
    loss = build_loss("bins", EDGE, {"rebalance": 0.5})
    assert isinstance(loss, Bins)
    bins = len(loss.centres)
    prior = torch.full((bins,), 0.1 / (bins - 1), dtype=torch.float64)
    frequent = int(loss.centres.norm(dim=1).argmin())
    prior[frequent] = 0.9
    loss.balance(prior)
    # Equation 4 of Zhang et al. 2016, and the mean weight of a pixel is 1.
    expected = 1 / (0.5 * prior + 0.5 / bins)
    expected /= (expected * prior).sum()
    torch.testing.assert_close(loss.weights, expected.float())
    assert float((loss.weights * prior).sum()) == pytest.approx(1)
    logits = torch.zeros(1, bins, 1, 1)
    rare = int(loss.centres.norm(dim=1).argmax())
    at = {
        which: float(
            loss(Prediction(logits[:, :2], logits), loss.centres[which].view(1, 2, 1, 1) / 110)
        )
        for which in (frequent, rare)
    }
    assert at[frequent] == pytest.approx(float(expected[frequent]) * math.log(bins), rel=1e-4)
    assert at[rare] == pytest.approx(float(expected[rare]) * math.log(bins), rel=1e-4)


def test_without_rebalancing_all_pixels_count_alike() -> None:
    plain, asked = build_loss("bins", EDGE, {}), build_loss("bins", EDGE, {"rebalance": 0.0})
    ab, logits = colours(), torch.randn(2, len(EDGE.get_buffer("centres")), 5, 6)
    assert float(plain(Prediction(ab, logits), ab)) == float(asked(Prediction(ab, logits), ab))
    with pytest.raises(UsageError, match="rebalance"):
        build_loss("bins", EDGE, {"rebalance": 2.0})


class Tinted(Generator):
    """Tells the width of what it is shown by its colours."""

    def __init__(self, strength: float, width: float) -> None:
        super().__init__()
        self.strength = torch.nn.Parameter(torch.tensor(strength))
        self.width = width

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        tint = self.strength * (1 + self.width * lightness.shape[-1] / 64)
        return tint * lightness.expand(-1, 2, -1, -1)


def steadiness(generator: Generator) -> float:
    lightness = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) + 0.5
    predicted = replace(generator.predict(lightness), lightness=lightness)
    return float(build_loss("steady", generator, {})(predicted, predicted.ab).detach())


def test_steady_is_the_change_between_sizes_in_units_of_the_chroma() -> None:
    assert steadiness(Tinted(0.3, 0.0)) == pytest.approx(0, abs=1e-3)
    # 1.5 and 1.25 times the light: 0.25 apart, and 1.375 in the mean.
    assert steadiness(Tinted(0.3, 0.5)) == pytest.approx(0.25 / 1.375, rel=1e-3)


def test_steady_gains_nothing_by_duller_colours() -> None:
    bright, dull = steadiness(Tinted(0.4, 0.5)), steadiness(Tinted(0.1, 0.5))
    assert dull == pytest.approx(bright, rel=1e-3)


def test_steady_learns_and_leaves_the_norms_alone() -> None:
    generator = build_generator("edge", stem=16, widths=(16, 16, 16, 16), head=16).train()
    lightness = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    predicted = replace(generator.predict(lightness), lightness=lightness)
    before = {name: value.clone() for name, value in generator.named_buffers()}
    build_loss("steady", generator, {})(predicted, predicted.ab).backward()
    assert all(torch.equal(before[name], value) for name, value in generator.named_buffers())
    assert all(module.training for module in generator.modules())
    grads = [p.grad for p in generator.parameters() if p.grad is not None]
    assert sum(float(grad.abs().sum()) for grad in grads) > 0


def test_unknown_names_and_options_are_told() -> None:
    with pytest.raises(UsageError, match="huber"):
        build_loss("hubre", EDGE, {})
    with pytest.raises(UsageError, match="sigmoid"):
        build_loss("bins", EDGE, {"sigmoid": 1})
    assert {"bins", "huber", "l1", "l2"} <= set(LOSSES)


def test_gan_losses_have_their_textbook_values() -> None:
    verdicts = torch.tensor([0.5, -2.0])
    vanilla, lsgan, hinge = (GanLoss(mode) for mode in ("vanilla", "lsgan", "hinge"))
    expected = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(2.0))) / 2
    assert math.isclose(float(vanilla(verdicts, real=True)), expected, rel_tol=1e-6)
    assert math.isclose(float(lsgan(verdicts, real=True)), (0.25 + 9) / 2, rel_tol=1e-6)
    assert math.isclose(float(lsgan(verdicts, real=False)), (0.25 + 4) / 2, rel_tol=1e-6)
    assert math.isclose(float(hinge(verdicts, real=True)), (0.5 + 3) / 2, rel_tol=1e-6)
    assert math.isclose(float(hinge(verdicts, real=False)), (1.5 + 0) / 2, rel_tol=1e-6)
    assert math.isclose(float(hinge(verdicts, real=True, fooling=True)), 0.75, rel_tol=1e-6)


@pytest.mark.parametrize("mode", sorted(GAN_MODES))
def test_the_labels_are_buffers_that_move_with_the_module(mode: str) -> None:
    assert {"real_label", "fake_label"} == set(dict(GanLoss(mode).named_buffers()))


def test_an_unknown_gan_mode_lists_the_choices() -> None:
    with pytest.raises(UsageError, match="vanilla"):
        GanLoss("wasserstein")
