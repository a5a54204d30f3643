"""A few words to write ONNX graphs by hand: `g.op("Add", a, b)` is the name of the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

__all__ = ["DTYPES", "Graph"]

DTYPES = {
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}


class Graph:
    """Nodes and constants in the making. `prefix` keeps the names of nested graphs apart."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        number = len(self.nodes)
        names = [f"{self._prefix}/{kind}_{number}.{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(
                kind, inputs, names, name=f"{self._prefix}/{kind}_{number}", **attributes
            )
        )
        return names

    def constant(self, value: ArrayLike, dtype: Any) -> str:
        """Add a constant."""
        name = f"{self._prefix}/constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        """A list of int64, as shapes and axes are."""
        return self.constant(values, np.int64)

    def cast(self, value: str, dtype: str) -> str:
        """Convert to a type of `DTYPES`."""
        return self.op("Cast", value, to=DTYPES[dtype])

    def sum(self, *values: str) -> str:
        """Left to right, two at a time, so that the rounding is that of a loop."""
        total = values[0]
        for value in values[1:]:
            total = self.op("Add", total, value)
        return total

    def body(self, inputs: dict[str, str], outputs: dict[str, str]) -> onnx.GraphProto:
        """This graph as the body of a Scan; names and types of what goes in and out."""
        return helper.make_graph(
            self.nodes,
            self._prefix,
            [helper.make_tensor_value_info(n, DTYPES[t], None) for n, t in inputs.items()],
            [helper.make_tensor_value_info(n, DTYPES[t], None) for n, t in outputs.items()],
            self.constants,
        )
