"""What the gate is for: each of these once made a wrong model out of a right one, unseen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from tests.export.conftest import small_generator
from toolkit.contract import Contract, FixedSize
from toolkit.errors import ProofFailed
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.export.formats import FORMATS, Order
from toolkit.export.mil.program import SPECIFICATION
from toolkit.export.proof import Case, cases_for, check_eager, prove
from toolkit.training.networks import Generator
from toolkit.training.networks.generator import AB_SCALE

Subject = tuple[DeployModel, Contract, list[Case]]


@pytest.fixture(scope="module")
def subject() -> Subject:
    model = DeployModel(small_generator("edge"))
    contract = contract_of(
        model.generator, model="edge 1", licence="CC0-1.0", source="0" * 64, preferred=64
    )
    return model, contract, cases_for(model, contract)[-4:]


@pytest.fixture(scope="module")
def exported(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, contract, cases = subject
    path = tmp_path_factory.mktemp("gate") / "edge.onnx"
    FORMATS["onnx"].write(Order(model, contract, cases[0].given), path)
    return path


def prove_changed(
    exported: Path, subject: Subject, folder: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    network = onnx.load(exported)
    change(network)
    path = folder / "edge.onnx"
    path.write_bytes(network.SerializeToString())
    model, contract, cases = subject
    prove(path, FORMATS["onnx"], contract, model, cases)


def weight(network: onnx.ModelProto, part: str) -> onnx.TensorProto:
    found: list[onnx.TensorProto] = list(network.graph.initializer)
    (tensor,) = [t for t in found if re.search(part, t.name)]
    return tensor


def test_the_honest_file_passes(exported: Path, subject: Subject, tmp_path: Path) -> None:
    prove_changed(exported, subject, tmp_path, lambda network: None)


def test_one_damaged_weight_is_caught_and_its_layer_named(
    exported: Path, subject: Subject, tmp_path: Path
) -> None:
    def damage(network: onnx.ModelProto) -> None:
        tensor = weight(network, r"up\.1\.0\.weight$")
        values = numpy_helper.to_array(tensor).copy()
        values[3, 4, 1, 1] += 0.5
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(ProofFailed, match=r"up\.0.* depart at generator\.up\.1") as caught:
        prove_changed(exported, subject, tmp_path, damage)
    assert caught.value.exit_code == 6


def test_small_errors_everywhere_are_not_blamed_on_a_layer(
    exported: Path, subject: Subject, tmp_path: Path
) -> None:
    def round_off(network: onnx.ModelProto) -> None:
        tensor = weight(network, r"classifier\.weight$")
        values = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(ProofFailed, match=r"no layer is off by more than 2%.*as by rounding"):
        prove_changed(exported, subject, tmp_path, round_off)


def test_swapped_channels_are_caught(exported: Path, subject: Subject, tmp_path: Path) -> None:
    def swap(network: onnx.ModelProto) -> None:
        (tensor,) = (t for t in network.graph.initializer if t.dims[1:] == [2])  # the bins' a*b*
        values = numpy_helper.to_array(tensor)[:, ::-1].copy()
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(ProofFailed, match="max_error"):
        prove_changed(exported, subject, tmp_path, swap)


def test_a_file_whose_weights_are_not_numbers_is_caught(
    exported: Path, subject: Subject, tmp_path: Path
) -> None:
    def poison(network: onnx.ModelProto) -> None:
        tensor = weight(network, r"stem\.0\.weight$")
        values = np.full_like(numpy_helper.to_array(tensor), np.nan)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(ProofFailed, match="max_error inf"):
        prove_changed(exported, subject, tmp_path, poison)


def test_a_renamed_output_is_caught(exported: Path, subject: Subject, tmp_path: Path) -> None:
    def rename(network: onnx.ModelProto) -> None:
        network.graph.output[0].name = "colours"
        network.graph.node[-1].output[0] = "colours"

    with pytest.raises(ProofFailed, match="colours"):
        prove_changed(exported, subject, tmp_path, rename)


def test_another_contract_is_caught(exported: Path, subject: Subject, tmp_path: Path) -> None:
    model, contract, cases = subject
    other = replace(contract, licence="CC-BY-4.0")
    with pytest.raises(ProofFailed, match="contract"):
        prove(exported, FORMATS["onnx"], other, model, cases)


@pytest.mark.parametrize("name", ["onnx", "torchscript", "coreml"])
def test_a_forgotten_scaling_is_caught(name: str, subject: Subject, tmp_path: Path) -> None:
    class Unscaled(nn.Module):
        def __init__(self, generator: Generator) -> None:
            super().__init__()
            self.generator = generator

        def forward(self, lightness: Tensor) -> Tensor:
            ab: Tensor = self.generator(lightness) * AB_SCALE
            return ab

    model, contract, cases = subject
    form = FORMATS[name]
    if not form.flexible:
        contract = replace(contract, size=FixedSize(64, 64, "stretch"))
        cases = cases_for(model, contract)[-3:]
    contract = replace(contract, precision=next(iter(form.precisions)))
    path = tmp_path / f"edge{form.suffix}"
    form.write(Order(Unscaled(model.generator).eval(), contract, cases[0].given), path)
    with pytest.raises(ProofFailed, match="max_error"):
        prove(path, form, contract, model, cases)


class _Bessel(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, lightness: Tensor) -> Tensor:
        ab: Tensor = self.model(lightness) * torch.special.bessel_j0(lightness)
        return ab


@pytest.mark.parametrize("name", ["onnx", "coreml"])
def test_an_operation_that_a_format_lacks_is_named(
    name: str, subject: Subject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, contract, cases = subject
    form = FORMATS[name]
    contract = replace(
        contract, size=FixedSize(64, 64, "stretch"), precision=next(iter(form.precisions))
    )
    order = Order(_Bessel(model).eval(), contract, cases[0].given[..., :64, :64])
    with pytest.raises(ProofFailed, match="bessel_j0"):
        form.write(order, tmp_path / f"x{form.suffix}")
    assert capsys.readouterr().err == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["torchscript", "coreml"])
def test_a_batchnorm_in_training_mode_is_caught_in_the_file(
    name: str, subject: Subject, tmp_path: Path
) -> None:
    model, contract, _ = subject
    form = FORMATS[name]
    size = contract.size if form.flexible else FixedSize(64, 64, "stretch")
    contract = replace(contract, size=size, precision=next(iter(form.precisions)))
    cases = cases_for(model, contract)[:2]
    slipped = DeployModel(small_generator("edge"))
    slipped.generator.get_submodule("head").train()
    path = tmp_path / f"edge{form.suffix}"
    with pytest.raises(ProofFailed, match=r"edge\.(pt|mlpackage)"):  # noqa: PT012
        form.write(Order(slipped, contract, cases[0].given), path)
        prove(path, form, contract, model, cases)


def test_a_module_left_in_training_mode_is_named() -> None:
    generator = small_generator("edge")
    generator.get_submodule("body.0.0.1").train()
    with pytest.raises(ProofFailed, match=r"generator\.body\.0\.0\.1 \(BatchNorm2d, training"):
        DeployModel(generator)


def test_a_batchnorm_without_statistics_is_named() -> None:
    generator = small_generator("edge")
    generator.get_submodule("stem").add_module("1", nn.BatchNorm2d(16, track_running_stats=False))
    with pytest.raises(ProofFailed, match=r"stem\.1 \(BatchNorm2d, no running statistics"):
        DeployModel(generator.eval())


class _Wrapped(Generator):
    multiple_of = 32

    def __init__(self) -> None:
        super().__init__()
        self.inner: Generator = small_generator("edge")


class _Chance(_Wrapped):
    def forward(self, lightness: Tensor) -> Tensor:
        return nn.functional.dropout(self.inner(lightness), 0.5, training=True)


class _Neighbours(_Wrapped):
    def forward(self, lightness: Tensor) -> Tensor:
        ab: Tensor = self.inner(lightness - lightness.mean())
        return ab


class _NotANumber(_Wrapped):
    def forward(self, lightness: Tensor) -> Tensor:
        ab: Tensor = self.inner(lightness) / torch.zeros(1)
        return ab


@pytest.mark.parametrize(
    ("kind", "told"),
    [(_Chance, "dropout"), (_Neighbours, "batch statistics"), (_NotANumber, "not finite")],
)
def test_networks_that_no_file_can_hold(kind: type[Generator], told: str) -> None:
    with pytest.raises(ProofFailed, match=told):
        check_eager(DeployModel(kind().eval()))


def test_a_damaged_core_ml_weight_is_caught(subject: Subject, tmp_path: Path) -> None:
    model, contract, _ = subject
    contract = replace(contract, size=FixedSize(64, 64, "stretch"), precision="fp16")
    cases = cases_for(model, contract)[:3]
    path = tmp_path / "edge.mlpackage"
    form = FORMATS["coreml"]
    form.write(Order(model, contract, cases[0].given), path)
    prove(path, form, contract, model, cases)

    weights = path / SPECIFICATION.parent / "weights" / "weight.bin"
    data = bytearray(weights.read_bytes())
    place = len(data) // 2 // 2 * 2
    data[place : place + 64] = np.full(32, 3.0, np.float16).tobytes()
    weights.write_bytes(data)
    with pytest.raises(ProofFailed, match="depart at"):
        prove(path, form, contract, model, cases)
