"""OpenVINO IR: proven, the same bytes again, its contract inside, and silent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.conftest import write_run
from toolkit.errors import UnusableModel
from toolkit.export.bundle import Settings, export
from toolkit.export.formats.openvino import OPENVINO
from toolkit.export.request import parse
from toolkit.export.source import Source
from toolkit.export.verify import failure, verify

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openvino")
    run = write_run(folder / "run", "edge", preferred_size=64)
    source = Source(run / "best.safetensors", "x")
    requests = parse("openvino,openvino:fp16-storage")
    export(source, requests, folder / "out", Settings())
    export(source, requests, folder / "again", Settings())
    return folder / "out"


def test_both_precisions_are_proven_and_proven_again(bundle: Path) -> None:
    assert failure(bundle, verify(bundle)) is None
    weights = [bundle / f"x{kind}.openvino" / "model.bin" for kind in ("", "-fp16-storage")]
    full, half = (path.stat().st_size for path in weights)
    assert half < 0.6 * full


def test_one_artefact_alone_is_verified_although_it_is_a_folder(bundle: Path) -> None:
    assert {f.status for f in verify(bundle / "x.openvino")} == {"ok"}


def test_the_same_checkpoint_gives_the_same_bytes(bundle: Path) -> None:
    for path in bundle.rglob("model.*"):
        other = bundle.parent / "again" / path.relative_to(bundle)
        assert path.read_bytes() == other.read_bytes()


def test_a_file_without_its_contract_is_refused(bundle: Path, tmp_path: Path) -> None:
    graph = (bundle / "x.openvino" / "model.xml").read_text("utf-8")
    (tmp_path / "x.openvino").mkdir()
    (tmp_path / "x.openvino" / "model.xml").write_text(graph.replace("toolkit.contract", "other"))
    with pytest.raises(UnusableModel, match="no contract"):
        OPENVINO.contract(tmp_path / "x.openvino")


def test_running_it_loads_nothing_that_reports_home(bundle: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from toolkit.export.formats.openvino import OPENVINO\n"
        "list(OPENVINO.runs(Path(sys.argv[1])))\n"
        "assert not [m for m in sys.modules if m.startswith('openvino_telemetry.')]\n"
    )
    subprocess.run([sys.executable, "-c", program, str(bundle / "x.openvino")], check=True)
