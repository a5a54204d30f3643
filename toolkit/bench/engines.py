"""How each format is opened and run here. A new one is a function and a line in `ENGINES`.

PyTorch eager stands among them as the peer that every artefact is measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import Contract
from toolkit.requirements import install_command

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EAGER", "ENGINES", "Engine", "Run", "example", "missing"]

Run: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
EAGER = "eager"


@dataclass(frozen=True)
class Engine:
    """What opens the files of one format."""

    needs: str
    """The module that it needs."""
    extra: str
    """The extra that brings it; empty: the base does."""
    open: Callable[[Path, int], Run]
    """From a file and a number of threads to what runs it."""
    system: str = ""
    """What no package brings."""


def missing(format_name: str) -> str:
    """Why files of this format cannot be run here, or nothing."""
    engine = ENGINES.get(format_name)
    if engine is None:
        return f"not measured here: {format_name}"
    if engine.system:
        return engine.system
    if find_spec(engine.needs) is None:
        return f"needs {engine.needs}: {install_command(engine.extra)}"
    return ""


def example(contract: Contract, height: int, width: int) -> NDArray[Any]:
    """A picture of noise as the contract's input wants it."""
    port = contract.input
    shape = (1, port.channels, height, width)
    if port.layout == "NHWC":
        shape = (1, height, width, port.channels)
    low, high = port.range
    values = np.random.default_rng(0).uniform(low, high, shape)
    return values.astype(port.dtype)


def _onnx(path: Path, threads: int) -> Run:
    from toolkit.runtime.session import Session

    return Session(path.read_bytes(), str(path), threads=threads).run


def _torchscript(path: Path, threads: int) -> Run:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit itself
        module: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
            str(path), map_location="cpu"
        )
    return _torch(module.eval(), threads)


def _openvino(path: Path, threads: int) -> Run:
    import sys

    # It reports home through this module, and does without where the module is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    model = openvino.Core().compile_model(str(path / "model.xml"), "CPU", exact)

    def run(values: NDArray[Any]) -> NDArray[Any]:
        result: NDArray[Any] = model(values)[0]
        return result

    return run


def _eager(path: Path, threads: int) -> Run:
    from toolkit.export.deploy import DeployModel
    from toolkit.training.checkpoint import load_generator

    return _torch(DeployModel(*load_generator(path)).eval(), threads)


def _torch(module: nn.Module, threads: int) -> Run:
    import torch

    torch.set_num_threads(threads)

    def run(values: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            result: NDArray[Any] = module(torch.from_numpy(values)).numpy()
        return result

    return run


def _never(path: Path, threads: int) -> Run:
    raise NotImplementedError


ENGINES: dict[str, Engine] = {
    EAGER: Engine("torch", "train", _eager),
    "onnx": Engine("onnxruntime", "", _onnx),
    "torchscript": Engine("torch", "export", _torchscript),
    "openvino": Engine("openvino", "formats", _openvino),
    "coreml": Engine("coremltools", "export", _never, "needs macOS: open it in Xcode"),
}
