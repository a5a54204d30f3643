"""The gate: an artefact is compared with eager PyTorch, and one that differs is not written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from toolkit.contract import Contract, FlexibleSize
from toolkit.errors import ProofFailed, UnusableModel
from toolkit.export.deploy import DeployModel
from toolkit.export.diagnose import first_departure
from toolkit.export.formats import Format
from toolkit.export.parity import Figures, measure
from toolkit.export.proof_set import fit, gray_fields, l_fields
from toolkit.export.replay import replay
from toolkit.lab import gray_to_l

__all__ = ["Case", "cases_for", "check_eager", "prove"]

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """An input, and what eager PyTorch makes of it."""

    lightness: Float
    expected: Float


def check_eager(model: DeployModel) -> None:
    """Refuse a network that no file can hold: not finite, or dependent on chance or on the batch.

    Raises
    ------
    ProofFailed
    """
    size = model.generator.fixed_size or 8 * model.generator.multiple_of
    fields = torch.from_numpy(l_fields(size, size)[[0, 12]])
    with torch.no_grad():
        alone, again, both = model(fields[:1]), model(fields[:1]), model(fields)
    if not torch.isfinite(both).all():
        raise ProofFailed("the network gives numbers that are not finite; nothing written")
    if not torch.equal(alone, again):
        raise ProofFailed(
            "the same picture twice gives two results (dropout?), so no file can hold this "
            "network; nothing written"
        )
    if (alone - both[:1]).abs().max() > 1e-2:
        raise ProofFailed(
            "a picture's colours depend on the others in its batch (batch statistics?), so no "
            "file can hold this network; nothing written"
        )


def cases_for(model: DeployModel, contract: Contract, extra: Float | None = None) -> list[Case]:
    """The proof set at the contract's size; where sizes are free, another size and a batch of two.

    Parameters
    ----------
    extra : array, shape (N, 1, H, W), optional
        More L* fields of the contract's size: a user's own photographs.
    """
    size = contract.size
    if isinstance(size, FlexibleSize):
        height = width = max(256 // size.multiple_of, 1) * size.multiple_of
    else:
        height, width = size.height, size.width
    inputs = [field[None] for field in l_fields(height, width)]
    generator = np.random.default_rng(0)
    inputs.append(generator.uniform(0, 100, (1, 1, height, width)).astype(np.float32))
    inputs += [field[None] for field in extra] if extra is not None else []
    if isinstance(size, FlexibleSize):
        inputs.append(l_fields(height, width)[[1, 7]])
        odd = (height + size.multiple_of, 2 * width)
        inputs.append(gray_to_l()[fit(gray_fields()[4], *odd)][None, None])
    with torch.no_grad():
        return [Case(x, model(torch.from_numpy(x)).numpy()) for x in inputs]


def prove(
    path: Path, form: Format, contract: Contract, model: DeployModel, cases: list[Case]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Compare the file at `path` with `cases`, in every way that this machine can run it.

    Returns
    -------
    proof : dict
        As the manifest holds it: status, tolerance, and figures for each way to run.
    milliseconds : dict
        Median time for one field, for each way to run.

    Raises
    ------
    ProofFailed
        If a figure is larger than the format allows, or the contract in the file is another.
    """
    try:
        if form.contract(path) != contract:
            raise ProofFailed(f"{path.name}: the contract in the file is not the one given to it")
        result = replay(form.name, path, [case.lightness for case in cases])
    except UnusableModel as error:
        raise ProofFailed(f"{error}; nothing written") from None
    tolerance = form.precisions[contract.precision]
    figures: dict[str, Figures] = {}
    for label, outputs in result.outputs.items():
        figures[label] = measure(
            (case.lightness, ab, case.expected) for case, ab in zip(cases, outputs, strict=True)
        )
        excess = list(tolerance.excess(figures[label]))
        if excess:
            where = first_departure(model, form, path, cases[0].lightness)
            raise ProofFailed(
                f"{path.name} does not compute what was trained ({label}): {'; '.join(excess)}"
                f"{where}; nothing written"
            )
    proof = {
        "status": "proved",
        "tolerance": tolerance.describe(),
        "fields": sum(len(case.lightness) for case in cases),
        "figures": {label: f.as_dict() for label, f in figures.items()},
    }
    return proof, result.milliseconds
