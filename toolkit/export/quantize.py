"""Smaller weights for ONNX, by the names that `--format onnx:PRECISION` gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.export.int8 import quantize

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ONNX_PRECISIONS", "store_as_float16"]

_SMALLEST = 256
"""Tensors with fewer values stay float32: biases and constants weigh nothing."""


def store_as_float16(model: ModelProto) -> ModelProto:
    """Keep the large weights as float16 and cast them to float32 where they are used.

    Half the file. onnxruntime folds the casts while it loads, so that it computes as fast as
    before, in float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for index, tensor in enumerate(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST:
            continue
        half = values.astype(np.float16)
        if not np.isfinite(half).all():
            continue
        name = tensor.name
        model.graph.initializer[index].CopyFrom(numpy_helper.from_array(half, f"{name}.f16"))
        cast = helper.make_node("Cast", [f"{name}.f16"], [name], to=TensorProto.FLOAT)
        casts.append(cast)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


Float = NDArray[np.float32]
Precise = Callable[["ModelProto", list[Float]], tuple["ModelProto", dict[str, Any]]]
"""A float32 network, and L* of photographs for the precisions that are calibrated, to the network
in that precision, and facts for the manifest."""

ONNX_PRECISIONS: dict[str, Precise] = {
    "fp32": lambda model, fields: (model, {}),
    "fp16-storage": lambda model, fields: (store_as_float16(model), {}),
    "int8": quantize,
}
