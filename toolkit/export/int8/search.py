"""Which percentile of the values is a range, and which layers stay in float.

In float stay: the layers next to the input, next to the output and before a softmax, which decide
each pixel's colour alone; and those that a measurement finds to do harm, if the rest is not exact
enough without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ProofFailed
from toolkit.export.int8.integers import with_integers
from toolkit.export.int8.layers import by_weight, ends
from toolkit.export.int8.observed import observe
from toolkit.export.parity import measure_ab
from toolkit.export.proof_set import MADE, l_fields

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["quantize"]

MEAN_CIEDE2000 = 0.3
"""What int8 may cost against float32: CIEDE2000 of the two pictures, and dB against the truth."""

_WANTED = 0.8 * MEAN_CIEDE2000
"""Of the photographs that choose the layers, so that others stay below the bound too."""
_PERCENTILES = (100.0, 99.999, 99.99)
"""Of a layer's values, to be its range. The best by measurement is taken. Entropy (KL divergence,
512 bins) is not: on `edge` it gave a mean CIEDE2000 of 0.86, where the second gave 0.10."""
_JUDGES = 12
"""Photographs that choose the percentile and the layers, besides the fields that are none."""

Float = NDArray[np.float32]


def quantize(model: ModelProto, fields: list[Float]) -> tuple[ModelProto, dict[str, Any]]:
    """Quantize a network.

    Parameters
    ----------
    model : ModelProto
        L* to a*b* in float32.
    fields : list of float32, shape (1, 1, H, W)
        L* of photographs.

    Returns
    -------
    model : ModelProto
    facts : dict
        The percentile, and the layers that stay in float, by why they do.

    Raises
    ------
    ProofFailed
        If it is not exact enough with half of its layers in float.
    """
    observed = observe(model, fields)
    odd = list(l_fields(*fields[0].shape[2:])[-len(MADE) :, None])
    judge = _judge(model, fields[:: -(-len(fields) // _JUDGES)] + odd)
    by_rule = ends(model)
    inner = by_weight(model, by_rule)

    def attempt(percentile: float, float_layers: Iterable[str]) -> tuple[float, ModelProto]:
        made = with_integers(model, observed, percentile, {*by_rule, *float_layers})
        return judge(made), made

    def best(float_layers: Iterable[str]) -> tuple[float, ModelProto, float]:
        tried = [(*attempt(p, float_layers), p) for p in _PERCENTILES]
        return min(tried, key=lambda one: one[0])

    distance, made, percentile = best(())
    layers, harmful = set().union(*inner), set[str]()
    if distance > _WANTED:
        harm = [attempt(percentile, layers - same)[0] for same in inner]
        worst = [inner[i] for i in np.argsort(harm)[::-1]]
        for count in _doubling(len(inner) // 2):
            harmful = set().union(*worst[:count])
            distance, made, percentile = best(harmful)
            if distance <= _WANTED:
                break
    if distance > MEAN_CIEDE2000:
        raise ProofFailed(
            f"int8 changes the colours by CIEDE2000 {distance:.2g} on average with half of the "
            f"layers in float, where {MEAN_CIEDE2000} is allowed; nothing written"
        )
    facts = {
        "photographs": len(fields),
        "percentile": percentile,
        "layers": len(layers - harmful),
        "float_by_rule": sorted(by_rule),
        "float_by_measurement": sorted(harmful),
    }
    return made, facts


def _doubling(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def _judge(model: ModelProto, fields: list[Float]) -> Callable[[ModelProto], float]:
    """Says how far a quantized network's colours lie from the network's, as mean CIEDE2000."""
    from toolkit.export.formats.onnx import session

    given = model.graph.input[0].name

    def results(network: ModelProto) -> list[Float]:
        opened = session(network.SerializeToString(), "int8")
        return [opened.run(None, {given: values})[0] for values in fields]

    expected = results(model)

    def judge(made: ModelProto) -> float:
        return measure_ab(zip(fields, results(made), expected, strict=True)).mean_ciede2000

    return judge
