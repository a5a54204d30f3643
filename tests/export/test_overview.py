"""A network that sees a large picture twice, in graphs of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.export.conftest import SMALL, small_generator
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.export.formats import FORMATS, Order
from toolkit.export.formats.onnx import tensor_model
from toolkit.export.int8.integers import with_integers
from toolkit.export.int8.layers import ends
from toolkit.export.int8.observed import observe
from toolkit.export.proof_set import l_fields
from toolkit.training.networks import Generator, build_generator

SIZES = [(32, 32), (64, 64), (64, 224), (96, 96), (96, 160), (256, 128)]


def generator_with(overview: int) -> Generator:
    generator = build_generator("edge_lite", **SMALL["edge_lite"], overview=overview)
    generator.load_state_dict(small_generator("edge_lite").state_dict())
    return generator.eval()


def order_of(generator: Generator) -> Order:
    contract = contract_of(
        generator, model="edge-lite 1", licence="CC0-1.0", source="0" * 64, preferred=64
    )
    return Order(DeployModel(generator), contract, l_fields(64, 64)[0][None])


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    return tensor_model(order_of(generator_with(64)))


def field(size: tuple[int, int]) -> np.ndarray:
    return np.concatenate([l_fields(*size)[[3]], l_fields(*size)[[7]]])


@pytest.mark.parametrize("size", SIZES)
def test_onnx_sees_what_pytorch_sees(network: onnx.ModelProto, size: tuple[int, int]) -> None:
    session = onnxruntime.InferenceSession(network.SerializeToString())
    (made,) = session.run(None, {"l": field(size)})
    with torch.inference_mode():
        expected = DeployModel(generator_with(64))(torch.from_numpy(field(size))).numpy()
        alone = DeployModel(generator_with(0))(torch.from_numpy(field(size))).numpy()
    assert np.abs(made - expected).max() < 1e-3
    assert (np.abs(made - alone).max() < 1e-3) == (min(size) <= 64)


def test_torchscript_sees_what_pytorch_sees(tmp_path: Path) -> None:
    FORMATS["torchscript"].write(order_of(generator_with(64)), tmp_path / "x.pt")
    for _, run in FORMATS["torchscript"].runs(tmp_path / "x.pt"):
        for size in SIZES:
            with torch.inference_mode():
                expected = DeployModel(generator_with(64))(torch.from_numpy(field(size))).numpy()
            assert np.abs(run(field(size)) - expected).max() < 1e-3


def test_the_second_look_costs_no_second_copy_of_the_weights(network: onnx.ModelProto) -> None:
    once = tensor_model(order_of(generator_with(0)))
    kinds = [node.op_type for node in network.graph.node]
    assert "BatchNormalization" not in kinds
    assert kinds.count("Conv") > [n.op_type for n in once.graph.node].count("Conv")
    assert network.ByteSize() < 1.03 * once.ByteSize()


def test_in_int8_the_layer_after_both_looks_is_an_inner_one(network: onnx.ModelProto) -> None:
    top = next(n.name for n in network.graph.node if any("top.0.weight" in i for i in n.input))
    assert top not in ends(network)


def test_int8_holds_a_network_that_looks_twice(network: onnx.ModelProto) -> None:
    fields = [f[None] for f in l_fields(96, 96)[::3]]
    made = with_integers(network, observe(network, fields), 100.0, ends(network))
    plain, integers = (onnxruntime.InferenceSession(m.SerializeToString()) for m in (network, made))
    for given in fields:
        expected, found = (s.run(None, {"l": given})[0] for s in (plain, integers))
        assert np.abs(found - expected).mean() < 0.1 * np.abs(expected).mean()
