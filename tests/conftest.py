"""What tests of several rooms share: a model small enough to be made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from toolkit.contract import METADATA_KEY, SCHEMA, Contract, FixedSize, FlexibleSize, Port

ModelMaker = Callable[..., Path]


def tiny_contract(**changes: Any) -> Contract:
    """The contract of `tiny_model`, with some fields changed."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "task": "colorize",
        "boundary": "tensor",
        "input": Port("l", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
        "output": Port("ab", "cie-ab", "float32", "NCHW", 2, (-128.0, 127.0)),
        "resample": "triangle",
        "upsample": "bilinear",
        "gamut": "chroma",
        "size": FlexibleSize(32, 64, 32, 256, "keep_aspect"),
        "white": "D65/2",
        "precision": "fp32",
        "model": "tiny 1",
        "licence": "CC0-1.0",
        "source": "0" * 64,
    }
    return Contract(**{**fields, **changes})


def tiny_network(contract: Contract, *, gain: float = 0.4, seed: int = 0) -> onnx.ModelProto:
    """A 3x3 convolution from L* to a*b*: warm in the lights, cold in the shadows, with edges."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.02, (2, 1, 3, 3))
    kernel[:, 0, 1, 1] += (gain, gain)
    bias = np.array([-50 * gain, -40 * gain])
    sides: tuple[int | str, int | str] = ("h", "w")
    if isinstance(contract.size, FixedSize):
        sides = (contract.size.height, contract.size.width)
    node = helper.make_node("Conv", ["l", "kernel", "bias"], ["ab"], pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node],
        "tiny",
        [helper.make_tensor_value_info("l", TensorProto.FLOAT, [1, 1, *sides])],
        [helper.make_tensor_value_info("ab", TensorProto.FLOAT, [1, 2, *sides])],
        [
            numpy_helper.from_array(kernel.astype(np.float32), "kernel"),
            numpy_helper.from_array(bias.astype(np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    return model


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many hostile files of each kind `tests/attacks` makes."""
    parser.addoption("--mutations", type=int, default=2000, help="mutated files of each kind")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file with a contract: L* to a*b*, any sides that are multiples of 32."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_network(tiny_contract()).SerializeToString())
    return path


@pytest.fixture(scope="session")
def make_tiny_model(tmp_path_factory: pytest.TempPathFactory) -> ModelMaker:
    """Make a tiny model with some fields of its contract changed."""

    def make(*, gain: float = 0.4, **changes: Any) -> Path:
        path = tmp_path_factory.mktemp("model") / "changed.onnx"
        network = tiny_network(tiny_contract(**changes), gain=gain)
        path.write_bytes(network.SerializeToString())
        return path

    return make
