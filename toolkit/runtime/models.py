"""Names, bundles and files of models: where they are, and whether they are what they say.

It does not import the engine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.contract import Contract
from toolkit.errors import OutputError, UnusableModel, UsageError, one_line, one_of, os_reason
from toolkit.files import (
    atomic_folder,
    inside,
    read_bytes,
    sha256_bytes,
    write_bytes,
    write_text,
)
from toolkit.runtime.onnx_file import MODEL_LIMIT, read_contract

__all__ = [
    "DEFAULT",
    "Model",
    "add",
    "find",
    "installed",
    "place",
    "read_manifest",
    "remove",
    "user_folder",
]

DEFAULT = "default"
_PACKAGE = Path(__file__).resolve().parent.parent
_MANIFEST = "manifest.json"
_NAME = re.compile(r"[\w][\w.-]{0,99}", re.ASCII)
_MANIFEST_LIMIT = 4_000_000


@dataclass(frozen=True)
class Model:
    """A model that was found; nothing of it has been read but its manifest."""

    name: str
    path: Path
    """The ONNX file."""
    origin: str
    """``shipped``, ``yours`` or ``file``."""
    sha256: str | None
    """What the manifest says; None for a file that has none."""
    strength: float = 1.0
    """Factor of the colours, for a model that is another one's network with stronger colours."""

    def read(self) -> bytes:
        """The bytes of the ONNX file, as its manifest describes them.

        Raises
        ------
        UnusableModel
            If it is missing, over the size limit, or not what the manifest says.
        """
        data = read_bytes(self.path, limit=MODEL_LIMIT)
        if self.sha256 is not None and sha256_bytes(data) != self.sha256:
            raise UnusableModel(
                f"{one_line(self.path)}: its hash differs from its manifest: it is damaged or was "
                "changed; get it again"
            )
        return data

    def contract(self) -> Contract:
        """The contract in the file. Raises `UnusableModel`."""
        try:
            contract = read_contract(self.read())
        except UnusableModel as error:
            text = str(error)
            where = one_line(self.path)
            raise UnusableModel(text if text.startswith(where) else f"{where}: {text}") from None
        if self.strength == 1:
            return contract
        return replace(contract, extra={**contract.extra, "strength": f"{self.strength:g}"})


def find(model: str | os.PathLike[str]) -> Model:
    """The model called `model`: a name, a bundle folder, or an ONNX file.

    Raises
    ------
    UsageError
        If a name is not known; the message lists those that are.
    UnusableModel
        If the file or bundle is not one.
    """
    text = os.fspath(model)
    path = Path(text)
    if path.is_dir():
        return _bundle(path, path.resolve().name, "file")
    if path.suffix or os.sep in text or path.exists():
        return Model(path.stem, path, "file", None)
    for name, entry, origin in _entries():
        if name == text:
            return _model(name, entry, origin)
    known = [model.name for model in installed()]
    if not known:
        raise UnusableModel("no model is installed: give --model FILE, or train and export one")
    raise one_of("model", text, known)


def place(name: str) -> Path | None:
    """Where the installed model of this name lies, a bundle or a file; None if there is none."""
    return next((entry for known, entry, _ in _entries() if known == name), None)


def installed(on_broken: Callable[[UnusableModel], None] = lambda error: None) -> list[Model]:
    """The models that have names: those that ship first, then the user's.

    Parameters
    ----------
    on_broken : callable
        Is told of those that are none, which are left out.
    """
    found = []
    for name, entry, origin in _entries():
        try:
            found.append(_model(name, entry, origin))
        except UnusableModel as error:
            on_broken(error)
    return found


def add(source: Path, name: str | None = None) -> Model:
    """Copy a model, once it is found sound, into the user's folder.

    Parameters
    ----------
    source : Path
        An ONNX file or a bundle folder; of a bundle all files are copied.
    name : str, optional
        By default that of the file or folder.

    Raises
    ------
    UnusableModel
        If it is no model that this program can use.
    UsageError
        If the name is taken or no name for a model.
    OutputError
        If it cannot be written.
    """
    model = find(source if source.is_dir() else source.absolute())
    if model.strength != 1:
        raise UsageError(f"{one_line(source)}: uses the network of another model; add that one")
    model.contract()
    name = name or model.name
    if not _NAME.fullmatch(name):
        raise UsageError(f"{one_line(name)}: a name is of letters, digits, dots, - and _")
    if name in {m.name for m in installed()}:
        raise UsageError(f"{name}: there is a model of this name; give another with --name")
    place = user_folder() / name
    with atomic_folder(place) as folder:
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=False)
        else:
            _write_bundle(folder, model)
    return find(place)


