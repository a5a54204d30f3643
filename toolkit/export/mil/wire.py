"""The protobuf encoding, as far as a Core ML specification uses it.

References
----------
.. [1] Protocol Buffers, "Encoding": tags, varints and length-delimited fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.errors import UnusableModel

__all__ = ["Fields", "Message", "fields", "signed_varints"]

Message = memoryview
Fields = dict[int, list[int | memoryview]]


def fields(message: Message) -> Fields:
    """The values of each field number, in the order of the file.

    Raises
    ------
    UnusableModel
        If the bytes are no message.
    """
    found: Fields = {}
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        value: int | memoryview
        if kind == 0:
            value, at = _varint(message, at)
        else:
            if kind == 2:
                size, at = _varint(message, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise UnusableModel("not a protobuf message")
            if size > end - at:
                raise UnusableModel("a protobuf message that was cut short")
            value = message[at : at + size]
            at += size
        found.setdefault(number, []).append(value)
    return found


def signed_varints(values: list[int | memoryview]) -> Iterator[int]:
    """A repeated integer field, packed or not."""
    for value in values:
        if isinstance(value, int):
            yield _signed(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield _signed(number)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varint(message: Message, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise UnusableModel("a protobuf message that was cut short")
