"""The page as a person gets it: from the wheel, with the base install and nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.bundles import EXAMPLES, ROOT, SHIPPED
from tests.web.conftest import Start
from tests.web.photo_page import PhotoPage
from tests.web.pictures import assert_near, expected

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def wheel(built_page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    subprocess.run([*pip, "-w", folder, ROOT], check=True)
    (made,) = folder.glob("*.whl")
    return made


def test_it_carries_the_page_and_one_engine_and_is_light(wheel: Path, built_page: Path) -> None:
    assert wheel.stat().st_size < 25e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    page = {f"toolkit/web/{p.relative_to(built_page.parent).as_posix()}" for p in files(built_page)}
    assert page <= names
    assert len([name for name in names if name.endswith(".wasm")]) == 1


def test_a_base_install_shows_the_page(
    wheel: Path, toolkit_web: Start, open_page: Callable[..., PhotoPage], tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pins = ROOT / "requirements" / "runtime.txt"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", pins, wheel], check=True)
    page = open_page(toolkit_web(python=python, cwd=tmp_path)).go()
    assert_near(page.picture(EXAMPLES[0]), expected(SHIPPED, EXAMPLES[0]))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
