"""The runtime, measured small: every figure is there, and they agree with each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from toolkit.bench import tutorial
from toolkit.bench.folder import measure_folder
from toolkit.bench.measure import peak_of
from toolkit.bench.pictures import gray_photo, write_folder, write_jpeg
from toolkit.bench.runtime import bench_runtime
from toolkit.bench.sizes import memory_limit
from toolkit.bench.table import runtime_table
from toolkit.bench.whole import measure_whole
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.photo import read
from toolkit.runtime.session import Session


@pytest.fixture(scope="module")
def found(tiny_model: Path) -> dict[str, Any]:
    return bench_runtime(
        str(tiny_model), sizes=(0.1, 0.2), megapixels=0.2, photographs=2, repeat=1, peer=False
    )


def test_every_figure_of_the_runtime_is_there(found: dict[str, Any]) -> None:
    whole = found["whole"]
    assert whole["floor_s"] == pytest.approx(sum(list(whole["parts_s"].values())[:3]))
    assert whole["times_the_floor"] == whole["whole_s"] / whole["floor_s"]
    assert set(found["colour_stage_s_per_megapixel"]) == {"1", "2"}
    assert [row["megapixels"] for row in found["sizes"]] == [0.1, 0.2]
    assert all(row["peak_bytes"] > 30e6 for row in found["sizes"])
    cold = found["cold_start_s"]
    assert cold["python"] < cold["imports"] < cold["colorize"]
    assert found["folder"]["photographs"] == 2
    json.dumps(found, allow_nan=False)


def test_the_table_says_what_was_not_measured(found: dict[str, Any]) -> None:
    table = runtime_table(found)
    assert "not measured; it needs scikit-image" in table
    assert "two at a time" in table
    assert "x floor" in table


def test_the_peer_is_timed_and_paints_the_same_picture(tiny_model: Path, tmp_path: Path) -> None:
    whole = measure_whole(str(tiny_model), tmp_path, megapixels=0.3)
    assert whole["times_as_fast_as_the_tutorials"] > 1
    rgb = np.asarray(gray_photo(0.05).convert("RGB"))
    theirs = tutorial.colored(Session(tiny_model.read_bytes()), rgb, 64)
    ours = Colorizer(tiny_model).colorize(rgb)
    assert np.abs(theirs.astype(int) - ours).mean() < 3


def test_the_limit_is_the_one_that_is_promised() -> None:
    assert memory_limit(100) == 930e6


@pytest.mark.skipif(sys.platform != "linux", reason="Linux: peak memory of a process")
def test_the_shipped_model_keeps_to_it_at_one_megapixel(tmp_path: Path) -> None:
    write_jpeg(tmp_path / "a.jpg", 1)
    peak = peak_of("toolkit", "colorize", str(tmp_path / "a.jpg"), "--overwrite")
    assert peak is not None
    assert peak < memory_limit(1)


def test_photographs_are_made_at_the_size_and_in_mixed_formats(tmp_path: Path) -> None:
    assert gray_photo(0.48).size == (800, 600)
    assert gray_photo(0.1, 1).tobytes() != gray_photo(0.1, 2).tobytes()
    paths = write_folder(tmp_path, 4)
    assert {p.suffix for p in paths} == {".jpg", ".png"}
    assert all(read(p).gray.std() > 5 for p in paths)


def test_a_folder_of_ones_own_is_coloured_and_left_as_it_was(
    tiny_model: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(np.full((50, 50), 90, np.uint8)).save(own / f"{name}.png")
    many = measure_folder(str(tiny_model), tmp_path, data=own, rounds=1)
    assert many["photographs"] == 3
    assert many["megapixels"] == pytest.approx(0.0075)
    assert sorted(p.name for p in own.iterdir()) == ["a.png", "b.png", "c.png"]
