"""`manifest.json`: what a bundle holds. Read with suspicion, written sorted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableModel, one_line
from toolkit.files import inside, read_bytes, sha256

__all__ = [
    "CHECKPOINT",
    "CHECKSUMS",
    "FILE",
    "MEASURED",
    "SCHEMA",
    "files_of",
    "fingerprint",
    "read",
    "size_of",
]

FILE = "manifest.json"
MEASURED = "measured.json"
CHECKSUMS = "SHA256SUMS"
CHECKPOINT = "checkpoint.safetensors"
SCHEMA = 1

_LIMIT = 4_000_000


def read(folder: Path) -> dict[str, Any]:
    """Read a bundle's manifest and check its form.

    Raises
    ------
    UnusableModel
        If there is none, it is not JSON, its schema is unknown, or it names a file outside.
    """
    path = folder / FILE
    if not path.is_file():
        raise UnusableModel(f"{one_line(folder)}: not a bundle: it holds no {FILE}")
    try:
        manifest = json.loads(read_bytes(path, limit=_LIMIT))
    except (ValueError, RecursionError) as error:
        raise UnusableModel(f"{one_line(path)}: not JSON: {one_line(error)[:120]}") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        found = manifest.get("schema") if isinstance(manifest, dict) else None
        raise UnusableModel(
            f"{one_line(path)}: has schema {found!r} and this program knows {SCHEMA}: update the "
            "program or export the model again"
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or not (files or "network" in manifest):
        raise UnusableModel(f"{one_line(path)}: names no files")
    for name, entry in files.items():
        inside(folder, name)
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            raise UnusableModel(f"{one_line(path)}: says nothing of {one_line(name)}")
    return manifest


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of all files of a folder (``.mlpackage``)."""
    if path.is_file():
        return sha256(path)
    lines = (f"{sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in files_of(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def files_of(path: Path) -> list[Path]:
    """`path`, or all plain files in the folder `path`, sorted by their names inside it."""
    if path.is_file():
        return [path]
    found = (p for p in path.rglob("*") if p.is_file())
    return sorted(found, key=lambda p: p.relative_to(path).as_posix())


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(p.stat().st_size for p in files_of(path))
