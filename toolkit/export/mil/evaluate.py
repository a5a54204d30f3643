"""A program from its input to its output, in float32 or rounding to float16 where it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UnusableModel
from toolkit.export.mil.operations import OPERATIONS
from toolkit.export.mil.program import Operation, Program, Value

__all__ = ["evaluate", "unknown_operations"]


def unknown_operations(program: Program) -> list[str]:
    """The types of operation that the evaluator does not know, sorted."""
    return sorted({o.type for o in program.operations} - set(OPERATIONS))


def evaluate(
    program: Program,
    values: NDArray[np.float32],
    *,
    round_to_half: bool,
    watch: Callable[[NDArray[Any]], None] = lambda result: None,
) -> NDArray[np.float32]:
    """Run a program with one input and one output.

    Parameters
    ----------
    program : Program
    values : float32, the shape of the program's input
    round_to_half : bool
        Round each result that the program declares float16. Sums within an operation are kept in
        float32; the Neural Engine may round them too.
    watch : callable, optional
        Is shown the result of each operation.

    Raises
    ------
    UnusableModel
        If the program holds an operation that the evaluator does not know; it is named.
    """
    unknown = unknown_operations(program)
    if unknown:
        raise UnusableModel(f"holds operations that the evaluator does not know: {unknown}")
    known: dict[str, Value] = {n: _as_float32(v) for n, v in program.constants.items()}
    known[program.inputs[0]] = values
    uses = Counter(name for o in program.operations for name in _names(o))
    for operation in program.operations:
        arguments = {
            parameter: _argument(parameter, bindings, known)
            for parameter, bindings in operation.inputs.items()
        }
        result = OPERATIONS[operation.type](**arguments)
        if operation.half and round_to_half:
            with np.errstate(over="ignore"):  # an overflow shows in the figures, as it would there
                result = result.astype(np.float16)
        known[operation.name] = _as_float32(result)
        watch(result)
        for name in _names(operation):  # free what nobody will ask for again
            uses[name] -= 1
            if not uses[name] and name not in program.constants:
                known.pop(name, None)
    output = known[program.outputs[0]]
    assert isinstance(output, np.ndarray)
    return output


def _names(operation: Operation) -> list[str]:
    return [b for bindings in operation.inputs.values() for b in bindings if isinstance(b, str)]


def _argument(parameter: str, bindings: list[str | Value], known: dict[str, Value]) -> Any:
    found = [known.get(b, b) if isinstance(b, str) else b for b in bindings]
    return found if parameter == "values" else found[0]


def _as_float32(value: Value) -> Value:
    if isinstance(value, np.ndarray) and value.dtype == np.float16:
        return value.astype(np.float32)
    return value
