"""The engine: the one module that imports onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# From 1.29 onnxruntime's wheels report home unless this is set before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from toolkit.contract import Contract
from toolkit.errors import MissingRequirement, UnusableModel, one_line, one_of
from toolkit.runtime.heap import large_blocks_go_back
from toolkit.runtime.onnx_file import read_contract
from toolkit.runtime.threads import available_threads

__all__ = ["Network", "Session"]

_QUIET = 4  # fatal only: what goes wrong is raised and told in our own words
_TYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}


class Network(Protocol):
    """Anything that a `Colorizer` can ask for colours: a `Session`, or a network elsewhere."""

    @property
    def contract(self) -> Contract:
        """What it takes and gives."""

    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        """As `Session.run`; threads may share it."""


class Session:
    """A model that is ready to run. Threads may share it.

    Parameters
    ----------
    data : bytes
        The ONNX file.
    name : str
        What error messages call it.
    threads : int, optional
        Threads of the engine; by default those that this process may use.
    providers : sequence of str, optional
        Execution providers of onnxruntime, best first; by default the CPU.

    Raises
    ------
    UnusableModel
        If it is not a model that can be trusted and run.
    MissingRequirement
        If a provider is not installed.
    """

    contract: Contract
    """What the model takes and gives."""

    def __init__(
        self,
        data: bytes,
        name: str = "the model",
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self._name = name
        try:
            self.contract = read_contract(data)
        except UnusableModel as error:
            raise UnusableModel(f"{name}: {error}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        options.enable_cpu_mem_arena = False  # it keeps what the largest photograph needed
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        chosen = _providers(providers)
        try:
            with large_blocks_go_back():
                self._engine = onnxruntime.InferenceSession(data, options, providers=chosen)
        except Exception as error:  # the engine has no common class for what it raises
            raise UnusableModel(f"{name}: the engine refuses it: {one_line(error)}") from error
        self._check_ports()

    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the network once.

        Parameters
        ----------
        values : ndarray
            Of the type and layout that the contract's input states, one picture.

        Returns
        -------
        result : ndarray
            Of the type and layout that the contract's output states.

        Raises
        ------
        UnusableModel
            If the model cannot be run on them, or gives numbers that are not finite.
        """
        try:
            (result,) = self._engine.run(
                [self.contract.output.name], {self.contract.input.name: values}
            )
        except Exception as error:
            raise UnusableModel(f"{self._name}: the engine failed: {one_line(error)}") from error
        if result.dtype.kind == "f" and not np.isfinite(result).all():
            raise UnusableModel(f"{self._name}: it gives numbers that are not finite")
        return np.asarray(result)

    def _check_ports(self) -> None:
        sides = (
            (self.contract.input, self._engine.get_inputs()),
            (self.contract.output, self._engine.get_outputs()),
        )
        for port, found in sides:
            names = {p.name: p.type for p in found}
            if names.get(port.name) != _TYPES[port.dtype]:
                raise UnusableModel(
                    f"{self._name}: its contract speaks of {port.name!r} ({port.dtype}) and the "
                    f"model has {one_line(names)}"
                )


def _providers(wanted: Sequence[str] | None) -> list[str]:
    if wanted is None:
        return ["CPUExecutionProvider"]
    known = onnxruntime.get_all_providers()
    installed = onnxruntime.get_available_providers()
    for name in wanted:
        if name not in known:
            raise one_of("execution provider", name, known)
        if name not in installed:
            raise MissingRequirement(
                f"{name} is not in the onnxruntime that is installed, which has "
                f"{', '.join(installed)}"
            )
    return list(wanted)
