"""Each network of the tutorials, layer by layer, against what their printed code builds.

On PyTorch's meta device: shapes without numbers, so that 54 million parameters cost nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from toolkit.training.networks import Generator, build_discriminator, build_generator


def on_meta(build: Any, name: str, **options: Any) -> nn.Module:
    with torch.device("meta"):
        built = build(name, **options)
    assert isinstance(built, nn.Module)
    return built


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def layers(network: nn.Module) -> list[str]:
    """Its layers from input to output, one short word each."""
    return [word for module in network.modules() if (word := _word(module))]


def _word(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            stride, padding = module.stride[0], module.padding[0]
            bias = "" if module.bias is None else " bias"
            size = f"{module.kernel_size[0]}/{stride}+{padding}"
            return f"conv {module.in_channels}>{module.out_channels} {size}{bias}"
        case nn.ConvTranspose2d():
            bias = "" if module.bias is None else " bias"
            assert (module.kernel_size, module.stride, module.padding) == ((4, 4), (2, 2), (1, 1))
            return f"up {module.in_channels}>{module.out_channels}{bias}"
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            assert module.affine == isinstance(module, nn.BatchNorm2d)
            kind = "batch" if isinstance(module, nn.BatchNorm2d) else "instance"
            return f"{kind} {module.num_features}"
        case nn.LeakyReLU():
            return f"leaky {module.negative_slope}"
        case nn.Dropout():
            return f"drop {module.p}"
        case nn.ReLU() | nn.Tanh() | nn.Upsample() | nn.ZeroPad2d():
            return type(module).__name__.lower()
    return ""


def down(i: int, o: int, *, bias: bool = False) -> str:
    return f"conv {i}>{o} 4/2+1{' bias' if bias else ''}"


LEAKY, DROP = "leaky 0.2", "drop 0.5"


def test_001_generator() -> None:
    built = on_meta(build_generator, "unet_instance", channels_in=3, channels_out=3)
    expected = [down(3, 64), LEAKY]
    for i, o in [(64, 128), (128, 256)]:
        expected += [down(i, o), f"instance {o}", LEAKY]
    for i, o in [(256, 512), (512, 512), (512, 512), (512, 512)]:
        expected += [down(i, o), f"instance {o}", LEAKY, DROP]
    expected += [down(512, 512), LEAKY, DROP]
    for i, o in [(512, 512), (1024, 512), (1024, 512), (1024, 512)]:
        expected += [f"up {i}>{o}", f"instance {o}", "relu", DROP]
    for i, o in [(1024, 256), (512, 128), (256, 64)]:
        expected += [f"up {i}>{o}", f"instance {o}", "relu"]
    expected += ["upsample", "zeropad2d", "conv 128>3 4/1+1 bias", "tanh"]
    assert layers(built) == expected
    assert parameters(built) == 54_404_099
    assert built(torch.zeros(2, 3, 256, 256, device="meta")).shape == (2, 3, 256, 256)


def test_001_discriminator() -> None:
    built = on_meta(build_discriminator, "patchgan_strided", channels_in=6)
    expected = [down(6, 64, bias=True), LEAKY]
    for i, o in [(64, 128), (128, 256), (256, 512)]:
        expected += [down(i, o, bias=True), f"instance {o}", LEAKY]
    expected += ["zeropad2d", "conv 512>1 4/1+1"]
    assert layers(built) == expected
    assert parameters(built) == 2_767_808
    # patch = (1, img_height // 2 ** 4, img_width // 2 ** 4)
    assert built(torch.zeros(2, 6, 256, 256, device="meta")).shape == (2, 1, 16, 16)


def test_002_generator() -> None:
    built = on_meta(build_generator, "unet_flat")
    expected = [down(1, 64)]
    for i, o in [(64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512)]:
        expected += [LEAKY, down(i, o, bias=True), f"batch {o}"]
    expected += [LEAKY, down(512, 512), "relu", "up 512>512", "batch 512"]
    for i, o in [(1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64)]:
        expected += ["relu", f"up {i}>{o}", f"batch {o}", DROP]
    expected += ["relu", "up 64>2 bias", "tanh"]
    assert layers(built) == expected
    assert parameters(built) == 54_410_242
    assert built(torch.zeros(2, 1, 256, 256, device="meta")).shape == (2, 2, 256, 256)


def test_002_srcnn() -> None:
    built = on_meta(build_generator, "srcnn")
    assert layers(built) == [
        "conv 1>64 9/1+4 bias",
        "relu",
        "conv 64>32 5/1+2 bias",
        "relu",
        "conv 32>1 5/1+2 bias",
    ]
    assert parameters(built) == 57_281
    assert built(torch.zeros(2, 1, 33, 50, device="meta")).shape == (2, 1, 33, 50)


@pytest.mark.parametrize(
    ("norm", "bias", "count"), [("instance", True, 54_409_603), ("batch", False, 54_414_019)]
)
def test_003_generator(norm: str, bias: bool, count: int) -> None:
    built = on_meta(build_generator, "unet_layers", channels_in=3, channels_out=3, norm=norm)
    end = " bias" if bias else ""
    expected = [down(3, 64, bias=True)]
    middle = [(64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512)]
    for o, i in middle:
        expected += [LEAKY, down(o, i, bias=bias), f"{norm} {i}"]
    expected += [LEAKY, down(512, 512, bias=bias), "relu", f"up 512>512{end}", f"{norm} 512"]
    for o, i in reversed(middle):
        expected += ["relu", f"up {2 * i}>{o}{end}", f"{norm} {o}", DROP]
    expected += ["relu", "up 128>3 bias", "tanh"]
    assert layers(built) == expected
    assert parameters(built) == count
    assert built(torch.zeros(2, 3, 256, 256, device="meta")).shape == (2, 3, 256, 256)


def test_003_generator_is_as_deep_as_one_likes() -> None:
    built = on_meta(build_generator, "unet_layers", n_layers=6).eval()
    assert isinstance(built, Generator)
    assert (built.fixed_size, built.multiple_of) == (None, 64)
    assert built(torch.zeros(1, 1, 192, 128, device="meta")).shape == (1, 2, 192, 128)


@pytest.mark.parametrize(
    ("n_layers", "count", "field"),
    [(1, 139_457, 16), (2, 666_049, 34), (3, 2_767_809, 70), (4, 6_962_625, 142),
     (5, 11_157_441, 286)],
)  # fmt: skip
def test_003_discriminator(n_layers: int, count: int, field: int) -> None:
    built = on_meta(
        build_discriminator, "patchgan", channels_in=6, n_layers=n_layers, norm="instance"
    )
    expected = [down(6, 64, bias=True), LEAKY]
    widths = [64, 128, 256, 512, 512, 512][: n_layers + 1]
    for n, (i, o) in enumerate(pairwise(widths)):
        stride = 1 if n == n_layers - 1 else 2
        expected += [f"conv {i}>{o} 4/{stride}+1 bias", f"instance {o}", LEAKY]
    expected += [f"conv {widths[-1]}>1 4/1+1 bias"]
    assert layers(built) == expected
    assert parameters(built) == count
    seen = 1
    for module in reversed([m for m in built.modules() if isinstance(m, nn.Conv2d)]):
        seen = (seen - 1) * module.stride[0] + module.kernel_size[0]
    assert seen == field


def test_the_papers_discriminator_of_one_pixel() -> None:
    built = on_meta(build_discriminator, "pixel", channels_in=6)
    assert layers(built) == [
        "conv 6>64 1/1+0 bias",
        LEAKY,
        "conv 64>128 1/1+0",
        "batch 128",
        LEAKY,
        "conv 128>1 1/1+0 bias",
    ]
    assert built(torch.zeros(1, 6, 40, 24, device="meta")).shape == (1, 1, 40, 24)


def test_004_generator() -> None:
    built = on_meta(build_generator, "unet_256")
    expected = [down(1, 64)]
    middle = [(64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512)]
    for o, i in middle:
        expected += [LEAKY, down(o, i), f"batch {i}"]
    expected += [LEAKY, down(512, 512), "relu", "up 512>512", "batch 512"]
    for o, i in reversed(middle):
        expected += ["relu", f"up {2 * i}>{o}", f"batch {o}", *([DROP] if o == 512 else [])]
    expected += ["relu", "up 128>2 bias", "tanh"]
    assert layers(built) == expected
    assert parameters(built) == 54_409_858
    assert built(torch.zeros(16, 1, 256, 256, device="meta")).shape == (16, 2, 256, 256)


def test_004_discriminator() -> None:
    built = on_meta(build_discriminator, "patchgan")
    assert layers(built) == [
        "conv 3>64 4/2+1 bias",
        LEAKY,
        *("conv 64>128 4/2+1", "batch 128", LEAKY),
        *("conv 128>256 4/2+1", "batch 256", LEAKY),
        *("conv 256>512 4/1+1", "batch 512", LEAKY),
        "conv 512>1 4/1+1 bias",
    ]
    assert parameters(built) == 2_765_633
    assert built(torch.zeros(16, 3, 256, 256, device="meta")).shape == (16, 1, 30, 30)
