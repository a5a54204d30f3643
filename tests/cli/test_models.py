"""``toolkit models``: list, show, add and remove, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]


def toolkit(
    folder: Path, *arguments: str | Path, code: int = 0
) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": str(ROOT), "TOOLKIT_MODELS": str(folder / "own")}
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, arguments)],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


def test_a_model_is_added_shown_used_and_removed(tmp_path: Path, tiny_model: Path) -> None:
    assert toolkit(tmp_path, "models", "add", tiny_model, "--name", "mine").stdout == "mine\n"
    listed = json.loads(toolkit(tmp_path, "models", "list", "--json").stdout)
    assert ("mine", "yours") in [(m["name"], m["origin"]) for m in listed]
    shown = toolkit(tmp_path, "models", "show", "mine").stdout
    assert "CC0-1.0" in shown
    assert "multiples of 32 from 32 to 256" in shown
    assert "(" not in shown.split("MODEL_CARD")[0]  # no Python value is printed as such
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "a.png")
    toolkit(tmp_path, "colorize", "a.png", "--model", "mine")
    toolkit(tmp_path, "models", "remove", "mine")
    assert "mine" not in toolkit(tmp_path, "models", "list").stdout
    assert not list((tmp_path / "own").iterdir())


def test_what_cannot_be_added_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "photo.onnx").write_bytes(b"\xff\xd8\xff")
    done = toolkit(tmp_path, "models", "add", "photo.onnx", code=7)
    assert "photo.onnx: not an ONNX model" in done.stderr
    assert done.stderr.count("\n") == 1
    assert toolkit(tmp_path, "models", "remove", "nobody", code=2).stderr.count("\n") == 1
