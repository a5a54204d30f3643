"""Smaller weights for ONNX.

int8 is not here yet. In a first probe static QDQ (uint8 activations, int8 weights per channel, the
first and the last layers in float) made `edge` 1.3 to 1.5 times as fast on a CPU with AVX2 and no
VNNI; its loss of exactness on photographs has not been measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

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


def _as_it_is(model: ModelProto) -> ModelProto:
    return model


ONNX_PRECISIONS: dict[str, Callable[[ModelProto], ModelProto]] = {
    "fp32": _as_it_is,
    "fp16-storage": store_as_float16,
}
