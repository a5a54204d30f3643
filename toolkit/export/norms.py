"""Normalisations of an ONNX network, written so that they are exact and cost nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper

from toolkit.export.graph import Graph
from toolkit.export.nodes import makers

__all__ = ["fold_batch_norm", "spell_out_instance_norm"]


def fold_batch_norm(network: ModelProto) -> None:
    """Fold each BatchNormalization into the convolution before it.

    The exporter does it too, but not where two convolutions share their weights, as where a network
    sees a picture twice; they share them still when this is done.
    """
    tensors = {t.name: t for t in network.graph.initializer}
    uses = Counter(name for node in network.graph.node for name in node.input)
    made_by = makers(network)
    for norm in [n for n in network.graph.node if n.op_type == "BatchNormalization"]:
        conv = made_by.get(norm.input[0])
        if conv is None or conv.op_type != "Conv" or uses[norm.input[0]] > 1:
            continue
        if not all(name in tensors for name in (*conv.input[1:], *norm.input[1:])):
            continue
        values = [np.float64(numpy_helper.to_array(tensors[name])) for name in conv.input[1:]]
        weight, bias = values if len(values) == 2 else (values[0], 0.0)
        scale, shift, mean, variance = (
            np.float64(numpy_helper.to_array(tensors[name])) for name in norm.input[1:]
        )
        factor = scale / np.sqrt(variance + _epsilon(norm))
        folded = {
            f"{conv.input[1]}/{norm.input[1]}": weight * factor[:, None, None, None],
            f"{conv.input[1]}/{norm.input[2]}": (bias - mean) * factor + shift,
        }
        for name, value in folded.items():
            if name not in tensors:
                tensors[name] = numpy_helper.from_array(np.asarray(value, np.float32), name)
        conv.input[:] = [conv.input[0], *folded]
        conv.output[0] = norm.output[0]
        network.graph.node.remove(norm)
    used = {name for node in network.graph.node for name in node.input}
    del network.graph.initializer[:]
    network.graph.initializer.extend(t for name, t in tensors.items() if name in used)


def spell_out_instance_norm(network: ModelProto) -> None:
    """Write InstanceNormalization in steps, centred twice.

    On a flat field the spread of a map is nothing but rounding, which is then divided by next to
    nothing: onnxruntime's own operator lies 0.003 CIE units off on black, and so does one mean
    taken in float32. Centring what is left of the first mean takes its rounding away.
    """
    graph = Graph("norm")
    nodes = list(network.graph.node)
    for node in nodes:
        if node.op_type != "InstanceNormalization":
            graph.nodes.append(node)
            continue
        x, scale, bias = node.input
        axes = graph.ints(2, 3)
        near = graph.op("Sub", x, graph.op("ReduceMean", x, axes))
        centred = graph.op("Sub", near, graph.op("ReduceMean", near, axes))
        variance = graph.op("ReduceMean", graph.op("Mul", centred, centred), axes)
        epsilon = graph.constant(_epsilon(node), np.float32)
        spread = graph.op("Sqrt", graph.op("Add", variance, epsilon))
        unit = graph.op("Div", centred, spread)
        sides = graph.ints(1, 2)
        scaled = graph.op("Mul", unit, graph.op("Unsqueeze", scale, sides))
        result = graph.op("Add", scaled, graph.op("Unsqueeze", bias, sides))
        for user in nodes:
            for index, name in enumerate(user.input):
                if name == node.output[0]:
                    user.input[index] = result
    del network.graph.node[:]
    network.graph.node.extend(graph.nodes)
    network.graph.initializer.extend(graph.constants)


def _epsilon(norm: NodeProto) -> float:
    stated = [a.f for a in norm.attribute if a.name == "epsilon"]
    return stated[0] if stated else 1e-5  # the standard's default, of both kinds
