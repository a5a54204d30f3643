from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_train import toolkit
from tests.training.conftest import SMALL, picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for i in range(12):
        place = folder / ("people" if i % 3 == 0 else "places")
        place.mkdir(parents=True, exist_ok=True)
        picture(i, (128, 96)).save(place / f"{i:02d}.png")
    picture(3, (128, 96)).convert("L").save(folder / "places" / "gray.png")
    return folder


def test_a_list_that_check_writes_is_left_out_of_a_training(photos: Path, tmp_path: Path) -> None:
    listed = tmp_path / "leave-out.txt"
    done = toolkit("data", "check", photos, "--write", listed, "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["photos"] == 13
    assert {"name": "places/gray.png", "kind": "gray"}.items() <= found["findings"][0].items()
    assert "places/gray.png" in listed.read_text().splitlines()
    listed.write_text("places/gray.png\nplaces/01.png\nplaces/none.png\n")
    changes = ["--recipe", "edge", *(part for setting in SMALL for part in ("--set", setting))]
    run = tmp_path / "run"
    environment = {"TOOLKIT_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    done = toolkit(
        "train", photos, "--exclude", listed, "--out", run, "--epochs", "1", *changes, **environment
    )
    assert done.returncode == 0, done.stderr
    assert "places/none.png" in done.stderr
    described = json.loads((run / "data.json").read_text())
    assert described["exclude"] == ["places/01.png", "places/gray.png", "places/none.png"]
    assert len(described["train"]) + len(described["dev"]) == 11
    again = toolkit("train", "--resume", run, **environment)
    assert again.returncode == 0, again.stderr


def test_check_prints_a_line_for_each(photos: Path) -> None:
    done = toolkit("data", "check", photos)
    assert done.returncode == 0
    assert any(
        line.startswith("gray") and "places/gray.png" in line for line in done.stdout.splitlines()
    )
    assert "13 photographs" in done.stderr


def test_stats_are_a_table_by_source(photos: Path) -> None:
    done = toolkit("data", "stats", photos)
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["source", "photos"],
        ["people", "4"],
        ["places", "9"],
        ["all", "13"],
    ]
    figures = json.loads(toolkit("data", "stats", photos, "--json").stdout)
    assert set(figures["sources"]) == {"people", "places"}
    assert figures["all"]["width"] == [128, 128, 128]


@pytest.mark.parametrize("command", ["check", "stats"])
def test_a_folder_that_is_not_there_is_one_line(command: str, tmp_path: Path) -> None:
    done = toolkit("data", command, tmp_path / "none")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