def remove(name: str) -> Model:
    """Delete a model of the user's.

    Raises
    ------
    UsageError
        If it is not known, or ships with the program.
    OutputError
        If it cannot be deleted.
    """
    own = {m.name: m for m in installed() if m.origin == "yours"}
    if name not in own:
        raise one_of("model of yours", name, list(own))
    path = own[name].path
    try:
        if path.parent == user_folder():
            path.unlink()
        else:
            shutil.rmtree(user_folder() / name)
    except OSError as error:
        raise OutputError(f"{one_line(path)}: cannot be removed: {os_reason(error)}") from error
    return own[name]


def read_manifest(bundle: Path) -> dict[str, Any]:
    """The manifest of a bundle folder.

    Raises
    ------
    UnusableModel
        If there is none, or it is not one.
    """
    path = bundle / _MANIFEST
    if not path.is_file():
        raise UnusableModel(f"{one_line(bundle)}: a folder without {_MANIFEST} is no bundle")
    try:
        manifest = json.loads(read_bytes(path, limit=_MANIFEST_LIMIT))
    except (ValueError, RecursionError) as error:
        raise UnusableModel(f"{one_line(path)}: not JSON: {one_line(error)}") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != 1:
        raise UnusableModel(f"{one_line(path)}: its schema is not 1, which is the known one")
    return manifest


def user_folder() -> Path:
    """Where the user's own models are kept; `TOOLKIT_MODELS` says otherwise."""
    given = os.environ.get("TOOLKIT_MODELS")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "toolkit" / "models"


def _places() -> list[tuple[Path, str]]:
    places = [(_PACKAGE / "shipped", "shipped")]
    if (_PACKAGE.parent / "pyproject.toml").is_file():  # a checkout
        places.append((_PACKAGE.parent / "exports", "shipped"))
    return [*places, (user_folder(), "yours")]


def _entries() -> Iterator[tuple[str, Path, str]]:
    """Name, place and origin of each model; of two with one name the first."""
    names = set()
    for folder, origin in _places():
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            bundle = (entry / _MANIFEST).is_file()
            name = entry.name if bundle else entry.stem
            if (bundle or entry.suffix == ".onnx") and name not in names:
                names.add(name)
                yield name, entry, origin


def _model(name: str, entry: Path, origin: str) -> Model:
    return _bundle(entry, name, origin) if entry.is_dir() else Model(name, entry, origin, None)


def _write_bundle(folder: Path, model: Model) -> None:
    data = model.read()
    facts = {"sha256": sha256_bytes(data), "size": len(data), "format": "onnx"}
    contract = json.loads(read_contract(data).to_json())
    manifest = {"schema": 1, "contract": contract, "files": {model.path.name: facts}}
    write_bytes(folder / model.path.name, data)
    write_text(folder / _MANIFEST, json.dumps(manifest, indent=2))


def _bundle(folder: Path, name: str, origin: str) -> Model:
    manifest = read_manifest(folder)
    if "network" in manifest:
        return _stronger(folder, name, origin, manifest["network"])
    files = manifest.get("files")
    for file, facts in files.items() if isinstance(files, dict) else ():
        if isinstance(facts, dict) and facts.get("format") == "onnx":
            digest = facts.get("sha256")
            if not isinstance(digest, str):
                raise UnusableModel(f"{one_line(folder)}: its manifest has no hash of {file}")
            return Model(name, inside(folder, file), origin, digest)
    raise UnusableModel(f"{one_line(folder)}: the bundle has no ONNX file")


def _stronger(folder: Path, name: str, origin: str, network: Any) -> Model:
    """A bundle without a file of its own: the network of the bundle beside it, and a strength."""
    try:
        beside, digest, strength = (network[key] for key in ("model", "sha256", "strength"))
        sound = bool(_NAME.fullmatch(beside)) and 0 < strength <= 2
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise UnusableModel(
            f"{one_line(folder)}: its manifest must say model, sha256 and a strength up to 2 of "
            "the network that it uses"
        )
    place = folder.parent / beside
    if "network" in read_manifest(place):
        raise UnusableModel(f"{one_line(place)}: has no network of its own to share")
    shared = _bundle(place, name, origin)
    if shared.sha256 != digest:
        raise UnusableModel(
            f"{one_line(folder)}: was made for another version of the model {beside}; get both "
            "from one place"
        )
    return replace(shared, strength=float(strength))
