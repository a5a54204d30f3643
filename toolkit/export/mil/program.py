"""A ``.mlpackage`` as operations and constants.

References
----------
.. [1] coremltools, ``mlmodel/format/Model.proto`` and ``MIL.proto``: the field numbers below.
.. [2] coremltools, ``mlmodel/src/MILBlob/Blob/StorageFormat.hpp``: the weight file, 64 bytes of
   header for each blob: sentinel, type, size, offset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UnusableModel, one_line, os_reason
from toolkit.export.mil.wire import Fields, Message, fields, signed_varints
from toolkit.files import inside, read_bytes

__all__ = ["SPECIFICATION", "Operation", "Package", "Port", "Program", "Value", "read"]

SPECIFICATION = Path("Data/com.apple.CoreML/model.mlmodel")
_LIMIT = 512 * 2**20

Value: TypeAlias = NDArray[Any] | str | bool

_DTYPES = {
    1: np.dtype(np.bool_),
    10: np.dtype(np.float16),
    11: np.dtype(np.float32),
    12: np.dtype(np.float64),
    21: np.dtype(np.int8),
    22: np.dtype(np.int16),
    23: np.dtype(np.int32),
    24: np.dtype(np.int64),
    31: np.dtype(np.uint8),
    32: np.dtype(np.uint16),
    33: np.dtype(np.uint32),
}
_STRING = 2
_RGB = 20
_BLOB_SENTINEL = 0xDEADBEEF
_MULTI_ARRAY_DTYPES = {65_568: "float32", 65_552: "float16", 131_104: "int32"}


@dataclass(frozen=True)
class Port:
    """An input or output as Xcode shows it."""

    name: str
    dtype: str
    """``float32``, ``float16``, ``int32``; ``image`` for sRGB pixels."""
    shape: tuple[int, ...]
    """Of the array; height and width of an image."""


@dataclass(frozen=True)
class Operation:
    """One operation: what it is, and the names of what it takes."""

    type: str
    name: str
    """Of its output."""
    half: bool
    """Whether its output is float16."""
    inputs: dict[str, list[str | Value]]
    """For each parameter, names of earlier values, or constants."""


@dataclass(frozen=True)
class Program:
    """The main function of an ML Program."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: dict[str, Value]
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Package:
    """All of a ``.mlpackage`` that matters for using it."""

    version: int
    """Of the specification: 7 is macOS 13 and iOS 16."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: dict[str, str]
    program: Program


def read(path: Path) -> Package:
    """Read a package.

    Raises
    ------
    UnusableModel
        If it is not one, or holds something that this program does not know.
    """
    try:
        model = fields(memoryview(read_bytes(path / SPECIFICATION, limit=_LIMIT)))
        return _Reader(path).package(model)
    except UnusableModel as error:
        raise UnusableModel(f"{one_line(path)}: {error}") from None
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise UnusableModel(
            f"{one_line(path)}: not a Core ML package: {one_line(error)[:80]}"
        ) from None


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._blobs: dict[str, NDArray[np.uint8]] = {}

    def package(self, model: Fields) -> Package:
        if 502 not in model:
            raise UnusableModel("not an ML Program")
        description = fields(_message(model[2]))
        metadata = fields(_message(description[100])) if 100 in description else {}
        pairs = (fields(_as_message(entry)) for entry in metadata.get(100, []))
        return Package(
            version=int(_number(model[1])),
            inputs=tuple(_port(fields(_as_message(m))) for m in description.get(1, [])),
            outputs=tuple(_port(fields(_as_message(m))) for m in description.get(10, [])),
            metadata={_text(pair[1]): _text(pair[2]) for pair in pairs},
            program=self._program(fields(_message(model[502]))),
        )

    def _program(self, program: Fields) -> Program:
        functions = {_text(f[1]): f[2] for f in map(_entry, program[2])}
        function = fields(_message(functions["main"]))
        block = fields(_message(_entry(function[3][0])[2]))
        constants: dict[str, Value] = {}
        operations = []
        for raw in block[3]:
            operation = fields(_as_message(raw))
            if 4 in operation:
                raise UnusableModel(f"holds {_text(operation[1])}, an operation with blocks")
            output = fields(_message(operation[3]))
            kind, name = _text(operation[1]), _text(output[1])
            if kind == "const":
                attributes = {_text(e[1]): e[2] for e in map(_entry, operation[5])}
                constants[name] = self._value(fields(_message(attributes["val"])))
                continue
            inputs = {
                _text(entry[1]): [self._binding(b) for b in fields(_message(entry[2]))[1]]
                for entry in map(_entry, operation.get(2, []))
            }
            for entry in map(_entry, operation.get(5, [])):
                if _text(entry[1]) != "name":  # constexpr operations keep their data here
                    inputs[_text(entry[1])] = [self._value(fields(_message(entry[2])))]
            half = _type(fields(_message(output[2])))[0] == np.float16
            operations.append(Operation(kind, name, half, inputs))
        return Program(
            inputs=tuple(_text(fields(_as_message(i))[1]) for i in function[1]),
            outputs=tuple(_text([o]) for o in block[2]),
            constants=constants,
            operations=tuple(operations),
        )

    def _binding(self, raw: int | memoryview) -> str | Value:
        binding = fields(_as_message(raw))
        return _text(binding[1]) if 1 in binding else self._value(fields(_message(binding[2])))

    def _value(self, value: Fields) -> Value:
        kind = fields(_message(value[2]))
        if 5 in value:
            dtype, shape = _type(kind)
            place = fields(_message(value[5]))
            return self._blob(_text(place[1]), int(_number(place[2])), dtype).reshape(shape)
        tensor = fields(_message(fields(_message(value[3]))[1]))
        if _is_string(kind):
            return _text(fields(_message(tensor[4]))[1])
        dtype, shape = _type(kind)
        (field, (content, *_)), *_ = tensor.items()
        return _immediate(field, fields(_as_message(content)), dtype).reshape(shape)

    def _blob(self, name: str, offset: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """A tensor of the weight file, checked against its own header [2]_."""
        if name not in self._blobs:
            file = inside(
                self._path, name.replace("@model_path", SPECIFICATION.parent.as_posix(), 1)
            )
            try:
                self._blobs[name] = np.fromfile(file, np.uint8)
            except OSError as error:
                raise UnusableModel(f"its weights cannot be read: {os_reason(error)}") from None
        data = self._blobs[name]
        sentinel, _, size, start = struct.unpack("<IIQQ", data[offset : offset + 24].tobytes())
        if sentinel != _BLOB_SENTINEL or start + size > len(data):
            raise UnusableModel("its weight file is damaged")
        return data[start : start + size].view(dtype)


def _immediate(field: int, content: Fields, dtype: np.dtype[Any]) -> NDArray[Any]:
    raw = content.get(1, [])
    if field == 1:
        return np.frombuffer(b"".join(bytes(_as_message(r)) for r in raw), "<f4").astype(dtype)
    if field in (2, 3, 5):
        return np.array(list(signed_varints(raw)), dtype)
    if field == 7:
        return np.frombuffer(bytes(_message(raw)), dtype)
    raise UnusableModel(f"holds a constant of an unknown kind ({field})")


def _is_string(kind: Fields) -> bool:
    return 1 in kind and _number(fields(_message(kind[1]))[1]) == _STRING


def _type(kind: Fields) -> tuple[np.dtype[Any], tuple[int, ...]]:
    tensor = fields(_message(kind[1]))
    sizes = (fields(_message(fields(_as_message(d))[1])) for d in tensor.get(3, []))
    code = int(_number(tensor[1]))
    if code not in _DTYPES:
        raise UnusableModel(f"holds values of an unknown type ({code})")
    return _DTYPES[code], tuple(int(_number(s[1])) for s in sizes)


def _port(port: Fields) -> Port:
    kind = fields(_message(port[3]))
    if 4 in kind:
        image = fields(_message(kind[4]))
        if _number(image[3]) != _RGB:
            raise UnusableModel(f"its port {_text(port[1])} is an image of another kind than RGB")
        return Port(_text(port[1]), "image", (_number(image[2]), _number(image[1])))
    if 5 not in kind:
        raise UnusableModel(f"its port {_text(port[1])} is neither an array nor an image")
    array = fields(_message(kind[5]))
    shape = tuple(signed_varints(array.get(1, [])))
    code = int(_number(array[2]))
    return Port(_text(port[1]), _MULTI_ARRAY_DTYPES.get(code, str(code)), shape)


def _entry(raw: int | memoryview) -> Fields:
    return fields(_as_message(raw))


def _message(values: list[int | memoryview]) -> Message:
    return _as_message(values[-1])


def _as_message(value: int | memoryview) -> Message:
    if isinstance(value, int):
        raise UnusableModel("not a Core ML specification: its fields have the wrong types")
    return value


def _number(values: list[int | memoryview]) -> int:
    if not isinstance(values[-1], int):
        raise UnusableModel("not a Core ML specification: its fields have the wrong types")
    return values[-1]


def _text(values: list[int | memoryview]) -> str:
    return bytes(_message(values)).decode("utf-8", "replace")
