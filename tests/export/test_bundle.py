from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.export.conftest import SMALL
from toolkit.contract import METADATA_KEY, Contract, FixedSize, FlexibleSize
from toolkit.errors import OutputError
from toolkit.export.bundle import Settings, export, free_place
from toolkit.export.formats import FORMATS
from toolkit.export.request import parse
from toolkit.export.source import Source
from toolkit.export.verify import failure, verify


def manifest(bundle: Path) -> dict[str, object]:
    made: dict[str, object] = json.loads((bundle / "manifest.json").read_text("utf-8"))
    return made


def test_what_a_bundle_holds(edge_bundle: Path) -> None:
    assert {p.name for p in edge_bundle.iterdir()} == {
        "edge.onnx",
        "edge-fp16-storage.onnx",
        "edge-image.onnx",
        "edge.pt",
        "edge.mlpackage",
        "checkpoint.safetensors",
        "manifest.json",
        "measured.json",
        "MODEL_CARD.md",
        "proof-strip.jpg",
        "references-tensor-fixed-224x224.npz",
        "references-tensor-free-256x256.npz",
        "references-image-free-256x256.npz",
        "SHA256SUMS",
    }


def test_the_manifest_tells_the_truth_about_every_file(edge_bundle: Path) -> None:
    files = manifest(edge_bundle)["files"]
    assert isinstance(files, dict)
    for name, entry in files.items():
        path = edge_bundle / name
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
            assert path.stat().st_size == entry["size"]
        contract = FORMATS[entry["format"]].contract(path)
        assert contract == Contract.from_json(json.dumps(entry["contract"]))
        assert contract.precision == entry["precision"]
        assert entry["proof"]["status"] == "proved"
        for figures in entry["proof"]["figures"].values():
            assert figures["psnr"] > 40
    assert next(iter(files)) == "edge.pt"


def test_sizes_are_free_where_the_format_allows_it(edge_bundle: Path) -> None:
    assert isinstance(FORMATS["onnx"].contract(edge_bundle / "edge.onnx").size, FlexibleSize)
    size = FORMATS["coreml"].contract(edge_bundle / "edge.mlpackage").size
    assert size == FixedSize(224, 224, "stretch")


def test_sha256sum_agrees(edge_bundle: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=edge_bundle)
    assert done.returncode == 0
    lines = (edge_bundle / "SHA256SUMS").read_text().splitlines()
    files = [p for p in edge_bundle.rglob("*") if p.is_file()]
    assert len(lines) == len(files) - 2  # itself, and measured.json, which no run repeats


def test_float16_storage_is_half_the_file_and_computes_in_float32(edge_bundle: Path) -> None:
    half, full = edge_bundle / "edge-fp16-storage.onnx", edge_bundle / "edge.onnx"
    assert half.stat().st_size < 0.6 * full.stat().st_size
    network = onnx.load(half)
    kinds = {n.op_type for n in network.graph.node}
    assert "Cast" in kinds
    assert network.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_onnx_file_is_one_file_of_the_standard_with_the_contract(edge_bundle: Path) -> None:
    network = onnx.load(edge_bundle / "edge.onnx", load_external_data=False)
    onnx.checker.check_model(network, full_check=True)
    assert [(o.domain, o.version) for o in network.opset_import] == [("", 18)]
    assert network.ir_version == 10
    assert [p.key for p in network.metadata_props] == [METADATA_KEY]
    text = str(network)
    assert str(Path.cwd()) not in text
    assert not any(n.metadata_props for n in network.graph.node)


def test_references_stay_light(edge_bundle: Path) -> None:
    for path in edge_bundle.glob("references-*.npz"):
        assert path.stat().st_size < 1_000_000
        with np.load(path) as arrays:
            channels = 3 if "image" in path.name else 2
            assert arrays["samples"].shape == (20, channels, 32, 32)


