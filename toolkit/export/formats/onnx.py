"""ONNX, for onnxruntime on any machine.

Opset 18 and IR 10: onnxruntime reads them since 1.18, and this package asks for 1.20. The
exporter over `torch.export` agrees with eager PyTorch as closely as the older one over
TorchScript (both 1e-4 on the U-Net of 54 million parameters, in CIE units), folds BatchNorm into
the convolutions and is the one that PyTorch maintains.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from toolkit.contract import METADATA_KEY, Contract, FixedSize, FlexibleSize, Port
from toolkit.errors import ProofFailed, UnusableModel, one_line
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.parity import Tolerance
from toolkit.files import read_bytes
from toolkit.runtime.onnx_file import MODEL_LIMIT, read_contract
from toolkit.runtime.threads import available_threads

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

__all__ = ["IR_VERSION", "ONNX", "OPSET", "session", "tensor_model"]

OPSET = 18
_MISSING = re.compile(r"No ONNX function found for <OpOverload\(op='([^']+)'")
IR_VERSION = 10


def tensor_model(order: Order) -> ModelProto:
    """The network alone, float32, at the tensor boundary of its task, without metadata."""
    import onnx

    from toolkit.export.scaling import TASKS

    task = TASKS[order.contract.task]
    shape = order.example.shape
    ports = task.input, task.output
    return onnx.load_from_string(_converted(order.model, order.contract.size, shape, ports))


@lru_cache(maxsize=1)
def _converted(
    model: nn.Module,
    size: FixedSize | FlexibleSize,
    example_shape: tuple[int, ...],
    ports: tuple[Port, Port],
) -> bytes:
    """Converted once for all precisions of a bundle."""
    import torch

    from toolkit.export.norms import fold_batch_norm, spell_out_instance_norm

    given, made = ports
    example = torch.rand(example_shape) * given.range[1]
    shapes: Any = None
    if isinstance(size, FlexibleSize):
        # A dimension that is 1 in the example would be taken for a constant.
        example = example.expand(2, -1, -1, -1).contiguous()
        dim, step = torch.export.Dim, size.multiple_of
        top = size.maximum // step
        height, width = (dim(name, min=1, max=top) * step for name in ("rows", "columns"))
        shapes = ({0: dim("batch", min=1, max=1024), 2: height, 3: width},)
    with warnings.catch_warnings():
        # PyTorch's own call of its own deprecated name.
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        try:
            program = torch.onnx.export(
                model,
                (example,),
                input_names=[given.name],
                output_names=[made.name],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            missing = _MISSING.findall(f"{error} {error.__cause__}")
            raise ProofFailed(
                "ONNX cannot hold this network: it has no operation for "
                f"{', '.join(sorted(set(missing))) or one_line(error)[:160]}; nothing written"
            ) from error
    assert program is not None
    network = program.model_proto
    fold_batch_norm(network)
    spell_out_instance_norm(network)
    data: bytes = network.SerializeToString()
    return data


def _write(order: Order, path: Path) -> dict[str, Any]:
    import onnx

    from toolkit.export.image_graph import image_model
    from toolkit.export.quantize import ONNX_PRECISIONS

    precise = ONNX_PRECISIONS[order.contract.precision]
    model, facts = precise(tensor_model(order), order.calibration)
    if order.contract.boundary == "image":
        model = image_model(model, order.contract)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: order.contract.to_json()})
    model.producer_name, model.producer_version = "colorize-toolkit", ""
    model.doc_string = f"{order.contract.model}; licence of the weights: {order.contract.licence}"
    del model.graph.metadata_props[:]  # in an order that changes from run to run
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces, with the paths of the machine that wrote them
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return facts


def _contract(path: Path) -> Contract:
    try:
        return read_contract(read_bytes(path, limit=MODEL_LIMIT))
    except UnusableModel as error:
        text = str(error)
        raise UnusableModel(
            text if one_line(path) in text else f"{one_line(path)}: {text}"
        ) from None


def _runs(path: Path) -> Iterator[tuple[str, Run]]:
    contract = _contract(path)
    for level in ("DISABLE_ALL", "ENABLE_ALL"):
        opened = session(path, str(path), level)
        _check_ports(path, contract, opened)

        def run(values: NDArray[Any], opened: Any = opened) -> NDArray[Any]:
            result: NDArray[Any] = opened.run(None, {contract.input.name: values})[0]
            return result

        yield f"onnxruntime {level}", run


def _intermediates(path: Path, values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    import onnx

    model = onnx.load(path)
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    opened = session(model.SerializeToString(), path.name, "DISABLE_ALL")
    yield from opened.run(names, {opened.get_inputs()[0].name: values})


def session(
    model: Path | bytes, name: str, level: str = "ENABLE_ALL", threads: int | None = None
) -> Any:
    """An onnxruntime session at one level of graph optimisation; `name` is for errors.

    Raises
    ------
    UnusableModel
        If onnxruntime cannot open the file.
    """
    import toolkit.runtime.session  # noqa: F401, I001  (turns telemetry off before the import below)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        source = model if isinstance(model, bytes) else str(model)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class for each of its codes, none documented
        raise UnusableModel(
            f"{one_line(name)}: onnxruntime cannot open it: {one_line(error)[:160]}"
        ) from None


def _check_ports(path: Path, contract: Contract, opened: Any) -> None:
    for port, found in (
        (contract.input, opened.get_inputs()),
        (contract.output, opened.get_outputs()),
    ):
        stated = [(port.name, f"tensor({port.dtype.replace('float32', 'float')})")]
        if [(f.name, f.type) for f in found] != stated:
            names = ", ".join(f"{f.name} {f.type}" for f in found)
            raise ProofFailed(
                f"{path.name}: has {one_line(names)} where its contract says {port.name}, "
                f"{port.dtype}"
            )


ONNX = Format(
    name="onnx",
    suffix=".onnx",
    title="ONNX",
    extra="export",
    write_needs=("torch", "onnx", "onnxscript"),
    run_needs=("onnxruntime",),
    tolerances={
        "tensor": {
            "fp32": Tolerance(max_error=1e-3),
            "fp16-storage": Tolerance(mean_ciede2000=0.05),
            "int8": Tolerance(mean_ciede2000=0.3, psnr_loss=0.1),
        },
        "image": {
            "fp32": Tolerance(max_error=1, mean_error=0.1),
            "fp16-storage": Tolerance(mean_error=0.1, mean_ciede2000=0.05),
            "int8": Tolerance(mean_ciede2000=0.3, psnr_loss=0.1),
        },
    },
    write=_write,
    contract=_contract,
    runs=_runs,
    intermediates=_intermediates,
    calibrated=("int8",),
    faster_than={"int8": "fp32"},
    flexible=True,
    notes=f"opset {OPSET}, IR {IR_VERSION}, one file",
)
