"""`toolkit evaluate` as a process: table, JSON, contact sheet, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import toolkit
from tests.conftest import ModelMaker
from toolkit.contract import FlexibleSize
from toolkit.evaluation.metrics import compare, gray_rgb
from toolkit.evaluation.summary import FIGURES
from toolkit.lab import gray_of_rgb
from toolkit.runtime.colorizer import Colorizer

ROOT = Path(toolkit.__file__).parent.parent


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", "evaluate", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four colour pictures in two folders."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("sea/a.png", "sea/b.jpg", "sea/c.png", "town/d.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        patches = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        patches.resize((70, 50), Image.Resampling.BICUBIC).save(folder / name)
    return folder


def test_the_table_says_the_figures_the_sources_and_the_protocol(
    tiny_model: Path, photos: Path
) -> None:
    result = run(tiny_model, "--data", photos)
    assert (result.returncode, result.stderr) == (0, "")
    for figure in FIGURES.values():
        assert re.search(rf"^{re.escape(figure.title)}  .* to ", result.stdout, re.MULTILINE)
    assert re.search(r"^sea +3 ", result.stdout, re.MULTILINE)
    assert re.search(r"^town +1 ", result.stdout, re.MULTILINE)
    protocol = " ".join(result.stdout.split("protocol: ")[1].split())
    assert "short side at most 400 (Lanczos)" in protocol
    assert "the program's defaults" in protocol


def test_json_holds_what_the_library_measures(tiny_model: Path, photos: Path) -> None:
    value = _json(run(tiny_model, "--data", photos, "--json", "--jobs", "2"))
    true = np.asarray(Image.open(photos / "sea" / "c.png").convert("RGB"))
    gray = gray_of_rgb(true).astype(np.uint8)
    predicted = Colorizer(tiny_model).colorize(gray).astype(np.uint8)
    expected = compare(predicted, true)
    assert [row["photo"] for row in value["rows"]] == [
        "sea/a.png",
        "sea/b.jpg",
        "sea/c.png",
        "town/d.png",
    ]
    assert {k: value["rows"][2][k] for k in expected} == pytest.approx(expected)
    gains = [row["gain"] for row in value["rows"]]
    assert value["figures"]["gain"]["mean"] == pytest.approx(np.mean(gains))
    assert value["figures"]["worse"]["mean"] == np.mean(np.array(gains) < 0)
    assert value["model"] == str(tiny_model)


def test_strength_nought_is_gray_and_the_protocol_says_the_setting(
    tiny_model: Path, photos: Path
) -> None:
    value = _json(run(tiny_model, "--data", photos, "--json", "--strength", "0"))
    assert value["figures"]["gain"] == {"mean": 0, "low": 0, "high": 0}
    assert value["figures"]["colourfulness_ratio"]["mean"] == 0
    assert "strength 0" in value["protocol"]


def test_limit_takes_photographs_evenly_over_the_folder(tiny_model: Path, photos: Path) -> None:
    value = _json(run(tiny_model, "--data", photos, "--json", "--limit", "2"))
    assert [row["photo"] for row in value["rows"]] == ["sea/a.png", "sea/c.png"]


def test_the_contact_sheet_is_written_and_the_table_stays_on_stdout(
    tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "new" / "sheet.jpg"
    result = run(tiny_model, "--data", photos, "--contact-sheet", sheet)
    assert result.returncode == 0
    assert result.stdout.startswith(f"{tiny_model}: 4 photographs")
    assert str(sheet) in result.stderr
    with Image.open(sheet) as image:
        assert image.format == "JPEG"
        image.load()


def test_robustness_tells_every_disturbance(make_tiny_model: ModelMaker, photos: Path) -> None:
    model = make_tiny_model(size=FlexibleSize(32, 64, 32, 512, "keep_aspect"))
    value = _json(run(model, "--data", photos, "--limit", "2", "--json", "--robustness"))
    changes = value["robustness"]["changes"]
    assert list(changes) == [
        "grain",
        "fading",
        "sepia",
        "JPEG quality 30",
        "256 to 384",
        "256 to 512",
        "384 to 512",
    ]
    for change in changes.values():
        assert change["ratio"] == pytest.approx(change["change"] / change["chroma"])
        assert change["ratio"] > 0
    table = run(model, "--data", photos, "--limit", "2", "--robustness").stdout
    assert f"{100 * changes['fading']['ratio']:.1f} %" in table


def test_a_side_that_the_model_does_not_take_is_said(tiny_model: Path, photos: Path) -> None:
    result = run(tiny_model, "--data", photos, "--limit", "1", "--json", "--robustness")
    assert "side of 384" in result.stderr
    assert "256 to 384" not in _json(result)["robustness"]["changes"]


def test_an_unreadable_photograph_is_named_and_the_others_are_measured(
    tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "good.png").write_bytes((photos / "sea" / "a.png").read_bytes())
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a photograph")
    Image.fromarray(gray_rgb(np.zeros((40, 40, 3), np.uint8))).save(tmp_path / "gray.png")
    result = run(tiny_model, "--data", tmp_path, "--json")
    assert result.returncode == 3
    assert [row["photo"] for row in json.loads(result.stdout)["rows"]] == ["good.png"]
    assert "warning" in result.stderr
    assert _error(result).startswith("error: 1 of 2 photographs could not be read: bad.jpg")
    assert "gray.png" not in result.stderr
    assert "gray.png" in run(tiny_model, "--data", tmp_path, "--verbose").stderr


def test_what_cannot_be_used_ends_with_one_line_and_its_code(
    tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    empty, text = tmp_path / "empty", tmp_path / "model.onnx"
    empty.mkdir()
    text.write_text("not a model")
    cases: list[tuple[int, str, list[str | Path]]] = [
        (4, "no photographs", [tiny_model, "--data", empty]),
        (4, "no such folder", [tiny_model, "--data", tmp_path / "nowhere"]),
        (7, "no such file", [tmp_path / "missing.onnx", "--data", photos]),
        (7, "model.onnx", [text, "--data", photos]),
        (2, ".jpg", [tiny_model, "--data", photos, "--contact-sheet", "sheet.gif"]),
        (2, "--data", [tiny_model]),
        (2, "limit", [tiny_model, "--data", photos, "--limit", "0"]),
        (
            8,
            "cannot be written",
            [tiny_model, "--data", photos, "--contact-sheet", text / "b" / "a.png"],
        ),
    ]
    for code, words, arguments in cases:
        result = run(*arguments)
        assert result.returncode == code, (arguments, result.stderr)
        assert words in _error(result)
        assert "Traceback" not in result.stderr


def _json(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def _error(result: subprocess.CompletedProcess[str]) -> str:
    return result.stderr.splitlines()[-1]
