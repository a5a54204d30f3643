"""The engine: what it refuses, what it shares, and that it never talks to anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.conftest import ModelMaker, tiny_contract, tiny_network
from toolkit.contract import FixedSize, Port
from toolkit.errors import MissingRequirement, UnusableModel, UsageError
from toolkit.runtime.session import Session
from toolkit.runtime.threads import _cgroup_quota, available_threads


def values(height: int = 32, width: int = 64) -> np.ndarray:
    return np.linspace(0, 100, height * width, dtype=np.float32).reshape(1, 1, height, width)


def test_threads_share_one_session(tiny_model: Path) -> None:
    session = Session(tiny_model.read_bytes())
    expected = session.run(values())
    assert expected.shape == (1, 2, 32, 64)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: session.run(values()), range(20)):
            np.testing.assert_array_equal(result, expected)


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"photo\.onnx: not an ONNX model"):
        Session(b"\x89PNG\r\n\x1a\n", "photo.onnx")


def test_a_model_that_the_engine_refuses_is_named() -> None:
    network = tiny_network(tiny_contract())
    network.graph.node[0].op_type = "Convolution"
    with pytest.raises(UnusableModel, match=r"a\.onnx: the engine refuses it") as caught:
        Session(network.SerializeToString(), "a.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gray", "kernel"])
def test_a_contract_that_does_not_fit_the_model_is_refused(
    make_tiny_model: ModelMaker, name: str
) -> None:
    port = Port(name, "cie-l", "float32", "NCHW", 1, (0.0, 100.0))
    with pytest.raises(UnusableModel, match="its contract speaks of"):
        Session(make_tiny_model(input=port).read_bytes())


def test_a_size_that_the_model_does_not_take_is_a_clean_error(make_tiny_model: ModelMaker) -> None:
    session = Session(make_tiny_model(size=FixedSize(32, 32, "stretch")).read_bytes())
    with pytest.raises(UnusableModel, match="the engine failed"):
        session.run(values(32, 64))


def test_numbers_that_are_not_finite_are_refused() -> None:
    network = tiny_network(tiny_contract())
    network.graph.node[0].output[0] = "raw"
    network.graph.node.append(helper.make_node("Log", ["raw"], ["ab"]))
    with pytest.raises(UnusableModel, match="not finite"):
        Session(network.SerializeToString()).run(values())


def test_an_unknown_provider_is_answered_with_the_choices(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="CPUExecutionProvider"):
        Session(tiny_model.read_bytes(), providers=["GPU"])
    with pytest.raises(MissingRequirement, match="CUDAExecutionProvider is not in"):
        Session(tiny_model.read_bytes(), providers=["CUDAExecutionProvider"])


def test_half_precision_weights_run() -> None:
    network = tiny_network(tiny_contract(precision="fp16-storage"))
    weights = network.graph.initializer[0]
    half = np.frombuffer(weights.raw_data, np.float32).astype(np.float16)
    weights.raw_data, weights.data_type = half.tobytes(), TensorProto.FLOAT16
    weights.name = "half"
    cast = helper.make_node("Cast", ["half"], ["kernel"], to=TensorProto.FLOAT)
    network.graph.node.insert(0, cast)
    full = Session(tiny_network(tiny_contract()).SerializeToString()).run(values())
    got = Session(network.SerializeToString()).run(values())
    np.testing.assert_allclose(got, full, atol=0.2)


@pytest.mark.parametrize("given", [None, "0"])
def test_telemetry_is_turned_off_unless_the_user_set_it(given: str | None) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given
    code = "import os, toolkit.runtime.session; print(os.environ['ORT_DISABLE_TELEMETRY'], end='')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == (given or "1")


def test_one_module_imports_the_engine() -> None:
    package = Path(__file__).parents[2] / "toolkit" / "runtime"
    found = [p.name for p in package.glob("*.py") if "import onnxruntime" in p.read_text()]
    assert found == ["session.py"]


def test_threads_are_those_of_this_process() -> None:
    assert available_threads() >= 1
    if shutil.which("taskset"):
        code = "from toolkit.runtime.threads import available_threads as a; print(a())"
        done = subprocess.run(
            ["taskset", "-c", "0", sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_containers_quota(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert _cgroup_quota(tmp_path) == quota