def test_the_card_shows_the_proof_and_its_pictures(edge_bundle: Path) -> None:
    card = (edge_bundle / "MODEL_CARD.md").read_text("utf-8")
    for name in ("edge.onnx", "edge.pt", "edge.mlpackage", "CC0-1.0", "proof-strip.jpg"):
        assert name in card
    with Image.open(edge_bundle / "proof-strip.jpg") as strip:
        assert strip.size == (4 * 256, 2 * 256)


EXPORT_AGAIN = """
import sys
from pathlib import Path
from toolkit.export.bundle import Settings, export
from toolkit.export.request import parse
from toolkit.export.source import Source
source = Source(Path(sys.argv[1]), "edge")
requests = parse("all,onnx:fp16-storage,onnx:image")
settings = Settings(with_checkpoint=True, command="toolkit export")
export(source, requests, Path(sys.argv[2]), settings)
"""


def test_the_same_checkpoint_gives_the_same_bytes(
    edge_bundle: Path, runs: Path, tmp_path: Path
) -> None:
    """In another process, where what Python keeps in no order lies in another one."""
    for seed in ("1", "2"):
        checkpoint, again = runs / "edge" / "best.safetensors", tmp_path / seed
        command = [sys.executable, "-c", EXPORT_AGAIN, str(checkpoint), str(again)]
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
        assert_same_bytes(edge_bundle, again)


def assert_same_bytes(bundle: Path, again: Path) -> None:
    for path in sorted(bundle.rglob("*")):
        if path.is_file() and path.name != "measured.json":
            other = again / path.relative_to(bundle)
            assert path.read_bytes() == other.read_bytes(), path.name


OTHERS = sorted(SMALL.keys() - {"edge", "unet_256"})  # other tasks: test_tasks.py


@pytest.mark.parametrize(
    "name", ["unet_256", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_every_generator_goes_through_every_format(name: str, runs: Path, tmp_path: Path) -> None:
    source = Source(runs / name / "best.safetensors", name)
    # InstanceNorm over maps of 2 x 2 is beyond float16: the proof refuses it there.
    core_ml = "coreml" if name in ("unet_256", "unet_flat") else "coreml:fp32"
    requests = parse(f"torchscript,onnx,onnx:image,{core_ml}")
    made = export(source, requests, tmp_path / name, Settings())
    assert [e["proof"]["status"] for e in made["files"].values()] == ["proved"] * 4
    assert failure(tmp_path / name, verify(tmp_path / name)) is None


def test_a_checkpoint_of_the_bundle_can_be_exported_again(
    edge_bundle: Path, tmp_path: Path
) -> None:
    source = Source(edge_bundle / "checkpoint.safetensors", "edge")
    assert source.path.stat().st_size < (edge_bundle / "edge.onnx").stat().st_size * 0.6
    export(source, parse("onnx:fp16-storage"), tmp_path / "again", Settings(dynamic=False))
    size = FORMATS["onnx"].contract(tmp_path / "again" / "edge.onnx").size
    assert size == FixedSize(224, 224, "stretch")


def test_a_bundle_is_not_replaced_unless_told(edge_bundle: Path, runs: Path) -> None:
    before = sorted(p.stat().st_mtime_ns for p in edge_bundle.iterdir())
    with pytest.raises(OutputError, match="--force"):
        export(Source(runs / "edge/best.safetensors", "e"), [], edge_bundle, Settings())
    assert sorted(p.stat().st_mtime_ns for p in edge_bundle.iterdir()) == before


def test_a_free_place_is_found(tmp_path: Path) -> None:
    requests = parse("onnx,coreml")
    names = []
    for _ in range(4):
        place = free_place(tmp_path, "default", requests)
        place.mkdir()
        names.append(place.name)
    formats = "default-onnx-coreml"
    assert names == ["default", formats, f"{formats}-2", f"{formats}-3"]


@pytest.mark.parametrize(
    "stop", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_an_interrupted_export_leaves_no_bundle(
    stop: signal.Signals, runs: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "toolkit", "export", str(runs / "edge"), "--format", "all"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out" / "x")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    assert "writing and proving" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(stop)
    code = process.wait(60)
    process.stderr.close()
    assert code == 130
    assert not list((tmp_path / "out").iterdir())
