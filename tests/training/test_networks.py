from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from toolkit.errors import UsageError
from toolkit.training.networks import (
    DISCRIMINATORS,
    GENERATORS,
    build_discriminator,
    build_generator,
)
from toolkit.training.networks.edge_lite import MOST, raise_contrast
from toolkit.training.networks.initialise import INITIALISERS
from toolkit.training.networks.resnet_unet import MOST as MOST_OF_A_MAP
from toolkit.training.networks.resnet_unet import ResNetUNet


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_a_verdict_sees_70_pixels() -> None:
    discriminator = build_discriminator("patchgan").eval()
    picture = torch.randn(1, 3, 256, 256, requires_grad=True)
    discriminator(picture)[0, 0, 15, 15].backward()
    assert picture.grad is not None
    rows = picture.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 70


@pytest.mark.parametrize("name", ["edge", "edge_lite"])
def test_ours_fit_a_plain_cpu(name: str) -> None:
    generator = build_generator(name).eval()
    with FlopCounterMode(display=False) as counter:
        generator(torch.zeros(1, 1, 256, 256))
    assert parameters(generator) <= 5_000_000
    assert counter.get_total_flops() / 2 <= 2e9


@pytest.mark.parametrize("name", sorted(GENERATORS.keys() - {"srcnn"}))  # whose plane is L*
def test_a_generator_gives_two_planes_of_its_inputs_size(name: str) -> None:
    with torch.device("meta"):
        generator = build_generator(name).eval()
        size = generator.fixed_size or 3 * generator.multiple_of
        assert generator(torch.zeros(2, 1, size, size)).shape == (2, 2, size, size)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["edge", "edge_lite"]), st.integers(1, 7), st.integers(1, 7))
def test_ours_take_every_multiple_of_32(name: str, rows: int, columns: int) -> None:
    generator = build_generator(name).eval()
    size = (32 * rows, 32 * columns)
    with torch.inference_mode():
        assert generator(torch.zeros(1, 1, *size)).shape == (1, 2, *size)


@pytest.mark.parametrize("name", ["edge", "edge_lite"])
def test_ours_predict_the_mean_of_their_bins(name: str) -> None:
    generator = build_generator(name).eval()
    with torch.inference_mode():
        predicted = generator.predict(torch.randn(1, 1, 64, 64))
        assert predicted.logits is not None
        centres = generator.get_buffer("centres")
        expected = torch.einsum("nbhw,bc->nchw", predicted.logits.softmax(1), centres / 110)
    torch.testing.assert_close(predicted.ab, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["edge", "edge_lite"])
def test_a_temperature_is_of_the_result_alone(name: str) -> None:
    """What is learned is the same; in the result the likeliest colours count more."""
    torch.manual_seed(0)
    plain, sharp = build_generator(name).eval(), build_generator(name, temperature=0.1).eval()
    sharp.load_state_dict(plain.state_dict())
    lightness = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        one, other = plain.predict(lightness), sharp.predict(lightness)
        torch.testing.assert_close(one.ab, other.ab, rtol=0, atol=0)
        assert one.logits is not None
        weights = (one.logits / 0.1).softmax(1)
        small = torch.einsum("nbhw,bc->nchw", weights, plain.get_buffer("centres") / 110)
        expected = torch.nn.functional.interpolate(small, scale_factor=4, mode="bilinear")
        torch.testing.assert_close(sharp(lightness), expected, rtol=0, atol=1e-5)
        assert not torch.allclose(plain(lightness), expected, atol=1e-2)
    with pytest.raises(UsageError, match="temperature"):
        build_generator(name, temperature=0.0)


def test_edge_without_bins_regresses() -> None:
    generator = build_generator("edge", bin_spacing=0.0)
    assert generator.predict(torch.zeros(2, 1, 32, 32)).logits is None


@pytest.mark.parametrize("name", ["edge", "resnet_unet"])
def test_what_no_norm_has_seen_leaves_no_bounds(name: str) -> None:
    """Noise comes out of each norm larger than photographs do: without bounds up to ten times the
    colours there are, which no format computes exactly."""
    torch.manual_seed(0)
    generator = build_generator(name, **({"bin_spacing": 0.0} if name == "edge" else {})).eval()
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data *= 10
    noise = 2 * torch.rand(1, 1, 64, 64) - 1
    with torch.inference_mode():
        assert generator(noise).abs().max() <= 1
        if isinstance(generator, ResNetUNet):
            assert max(float(m.max()) for m in generator.encoder(noise)) == MOST_OF_A_MAP


def test_normal_initialisation_is_that_of_pix2pix() -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("patchgan")
    INITIALISERS["normal"](discriminator)
    for module in discriminator.modules():
        if isinstance(module, torch.nn.Conv2d) and module.weight.numel() > 10_000:
            assert abs(float(module.weight.detach().std()) - 0.02) < 0.001
        if isinstance(module, torch.nn.BatchNorm2d):
            assert abs(float(module.weight.detach().mean()) - 1) < 0.01


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_an_unknown_name_lists_the_choices(build: object) -> None:
    with pytest.raises(UsageError) as caught:
        build("unet_265")  # type: ignore[operator]
    registry = GENERATORS if build is build_generator else DISCRIMINATORS
    assert all(name in str(caught.value) for name in registry)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(UsageError, match="widht"):
        build_generator("edge", widht=3)


def test_values_that_cannot_be_are_named() -> None:
    with pytest.raises(UsageError, match="at least 5"):
        build_generator("unet_layers", n_layers=4)
    with pytest.raises(UsageError, match="batch, instance"):
        build_generator("unet_layers", norm="group")
    with pytest.raises(UsageError, match="at least 1"):
        build_discriminator("patchgan", n_layers=0)


def test_channels_off_the_vector_width_are_refused() -> None:
    with pytest.raises(UsageError, match="multiples of 16"):
        build_generator("edge", stem=20)


def test_a_faded_print_gets_the_colours_of_a_fresh_one() -> None:
    generator = build_generator("edge_lite", least_spread=18.0).eval()
    light = (torch.randn(2, 1, 64, 64) * 0.2).clamp(-0.9, 0.9)  # a spread of 10 in L*
    light -= light.mean((2, 3), keepdim=True)
    with torch.no_grad():
        assert torch.allclose(generator(light), generator(0.6 * light), atol=1e-4)
        blank = generator(torch.full((1, 1, 64, 64), 0.5))
    assert blank.isfinite().all()


def test_full_contrast_is_left_alone() -> None:
    light = torch.linspace(-1, 1, 64 * 64).reshape(1, 1, 64, 64)
    assert torch.allclose(raise_contrast(light, 18.0), light, atol=1e-6)


def test_contrast_is_raised_by_a_limit() -> None:
    light = 0.01 * torch.randn(1, 1, 64, 64)
    assert torch.allclose(raise_contrast(light, 18.0).std() / light.std(), torch.tensor(MOST))
