"""What a network's results are on photographs: some of their values, and the means of channels."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.export.int8.layers import LAYERS

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Observed", "observe"]

_SAMPLES = 4096
"""Values of each result of each photograph."""

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Observed:
    """By the name of the result."""

    values: dict[str, Float]
    """Some of all, and always the smallest and the largest of each photograph."""
    means: dict[str, NDArray[np.float64]]
    """Of each channel of what goes into a layer, over all of its places in all photographs: the
    second look of a network that looks twice has few where it is not needed, and counts little."""

    def ranges(self, percentile: float) -> dict[str, tuple[np.float32, np.float32]]:
        """The range of each result; 0 is always in it, because padding must be exact."""
        ranges = {}
        for name, values in self.values.items():
            low, high = np.percentile(values, [100 - percentile, percentile])
            ranges[name] = np.float32(min(low, 0)), np.float32(max(high, low + 1e-6, 1e-6))
        return ranges


def observe(model: ModelProto, fields: list[Float]) -> Observed:
    """Run a float32 network on L* of photographs and keep what its results are."""
    import onnx

    from toolkit.export.formats.onnx import session

    all_results = deepcopy(model)
    given = model.graph.input[0].name
    names = [name for node in model.graph.node for name in node.output]
    into = {node.input[0] for node in model.graph.node if node.op_type in LAYERS}
    del all_results.graph.output[:]
    all_results.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    opened = session(all_results.SerializeToString(), "int8", "DISABLE_ALL")
    chance = np.random.default_rng(0)
    kept: dict[str, list[Float]] = {name: [] for name in (given, *names)}
    sums: dict[str, NDArray[np.float64] | float] = dict.fromkeys(into, 0.0)
    places = dict.fromkeys(into, 0)
    for values in fields:
        results = [values, *opened.run(names, {given: values})]
        for name, result in zip(kept, results, strict=True):
            if result.dtype != np.float32:
                continue
            if name in into:
                sums[name] += result.sum((0, 2, 3), dtype=np.float64)
                places[name] += result[0, 0].size
            flat = result.ravel()
            if len(flat) > _SAMPLES:
                some = flat[chance.integers(0, len(flat), _SAMPLES)]
                flat = np.concatenate([some, [flat.min(), flat.max()]])
            kept[name].append(flat)
    return Observed(
        {name: np.concatenate(found) for name, found in kept.items() if found},
        {name: np.asarray(total) / places[name] for name, total in sums.items()},
    )
