"""The photographs of a part: where each is read, and what its result is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from toolkit.errors import UnusableInput, one_line
from toolkit.runtime.formats import Format
from toolkit.runtime.stores import Stores, join
from toolkit.scale.parts import Part
from toolkit.scale.shards import Member, members
from toolkit.scale.sources import Unit

__all__ = ["Piece", "pieces", "shard_key"]


@dataclass(frozen=True)
class Piece:
    """One file of a part."""

    input: str
    unit: str
    output: str
    """Where the result goes."""
    name: str
    """Its name inside an output shard."""
    read: Callable[[], bytes]
    size: Callable[[], int]
    """Bytes, without reading them."""
    is_photo: bool = True
    """False: what lies beside the photographs of a shard and is handed on as it is."""
    problem: UnusableInput | None = None
    """Why it cannot even be read."""


def pieces(
    part: Part, destination: str, layout: str, to: Format | None, stores: Stores, folder: Path
) -> Iterator[Piece]:
    """The files of a part.

    Parameters
    ----------
    part : Part
    destination : str
    layout : str
        ``tree`` or ``shards``.
    to : Format, optional
        Where the results' format differs from the photographs': its suffix is added to names.
    stores : Stores
    folder : Path
        Local room for a shard.
    """
    shards = layout == "shards"
    for unit in part.units:
        if unit.is_shard:
            yield from _of_shard(part, unit, destination, shards, to, stores, folder)
            continue
        output = _output(part, unit.key, destination, shards, to)
        problem = _unsafe(unit.key, unit.place)
        yield Piece(
            unit.place,
            unit.place,
            output,
            _named(unit.key, to),
            lambda place=unit.place: stores.read(place),  # type: ignore[misc]
            lambda unit=unit: unit.size if unit.size >= 0 else stores.size(unit.place),  # type: ignore[misc]
            problem=problem,
        )


def shard_key(part: Part) -> str:
    """What the output shard of a part is called: as the shard it came from, or by its number."""
    (unit, *others) = part.units
    return unit.key if unit.is_shard and not others else f"part-{part.id}.tar"


def _of_shard(
    part: Part,
    unit: Unit,
    destination: str,
    shards: bool,
    to: Format | None,
    stores: Stores,
    folder: Path,
) -> Iterator[Piece]:
    copy = folder / "shard.tar"
    try:
        stores.fetch(unit.place, copy)
        for member in members(copy):
            if not member.is_photo and not shards:
                continue
            key = member.name if shards else f"{unit.key.removesuffix('.tar')}/{member.name}"
            name = _named(key, to) if member.is_photo else key
            yield _of_member(
                member,
                unit,
                _output(part, key, destination, shards, to if member.is_photo else None),
                name,
            )
    except UnusableInput as error:
        output = join(destination, unit.key)
        nothing = bytes
        yield Piece(unit.place, unit.place, output, "", nothing, int, problem=error)


def _of_member(member: Member, unit: Unit, output: str, name: str) -> Piece:
    return Piece(
        f"{unit.place}#{member.name}",
        unit.place,
        output,
        name,
        member.read,
        lambda: member.size,
        is_photo=member.is_photo,
        problem=_unsafe(member.name, f"{unit.place}#{member.name}"),
    )


def _output(part: Part, key: str, destination: str, shards: bool, to: Format | None) -> str:
    if shards:
        return f"{join(destination, shard_key(part))}#{_named(key, to)}"
    return join(destination, _named(key, to))


def _named(key: str, to: Format | None) -> str:
    """The key with the format's suffix added: `a.tif` and `a.png` must not meet."""
    if to is None or PurePosixPath(key).suffix.lower() in to.suffixes:
        return key
    return key + to.suffixes[0]


def _unsafe(key: str, place: str) -> UnusableInput | None:
    parts = key.split("/")
    if key.startswith("/") or "\0" in key or ".." in parts:
        return UnusableInput(f"{one_line(place)}: its name leads out of the folder of results")
    return None
