"""What the tests of ``toolkit colorize`` share: pictures, and the command in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

GRAY = np.add.outer(np.arange(60), np.arange(0, 180, 2)).astype(np.uint8)
COMMAND = [sys.executable, "-m", "toolkit", "colorize"]
ROOT = Path(__file__).parents[2]

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: signals and links")


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def save(path: Path, image: np.ndarray = GRAY, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def opened(source: Path | bytes) -> Image.Image:
    """A picture that has been read whole, its file closed."""
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
        image.load()
        return image


class Toolkit:
    """Runs the command in a folder of its own with the tiny model."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model

    def __call__(
        self, *arguments: str | Path, code: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments), "--model", str(self.model)]
            if "--" not in arguments
            else [*COMMAND, "--model", str(self.model), *map(str, arguments)],
            cwd=self.folder,
            env=environment(),
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        assert done.returncode == code, done.stderr.decode()
        leftovers = list(self.folder.rglob(".toolkit-tmp-*"))
        assert leftovers == []
        return done


@pytest.fixture
def toolkit(tmp_path: Path, tiny_model: Path) -> Toolkit:
    return Toolkit(tmp_path, tiny_model)
