"""The shipped model with pixels in and out, made without PyTorch, and the examples to colour."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from toolkit import Colorizer
from toolkit.contract import METADATA_KEY
from toolkit.export.deploy import image_contract
from toolkit.export.image_graph import image_model
from toolkit.runtime.models import find
from toolkit.runtime.onnx_file import read_contract

ROOT = Path(__file__).parents[2]
NODE = ROOT / "examples" / "node"


@pytest.fixture(scope="session")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``toolkit export --format onnx:image`` writes for the shipped model."""
    shipped = find("default")
    data = shipped.read()
    contract = image_contract(read_contract(data))
    network = onnx.load_from_string(data)
    del network.metadata_props[:]
    model = image_model(network, replace(contract, boundary="image"))
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    path = tmp_path_factory.mktemp("image") / "default-image.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The examples as PNG, so that no JPEG decoder has a say."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = []
    for source in sorted((ROOT / "examples").glob("*.jpg")):
        with Image.open(source) as photo:
            paths.append(folder / f"{source.stem}.png")
            photo.convert("RGB").save(paths[-1])
    return paths


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """What the Node example needs, onnxruntime's library among it."""
    packages = NODE / "node_modules"
    if not (packages / "sharp").is_dir():
        environment = {**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip"}
        subprocess.run(["npm", "ci", "--no-audit"], cwd=NODE, env=environment, check=True)
    return packages


def assert_as_from_the_runtime(photographs: list[Path], folder: Path) -> None:
    """Each result within 1 level of `Colorizer`'s, and in colour."""
    colorizer = Colorizer("default")
    for path in photographs:
        with Image.open(path) as photo, Image.open(folder / path.name) as result:
            ours: NDArray[np.int16] = np.asarray(result.convert("RGB")).astype(np.int16)
            theirs = np.asarray(colorizer.colorize(photo).convert("RGB")).astype(np.int16)
        difference = np.abs(ours - theirs)
        assert difference.max() <= 1
        assert difference.mean() < 0.1
        assert np.ptp(ours, axis=2).mean() > 2
