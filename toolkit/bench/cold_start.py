"""The whole process on one small photograph, and what of it is not ours."""

from __future__ import annotations

import sys
from pathlib import Path

from toolkit.bench.measure import seconds_of
from toolkit.bench.pictures import write_jpeg
from toolkit.runtime.models import find

__all__ = ["MEGAPIXELS", "measure_cold_start"]

MEGAPIXELS = 0.3
_ENGINE = (
    "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '1'\n"
    "import numpy, PIL.Image, onnxruntime as o\n"
)
_SESSION = (
    "s = o.SessionOptions(); s.log_severity_level = 4\n"
    "o.InferenceSession({path!r}, s, providers=['CPUExecutionProvider'])"
)


def measure_cold_start(model: str, folder: Path, repeat: int = 5) -> dict[str, float]:
    """Seconds of whole processes, each the fastest of `repeat`.

    Returns
    -------
    dict
        ``python`` that does nothing; with the ``imports`` of NumPy, Pillow and onnxruntime; with
        the ``session`` of the model too; ``toolkit --help``; and ``colorize``, all of it.
    """
    source = folder / "small.jpg"
    write_jpeg(source, MEGAPIXELS)
    path = str(find(model).path)
    python = [sys.executable, "-c"]
    ours = [sys.executable, "-m", "toolkit"]
    commands = {
        "python": [*python, "pass"],
        "imports": [*python, _ENGINE],
        "session": [*python, _ENGINE + _SESSION.format(path=path)],
        "toolkit --help": [*ours, "--help"],
        "colorize": [*ours, "colorize", str(source), "--overwrite", "--model", model],
    }
    return {name: seconds_of(command, repeat) for name, command in commands.items()}
