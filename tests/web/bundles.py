"""Bundles for the page's tests."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.conftest import tiny_contract, tiny_network
from toolkit.files import sha256_bytes

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.jpg"))
PAGE = ROOT / "examples" / "browser"
SHIPPED = ROOT / "exports" / "default"


def make_bundle(folder: Path, *, gain: float = 0.4, seed: int = 0) -> Path:
    """A bundle as `toolkit export` lays it out, with the tiny network."""
    contract = tiny_contract()
    data = tiny_network(contract, gain=gain, seed=seed).SerializeToString()
    folder.mkdir(parents=True)
    (folder / "tiny.onnx").write_bytes(data)
    facts = {"format": "onnx", "size": len(data), "sha256": sha256_bytes(data)}
    manifest = {"schema": 1, "contract": asdict(contract), "files": {"tiny.onnx": facts}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def make_stronger(beside: Path, name: str, strength: float) -> Path:
    """A bundle that is the network of the one beside it, with stronger colours."""
    digest = json.loads((beside / "manifest.json").read_text())["files"]["tiny.onnx"]["sha256"]
    network = {"model": beside.name, "sha256": digest, "strength": strength}
    folder = beside.parent / name
    folder.mkdir()
    manifest = {"schema": 1, "name": name, "files": {}, "network": network}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
