"""What the engine never gets to see: each rule of a model's file, with the attack it stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.conftest import tiny_contract, tiny_network
from toolkit.contract import METADATA_KEY
from toolkit.errors import UnusableModel
from toolkit.runtime.onnx_file import read_contract

Change = Callable[[onnx.ModelProto], object]


def model(change: Change = lambda model: None) -> bytes:
    network = tiny_network(tiny_contract())
    change(network)
    data: bytes = network.SerializeToString()
    return data


def external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def constant(**kinds: Any) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], **kinds)


def an_if(node: onnx.NodeProto) -> onnx.NodeProto:
    """A node whose both branches hold `node`."""
    out = helper.make_tensor_value_info("c", TensorProto.FLOAT, None)
    branch = helper.make_graph([node], "branch", [], [out])
    return helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)


def a_tensor() -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(3, np.float32), "t")


def test_the_contract_is_read() -> None:
    assert read_contract(model()) == tiny_contract()


EXTERNAL: dict[str, Change] = {
    "initializer": lambda m: external(m.graph.initializer[0]),
    "only its location": lambda m: setattr(
        m.graph.initializer[0], "data_location", TensorProto.EXTERNAL
    ),
    "only its data": lambda m: m.graph.initializer[0].external_data.add(key="location", value="x"),
    "attribute": lambda m: m.graph.node.append(constant(value=external(a_tensor()))),
    "subgraph": lambda m: m.graph.node.append(an_if(constant(value=external(a_tensor())))),
    "subgraph of a subgraph": lambda m: m.graph.node.append(
        an_if(an_if(constant(value=external(a_tensor()))))
    ),
    "sparse initializer": lambda m: m.graph.sparse_initializer.append(
        onnx.SparseTensorProto(values=external(a_tensor()))
    ),
    "function": lambda m: m.functions.add(name="f").node.append(
        constant(value=external(a_tensor()))
    ),
    "training": lambda m: m.training_info.add().algorithm.initializer.append(external(a_tensor())),
}


@pytest.mark.parametrize("change", EXTERNAL.values(), ids=EXTERNAL)
def test_data_in_other_files_is_refused_wherever_it_hides(change: Change) -> None:
    with pytest.raises(UnusableModel, match="other files"):
        read_contract(model(change))


def foreign() -> onnx.NodeProto:
    return helper.make_node("Evil", ["l"], ["x"], domain="com.evil")


DOMAINS: dict[str, Change] = {
    "node": lambda m: m.graph.node.append(foreign()),
    "subgraph": lambda m: m.graph.node.append(an_if(foreign())),
    "opset": lambda m: m.opset_import.append(helper.make_opsetid("com.microsoft", 1)),
    "function": lambda m: m.functions.add(name="f", domain="com.evil"),
    "node of a function": lambda m: m.functions.add(name="f").node.append(foreign()),
}


@pytest.mark.parametrize("change", DOMAINS.values(), ids=DOMAINS)
def test_operators_beyond_the_standard_are_refused(change: Change) -> None:
    with pytest.raises(UnusableModel, match="not in the ONNX standard"):
        read_contract(model(change))


def test_a_model_without_a_contract_is_refused() -> None:
    with pytest.raises(UnusableModel, match="without a contract"):
        read_contract(model(lambda m: m.ClearField("metadata_props")))


def test_a_broken_contract_is_refused() -> None:
    with pytest.raises(UnusableModel, match="not JSON"):
        read_contract(model(lambda m: helper.set_model_props(m, {METADATA_KEY: "{"})))


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"hello world", b"PK\x03\x04" * 9, b"\x89PNG\r\n\x1a\n" * 9, b"\xff" * 99]
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(UnusableModel, match=r"not an ONNX model|without a contract"):
        read_contract(data)


def test_graphs_nested_without_end_are_refused() -> None:
    node = constant(value=a_tensor())
    for _ in range(20):
        node = an_if(node)
        del node.attribute[1]
    with pytest.raises(UnusableModel, match="nested"):
        read_contract(model(lambda m: m.graph.node.append(node)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_refused_cleanly_or_harmless(data: st.DataObject) -> None:
    damaged = bytearray(model())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for attack in (bytes(damaged), bytes(damaged[:cut])):
        refusal = ""
        try:
            read_contract(attack)
        except UnusableModel as error:
            refusal = str(error)
        assert "\n" not in refusal


def test_the_field_numbers_are_those_of_onnx() -> None:
    """Everything that could hold a tensor or a node is walked into, by onnx's own description."""
    from toolkit.runtime import onnx_file

    names: dict[str, Any] = {
        "model": onnx.ModelProto,
        "graph": onnx.GraphProto,
        "node": onnx.NodeProto,
        "attribute": onnx.AttributeProto,
        "function": onnx.FunctionProto,
        "training": onnx.TrainingInfoProto,
        "sparse": onnx.SparseTensorProto,
    }
    kinds = {
        "GraphProto": "graph",
        "NodeProto": "node",
        "AttributeProto": "attribute",
        "TensorProto": "tensor",
        "SparseTensorProto": "sparse",
        "FunctionProto": "function",
        "TrainingInfoProto": "training",
        "OperatorSetIdProto": "opset",
    }
    for name, proto in names.items():
        expected = {
            field.number: kinds[field.message_type.name]
            for field in proto.DESCRIPTOR.fields
            if field.message_type is not None and field.message_type.name in kinds
        }
        walked = dict(onnx_file._CHILDREN[name])
        walked.pop(14, None) if name == "model" else None
        assert walked == expected, name


def test_a_file_of_real_size_is_walked_quickly(tmp_path: Path) -> None:
    big = numpy_helper.from_array(np.zeros(5_000_000, np.float32), "big")
    data = model(lambda m: m.graph.initializer.append(big))
    assert read_contract(data) == tiny_contract()
