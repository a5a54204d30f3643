"""Write a network's layers as integers: quantize and dequantize operations around each (QDQ).

onnxruntime makes integer kernels of them. Weights keep 7 bits: where a CPU has no VNNI it adds two
products of 8 and 8 bits in 16, which would overflow with 8 (`reduce_range`).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.export.int8.layers import BETWEEN, LAYERS, quantizable
from toolkit.export.nodes import makers

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

    from toolkit.export.int8.observed import Observed

__all__ = ["with_integers"]

_DEQUANTIZE = "DequantizeLinear"
_TAKEN_FOR_INTEGERS = ("Conv", "ConvTranspose", "Gemm")
"""What onnxruntime gives int8 weights of its own where the input is dequantized."""


def with_integers(
    model: ModelProto, observed: Observed, percentile: float, in_float: set[str]
) -> ModelProto:
    """Quantize all layers but some."""
    made = _quantized(model, observed.ranges(percentile), in_float)
    _correct_biases(made, model, observed.means)
    _keep_in_float(made)
    return made


def _quantized(
    model: ModelProto, ranges: dict[str, tuple[np.float32, np.float32]], in_float: set[str]
) -> ModelProto:
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    quantizer = QDQQuantizer(
        deepcopy(model),
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
        nodes_to_quantize=quantizable(model, in_float),
        nodes_to_exclude=[],
        op_types_to_quantize=[*LAYERS, *BETWEEN],
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    made: ModelProto = quantizer.model.model
    return made


def _correct_biases(
    made: ModelProto, model: ModelProto, means: dict[str, NDArray[np.float64]]
) -> None:
    """Give each layer's bias what the rounding of its weights took from its mean result.

    Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
    section 4.2; here the mean of what goes in is measured. A layer without bias has none to give.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in made.graph.initializer}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = {node.name: node for node in model.graph.node if node.op_type in LAYERS}
    made_by = makers(made)
    for node in made.graph.node:
        scaled = [made_by[name] for name in node.input if name in made_by]
        if node.name not in layers or [n.op_type for n in scaled] != [_DEQUANTIZE] * 3:
            continue
        layer = layers[node.name]
        exact = numpy_helper.to_array(weights[layer.input[1]]).astype(np.float64)
        lost = (exact - _dequantized(tensors, scaled[1])).sum((2, 3))
        into = means[layer.input[0]]
        groups = len(into) // lost.shape[1]
        grouped = lost.reshape(groups, -1, lost.shape[1])
        shift = np.einsum("goi,gi->go", grouped, into.reshape(groups, -1)).ravel()
        bias, scale = (tensors[name] for name in scaled[2].input[:2])
        units = np.rint(shift / numpy_helper.to_array(scale)).astype(np.int32)
        corrected = numpy_helper.to_array(bias) + units
        bias.CopyFrom(numpy_helper.from_array(corrected, bias.name))


def _dequantized(tensors: dict[str, TensorProto], node: NodeProto) -> NDArray[np.float64]:
    from onnx import numpy_helper

    values, scale = (numpy_helper.to_array(tensors[name]) for name in node.input[:2])
    columns: NDArray[np.float64] = scale.astype(np.float64).reshape(-1, 1, 1, 1)
    return values * columns


def _keep_in_float(made: ModelProto) -> None:
    """Part the layers that stay in float from dequantized results.

    onnxruntime gives a float layer whose input is dequantized int8 weights of its own, with one
    scale for all channels (`WeightBiasQuantization`, seen in 1.31). With a clip between them, which
    no value reaches, it does not.
    """
    from onnx import helper, numpy_helper

    made_by = makers(made)
    bounds = ["int8.lowest", "int8.highest"]
    clips: dict[str, NodeProto] = {}
    nodes: list[Any] = []
    for node in made.graph.node:
        name = node.input[0] if node.input else ""
        dequantized = [n in made_by and made_by[n].op_type == _DEQUANTIZE for n in node.input[:2]]
        if node.op_type in _TAKEN_FOR_INTEGERS and dequantized == [True, False]:
            if name not in clips:
                clips[name] = helper.make_node("Clip", [name, *bounds], [f"{name}.float"])
                nodes.append(clips[name])
            node.input[0] = f"{name}.float"
        nodes.append(node)
    if clips:
        for bound, value in zip(bounds, (np.finfo("f").min, np.finfo("f").max), strict=True):
            made.graph.initializer.append(numpy_helper.from_array(np.array(value, "f"), bound))
        kept = [deepcopy(node) for node in nodes]
        del made.graph.node[:]
        made.graph.node.extend(kept)
