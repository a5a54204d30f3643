"""The gate: an artefact is compared with eager PyTorch, and one that differs is not written."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from toolkit.contract import Contract, FlexibleSize, picture_side
from toolkit.errors import ProofFailed, UnusableModel
from toolkit.export.boundary import (
    BOUNDARIES,
    Boundary,
    boundary_of,
    proof_size,
    tolerance_of,
)
from toolkit.export.deploy import DeployModel
from toolkit.export.diagnose import first_departure
from toolkit.export.formats import Format
from toolkit.export.proof_set import fit, gray_fields
from toolkit.export.replay import replay
from toolkit.lab import gray_of_rgb, rgb_to_lab
from toolkit.runtime.compose import compose
from toolkit.runtime.resample import levels, lightness, network_size

__all__ = ["Case", "cases_for", "check_eager", "prove"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """An input, and what it should become."""

    given: Array
    """As the boundary takes it: L* (N, 1, H, W), or pixels (1, H, W, C)."""
    expected: Array
    """By PyTorch; or pixels, by the runtime around PyTorch."""
    truth: Array | None = None
    """The colours that the photograph really has, in the same form."""


def check_eager(model: DeployModel) -> None:
    """Refuse a network that no file can hold: not finite, or dependent on chance or on the batch.

    Raises
    ------
    ProofFailed
    """
    size = model.generator.fixed_size or 8 * model.generator.multiple_of
    seen = fit(gray_fields(), size, size)[[0, 12]] / 255
    fields = torch.from_numpy(BOUNDARIES[model.task.name, "tensor"].of_levels(seen))
    with torch.no_grad():
        alone, again, both = model(fields[:1]), model(fields[:1]), model(fields)
    if not torch.isfinite(both).all():
        raise ProofFailed("the network gives numbers that are not finite; nothing written")
    if not torch.equal(alone, again):
        raise ProofFailed(
            "the same picture twice gives two results (dropout?), so no file can hold this "
            "network; nothing written"
        )
    if (alone - both[:1]).abs().max() > 1e-4 * model.task.input.range[1]:
        raise ProofFailed(
            "a picture's colours depend on the others in its batch (batch statistics?), so no "
            "file can hold this network; nothing written"
        )


def cases_for(
    model: DeployModel, contract: Contract, photographs: Sequence[NDArray[np.uint8]] = ()
) -> list[Case]:
    """The proof set, random values, `photographs`, and where sizes are free other sizes too.

    Parameters
    ----------
    photographs : sequence of uint8, shape (H, W, 3)
        A user's own.
    """
    more, known, expected = _BOUNDARY[contract.boundary]
    made = boundary_of(contract).proof_set(contract) + more(contract)
    inputs = [(x, None) for x in made] + [known(contract, p) for p in photographs]
    exact = _exact(model)
    with torch.no_grad():
        return [Case(x, expected(exact, contract, x), truth) for x, truth in inputs]


def _more_fields(contract: Contract) -> list[Array]:
    height, width = proof_size(contract)
    generator = np.random.default_rng(0)
    shape, top = (1, contract.input.channels, height, width), contract.input.range[1]
    inputs = [generator.uniform(0, top, shape).astype(np.float32)]
    if isinstance(contract.size, FlexibleSize):
        of_levels = boundary_of(contract).of_levels
        inputs.append(of_levels(fit(gray_fields(), height, width)[[1, 7]] / 255))
        odd = fit(gray_fields()[[4]], height + contract.size.multiple_of, 2 * width)
        inputs.append(of_levels(odd / 255))
    return inputs


def _known_field(contract: Contract, photograph: NDArray[np.uint8]) -> tuple[Array, Array | None]:
    height, width = proof_size(contract)
    if contract.task != "colorize":
        seen = levels(gray_of_rgb(photograph), height, width)
        return boundary_of(contract).of_levels(seen[None]), None
    small = Image.fromarray(photograph).resize((width, height), Image.Resampling.BILINEAR)
    ab = rgb_to_lab(np.asarray(small))[..., 1:].transpose(2, 0, 1)
    return lightness(gray_of_rgb(photograph), height, width)[None, None], ab[None]


def _more_photographs(contract: Contract) -> list[Array]:
    """Sepia and noise in colours, sizes that fit no block, one channel, and a single pixel."""
    gray = gray_fields()
    sepia = np.multiply.outer(fit(gray[1], 301, 203), [1.0, 0.86, 0.7]).astype(np.uint8)
    noise = np.stack([fit(gray[19], 67, 190), fit(gray[19].T, 67, 190), fit(gray[5], 67, 190)], -1)
    side = picture_side(contract)
    if side is not None:
        return [_square(p, side)[None] for p in (sepia, noise)]
    return [p[None] for p in (sepia, noise, fit(gray[7], 290, 33)[:, :, None], sepia[:1, :1])]


def _known_photograph(contract: Contract, photograph: NDArray[np.uint8]) -> tuple[Array, Array]:
    side = picture_side(contract)
    seen = photograph if side is None else _square(photograph, side)
    return seen[None], seen[None]


def _square(photograph: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(photograph).resize((side, side), Image.Resampling.BILINEAR))


def _exact(model: DeployModel) -> DeployModel:
    """In float64 where there is InstanceNorm, which divides by the spread of a map.

    On a flat field that is little more than the rounding of the convolutions before it, so that
    what float32 gives depends on the order of their sums: eager PyTorch then lies as far from the
    network as an artefact may, and is no measure. With convolutions in float64 and the rest in
    float32 the distance falls to a tenth; with the norms in float64 it stays.
    """
    if any(isinstance(module, nn.InstanceNorm2d) for module in model.modules()):
        return copy.deepcopy(model).double()
    return model


def _eager(model: DeployModel, contract: Contract, given: Array) -> Array:
    wide = torch.from_numpy(given).to(next(model.parameters()).dtype)
    made: Array = model(wide).float().numpy()
    return made


def _through_runtime(model: DeployModel, contract: Contract, given: Array) -> Array:
    rgb = np.broadcast_to(given[0], (*given.shape[1:3], 3))
    gray = gray_of_rgb(rgb)
    l_star = lightness(gray, *network_size(contract.size, *gray.shape))
    colours = np.empty((*gray.shape, 3), np.uint8)

    def put(top: int, pixels: Array) -> None:
        colours[top : top + len(pixels)] = pixels[..., :3]

    compose(gray, _eager(model, contract, l_star[None, None])[0], put)
    return colours[None]


_BOUNDARY = {
    "tensor": (_more_fields, _known_field, _eager),
    "image": (_more_photographs, _known_photograph, _through_runtime),
}


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
        result = replay(form.name, path, [case.given for case in cases])
    except UnusableModel as error:
        raise ProofFailed(f"{error}; nothing written") from None
    boundary, tolerance = boundary_of(contract), tolerance_of(form, contract)
    assert tolerance is not None
    figures = {
        label: replace(
            boundary.measure(
                (case.given, made, case.expected) for case, made in zip(cases, outputs, strict=True)
            ),
            psnr_loss=_psnr_loss(boundary, cases, outputs),
        )
        for label, outputs in result.outputs.items()
    }
    for label, found in figures.items():
        excess = list(tolerance.excess(found))
        if excess:
            tensor = contract.boundary == "tensor"
            where = first_departure(model, form, path, cases[0].given) if tensor else ""
            raise ProofFailed(
                f"{path.name} does not compute what was trained ({label}): {'; '.join(excess)}"
                f"{where}; nothing written"
            )
    proof = {
        "status": "proved",
        "tolerance": tolerance.describe(),
        "unit": boundary.unit,
        "inputs": sum(len(case.given) for case in cases),
        "figures": {label: f.as_dict() for label, f in figures.items()},
    }
    return proof, result.milliseconds


def _psnr_loss(boundary: Boundary, cases: list[Case], outputs: list[Array]) -> float | None:
    losses = []
    for case, made in zip(cases, outputs, strict=True):
        if case.truth is not None:
            before = boundary.measure([(case.given, case.expected, case.truth)]).psnr
            losses.append(before - boundary.measure([(case.given, made, case.truth)]).psnr)
    return float(np.mean(losses)) if losses else None
