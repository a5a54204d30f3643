"""Run an artefact in a fresh process that has nothing but what the format needs.

    python -m toolkit.export.replay FORMAT MODEL INPUTS.npz OUTPUTS.npz

The exporter and `toolkit verify` compare the **file** with what was trained, not an object in
memory: here it is opened again, and a library that the user of the file will not have cannot be
imported even where it is installed. A file that crashes its reader takes this process along, not
the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ToolkitError, UnusableModel, one_line
from toolkit.export.formats import FORMATS

__all__ = ["Replay", "replay"]

Float = NDArray[np.float32]

_ARTEFACT_LIBRARIES = ("torch", "onnx", "onnxscript", "coremltools", "onnxruntime", "openvino")
_ERROR = "replay-error: "


@dataclass(frozen=True)
class Replay:
    """What an artefact computed."""

    outputs: dict[str, list[Float]]
    """For each way to run it, one array for each input."""
    milliseconds: dict[str, float]
    """Median time of the first input's shape, for each way to run it."""


def replay(format_name: str, model: Path, inputs: list[Float]) -> Replay:
    """Run `model` on `inputs` in a process of its own.

    Raises
    ------
    UnusableModel
        If the file cannot be opened, or crashes its reader.
    """
    with tempfile.TemporaryDirectory(prefix="toolkit-replay-") as name:
        folder = Path(name)
        given, made = folder / "inputs.npz", folder / "outputs.npz"
        np.savez(given, **{str(i): array for i, array in enumerate(inputs)})  # type: ignore[arg-type]
        package = Path(__file__).parents[2]
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        result = subprocess.run(
            [sys.executable, "-m", __name__, format_name, str(model), str(given), str(made)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise _translate(model, result)
        report = json.loads(result.stdout.splitlines()[-1])
        with np.load(made, allow_pickle=False) as arrays:
            outputs = {
                label: [arrays[f"{way}/{i}"] for i in range(len(inputs))]
                for way, label in enumerate(report)
            }
    return Replay(outputs, report)


def _translate(model: Path, result: subprocess.CompletedProcess[str]) -> ToolkitError:
    lines = result.stderr.splitlines() or [""]
    if lines[-1].startswith(_ERROR):
        kinds = {kind.__name__: kind for kind in ToolkitError.__subclasses__()}
        kind, _, message = lines[-1].removeprefix(_ERROR).partition(" ")
        return kinds.get(kind, ToolkitError)(message)
    why = f"signal {-result.returncode}" if result.returncode < 0 else one_line(lines[-1])[:200]
    return UnusableModel(f"{one_line(model)}: the program that opened it broke off: {why}")


def main(arguments: list[str]) -> None:
    """Replay in this process; print the times as JSON."""
    format_name, model, given, made = arguments
    chosen = FORMATS[format_name]
    for library in set(_ARTEFACT_LIBRARIES) - set(chosen.run_needs):
        sys.modules[library] = None  # type: ignore[assignment]
    with np.load(given, allow_pickle=False) as arrays:
        inputs = [arrays[str(i)] for i in range(len(arrays.files))]
    outputs: dict[str, Float] = {}
    times: dict[str, float] = {}
    for way, (label, run) in enumerate(chosen.runs(Path(model))):
        took = []
        for i, values in enumerate(inputs):
            start = time.perf_counter()
            outputs[f"{way}/{i}"] = run(values)
            if values.shape == inputs[0].shape:
                took.append(time.perf_counter() - start)
        times[label] = float(np.median(took)) * 1000
    np.savez(made, **outputs)  # type: ignore[arg-type]
    print(json.dumps(times))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ToolkitError as error:
        print(f"{_ERROR}{type(error).__name__} {error}", file=sys.stderr)
        sys.exit(error.exit_code)
