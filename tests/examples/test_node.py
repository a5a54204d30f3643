"""examples/node: the photographs of `examples/` in colour without Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.examples.conftest import NODE, assert_as_from_the_runtime

pytestmark = pytest.mark.slow  # npm fetches 300 MB the first time


@pytest.fixture(scope="module")
def program(node_packages: Path) -> Path:
    """The example, whose packages are installed beside it."""
    return node_packages.parent / "colorize.js"


def test_the_examples_are_coloured_as_by_the_runtime(
    program: Path, image_file: Path, photographs: list[Path], tmp_path: Path
) -> None:
    command = ["node", str(program), str(image_file), str(tmp_path), *map(str, photographs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(tmp_path / p.name) for p in photographs]
    assert_as_from_the_runtime(photographs, tmp_path)


def test_a_bad_photograph_is_named_and_the_others_are_done(
    program: Path, image_file: Path, photographs: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("hello")
    folder = tmp_path / "out"
    command = ["node", str(program), str(image_file), str(folder), str(bad), str(photographs[0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert str(bad) in done.stderr
    assert (folder / photographs[0].name).is_file()


def test_the_example_is_short() -> None:
    assert len((NODE / "colorize.js").read_text("utf-8").splitlines()) < 80
