"""Ways through an ONNX network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["makers"]


def makers(model: ModelProto) -> dict[str, NodeProto]:
    """The operation that makes each result."""
    return {name: node for node in model.graph.node for name in node.output}
