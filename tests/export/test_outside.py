"""Weights of the tutorials' own code become our generator, by the order of the layers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.export.conftest import small_generator
from toolkit.errors import UnusableModel, UsageError
from toolkit.export.deploy import DeployModel
from toolkit.export.outside import load_weights, of_recipe
from toolkit.export.source import Source


class _Block(nn.Module):
    """The U-Net block as the fourth tutorial's readers have it, written from its description."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, kind: str) -> None:
        super().__init__()
        self.outermost = kind == "outermost"
        conv = nn.Conv2d(1 if self.outermost else outer, inner, 4, 2, 1, bias=False)
        up_from = inner if inside is None else inner * 2
        up = nn.ConvTranspose2d(up_from, outer, 4, 2, 1, bias=self.outermost)
        parts: list[nn.Module | None]
        if self.outermost:
            parts = [conv, inside, nn.ReLU(True), up, nn.Tanh()]
        elif inside is None:
            parts = [nn.LeakyReLU(0.2, True), conv, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
        else:
            down = [nn.LeakyReLU(0.2, True), conv, nn.BatchNorm2d(inner), inside]
            parts = [*down, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
            if kind == "dropout":
                parts.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*(p for p in parts if p is not None))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y if self.outermost else torch.cat([x, y], 1)


def tutorial_unet(filters: int) -> nn.Module:
    wide = filters * 8
    block = _Block(wide, wide, None, "innermost")
    for _ in range(3):
        block = _Block(wide, wide, block, "dropout")
    for outer in (filters * 4, filters * 2, filters):
        block = _Block(outer, outer * 2, block, "")
    return _Block(2, filters, block, "outermost")


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    torch.manual_seed(1)
    network = tutorial_unet(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.normal_()
    return network.eval()


@pytest.mark.parametrize("wrap", ["plain", "prefix", "with discriminator", "wrapped"])
def test_the_mapped_network_computes_the_same(wrap: str, theirs: nn.Module, tmp_path: Path) -> None:
    state: dict[str, Any] = dict(theirs.state_dict())
    if wrap != "plain":
        state = {f"net_G.{k}": v for k, v in state.items()}
    if wrap == "with discriminator":
        state["net_D.model.0.weight"] = torch.zeros(3)
    if wrap == "wrapped":
        state = {"epoch": 3, "state_dict": state}
    torch.save(state, tmp_path / "model.pth")
    generator, header = load_weights(tmp_path / "model.pth", "unet_256", filters=2)
    x = torch.rand(2, 1, 256, 256) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(generator(x), theirs(x))
    assert header["licence"] == "LicenseRef-unknown"


class _Part(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)


class _FirstTutorial(nn.Module):
    """The first tutorial's generator as its readers have it, with fewer channels."""

    def __init__(self, f: int) -> None:
        super().__init__()
        down = [3, f, f * 2, f * 4, f * 8, f * 8, f * 8, f * 8, f * 8]
        for n, (i, o) in enumerate(pairwise(down), 1):
            norm = [nn.InstanceNorm2d(o)] if n not in (1, 8) else []
            drop = [nn.Dropout(0.5)] if n >= 4 else []
            conv = nn.Conv2d(i, o, 4, 2, 1, bias=False)
            self.add_module(f"down{n}", _Part(conv, *norm, nn.LeakyReLU(0.2), *drop))
        up = [(8, 8), (16, 8), (16, 8), (16, 8), (16, 4), (8, 2), (4, 1)]
        for n, (i, o) in enumerate(up, 1):
            drop = [nn.Dropout(0.5)] if n <= 4 else []
            larger = nn.ConvTranspose2d(i * f, o * f, 4, 2, 1, bias=False)
            self.add_module(f"up{n}", _Part(larger, nn.InstanceNorm2d(o * f), nn.ReLU(), *drop))
        self.final = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.ZeroPad2d((1, 0, 1, 0)),
            nn.Conv2d(2 * f, 3, 4, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for n in range(1, 9):
            x = self.get_submodule(f"down{n}.model")(x)
            skips.append(x)
        skips.pop()
        for n in range(1, 8):
            x = torch.cat([self.get_submodule(f"up{n}.model")(x), skips.pop()], 1)
        out: Tensor = self.final(x)
        return out


def test_the_first_tutorials_weights_come_with_its_published_scaling(tmp_path: Path) -> None:
    torch.manual_seed(2)
    theirs = _FirstTutorial(2).eval()
    torch.save(theirs.state_dict(), tmp_path / "generator_100.pth")
    header = of_recipe("victorian-rgb")
    assert header["task"] == "translate"
    header["generator"]["options"]["filters"] = 2
    options = header["generator"]["options"]
    source = Source(
        tmp_path / "generator_100.pth", "generator_100", generator="unet_instance", header=header
    )
    generator, known = source.load()
    assert (known["task"], known["generator"]["options"]) == ("translate", options)
    levels = torch.rand(1, 3, 256, 256)
    normalise = {
        name: torch.tensor(values)[:, None, None] for name, values in header["scaling"].items()
    }
    # As the tutorial has it, by hand.
    gray = (levels - normalise["given_mean"]) / normalise["given_std"]
    with torch.no_grad():
        expected = theirs(gray) * normalise["true_std"] + normalise["true_mean"]
        made = DeployModel(generator, known)(levels)
    torch.testing.assert_close(made, expected.clamp(0, 1), rtol=0, atol=2e-5)


def test_a_scaling_of_ones_own() -> None:
    both = of_recipe("victorian-rgb", [0.1, 0.2, 0.3], [0.4, 0.5, 0.6])["scaling"]
    assert both["given_mean"] == both["true_mean"] == [0.1, 0.2, 0.3]
    six = of_recipe("victorian-rgb", [0.1] * 3 + [0.2] * 3, [0.3] * 3 + [0.4] * 3)["scaling"]
    assert (six["given_mean"], six["true_mean"]) == ([0.1] * 3, [0.2] * 3)
    assert (six["given_std"], six["true_std"]) == ([0.3] * 3, [0.4] * 3)
    assert of_recipe("paper-pairs")["scaling"]["true_std"] == [0.5] * 3
    assert of_recipe("srcnn")["task"] == "luma"


@pytest.mark.parametrize(
    ("recipe", "mean", "std", "told"),
    [
        ("victorian-rgb", [0.5], [0.5], "three numbers"),
        ("victorian-rgb", [0.5] * 3, [], "belong together"),
        ("victorian-rgb", [0.5] * 3, [0.5, 0.0, 0.5], "above 0"),
        ("coco-lab", [0.5] * 3, [0.5] * 3, "fixed"),
        ("victorian", [], [], "victorian-rgb"),
    ],
)
def test_a_scaling_that_makes_no_sense_is_refused(
    recipe: str, mean: list[float], std: list[float], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        of_recipe(recipe, mean, std)


def _other(path: Path) -> None:
    torch.save(small_generator("edge").state_dict(), path)


def _reordered(path: Path) -> None:
    state = tutorial_unet(2).state_dict()
    torch.save(dict(reversed(state.items())), path)


def _whole_module(path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 1), path)


def _text(path: Path) -> None:
    path.write_text("hello")


def _missing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_other, "not the weights of this generator"),
        (_reordered, "not the weights of this generator"),
        (_whole_module, "more than tensors"),
        (_text, "model.pth"),
        (_missing, "no such file"),
    ],
)
def test_other_files_are_refused(make: Callable[[Path], None], told: str, tmp_path: Path) -> None:
    make(tmp_path / "model.pth")
    with pytest.raises(UnusableModel, match=told):
        load_weights(tmp_path / "model.pth", "unet_256", filters=2)
