"""examples/cpp: compiled, and the photographs of `examples/` coloured by it.

Debian 13 has onnxruntime's C++ headers (libonnxruntime-dev); of other Debians they are fetched from
there. The library is the newer one that the Node example brings.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.examples.conftest import ROOT, assert_as_from_the_runtime

SOURCE = ROOT / "examples" / "cpp" / "colorize.cpp"
HEADERS = Path("/usr/include/onnxruntime")
DEBIAN_13 = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    "http://deb.debian.org/debian trixie main\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (HEADERS.is_dir() or shutil.which("apt-get")) or platform.machine() != "x86_64",
        reason="needs Debian, or onnxruntime's C++ headers, on an x86-64 machine",
    ),
]


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if HEADERS.is_dir():
        return HEADERS
    folder = tmp_path_factory.mktemp("headers")
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "sources.list").write_text(DEBIAN_13)
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
    }
    apt = ["apt-get", *(f"-o{name}={value}" for name, value in options.items())]
    for command in ([*apt, "update"], [*apt, "download", "libonnxruntime-dev"]):
        done = run(*command, folder=folder)
        assert done.returncode == 0, done.stderr
    (package,) = folder.glob("libonnxruntime-dev*.deb")
    assert run("dpkg", "-x", package, folder / "root", folder=folder).returncode == 0
    return folder / "root" / HEADERS.relative_to("/")


@pytest.fixture(scope="module")
def program(headers: Path, node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (library,) = node_packages.glob("onnxruntime-node/bin/*/linux/x64/libonnxruntime.so.1")
    made = tmp_path_factory.mktemp("program") / "colorize"
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", f"-Wl,-rpath,{library.parent}"]
    done = run("c++", *flags, SOURCE, f"-I{headers}", library, "-o", made, folder=made.parent)
    assert done.returncode == 0, done.stderr
    return made


def test_the_examples_are_coloured_as_by_the_runtime(
    program: Path, image_file: Path, photographs: list[Path], tmp_path: Path
) -> None:
    for photograph in photographs:
        given, made = (tmp_path / f"{photograph.stem}{end}" for end in (".ppm", "-colour.ppm"))
        with Image.open(photograph) as photo:
            photo.save(given)
        done = run(program, image_file, given, made, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        with Image.open(made) as picture:
            picture.save(tmp_path / photograph.name)
    assert_as_from_the_runtime(photographs, tmp_path)


def test_a_bad_photograph_is_named_and_nothing_is_written(
    program: Path, image_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.ppm").write_text("hello")
    done = run(program, image_file, "bad.ppm", "out.ppm", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: bad.ppm: not a PPM picture (P6, 255 levels)\n"
    assert not (tmp_path / "out.ppm").exists()


def test_the_example_is_short() -> None:
    assert len(SOURCE.read_text("utf-8").splitlines()) < 80
