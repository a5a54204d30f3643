"""Photographs, a store and a way to run the command, for the tests of the batch job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from toolkit.files import TEMPORARY

ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = 20
GRAY = np.add.outer(np.arange(60), np.arange(0, 180, 2)).astype(np.uint8)


def toolkit(*arguments: object, code: int = 0, timeout: float = 900) -> str:
    """Run the command; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def files(folder: Path) -> dict[str, bytes]:
    """Names and bytes of the results in a folder; what a killed process left of a write is none."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "_toolkit" not in path.parts and not path.name.startswith(TEMPORARY)
    }


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of small photographs, all different, one TIFF of two pages, and three bad files."""
    root = tmp_path_factory.mktemp("scans")
    for number in range(PHOTOGRAPHS):
        path = root / f"box{number % 3}" / f"{number:03}.{('jpg', 'png')[number % 2]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(GRAY + np.uint8(number)).save(path)
    first, second = Image.fromarray(GRAY), Image.fromarray(GRAY[:30])
    first.save(root / "pages.tif", save_all=True, append_images=[second])
    (root / "letter.jpg").write_text("Dear grandma,")
    (root / "empty.jpg").write_bytes(b"")
    whole = (root / "box0" / "000.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return root


BAD = {"letter.jpg", "empty.jpg", "cut.jpg"}


def bad_photographs(folder: Path, scans: Path) -> dict[str, str]:
    """Lay out what is called a photograph and is none; their names, and what a row says."""
    folder.mkdir(exist_ok=True)
    jpeg = (scans / "box0" / "000.jpg").read_bytes()
    png = (scans / "box1" / "001.png").read_bytes()
    tiff = (scans / "pages.tif").read_bytes()
    side = (60_000).to_bytes(4)
    content = {
        "letter.jpg": b"Dear grandma,",
        "page.png": b"<html><title>404</title></html>",
        "empty.jpg": b"",
        "zeros.png": bytes(1000),
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": png[: len(png) // 2],
        "cut.tif": tiff[: len(tiff) // 3],
        "head.jpg": jpeg[:20],
        "damaged.png": b"\x89PNG\r\n\x1a\n damaged",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    bomb = png[:16] + side + side + png[24:29]
    (folder / "bomb.png").write_bytes(bomb + crc32(bomb[12:29]).to_bytes(4) + png[33:])
    (folder / "folder.jpg").mkdir(exist_ok=True)
    kinds = dict.fromkeys(content, "unreadable")
    return {**kinds, "bomb.png": "too large", "folder.jpg": "unreadable", "gone.jpg": "missing"}


@pytest.fixture(scope="session")
def expected(scans: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `toolkit colorize` makes of them."""
    out = tmp_path_factory.mktemp("expected")
    toolkit("colorize", scans, "-o", out, "--model", tiny_model, code=3)
    return out


@dataclass(frozen=True)
class S3:
    """A service with faults: see `tests.scale.s3_server`."""

    port: int

    def puts(self) -> list[str]:
        """The paths of everything that was put."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/__puts__") as answer:
            found: list[str] = json.load(answer)
            return found


@pytest.fixture(scope="session")
def s3_service() -> Iterator[S3]:
    """Start the service once."""
    command = [sys.executable, "-m", "tests.scale.s3_server"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    assert server.stdout is not None
    try:
        yield S3(int(server.stdout.readline()))
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.fixture
def s3(s3_service: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The service, and an environment that leads to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_service.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "right")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return s3_service


@pytest.fixture
def bucket(s3: S3, request: pytest.FixtureRequest) -> str:
    """The address of a new bucket."""
    import fsspec

    system = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    name = f"b{time.time_ns()}"
    system.mkdir(name)
    return f"s3://{name}"


Tar = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture
def make_tar() -> Tar:
    """Write a shard."""

    def make(path: Path, content: dict[str, bytes]) -> Path:
        with tarfile.open(path, "w") as tar:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, BytesIO(data))
        return path

    return make
