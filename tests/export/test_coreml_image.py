"""Pictures in and out of Core ML, and its smaller weights, computed from the saved package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.export.conftest import small_generator, write_run
from toolkit.contract import Contract, FixedSize
from toolkit.errors import UnusableModel, UsageError
from toolkit.export.bundle import Settings, export
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.export.formats import FORMATS, Order
from toolkit.export.formats.coreml import COREML
from toolkit.export.formats.coreml_weights import COMPRESSED
from toolkit.export.mil.program import Port, read
from toolkit.export.picture import PictureModel
from toolkit.export.request import check_compute_units, parse
from toolkit.export.source import Source
from toolkit.export.verify import failure, verify
from toolkit.lab import gray_of_rgb
from toolkit.runtime.compose import compose
from toolkit.runtime.resample import lightness

Pixels = NDArray[np.uint8]


def pictures(side: int) -> list[Pixels]:
    """Noise, soft colours, and a gray ramp."""
    chance = np.random.default_rng(side)
    noise = chance.integers(0, 256, (side, side, 3), np.uint8)
    coarse = chance.integers(0, 256, (side // 16, side // 16, 3), np.uint8)
    ramp = np.linspace(0, 255, side).astype(np.uint8)[None, :, None].repeat(side, 0).repeat(3, 2)
    return [noise, coarse.repeat(16, 0).repeat(16, 1), ramp]


@pytest.mark.parametrize(("side", "inner"), [(96, (64, 64)), (64, (96, 32))])
def test_a_picture_comes_out_as_from_the_runtime(side: int, inner: tuple[int, int]) -> None:
    network = DeployModel(small_generator("edge"))
    model = PictureModel(network, side, inner)
    for picture in pictures(side):
        gray = gray_of_rgb(picture)
        with torch.no_grad():
            ab = network(torch.from_numpy(lightness(gray, *inner)[None, None]))[0].numpy()
            planes = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
            ours = model(planes)[0].numpy().transpose(1, 2, 0)
        theirs = np.empty_like(picture)

        def put(top: int, pixels: NDArray[np.generic], out: Pixels = theirs) -> None:
            out[top : top + len(pixels)] = pixels[..., :3]

        compose(gray, ab, put)
        difference = np.abs(ours - theirs.astype(np.float32))
        assert difference.max() <= 1
        assert difference.mean() < 0.1


@pytest.mark.slow
def test_the_saved_package_takes_and_gives_pictures(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "edge", preferred_size=64)
    source = Source(run / "best.safetensors", "x")
    requests = parse("coreml:image:256,coreml:int8-weights")
    settings = Settings(compute_units="cpu_and_ne")
    made = export(source, requests, tmp_path / "out", settings)
    assert set(made["files"]) == {"x-image-256.mlpackage", "x.mlpackage"}
    package = read(tmp_path / "out" / "x-image-256.mlpackage")
    assert package.inputs == (Port("photo", "image", (256, 256)),)
    assert package.outputs == (Port("colours", "image", (256, 256)),)
    for operation in package.program.operations:  # colour in float32, convolutions in float16
        if operation.type in ("gather", "floor", "pow", "reduce_max"):
            assert not operation.half
        if operation.type == "relu":
            assert operation.half
    products = [o.half for o in package.program.operations if o.type == "matmul"]
    assert products.count(True) == 1  # the network's own, the mean of its bins
    assert len(products) > 1
    contract = COREML.contract(tmp_path / "out" / "x-image-256.mlpackage")
    assert contract.extra == {"picture": "256", "compute_units": "cpu_and_ne"}
    assert failure(tmp_path / "out", verify(tmp_path / "out")) is None


class _Wide(nn.Module):
    """One layer that is large enough for a palette."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1), nn.ReLU()
        )
        self.last = nn.Conv2d(128, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ab: torch.Tensor = self.last(self.layers(x / 100)) * 100
        return ab


def _contract() -> Contract:
    contract = contract_of(
        small_generator("edge"), model="x", licence="CC0-1.0", source="0" * 64, preferred=32
    )
    return replace(contract, size=FixedSize(32, 32, "stretch"), precision="fp16")


@pytest.mark.parametrize(("precision", "bits"), [("int8-weights", 8), ("palette6", 6)])
def test_smaller_weights_are_read_and_computed(precision: str, bits: int, tmp_path: Path) -> None:
    model = _Wide().eval()
    example = np.random.default_rng(0).uniform(0, 100, (1, 1, 32, 32)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(example)).numpy()
    sizes, errors = {}, {}
    for chosen in ("fp16", precision):
        contract = replace(_contract(), precision=chosen)
        path = tmp_path / f"{chosen}.mlpackage"
        COREML.write(Order(model, contract, example), path)
        sizes[chosen] = (path / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size
        _, run = next(iter(COREML.runs(path)))
        errors[chosen] = np.abs(run(example) - expected).max() / np.abs(expected).max()
    assert sizes[precision] < sizes["fp16"] * (bits + 1) / 16
    assert errors["fp16"] < errors[precision] < 0.05


class _Contrast(nn.Module):
    """One layer that sees a hundredth of the light, spread over all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 1, bias=False)
        nn.init.ones_(self.layer.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ab: torch.Tensor = self.layer((x - 60) * 100)
        return ab


def test_light_is_not_rounded_before_its_contrast_is_raised(tmp_path: Path) -> None:
    example = np.linspace(60, 61, 32 * 32, dtype=np.float32).reshape(1, 1, 32, 32)
    path = tmp_path / "contrast.mlpackage"
    COREML.write(Order(_Contrast().eval(), _contract(), example), path)
    for _, run in COREML.runs(path):
        assert np.abs(run(example) - (example - 60) * 100).max() < 0.1


def test_a_network_without_large_layers_has_no_palette(tmp_path: Path) -> None:
    model = DeployModel(small_generator("edge"))
    example = np.zeros((1, 1, 32, 32), np.float32)
    order = Order(model, replace(_contract(), precision="palette6"), example)
    with pytest.raises(UsageError, match="no layer has enough weights"):
        COREML.write(order, tmp_path / "x.mlpackage")


def test_every_small_precision_stands_in_the_registry() -> None:
    for tolerances in COREML.tolerances.values():
        assert set(COMPRESSED) < set(tolerances)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("coreml:image:300", "256, 512, 1024"),
        ("coreml:256", "no tensor boundary of 256"),
        ("onnx:image:512", "chosen by the photograph"),
    ],
)
def test_sides_that_there_are_not(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(text)


def test_compute_units_belong_to_core_ml() -> None:
    with pytest.raises(UsageError, match="it is for: coreml"):
        check_compute_units(parse("onnx"), "all")
    with pytest.raises(UsageError, match="cpu_and_ne"):
        check_compute_units(parse("coreml"), "ane")


@pytest.mark.parametrize("side", ["", "-4", "4e3", "99999", "²"])
def test_an_impossible_picture_is_refused(side: str) -> None:
    from toolkit.contract import picture_side

    with pytest.raises(UnusableModel, match="picture"):
        picture_side(replace(_contract(), extra={"picture": side}))


def test_all_formats_state_what_their_pictures_are() -> None:
    for form in FORMATS.values():
        assert not form.picture_sides or "image" in form.tolerances
