"""OpenVINO IR, for Intel's processors and NPUs: a folder with `model.xml` and `model.bin`.

Made from the ONNX network, whose operations OpenVINO reads one by one.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import METADATA_KEY, Contract
from toolkit.errors import ProofFailed, UnusableModel, one_line
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.formats.onnx import tensor_model
from toolkit.export.parity import Tolerance
from toolkit.files import read_bytes
from toolkit.runtime.onnx_file import MODEL_LIMIT
from toolkit.runtime.threads import available_threads

__all__ = ["OPENVINO"]

_GRAPH = "model.xml"
_STATED = re.compile(rf'<{re.escape(METADATA_KEY)} value="([^"]*)"')


def _openvino() -> Any:
    # It reports home through this module, and does without where the module is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _write(order: Order, path: Path) -> dict[str, Any]:
    openvino = _openvino()
    network = tensor_model(order)
    model = openvino.Core().read_model(network.SerializeToString())
    for number, operation in enumerate(model.get_ordered_ops()):
        if operation.get_type_name() not in ("Parameter", "Result"):
            # Its own names count what the process has made before.
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    model.set_rt_info(order.contract.to_json(), [METADATA_KEY])
    path.mkdir()
    half = order.contract.precision == "fp16-storage"  # its default, which nobody notices
    openvino.save_model(model, path / _GRAPH, compress_to_fp16=half)
    return {}


def _contract(path: Path) -> Contract:
    stated = _STATED.findall(
        read_bytes(path / _GRAPH, limit=MODEL_LIMIT).decode("utf-8", "replace")
    )
    if len(stated) != 1:
        raise UnusableModel(f"{one_line(path)}: carries no contract")
    return Contract.from_json(html.unescape(stated[0]))


def _runs(path: Path) -> Iterator[tuple[str, Run]]:
    openvino = _openvino()
    contract = _contract(path)
    try:
        model = openvino.Core().read_model(path / _GRAPH)
        # Some processors would compute in bfloat16 unless told.
        exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": available_threads()}
        compiled = openvino.compile_model(model, "CPU", exact)
    except RuntimeError as error:
        raise UnusableModel(
            f"{one_line(path)}: OpenVINO cannot open it: {one_line(error)[:160]}"
        ) from None
    for port, found in ((contract.input, model.inputs), (contract.output, model.outputs)):
        names = [(p.get_any_name(), p.element_type.get_type_name()) for p in found]
        if names != [(port.name, "f32")]:
            raise ProofFailed(
                f"{path.name}: has {names} where its contract says {port.name}, {port.dtype}"
            )

    def run(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(compiled(values)[0])

    yield "OpenVINO CPU", run


OPENVINO = Format(
    name="openvino",
    suffix=".openvino",
    title="OpenVINO",
    extra="formats",
    write_needs=("torch", "onnx", "onnxscript", "openvino"),
    run_needs=("openvino",),
    tolerances={
        "tensor": {
            "fp32": Tolerance(max_error=1e-3),
            "fp16-storage": Tolerance(mean_ciede2000=0.05),
        }
    },
    write=_write,
    contract=_contract,
    runs=_runs,
    flexible=True,
    notes="IR: a folder with model.xml and model.bin, for Intel's processors, graphics and NPUs",
)
