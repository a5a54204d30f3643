"""Weights of the tutorials' own code become our generator, by the order of the layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.export.conftest import small_generator
from toolkit.errors import UnusableModel
from toolkit.export.outside import load_weights


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
