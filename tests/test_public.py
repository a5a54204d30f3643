from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import toolkit
from toolkit.cli import app

HEAVY = ("torch", "onnxruntime", "onnx", "skimage", "PIL", "typer", "numpy")


def loaded_by(*arguments: str) -> set[str]:
    """The heavy packages that a process has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    return imported & set(HEAVY)


def test_all_is_sorted_and_true() -> None:
    assert toolkit.__all__ == sorted(toolkit.__all__)
    for name in toolkit.__all__:
        assert getattr(toolkit, name) is not None
    assert set(dir(toolkit)) == set(toolkit.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert loaded_by("-c", "import toolkit") == set()


def test_colorizing_imports_no_torch_even_where_it_is_installed() -> None:
    loaded = loaded_by("-c", "from toolkit import Colorizer, colorize")
    assert loaded
    assert not loaded & {"torch", "onnx", "skimage"}


def test_the_help_loads_typer_and_nothing_heavier() -> None:
    assert loaded_by("-m", "toolkit", "--help") == {"typer"}


def test_the_version_is_that_of_the_distribution() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"toolkit {toolkit.__version__}\n"


def test_every_command_is_listed_and_is_loaded_alone() -> None:
    folder = Path(app.__file__).parent
    files = {p.stem for p in folder.glob("*.py") if "\ndef register(" in p.read_text()}
    assert files == set(app.COMMANDS)
    code = (
        "import sys; sys.argv = ['toolkit', 'recipes', '--help']\n"
        "from toolkit.cli import app\n"
        "try: app.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([n for n in app.COMMANDS if f'toolkit.cli.{n}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['recipes']"
