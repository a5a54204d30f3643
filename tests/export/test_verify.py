from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from toolkit.errors import UnusableModel
from toolkit.export.verify import Finding, failure, verify

Change = Callable[[Path], None]


@pytest.fixture
def copy(edge_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that may be damaged, without the slow parts."""
    bundle = tmp_path / "edge"
    shutil.copytree(edge_bundle, bundle)
    shutil.rmtree(bundle / "edge.mlpackage")
    (bundle / "edge.pt").unlink()
    made = json.loads((bundle / "manifest.json").read_text())
    made["files"] = {n: e for n, e in made["files"].items() if n == "edge.onnx"}
    (bundle / "manifest.json").write_text(json.dumps(made))
    (bundle / "SHA256SUMS").write_text(_sums(bundle))
    return bundle


def _sums(bundle: Path) -> str:
    import hashlib

    return "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bundle).as_posix()}\n"
        for p in sorted(bundle.rglob("*"))
        if p.is_file() and p.name != "SHA256SUMS"
    )


def reseal(bundle: Path) -> None:
    """What somebody would do who wants a changed file to look right."""
    import hashlib

    made = json.loads((bundle / "manifest.json").read_text())
    for name, entry in made["files"].items():
        entry["sha256"] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(made))
    (bundle / "SHA256SUMS").write_text(_sums(bundle))


def statuses(findings: list[Finding]) -> dict[tuple[str, str], str]:
    return {(f.file, f.what): f.status for f in findings}


def test_a_whole_bundle_is_proven_again(edge_bundle: Path) -> None:
    findings = verify(edge_bundle)
    assert failure(edge_bundle, findings) is None
    assert set(statuses(findings).values()) == {"ok"}
    assert statuses(findings)["edge.mlpackage", "numbers"] == "ok"


def test_with_the_base_install_onnx_and_core_ml_are_proven_and_torchscript_is_named(
    edge_bundle: Path,
) -> None:
    program = (
        "import sys, json\n"
        "blocked = ('torch', 'onnx', 'onnxscript', 'coremltools', 'safetensors', 'skimage')\n"
        "class Wall:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in blocked: raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Wall())\n"
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda n, p=None: None if n.split('.')[0] in blocked else real(n, p)\n"
        "from pathlib import Path\n"
        "from toolkit.export.verify import verify\n"
        "found = verify(Path(sys.argv[1]))\n"
        "print(json.dumps([[f.file, f.what, f.status] for f in found]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(edge_bundle)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = {(file, what): status for file, what, status in json.loads(done.stdout)}
    assert found["edge.onnx", "numbers"] == "ok"
    assert found["edge-fp16-storage.onnx", "numbers"] == "ok"
    assert found["edge-image.onnx", "numbers"] == "ok"
    assert found["edge.mlpackage", "numbers"] == "ok"
    assert found["edge.pt", "contract"] == "ok"
    assert found["edge.pt", "numbers"] == "not checked here"


def test_a_changed_byte_is_code_7(copy: Path) -> None:
    data = bytearray((copy / "edge.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "edge.onnx").write_bytes(data)
    error = failure(copy, verify(copy))
    assert error is not None
    assert error.exit_code == 7
    assert "edge.onnx" in str(error)


def test_changed_numbers_are_code_6_even_with_new_hashes(copy: Path) -> None:
    network = onnx.load(copy / "edge.onnx")
    tensor = network.graph.initializer[2]
    values = numpy_helper.to_array(tensor) * np.float32(1.1)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    (copy / "edge.onnx").write_bytes(network.SerializeToString())
    reseal(copy)
    error = failure(copy, verify(copy))
    assert error is not None
    assert error.exit_code == 6
    assert "differs from what was trained" in str(error)


def _remove(bundle: Path) -> None:
    (bundle / "edge.onnx").unlink()


def _outside(bundle: Path) -> None:
    made = json.loads((bundle / "manifest.json").read_text())
    made["files"]["../edge.onnx"] = made["files"]["edge.onnx"]
    (bundle / "manifest.json").write_text(json.dumps(made))


def _schema(bundle: Path) -> None:
    (bundle / "manifest.json").write_text('{"schema": 99}')


def _not_json(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("[" * 100_000)


def _no_references(bundle: Path) -> None:
    (bundle / "references-tensor-free-256x256.npz").write_bytes(b"PK nothing")


def _truncated(bundle: Path) -> None:
    data = (bundle / "edge.onnx").read_bytes()
    (bundle / "edge.onnx").write_bytes(data[: len(data) // 2])
    reseal(bundle)


def _no_model(bundle: Path) -> None:
    (bundle / "edge.onnx").write_bytes(b"hello")
    reseal(bundle)


@pytest.mark.parametrize(
    "damage", [_remove, _outside, _schema, _not_json, _no_references, _truncated, _no_model]
)
def test_a_tampered_bundle_is_one_error_of_code_7(damage: Change, copy: Path) -> None:
    damage(copy)
    try:
        error = failure(copy, verify(copy))
    except UnusableModel as raised:
        error = raised
    assert error is not None
    assert error.exit_code == 7
    assert "\n" not in str(error)


def test_one_file_of_a_bundle(edge_bundle: Path) -> None:
    assert set(statuses(verify(edge_bundle / "edge.onnx")).values()) == {"ok"}


def test_a_model_from_elsewhere_is_run_and_what_is_missing_is_said(tiny_model: Path) -> None:
    findings = verify(tiny_model)
    assert [f.status for f in findings] == ["ok", "ok"]
    assert "no references" in findings[-1].detail


def test_a_model_without_a_contract_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    network = onnx.load(tiny_model)
    del network.metadata_props[:]
    path = tmp_path / "bare.onnx"
    path.write_bytes(network.SerializeToString())
    error = failure(path, verify(path))
    assert error is not None
    assert error.exit_code == 7
    assert "contract" in str(error)


@pytest.mark.parametrize("name", ["nothing", "nothing.onnx", "notes.txt"])
def test_no_such_thing(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnusableModel):
        verify(tmp_path / name)
    with pytest.raises(UnusableModel, match="manifest"):
        verify(tmp_path)
