"""int8 for ONNX: weights per channel, activations as uint8, ranges from photographs.

Quantize and dequantize operations of the ONNX standard stand around each layer (QDQ), and
onnxruntime makes integer kernels of them. Weights keep 7 bits: where a CPU has no VNNI it adds two
products of 8 and 8 bits in 16, which would overflow with 8 (`reduce_range`).

In float stay: the layers next to the input, next to the output and before a softmax, which decide
each pixel's colour alone; and those that a measurement finds to do harm, if the rest is not exact
enough without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ProofFailed
from toolkit.export.parity import measure_ab
from toolkit.export.proof_set import MADE, l_fields

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["quantize"]

MEAN_CIEDE2000 = 0.3
"""What int8 may cost against float32: CIEDE2000 of the two pictures, and dB against the truth."""

_WANTED = 0.8 * MEAN_CIEDE2000
"""Of the photographs that choose the layers, so that others stay below the bound too."""
_PERCENTILES = (100.0, 99.999, 99.99)
"""Of a layer's values, to be its range. The best by measurement is taken. Entropy (KL divergence,
512 bins) is not: on `edge` it gave a mean CIEDE2000 of 0.86, where the second gave 0.10."""
_SAMPLES = 4096
"""Values of each result of each photograph."""
_JUDGES = 12
"""Photographs that choose the percentile and the layers, besides the fields that are none."""

_LAYERS = ("Conv",)
_BETWEEN = ("Relu", "Clip", "LeakyRelu", "MaxPool", "Pad", "Concat", "Resize", "Add")
"""What may lie between two layers without going back to float."""

Float = NDArray[np.float32]
Samples = dict[str, Float]


def quantize(model: ModelProto, fields: list[Float]) -> tuple[ModelProto, dict[str, Any]]:
    """Quantize a network.

    Parameters
    ----------
    model : ModelProto
        L* to a*b* in float32.
    fields : list of float32, shape (1, 1, H, W)
        L* of photographs.

    Returns
    -------
    model : ModelProto
    facts : dict
        The percentile, and the layers that stay in float, by why they do.

    Raises
    ------
    ProofFailed
        If it is not exact enough with half of its layers in float.
    """
    samples = _sample(model, fields)
    odd = list(l_fields(*fields[0].shape[2:])[-len(MADE) :, None])
    judge = _judge(model, fields[:: -(-len(fields) // _JUDGES)] + odd)
    ends = _ends(model)
    inner = _by_weight(model, ends)

    def attempt(percentile: float, float_layers: Iterable[str]) -> tuple[float, ModelProto]:
        made = _with_integers(model, _ranges(samples, percentile), {*ends, *float_layers})
        return judge(made), made

    _, percentile = min((attempt(p, ())[0], -p) for p in _PERCENTILES)
    percentile = -percentile
    distance, made = attempt(percentile, ())
    layers, harmful = set().union(*inner), set[str]()
    if distance > _WANTED:
        harm = [attempt(percentile, layers - same)[0] for same in inner]
        worst = [inner[i] for i in np.argsort(harm)[::-1]]
        for count in _doubling(len(inner) // 2):
            harmful = set().union(*worst[:count])
            distance, made = attempt(percentile, harmful)
            if distance <= _WANTED:
                break
    if distance > MEAN_CIEDE2000:
        raise ProofFailed(
            f"int8 changes the colours by CIEDE2000 {distance:.2g} on average with half of the "
            f"layers in float, where {MEAN_CIEDE2000} is allowed; nothing written"
        )
    facts = {
        "photographs": len(fields),
        "percentile": percentile,
        "layers": len(layers - harmful),
        "float_by_rule": sorted(ends),
        "float_by_measurement": sorted(harmful),
    }
    return made, facts


def _by_weight(model: ModelProto, ends: set[str]) -> list[set[str]]:
    """The other layers; those that share a weight, as of a network that looks twice, are one."""
    found: dict[str, set[str]] = {}
    for node in model.graph.node:
        if node.op_type in _LAYERS and node.name not in ends:
            found.setdefault(node.input[1], set()).add(node.name)
    return list(found.values())


def _doubling(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def _sample(model: ModelProto, fields: list[Float]) -> Samples:
    """Some values of every result, and always its smallest and largest."""
    import onnx

    from toolkit.export.formats.onnx import session

    all_results = deepcopy(model)
    given = model.graph.input[0].name
    names = [name for node in model.graph.node for name in node.output]
    del all_results.graph.output[:]
    all_results.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    opened = session(all_results.SerializeToString(), "int8", "DISABLE_ALL")
    chance = np.random.default_rng(0)
    kept: dict[str, list[Float]] = {name: [] for name in (given, *names)}
    for values in fields:
        results = [values, *opened.run(names, {given: values})]
        for name, result in zip(kept, results, strict=True):
            flat = result.ravel()
            if flat.dtype != np.float32:
                continue
            if len(flat) > _SAMPLES:
                some = flat[chance.integers(0, len(flat), _SAMPLES)]
                flat = np.concatenate([some, [flat.min(), flat.max()]])
            kept[name].append(flat)
    return {name: np.concatenate(found) for name, found in kept.items() if found}


def _ranges(samples: Samples, percentile: float) -> dict[str, tuple[np.float32, np.float32]]:
    """The range of each result; 0 is always in it, because padding must be exact."""
    ranges = {}
    for name, values in samples.items():
        low, high = np.percentile(values, [100 - percentile, percentile])
        ranges[name] = np.float32(min(low, 0)), np.float32(max(high, low + 1e-6, 1e-6))
    return ranges


def _with_integers(
    model: ModelProto, ranges: dict[str, tuple[np.float32, np.float32]], in_float: set[str]
) -> ModelProto:
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    nodes = _quantizable(model, in_float)
    quantizer = QDQQuantizer(
        deepcopy(model),
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
        nodes_to_quantize=nodes,
        nodes_to_exclude=[],
        op_types_to_quantize=[*_LAYERS, *_BETWEEN],
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    made: ModelProto = quantizer.model.model
    return made


def _quantizable(model: ModelProto, in_float: set[str]) -> list[str]:
    """Names of the layers, and of what lies between them and takes nothing but their results.

    A sum with a constant, as in a spelled-out norm, stays in float.
    """
    makers = _makers(model)

    def between(node: NodeProto) -> bool:
        makes = [makers.get(name) for name in node.input]
        maps = makes if node.op_type in ("Add", "Concat") else makes[:1]
        return all(m is not None and m.op_type in (*_LAYERS, *_BETWEEN) for m in maps)

    return [
        node.name
        for node in model.graph.node
        if (node.op_type in _LAYERS and node.name not in in_float)
        or (node.op_type in _BETWEEN and between(node))
    ]


def _ends(model: ModelProto) -> set[str]:
    """The layers from which none lies nearer to the input, to the output or to a softmax."""
    makers = _makers(model)
    users: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type != "Shape":  # through which no value comes
            for name in node.input:
                users.setdefault(name, []).append(node)
    last = {n.input[0] for n in model.graph.node if n.op_type == "Softmax"}
    last.add(model.graph.output[0].name)
    backward = _reached(last, lambda name: [makers[name]] if name in makers else [], "input")
    forward = _reached({model.graph.input[0].name}, lambda name: users.get(name, []), "output")
    return backward | forward


def _reached(names: set[str], step: Callable[[str], list[NodeProto]], onward: str) -> set[str]:
    """Layers that are reached from `names` without passing through another one."""
    found, seen, pending = set(), set(names), list(names)
    while pending:
        for node in step(pending.pop()):
            if node.op_type.startswith("Conv"):
                found.add(node.name)
                continue
            new = set(getattr(node, onward)) - seen
            seen |= new
            pending.extend(new)
    return found


def _makers(model: ModelProto) -> dict[str, NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def _judge(model: ModelProto, fields: list[Float]) -> Callable[[ModelProto], float]:
    """Says how far a quantized network's colours lie from the network's, as mean CIEDE2000."""
    from toolkit.export.formats.onnx import session

    given = model.graph.input[0].name

    def results(network: ModelProto) -> list[Float]:
        opened = session(network.SerializeToString(), "int8")
        return [opened.run(None, {given: values})[0] for values in fields]

    expected = results(model)

    def judge(made: ModelProto) -> float:
        return measure_ab(zip(fields, results(made), expected, strict=True)).mean_ciede2000

    return judge
