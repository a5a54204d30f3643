"""Core ML: an ML Program for macOS 13, iOS 16 and later.

Converted from the traced network, which coremltools reads without a complaint (the newer road over
`torch.export` gives the same operations, many deprecation warnings and one more file).
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import METADATA_KEY, Contract, FixedSize
from toolkit.errors import ProofFailed, UnusableModel, one_line
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.formats.torchscript import trace
from toolkit.export.mil import program as mil
from toolkit.export.mil.evaluate import evaluate
from toolkit.export.parity import Tolerance

__all__ = ["COREML"]

_ROOT_ID = "00000000-0000-5000-8000-000000000001"
_WEIGHTS_ID = "00000000-0000-5000-8000-000000000002"
_CONVERSION_DATE = "com.github.apple.coremltools.conversion_date"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what coremltools prints: its missing Mac libraries, and progress bars.

    What it printed is shown after all where it fails.
    """
    chatter = io.StringIO()
    try:
        with contextlib.redirect_stderr(chatter), warnings.catch_warnings():
            # Its temporary folder is removed by the garbage collector, with a warning.
            warnings.filterwarnings("ignore", "Implicitly cleaning up", ResourceWarning)
            yield
            gc.collect()
    except Exception:
        print(chatter.getvalue(), file=sys.stderr)
        raise


def _write(order: Order, path: Path) -> None:
    traced = trace(order)
    with _quiet():
        import coremltools as ct

        contract = order.contract
        precision = {"fp16": ct.precision.FLOAT16, "fp32": ct.precision.FLOAT32}
        model = ct.convert(
            traced,
            convert_to="mlprogram",
            inputs=[ct.TensorType(contract.input.name, order.example.shape, dtype=np.float32)],
            outputs=[ct.TensorType(contract.output.name, dtype=np.float32)],
            minimum_deployment_target=ct.target.macOS13,
            compute_precision=precision[contract.precision],
            skip_model_load=True,
        )
        model.short_description = "Colorizes gray photographs: L* (0..100) to a* and b* (CIE)."
        model.input_description[contract.input.name] = "CIE L*, 0..100"
        model.output_description[contract.output.name] = "CIE a* and b*"
        model.license = contract.licence
        model.version = contract.model
        model.user_defined_metadata[METADATA_KEY] = contract.to_json()
        model.save(str(path))
        del model
    _normalise(path)


def _normalise(path: Path) -> None:
    """Take the day and the random identifiers out, so that equal models are equal bytes."""
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model()
    spec.ParseFromString((path / mil.SPECIFICATION).read_bytes())
    metadata = spec.description.metadata.userDefined
    metadata.pop(_CONVERSION_DATE, None)
    (path / mil.SPECIFICATION).write_bytes(spec.SerializeToString(deterministic=True))
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            _ROOT_ID: {
                "author": "com.apple.CoreML",
                "description": "CoreML Model Specification",
                "name": "model.mlmodel",
                "path": "com.apple.CoreML/model.mlmodel",
            },
            _WEIGHTS_ID: {
                "author": "com.apple.CoreML",
                "description": "CoreML Model Weights",
                "name": "weights",
                "path": "com.apple.CoreML/weights",
            },
        },
        "rootModelIdentifier": _ROOT_ID,
    }
    (path / "Manifest.json").write_text(json.dumps(manifest, indent=4) + "\n", encoding="utf-8")


def _contract(path: Path) -> Contract:
    metadata = mil.read(path).metadata
    if METADATA_KEY not in metadata:
        raise UnusableModel(f"{one_line(path)}: carries no contract")
    return Contract.from_json(metadata[METADATA_KEY])


def _runs(path: Path) -> Iterator[tuple[str, Run]]:
    contract, package = _contract(path), mil.read(path)
    _check_ports(path, contract, package)
    program = package.program
    if any(o.type == "batch_norm" for o in program.operations):
        raise ProofFailed(f"{path.name}: holds batch_norm: it was left as in training")
    yield "NumPy float32", lambda values: evaluate(program, values, round_to_half=False)
    if contract.precision == "fp16":
        yield "NumPy float16", lambda values: evaluate(program, values, round_to_half=True)
    if sys.platform == "darwin":
        yield from _predictions(path, contract)


def _intermediates(path: Path, values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    seen: list[NDArray[Any]] = []
    evaluate(mil.read(path).program, values, round_to_half=False, watch=seen.append)
    return iter(seen)


def _predictions(path: Path, contract: Contract) -> Iterator[tuple[str, Run]]:
    """Core ML itself, on each kind of compute unit."""
    with _quiet():
        import coremltools as ct

    for units in ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE"):
        model = ct.models.MLModel(str(path), compute_units=getattr(ct.ComputeUnit, units))

        def run(values: NDArray[np.float32], model: Any = model) -> NDArray[np.float32]:
            result = model.predict({contract.input.name: values})[contract.output.name]
            return np.asarray(result, np.float32)

        yield f"Core ML {units}", run


def _check_ports(path: Path, contract: Contract, package: mil.Package) -> None:
    if not isinstance(contract.size, FixedSize):
        raise ProofFailed(f"{path.name}: its contract has no fixed size")
    sides = contract.size.height, contract.size.width
    for port, found in ((contract.input, package.inputs), (contract.output, package.outputs)):
        stated = mil.Port(port.name, port.dtype, (1, port.channels, *sides))
        if found != (stated,):
            raise ProofFailed(f"{path.name}: has {found} where its contract says {stated}")


COREML = Format(
    name="coreml",
    suffix=".mlpackage",
    title="Core ML",
    extra="export",
    write_needs=("torch", "coremltools"),
    run_needs=(),
    tolerances={
        "tensor": {
            "fp16": Tolerance(max_error=0.5, mean_error=0.05),
            "fp32": Tolerance(max_error=1e-3),
        }
    },
    write=_write,
    contract=_contract,
    runs=_runs,
    intermediates=_intermediates,
    notes="ML Program, macOS 13 / iOS 16 and later, one fixed size",
)
