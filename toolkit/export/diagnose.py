"""Where an artefact first departs from the network it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.export.formats import Format

__all__ = ["first_departure"]

_NEAR = 0.02
"""Of a layer's largest value: above the rounding of float16, below any real damage."""

Float = NDArray[np.float32]


def first_departure(model: nn.Module, form: Format, path: Path, lightness: Float) -> str:
    """Compare the results of all layers, and say after which one none agrees any more.

    A converter folds and renames layers, so that a layer counts as found if any operation of the
    artefact gives its result.

    Returns
    -------
    str
        A clause for an error message; empty where the format shows no intermediate results.
    """
    if form.intermediates is None:
        return ""
    found: dict[tuple[int, ...], list[Float]] = {}
    for result in form.intermediates(path, lightness):
        found.setdefault(np.shape(result), []).append(np.asarray(result))
    layers = _layer_results(model, lightness)
    agreeing = [i for i, (_, result) in enumerate(layers) if _among(result, found)]
    if not agreeing:
        return "; not even the first layer agrees"
    last = agreeing[-1]
    if last + 1 == len(layers):
        return f"; no layer is off by more than {_NEAR:.0%} of its largest value, as by rounding"
    return f"; layers agree up to {layers[last][0]} and depart at {layers[last + 1][0]}"


def _among(expected: Float, found: dict[tuple[int, ...], list[Float]]) -> bool:
    near = _NEAR * max(float(np.abs(expected).max()), 1e-3)
    return any(
        bool(np.abs(result - expected).max() <= near) for result in found.get(expected.shape, [])
    )


def _layer_results(model: nn.Module, lightness: Float) -> list[tuple[str, Float]]:
    """Name and result of each module without children, as they run, and of the whole."""
    results: list[tuple[str, Float]] = []
    hooks = []
    for name, module in model.named_modules():
        if next(module.children(), None) is None:

            def keep(_: nn.Module, __: object, result: Tensor, name: str = name) -> None:
                results.append((name, result.numpy().copy()))

            hooks.append(module.register_forward_hook(keep))
    with torch.no_grad():
        whole = model(torch.from_numpy(lightness))
    for hook in hooks:
        hook.remove()
    return [*results, ("the result", whole.numpy())]
