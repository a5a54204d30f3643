"""TorchScript: the network traced and frozen. PyTorch calls it deprecated; libtorch runs it."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import Contract
from toolkit.errors import ProofFailed, UnusableModel, one_line
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.parity import Tolerance

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["CONTRACT_FILE", "TORCHSCRIPT", "trace"]

CONTRACT_FILE = "contract.json"

_TYPE_NUMBER = re.compile(rb"[./]___torch_mangle_\d+")
_TRAINING_OPERATIONS = ("dropout", "batch_norm_stats", "native_dropout", "bernoulli")


@contextmanager
def deprecation_known() -> Iterator[None]:
    """Keep back the one warning that each call of `torch.jit` gives since PyTorch 2.10."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=r"`torch\.jit\.\w+` is deprecated", category=DeprecationWarning
        )
        yield


def trace(model: nn.Module, example: NDArray[np.float32]) -> torch.jit.ScriptModule:
    """The model as TorchScript, as the example runs through it."""
    import torch

    with deprecation_known(), torch.no_grad():
        # It warns where Python looks at a tensor's shape; the proof runs the file at another size,
        # which shows whether that mattered.
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            model, torch.from_numpy(example), check_trace=False
        )
        return traced


def _write(order: Order, path: Path) -> dict[str, Any]:
    import torch

    with deprecation_known():
        files = {CONTRACT_FILE: order.contract.to_json()}
        # Frozen: weights are constants, BatchNorm is arithmetic, training mode is gone.
        frozen = torch.jit.freeze(trace(order.model, order.example))
        torch.jit.save(frozen, str(path), _extra_files=files)
    _normalise(path)
    return {}


def _normalise(path: Path) -> None:
    """Write the archive again without what differs from one export to the next.

    That is the number that PyTorch appends to a type seen before in the process, a random
    identifier, and debugging tables with the paths of the machine.
    """
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    types = [n for n in records if n.endswith(".py")]
    if len(types) != 1:
        raise ProofFailed(
            f"{path.name}: freezing left {len(types)} modules, so that part of the network is "
            "still as in training; nothing written"
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            if name.endswith((".debug_pkl", "serialization_id")):
                continue
            plain = _TYPE_NUMBER.sub(b"", data) if name.endswith((".py", "data.pkl")) else data
            record = zipfile.ZipInfo(_TYPE_NUMBER.sub(b"", name.encode()).decode())
            archive.writestr(record, plain)


def _contract(path: Path) -> Contract:
    """A TorchScript file is a ZIP archive, so that reading its contract needs no PyTorch."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(f"/extra/{CONTRACT_FILE}")]
            if not names:
                raise UnusableModel(f"{one_line(path)}: carries no contract")
            return Contract.from_json(archive.read(names[0]).decode("utf-8", "replace"))
    except (OSError, zipfile.BadZipFile) as error:
        raise UnusableModel(
            f"{one_line(path)}: not a TorchScript file: {one_line(error)[:120]}"
        ) from None


def _runs(path: Path) -> Iterator[tuple[str, Run]]:
    import torch

    try:
        with deprecation_known():
            module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise UnusableModel(
            f"{one_line(path)}: PyTorch cannot open it: {one_line(error)[:120]}"
        ) from None
    for node in module.inlined_graph.nodes():
        kind = node.kind().removeprefix("aten::").rstrip("_")
        if kind in _TRAINING_OPERATIONS:
            raise ProofFailed(f"{path.name}: holds {node.kind()}, an operation of training")

    def run(values: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            result: NDArray[np.float32] = module(torch.from_numpy(values)).numpy()
        return result

    yield "frozen", run


TORCHSCRIPT = Format(
    name="torchscript",
    suffix=".pt",
    title="TorchScript",
    extra="export",
    write_needs=("torch",),
    run_needs=("torch",),
    tolerances={"tensor": {"fp32": Tolerance(max_error=1e-3)}},
    write=_write,
    contract=_contract,
    runs=_runs,
    flexible=True,
    notes="deprecated by PyTorch; for libtorch and older programs",
)
