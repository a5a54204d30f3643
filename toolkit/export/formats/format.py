"""What a format is: the facts and the four functions that the rest of the room asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import Contract
from toolkit.errors import MissingRequirement
from toolkit.export.parity import Tolerance
from toolkit.requirements import install_command

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Format", "Order", "Run"]

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""One way to run an artefact: the input array to the output array."""


@dataclass(frozen=True)
class Order:
    """What a format is asked to write."""

    model: nn.Module
    """In eval mode, with the scaling folded in."""
    contract: Contract
    example: NDArray[np.float32]
    """L* of the network's size, from the proof set."""
    calibration: list[NDArray[np.float32]] = field(default_factory=list)
    """L* of photographs, (1, 1, H, W) each, for the precisions in `Format.calibrated`."""


@dataclass(frozen=True)
class Format:
    """One line of the registry."""

    name: str
    suffix: str
    title: str
    extra: str
    """The extra that brings what writing needs."""
    write_needs: tuple[str, ...]
    run_needs: tuple[str, ...]
    """What running needs. The proof's fresh process can import none of the other libraries."""
    tolerances: Mapping[str, Mapping[str, Tolerance]]
    """For each boundary its precisions, the default first, and how exact each must be."""
    write: Callable[[Order, Path], dict[str, Any]]
    """Write the artefact; what the manifest should tell of how that was done."""
    contract: Callable[[Path], Contract]
    """Read the contract out of an artefact, with NumPy alone; raises `UnusableModel`."""
    runs: Callable[[Path], Iterator[tuple[str, Run]]]
    """Open and check an artefact; every way to run it on this machine, each with a name.

    Raises `UnusableModel`, or `ProofFailed` where the file is not what its contract says.
    """
    intermediates: Callable[[Path, NDArray[np.float32]], Iterator[NDArray[Any]]] | None = None
    """The result of every operation for one input, to find the layer that departs."""
    calibrated: tuple[str, ...] = ()
    """Precisions that need photographs to be calibrated on."""
    faster_than: Mapping[str, str] = field(default_factory=dict)
    """Precisions that are there for their speed, and the one to be compared with."""
    picture_sides: tuple[int, ...] = ()
    """Sides of the square pictures of its image boundary, the default first; empty: any size."""
    compute_units: tuple[str, ...] = ()
    """Kinds of processors that a user may ask for, the default first."""
    flexible: bool = False
    """Whether one file serves every size that the generator accepts."""
    notes: str = ""

    @property
    def precisions(self) -> list[str]:
        """What it can hold at any boundary, the default first."""
        return list(dict.fromkeys(p for choices in self.tolerances.values() for p in choices))

    def require(self, modules: tuple[str, ...], purpose: str) -> None:
        """Ask for `modules` without importing them.

        Raises
        ------
        MissingRequirement
            With the command that installs the first one missing.
        """
        for module in modules:
            if find_spec(module) is None:
                raise MissingRequirement(
                    f"{purpose} needs {module}, which is not installed: "
                    f"{install_command(self.extra)}"
                )
