"""Against a real server on this machine, and real archives that mean harm."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolkit.errors import DownloadError, UsageError
from toolkit.training.data.archive import unpack
from toolkit.training.data.datasets import DATASETS, Dataset
from toolkit.training.data.download import digests, download
from toolkit.training.data.fetch import RECORD, fetch, find_dataset


@dataclass
class Site:
    """A server with one file, and what befalls its connections."""

    data: bytes
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next connections is cut."""
    knows_ranges: bool = True
    version: str = '"one"'
    asked: list[str] = field(default_factory=list)
    """The Range of every request."""
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site(os.urandom(300_000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/none.tgz":
                self.send_error(404)
                return
            wanted = self.headers.get("Range", "")
            here.asked.append(wanted)
            start = int(wanted[6:-1]) if wanted and here.knows_ranges else 0
            if start and self.headers.get("If-Range", here.version) != here.version:
                start = 0
            if start >= len(here.data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(here.data)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                last = len(here.data) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            self.send_header("Content-Length", str(len(here.data) - start))
            self.send_header("ETag", here.version)
            self.end_headers()
            stop = here.drop_after.pop(0) if here.drop_after else len(here.data)
            self.wfile.write(here.data[start : start + stop])

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    here.url = f"http://127.0.0.1:{server.server_port}/photos.tgz"
    yield here
    server.shutdown()
    server.server_close()


def tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_what_broke_off_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.drop_after = [100_000, 50_000]
    seen: list[tuple[int, int | None]] = []
    download(site.url, tmp_path / "part", on_progress=lambda *at: seen.append(at))
    assert (tmp_path / "part").read_bytes() == site.data
    assert site.asked == ["", "bytes=100000-", "bytes=150000-"]
    assert seen[-1] == (300_000, 300_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_connection_that_brings_nothing_ends_it_and_a_later_call_goes_on(
    site: Site, tmp_path: Path
) -> None:
    site.drop_after = [100_000, 0]
    with pytest.raises(DownloadError, match="100,000 bytes are there: run the command again"):
        download(site.url, tmp_path / "part")
    download(site.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == site.data
    download(site.url, tmp_path / "part")  # whole already: the server says 416
    assert (tmp_path / "part").read_bytes() == site.data


def test_a_server_without_ranges_begins_anew(site: Site, tmp_path: Path) -> None:
    site.knows_ranges, site.drop_after = False, [100_000]
    download(site.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == site.data


def test_another_version_is_not_joined_to_the_first(site: Site, tmp_path: Path) -> None:
    site.drop_after = [100_000, 0]
    with pytest.raises(DownloadError):
        download(site.url, tmp_path / "part")
    site.data, site.version = os.urandom(200_000), '"two"'
    download(site.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == site.data


def test_photographs_appear_when_all_of_it_is_there(site: Site, tmp_path: Path) -> None:
    site.data = tar({"coco/a.jpg": b"one", "coco/b/c.jpg": b"two"})
    checks = {
        "sha256": hashlib.sha256(site.data).hexdigest(),
        "md5-first-mib": hashlib.md5(site.data[: 1 << 20]).hexdigest(),
    }
    dataset = Dataset(site.url, "", len(site.data), checks)
    folder = tmp_path / "photos"
    assert fetch(dataset, folder) == 2
    assert (folder / "coco" / "b" / "c.jpg").read_bytes() == b"two"
    record = json.loads((folder / RECORD).read_text())
    assert record == {"url": site.url, "size": len(site.data), **checks}
    assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == ["photos"]
    assert fetch(dataset, folder) == 0  # there already
    assert len(site.asked) == 1
    with pytest.raises(UsageError, match="--out"):
        fetch(Dataset(site.url + "2", ""), folder)


def test_where_no_checksum_is_known_it_is_told_and_kept(site: Site, tmp_path: Path) -> None:
    site.data = tar({"a.jpg": b"one"})
    told: list[str] = []
    fetch(Dataset(site.url, ""), tmp_path / "photos", on_message=told.append)
    digest = hashlib.sha256(site.data).hexdigest()
    assert any("no checksum of it is known" in line and digest in line for line in told)
    assert json.loads((tmp_path / "photos" / RECORD).read_text())["sha256"] == digest


def test_a_wrong_checksum_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.data = tar({"a.jpg": b"one"})
    with pytest.raises(DownloadError, match="sha256"):
        fetch(Dataset(site.url, "", checks={"sha256": "0" * 64}), tmp_path / "photos")
    with pytest.raises(DownloadError, match="another file"):
        fetch(Dataset(site.url, "", size=7), tmp_path / "photos")
    assert not list(tmp_path.glob("photos*"))


def link(kind: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        packed.addfile(info)
    return stream.getvalue()


def zipped(files: dict[str, bytes], attributes: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = attributes << 16, zipfile.ZIP_DEFLATED
            packed.writestr(info, data)
    return stream.getvalue()


def lying_zip() -> bytes:
    """Whose directory says that 100,000 bytes are 1,000."""
    packed = bytearray(zipped({"a.jpg": bytes(100_000)}))
    size = (100_000).to_bytes(4, "little")
    while (at := packed.find(size)) >= 0:
        packed[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(packed)


HARM = {
    "parent in tar": tar({"../a.jpg": b"x"}),
    "parent within a path": tar({"a/../../b.jpg": b"x"}),
    "absolute in tar": tar({"/tmp/a.jpg": b"x"}),
    "windows path": tar({"..\\a.jpg": b"x"}),
    "drive": zipped({"C:a.jpg": b"x"}),
    "symbolic link": link(tarfile.SYMTYPE),
    "hard link": link(tarfile.LNKTYPE),
    "device": link(tarfile.CHRTYPE),
    "pipe": link(tarfile.FIFOTYPE),
    "the same file twice": zipped({"a.jpg": b"x", "./a.jpg": b"y"}),
    "parent in zip": zipped({"../a.jpg": b"x"}),
    "link in zip": zipped({"a.jpg": b"/etc/passwd"}, 0o120777),
    "bomb in tar": tar({"a.jpg": bytes(100_000_000)}),
    "bomb in zip": zipped({"a.jpg": bytes(100_000_000)}),
    "lying zip": lying_zip(),
    "truncated tar": tar({"a.jpg": os.urandom(100_000)})[:50_000],
    "truncated zip": zipped({"a.jpg": os.urandom(100_000)})[:50_000],
    "a page of text": b"<html>log in first</html>",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", sorted(HARM))
def test_an_archive_that_means_harm_leaves_nothing(kind: str, site: Site, tmp_path: Path) -> None:
    site.data = HARM[kind]
    inside = tmp_path / "deep" / "deeper"
    if kind == "nothing":
        (tmp_path / "empty").touch()
        with pytest.raises(DownloadError):
            unpack(tmp_path / "empty", tmp_path)
        return
    with pytest.raises(DownloadError) as caught:
        fetch(Dataset(site.url, ""), inside / "photos")
    assert "\n" not in str(caught.value)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert not (inside / "photos").exists()


def toolkit(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", "data", "fetch", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | more,
    )


def test_the_command_fetches_an_address(site: Site, tmp_path: Path) -> None:
    site.data, site.drop_after = tar({"a.jpg": b"one"}), [20]
    digest = hashlib.sha256(site.data).hexdigest()
    done = toolkit(site.url, "--out", tmp_path / "photos", "--sha256", digest)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'photos'}: 1 files\n"), done.stderr
    wrong = toolkit(site.url, "--out", tmp_path / "other", "--sha256", "0" * 64)
    assert (wrong.returncode, wrong.stdout) == (9, "")
    assert "sha256" in wrong.stderr
    missing = toolkit(site.url.replace("photos", "none"), "--out", tmp_path / "other")
    assert missing.returncode == 9
    assert "404" in missing.stderr
    assert not (tmp_path / "other").exists()


def test_the_command_without_a_network_is_one_line(tmp_path: Path) -> None:
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = toolkit("coco-tiny", "--out", tmp_path / "photos", **nowhere)
    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr.count("\n") == 1
    assert "coco_tiny.tgz" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_are_listed_and_a_wrong_one_is_named() -> None:
    listed = toolkit("--list")
    assert all(name in listed.stdout for name in DATASETS)
    with pytest.raises(UsageError, match="coco-tiny"):
        find_dataset("coco-tini")
    assert toolkit().returncode == 2
    assert find_dataset("https://x.org/a/flowers.tar.gz")[0] == "flowers"


def test_every_known_archive_has_a_checksum_that_can_be_computed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    for name, dataset in DATASETS.items():
        assert dataset.checks, name
        found = digests(tmp_path / "a", set(dataset.checks))
        assert {n: len(v) for n, v in found.items()} == {
            n: len(v) for n, v in dataset.checks.items()
        }
    assert digests(tmp_path / "a", {"md5-first-mib"}) == {
        "md5-first-mib": "900150983cd24fb0d6963f7d28e17f72"
    }
