"""Which layers of a network may be integers, and which are one because they share a weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toolkit.export.nodes import makers

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["BETWEEN", "LAYERS", "by_weight", "ends", "quantizable"]

LAYERS = ("Conv",)
BETWEEN = ("Relu", "Clip", "LeakyRelu", "MaxPool", "Pad", "Concat", "Resize", "Add")
"""What may lie between two layers without going back to float."""


def by_weight(model: ModelProto, without: set[str]) -> list[set[str]]:
    """The other layers; those that share a weight, as of a network that looks twice, are one."""
    found: dict[str, set[str]] = {}
    for node in model.graph.node:
        if node.op_type in LAYERS and node.name not in without:
            found.setdefault(node.input[1], set()).add(node.name)
    return list(found.values())


def quantizable(model: ModelProto, in_float: set[str]) -> list[str]:
    """Names of the layers, and of what lies between them and takes nothing but their results.

    A sum with a constant, as in a spelled-out norm, stays in float.
    """
    made_by = makers(model)

    def between(node: NodeProto) -> bool:
        makes = [made_by.get(name) for name in node.input]
        maps = makes if node.op_type in ("Add", "Concat") else makes[:1]
        return all(m is not None and m.op_type in (*LAYERS, *BETWEEN) for m in maps)

    return [
        node.name
        for node in model.graph.node
        if (node.op_type in LAYERS and node.name not in in_float)
        or (node.op_type in BETWEEN and between(node))
    ]


def ends(model: ModelProto) -> set[str]:
    """The layers from which none lies nearer to the input, to the output or to a softmax."""
    made_by = makers(model)
    users: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type != "Shape":  # through which no value comes
            for name in node.input:
                users.setdefault(name, []).append(node)
    last = {n.input[0] for n in model.graph.node if n.op_type == "Softmax"}
    last.add(model.graph.output[0].name)
    backward = _reached(last, lambda name: [made_by[name]] if name in made_by else [], "input")
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
