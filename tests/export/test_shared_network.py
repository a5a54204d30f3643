"""A bundle that is another one's network with stronger colours: proven, and exported whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from toolkit.errors import OutputError, UnusableModel, UsageError
from toolkit.export.bundle import Settings, export
from toolkit.export.request import parse
from toolkit.export.shared import share
from toolkit.export.source import find_source
from toolkit.export.verify import failure, verify


@pytest.fixture
def stronger(edge_bundle: Path, tmp_path: Path) -> Path:
    shutil.copytree(edge_bundle, tmp_path / "edge")
    folder = tmp_path / "vivid"
    share(tmp_path / "edge", folder, 1.5, notes="", overwrite=False)
    return folder


def test_verify_proves_the_network_that_it_uses(stronger: Path) -> None:
    findings = verify(stronger)
    assert failure(stronger, findings) is None
    told = {(f.file, f.what): f.status for f in findings}
    assert told["manifest.json", "network"] == told["edge.onnx", "numbers"] == "ok"


def test_verify_refuses_another_version_of_the_network(stronger: Path) -> None:
    network = stronger.parent / "edge" / "edge.onnx"
    made = json.loads((stronger.parent / "edge" / "manifest.json").read_text())
    made["files"][network.name]["sha256"] = "0" * 64
    (stronger.parent / "edge" / "manifest.json").write_text(json.dumps(made))
    with pytest.raises(UnusableModel, match="another version"):
        verify(stronger)


def test_an_export_of_it_has_the_strength_inside(stronger: Path, tmp_path: Path) -> None:
    source = find_source(stronger)
    assert source.name == "vivid"
    export(source, parse("onnx"), tmp_path / "out", Settings())
    lightness = np.random.default_rng(0).uniform(0, 100, (1, 1, 64, 64)).astype(np.float32)
    plain, strong = (
        onnxruntime.InferenceSession(path).run(None, {"l": lightness})[0]
        for path in (stronger.parent / "edge" / "edge.onnx", tmp_path / "out" / "vivid.onnx")
    )
    np.testing.assert_allclose(strong, 1.5 * plain, atol=0.05)


def test_it_is_written_beside_the_network_and_replaces_nothing(stronger: Path) -> None:
    network = stronger.parent / "edge"
    for place, strength, kind in [
        (stronger.parent / "deep" / "vivid", 1.5, UsageError),
        (stronger.parent / "other", 2.5, UsageError),
        (stronger, 1.5, OutputError),
    ]:
        with pytest.raises(kind):
            share(network, place, strength, notes="", overwrite=False)
    with pytest.raises(UsageError, match="no network of its own"):
        share(stronger, stronger.parent / "other", 1.5, notes="", overwrite=False)
