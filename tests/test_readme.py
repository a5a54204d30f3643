"""README's commands and its Python are what the program understands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
    if line.startswith("toolkit ")
]


def test_there_are_commands_to_try() -> None:
    shown = {command[1] for command in COMMANDS}
    assert shown >= {"colorize", "train", "recipes", "export", "verify"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_exists(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", command[1], "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for word in command[2:]:
        if word.startswith("-"):
            assert re.search(rf"(^|[\s,]){re.escape(word)}\b", done.stdout), word


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_python_runs(tmp_path: Path) -> None:
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    (tmp_path / "scan.jpg").write_bytes((ROOT / "examples" / "cat.jpg").read_bytes())
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "scan-color.jpg").stat().st_size > 0


def test_the_two_lines_start_from_nothing() -> None:
    """CI runs them; here only that they begin with a new environment and have no newline."""
    lines = re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*?)\n```", README)
    assert [name for name, _ in lines] == ["colorize", "test"]
    assert all(line.startswith("python3 -m venv .venv && ") for _, line in lines)
