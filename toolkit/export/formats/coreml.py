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
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.contract import METADATA_KEY, Contract, FixedSize, picture_side
from toolkit.errors import ProofFailed, ToolkitError, UnusableModel, one_line
from toolkit.export.formats.coreml_weights import COMPRESSED, compress
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.formats.torchscript import trace
from toolkit.export.mil import program as mil
from toolkit.export.mil.evaluate import evaluate
from toolkit.export.parity import Tolerance

if TYPE_CHECKING:
    from torch import nn

__all__ = ["COREML"]

_ROOT_ID = "00000000-0000-5000-8000-000000000001"
_WEIGHTS_ID = "00000000-0000-5000-8000-000000000002"
_PURPOSES = {
    "colorize": "Colorizes gray photographs: L* (0..100) to a* and b* (CIE).",
    "luma": "Restores the light of small scans: L* (0..100) to L* of the same size.",
    "translate": "Makes one picture of another: sRGB (0..1) to sRGB (0..1).",
}
_SPACES = {
    ("cie-l", "float32"): "CIE L*, 0..100",
    ("cie-ab", "float32"): "CIE a* and b*",
    ("srgb", "float32"): "sRGB, 0..1",
    ("srgb", "uint8"): "a square picture, sRGB",
}
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
            try:
                yield
            finally:
                gc.collect()
    except ToolkitError:
        raise
    except Exception:
        print(chatter.getvalue(), file=sys.stderr)
        raise


def _write(order: Order, path: Path) -> dict[str, Any]:
    contract = order.contract
    module, example = _subject(order)
    traced = trace(module, example)
    with _quiet():
        import coremltools as ct

        given, made = _types(contract, example)
        missing = ""
        try:
            model = ct.convert(
                traced,
                convert_to="mlprogram",
                inputs=[given],
                outputs=[made],
                minimum_deployment_target=ct.target.macOS13,
                compute_precision=_compute_precision(contract),
                skip_model_load=True,
            )
        except NotImplementedError as error:  # it names the operation
            missing = one_line(error)[:160]
        if missing:  # not in the handler, which would keep coremltools' temporary folder alive
            raise ProofFailed(
                f"{path.name}: Core ML cannot hold this network: {missing}; nothing written"
            )
        model = compress(model, contract.precision)
        model.short_description = _PURPOSES[contract.task]
        for port, told in (
            (contract.input, model.input_description),
            (contract.output, model.output_description),
        ):
            told[port.name] = _SPACES[port.space, port.dtype]
        model.license = contract.licence
        model.version = contract.model
        model.user_defined_metadata[METADATA_KEY] = contract.to_json()
        model.save(str(path))
        del model
    _normalise(path)
    return {}


def _subject(order: Order) -> tuple[nn.Module, NDArray[np.float32]]:
    """What is converted, and an input that runs through it."""
    contract = order.contract
    side = picture_side(contract)
    if side is None:
        return order.model, order.example
    from toolkit.export.picture import PictureModel

    assert isinstance(contract.size, FixedSize)
    inner = contract.size.height, contract.size.width
    return PictureModel(order.model, side, inner), np.zeros((1, 3, side, side), np.float32)


def _types(contract: Contract, example: NDArray[np.float32]) -> tuple[Any, Any]:
    import coremltools as ct

    given, made = contract.input.name, contract.output.name
    if contract.boundary == "image":
        rgb = ct.colorlayout.RGB
        return (
            ct.ImageType(given, shape=example.shape, color_layout=rgb),
            ct.ImageType(made, color_layout=rgb),
        )
    return (
        ct.TensorType(given, example.shape, dtype=np.float32),
        ct.TensorType(made, dtype=np.float32),
    )


def _compute_precision(contract: Contract) -> Any:
    """The network in float16; around it, and up to its first convolution, float32.

    There light and colour would band, and half a unit in the light of a faded print, whose contrast
    the network raises, is several.
    """
    import coremltools as ct
    from coremltools.converters.mil.mil.scope import ScopeSource

    if contract.precision == "fp32":
        return ct.precision.FLOAT32

    def in_half(operation: Any) -> bool:
        modules = operation.scopes.get(ScopeSource.TORCHSCRIPT_MODULE_NAME, [])
        return (contract.boundary == "tensor" or "network" in modules) and _convolved(operation)

    return ct.transform.FP16ComputePrecision(op_selector=in_half)


def _convolved(operation: Any) -> bool:
    """Whether it is a convolution, or comes after one."""
    pending, seen = [operation], set()
    while pending:
        current = pending.pop()
        if current.op_type.startswith("conv"):
            return True
        for given in current.inputs.values():
            for value in given if isinstance(given, list | tuple) else [given]:
                if value.op is not None and value.op not in seen:
                    seen.add(value.op)
                    pending.append(value.op)
    return False


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
    into, out_of = _PIXELS if contract.boundary == "image" else _ARRAYS

    def run(values: NDArray[Any], half: bool) -> NDArray[Any]:
        return out_of(evaluate(program, into(values), round_to_half=half))

    yield "NumPy float32", lambda values: run(values, False)
    if contract.precision != "fp32":
        yield "NumPy float16", lambda values: run(values, True)
    if sys.platform == "darwin":
        yield from _predictions(path, contract)


_ARRAYS: tuple[Run, Run] = (lambda values: values, lambda values: values)
_PIXELS: tuple[Run, Run] = (
    lambda pixels: pixels.transpose(0, 3, 1, 2).astype(np.float32),
    lambda planes: planes.transpose(0, 2, 3, 1).astype(np.uint8),
)
"""What Core ML does with an image before and after the program."""


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

        def run(values: NDArray[Any], model: Any = model) -> NDArray[Any]:
            image = contract.boundary == "image"
            given = Image.fromarray(values[0]) if image else values
            result = model.predict({contract.input.name: given})[contract.output.name]
            return np.asarray(result)[None, ..., :3] if image else np.asarray(result, np.float32)

        yield f"Core ML {units}", run


def _check_ports(path: Path, contract: Contract, package: mil.Package) -> None:
    if not isinstance(contract.size, FixedSize):
        raise ProofFailed(f"{path.name}: its contract has no fixed size")
    side = picture_side(contract)
    sides = contract.size.height, contract.size.width
    for port, found in ((contract.input, package.inputs), (contract.output, package.outputs)):
        array = mil.Port(port.name, port.dtype, (1, port.channels, *sides))
        stated = array if side is None else mil.Port(port.name, "image", (side, side))
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
            **dict.fromkeys(COMPRESSED, Tolerance(mean_ciede2000=0.3)),
        },
        "image": {
            "fp16": Tolerance(max_error=1, mean_error=0.1),
            "fp32": Tolerance(max_error=1, mean_error=0.1),
            **dict.fromkeys(COMPRESSED, Tolerance(mean_ciede2000=0.3)),
        },
    },
    picture_sides=(512, 256, 1024),
    compute_units=("all", "cpu_only", "cpu_and_gpu", "cpu_and_ne"),
    write=_write,
    contract=_contract,
    runs=_runs,
    intermediates=_intermediates,
    notes="ML Program, macOS 13 / iOS 16 and later, one fixed size; pictures are square, one file "
    "for each side, because the Neural Engine compiles for one shape",
)
