"""Bundles and gray photographs for the page's tests."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.conftest import tiny_contract, tiny_network
from toolkit.files import sha256_bytes

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.jpg"))
PAGE = ROOT / "examples" / "browser"


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


def scene(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A gray picture with all levels, soft light, and detail: what shows a wrong pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    light = 127 + 90 * np.sin(x / max(9, width / 5)) * np.cos(y / max(7, height / 4))
    noisy = light + rng.normal(0, 25, light.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)
