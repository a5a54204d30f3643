"""What a model takes and gives, as data that travels inside the model's file.

The runtime believes nothing else: there is no default for a missing field, no guess from a file
name. Scaling lives inside the artefact, so all numbers here are CIE units or pixels.

The names of the three picture operations stand for one exact definition each:

``resample: triangle``
    Separable triangle filter with antialiasing on the photograph's gray value (its luminance,
    sRGB-encoded, as a gray file stores it); L* afterwards. Half-pixel centres, weights
    renormalised at the edges: Pillow's BILINEAR on mode F, torch's ``antialias=True``.
``upsample: bilinear``
    a* and b* back to the photograph's size; half-pixel centres, edges clamped.
``gamut: chroma``
    The largest t in 0..1 for which L*, t a*, t b* lies in sRGB, by a fixed number of halvings,
    so that L* and hue stay.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from toolkit.errors import UnusableModel, one_line

__all__ = [
    "METADATA_KEY",
    "SCHEMA",
    "Contract",
    "FixedSize",
    "FlexibleSize",
    "Port",
    "picture_side",
]

SCHEMA = 1
METADATA_KEY = "toolkit.contract"

_CHOICES: dict[str, tuple[str, ...]] = {
    "task": ("colorize", "luma", "translate"),
    "boundary": ("tensor", "image"),
    "resample": ("triangle",),
    "upsample": ("bilinear",),
    "gamut": ("chroma",),
    "white": ("D65/2",),
    "space": ("cie-l", "cie-ab", "srgb", "srgb-gray"),
    "dtype": ("float32", "uint8"),
    "layout": ("NCHW", "NHWC"),
    "fit": ("stretch", "keep_aspect"),
}


@dataclass(frozen=True)
class Port:
    """One input or output of the model."""

    name: str
    space: str
    """``cie-l``, ``cie-ab``, ``srgb`` or ``srgb-gray``."""
    dtype: str
    """``float32`` or ``uint8``."""
    layout: str
    """``NCHW`` or ``NHWC``."""
    channels: int
    range: tuple[float, float]
    """Smallest and largest value: 0..100 for L*, -128..127 for a* and b*, 0..255 for uint8."""


@dataclass(frozen=True)
class FixedSize:
    """The network runs at one size only."""

    height: int
    width: int
    fit: str
    """``stretch``: the photograph is squeezed into this size."""


@dataclass(frozen=True)
class FlexibleSize:
    """The network runs at any size whose sides are multiples of `multiple_of`."""

    multiple_of: int
    preferred: int
    """Short side that gives the best colours, in pixels; guaranteed a legal side."""
    minimum: int
    """Smallest legal side; guaranteed a multiple of `multiple_of`."""
    maximum: int
    """Largest legal side; guaranteed a multiple of `multiple_of`."""
    fit: str
    """``keep_aspect``: both sides are scaled alike, then rounded to the multiple."""


@dataclass(frozen=True)
class Contract:
    """All that a program must know to run a model, and where the model came from."""

    schema: int
    task: str
    boundary: str
    input: Port
    output: Port
    resample: str
    upsample: str
    gamut: str
    size: FixedSize | FlexibleSize
    white: str
    precision: str
    """``fp32``, ``fp16-storage``, ``fp16`` or ``int8``."""
    model: str
    """Name and version, for people."""
    licence: str
    """SPDX expression of the terms of the weights."""
    source: str
    """SHA-256 of the checkpoint that the model was made from, 64 hexadecimal digits."""
    extra: dict[str, str] = field(default_factory=dict)
    """What only some tasks need, and what a later program may add. ``luma``: ``overlap``, the
    pixels beyond its own that a pixel of the result depends on. ``image`` models of one size:
    ``picture``, the side of the square. Core ML: ``compute_units``, for the program that loads
    it."""

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise UnusableModel(
                f"the contract has schema {self.schema!r} and this program knows schema {SCHEMA}: "
                "update the program or export the model again"
            )
        for name in ("task", "boundary", "resample", "upsample", "gamut", "white"):
            _choose(name, getattr(self, name))
        for end in (self.input, self.output):
            for name in ("space", "dtype", "layout"):
                _choose(name, getattr(end, name))
            if end.channels < 1 or len(end.range) != 2 or not end.range[0] < end.range[1]:
                raise UnusableModel(f"the contract describes {end.name!r} with no sense: {end}")
        _check_size(self.size)

    def to_json(self) -> str:
        """Serialise with sorted keys, so that equal contracts are equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Read a contract and check every field.

        Raises
        ------
        UnusableModel
            If it is not JSON, a field is missing or unknown, or a value is not among those
            that this program knows.
        """
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnusableModel(f"the contract is not JSON: {one_line(error)}") from None
        if isinstance(raw, dict) and raw.get("schema") != SCHEMA:
            raise UnusableModel(
                f"the contract has schema {raw.get('schema')!r} and this program knows schema "
                f"{SCHEMA}: update the program or export the model again"
            )
        values = _typed(cls, raw, "contract")
        values["input"] = Port(**_typed(Port, values["input"], "input"))
        values["output"] = Port(**_typed(Port, values["output"], "output"))
        shape = FixedSize if "height" in _mapping(values["size"], "size") else FlexibleSize
        values["size"] = shape(**_typed(shape, values["size"], "size"))
        return cls(**values)


def picture_side(contract: Contract) -> int | None:
    """The side of the square pictures of an image model that takes one size only.

    Raises
    ------
    UnusableModel
        If it is stated and is no such number.
    """
    stated = contract.extra.get("picture")
    if stated is None:
        return None
    if not stated.isascii() or not stated.isdigit() or not 0 < int(stated) <= 16_384:
        raise UnusableModel(f"the contract has an impossible picture: {one_line(stated)[:40]}")
    return int(stated)


def _mapping(raw: object, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise UnusableModel(f"the contract's {where} is not an object")
    return raw


def _typed(kind: type, raw: object, where: str) -> dict[str, Any]:
    """The fields of `raw`, each present, known and of the type that the dataclass states."""
    mapping = _mapping(raw, where)
    known = {f.name: str(f.type) for f in fields(kind)}
    missing = sorted(set(known) - set(mapping))
    unknown = sorted(set(mapping) - set(known))
    if missing:
        raise UnusableModel(f"the contract's {where} lacks {', '.join(missing)}")
    if unknown:
        raise UnusableModel(f"the contract's {where} has unknown fields: {', '.join(unknown)}")
    return {name: _value(known[name], mapping[name], f"{where}.{name}") for name in known}


def _value(kind: str, value: Any, where: str) -> Any:
    if kind == "int" and type(value) is int:
        return value
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "tuple[float, float]" and isinstance(value, list) and len(value) == 2:
        if all(type(v) in (int, float) for v in value):
            return (float(value[0]), float(value[1]))
    if kind == "dict[str, str]" and isinstance(value, dict):
        if all(isinstance(v, str) for v in value.values()):
            return value
    if kind in ("Port", "FixedSize | FlexibleSize"):
        return value
    raise UnusableModel(f"the contract's {where} is {one_line(repr(value))[:80]}, not {kind}")


def _choose(name: str, value: str) -> None:
    if value not in _CHOICES[name]:
        raise UnusableModel(
            f"the contract asks for {name} {value!r} and this program knows "
            f"{', '.join(_CHOICES[name])}: update the program"
        )


def _check_size(size: FixedSize | FlexibleSize) -> None:
    _choose("fit", size.fit)
    if isinstance(size, FixedSize):
        legal = 0 < size.height <= 16_384 and 0 < size.width <= 16_384
    else:
        n = size.multiple_of
        sides = (size.minimum, size.preferred, size.maximum)
        legal = n > 0 and all(s > 0 and s % n == 0 for s in sides) and list(sides) == sorted(sides)
        legal = legal and size.maximum <= 16_384
    if not legal:
        raise UnusableModel(f"the contract has an impossible size: {size}")
