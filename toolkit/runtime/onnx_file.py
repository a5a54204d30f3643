"""What may be given to the engine, decided from the model file's own bytes.

A hostile ONNX file can crash a process natively, and one with external data can point at any
file of the machine. So the protobuf is walked here, by hand and without building it, before
onnxruntime sees it: one file, no external data, standard operators only, the contract inside.

References
----------
.. [1] ``onnx/onnx.proto``: the numbers of the fields below.
.. [2] Protocol Buffers, "Encoding": tags, varints and length-delimited fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.contract import METADATA_KEY, Contract
from toolkit.errors import UnusableModel, one_line

__all__ = ["MODEL_LIMIT", "read_contract"]

MODEL_LIMIT = 512 * 2**20
"""Bytes of the largest model that is opened; the tutorials' U-Net has 218 MB."""

_STANDARD = (b"", b"ai.onnx")
_DEPTH = 32

# For each message, the fields that are walked into and what they hold [1]_.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 14: "entry", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
    "entry": {},
}
_DOMAIN = {"node": 7, "opset": 1, "function": 10}
_TENSOR_EXTERNAL = (13, 14)  # external_data, data_location


def read_contract(data: bytes) -> Contract:
    """Check a model's bytes and take the contract out of them.

    Raises
    ------
    UnusableModel
        If it is not an ONNX model, keeps data in other files, uses operators beyond the ONNX
        standard, or carries no contract or one that this program cannot read.
    """
    properties: dict[bytes, bytes] = {}
    graphs = 0
    pending = [("model", memoryview(data), 0)]
    while pending:
        kind, message, depth = pending.pop()
        if depth > _DEPTH:
            raise UnusableModel("not an ONNX model that can be trusted: graphs nested too deep")
        entry: dict[int, bytes] = {}
        for field, value in _fields(message):
            child = _CHILDREN[kind].get(field)
            if child is not None:
                graphs += child == "graph"
                pending.append((child, _message(value), depth + 1))
            elif kind == "tensor":
                _refuse_external(field, value)
            elif field == _DOMAIN.get(kind):
                _refuse_domain(bytes(_message(value)))
            elif kind == "entry":
                entry[field] = bytes(_message(value))
        if kind == "entry":
            properties[entry.get(1, b"")] = entry.get(2, b"")
    if not graphs:
        raise UnusableModel("not an ONNX model: it has no graph")
    text = properties.get(METADATA_KEY.encode())
    if text is None:
        raise UnusableModel(
            "an ONNX model without a contract: this program cannot know what it takes and gives; "
            "export it with: toolkit export"
        )
    return Contract.from_json(text.decode("utf-8", "replace"))


def _refuse_external(field: int, value: int | memoryview) -> None:
    if field in _TENSOR_EXTERNAL and value != 0:
        raise UnusableModel(
            "it keeps its weights in other files, which is not allowed; save it as one file"
        )


def _refuse_domain(domain: bytes) -> None:
    if domain not in _STANDARD:
        raise UnusableModel(
            f"it uses operators of {one_line(domain.decode('utf-8', 'replace'))!r}, which are not "
            "in the ONNX standard"
        )


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise UnusableModel("not an ONNX model: its fields have the wrong types")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each (field number, value) of a protobuf message; numbers of fixed width are passed over."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            number, at = _varint(message, at)
            yield field, number
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise UnusableModel("not an ONNX model")
        if field == 0 or size > end - at:
            raise UnusableModel("not an ONNX model, or one that was cut short")
        if wire == 2:
            yield field, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise UnusableModel("not an ONNX model, or one that was cut short")
