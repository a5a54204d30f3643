"""``toolkit web`` as a person starts it: a real process, a real port, a stand-in for the page.

What the page does in a browser is in test_page.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.conftest import ModelMaker
from tests.web.bundles import PAGE, ROOT, make_bundle
from toolkit.errors import MissingRequirement, OutputError, UnusableModel
from toolkit.runtime.models import find
from toolkit.web.server import POLICY, Server
from toolkit.web.site import Site, make_site, write_site

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: signals")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A built page, as far as the server can tell."""
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "page-1234.js").write_text("export {}")
    (folder / "assets" / "engine-1234.wasm").write_bytes(b"\0asm\1\0\0\0")
    (tmp_path / "secret.txt").write_text("not for the page")
    return folder


@pytest.fixture
def site(page: Path, tmp_path: Path) -> Site:
    return make_site([find(make_bundle(tmp_path / "bundles" / "tiny"))], page=page)


@contextmanager
def served(site: Site) -> Iterator[HTTPConnection]:
    from threading import Thread

    with Server(site, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        try:
            yield connection
        finally:
            connection.close()
            server.shutdown()
            thread.join()


def ask(connection: HTTPConnection, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection.request(method, path)
    response = connection.getresponse()
    return response, response.read()


def test_every_answer_isolates_the_page_and_allows_no_other_origin(site: Site) -> None:
    with served(site) as connection:
        for path in ("/", "/assets/page-1234.js", "/models.json", "/nothing"):
            response, _ = ask(connection, path)
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert response.headers["Content-Security-Policy"] == POLICY
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    sources = set(re.findall(r"[^\s;]+", POLICY)) - set(re.findall(r"[a-z]+-[a-z]+", POLICY))
    assert sources == {"'none'", "'self'", "'wasm-unsafe-eval'"}


def test_types_that_browsers_insist_on(site: Site) -> None:
    want = {
        "/": "text/html; charset=utf-8",
        "/assets/page-1234.js": "text/javascript; charset=utf-8",
        "/assets/engine-1234.wasm": "application/wasm",
        "/models/tiny/tiny.onnx": "application/octet-stream",
    }
    with served(site) as connection:
        for path, kind in want.items():
            assert ask(connection, path)[0].headers["Content-Type"] == kind


def test_the_model_comes_with_its_hash_and_contract(site: Site) -> None:
    with served(site) as connection:
        assert json.loads(ask(connection, "/models.json")[1]) == ["tiny"]
        manifest = json.loads(ask(connection, "/models/tiny/manifest.json")[1])
        _, data = ask(connection, "/models/tiny/tiny.onnx?v=1")
    facts = manifest["files"]["tiny.onnx"]
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert facts["size"] == len(data)
    assert manifest["contract"]["resample"] == "triangle"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "//secret.txt",
        "/assets/../../secret.txt",
        "/assets/",
    ],
)
def test_nothing_but_the_site_can_be_asked_for(path: str, site: Site) -> None:
    with served(site) as connection:
        response, body = ask(connection, path)
        assert response.status == 404
        assert b"not for the page" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_sent(method: str, site: Site) -> None:
    with served(site) as connection:
        assert ask(connection, "/", method)[0].status == 501


def test_head_has_a_length_and_no_body(site: Site) -> None:
    with served(site) as connection:
        response, body = ask(connection, "/models/tiny/tiny.onnx", "HEAD")
        assert int(response.headers["Content-Length"]) > 100
        assert body == b""
        assert ask(connection, "/")[0].status == 200  # the connection is still of use


def test_a_browser_that_hangs_up_is_no_error(
    site: Site, page: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (page / "assets" / "engine-1234.wasm").write_bytes(bytes(20_000_000))
    with served(site) as connection:
        with socket.create_connection((connection.host, connection.port)) as browser:
            browser.sendall(b"GET /assets/engine-1234.wasm HTTP/1.1\r\n\r\n")
            browser.recv(1000)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert ask(connection, "/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_only_this_machine_can_ask(site: Site) -> None:
    with Server(site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_an_error_of_one_line(site: Site) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OutputError, match=r"cannot be opened: .*--port"):
            Server(site, other.getsockname()[1])


def test_a_clone_without_the_page_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirement, match="npm --prefix examples/browser run build"):
        make_site([], page=tmp_path)


def test_models_that_the_page_cannot_use_are_told(page: Path, make_tiny_model: ModelMaker) -> None:
    told: list[str] = []
    other = find(make_tiny_model(task="luma"))
    with pytest.raises(UnusableModel, match="no model for the page"):
        make_site([other], page=page, on_unfit=told.append)
    assert "task luma" in told[0]


def test_the_site_is_written_whole_and_never_over_another(site: Site, tmp_path: Path) -> None:
    write_site(site, tmp_path / "out")
    written = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")}
    assert written >= set(site.files)
    with pytest.raises(OutputError, match="exists"):
        write_site(site, tmp_path / "out")


def test_the_policy_in_the_page_is_that_of_the_server() -> None:
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    found = re.search(r'content="(default-src [^"]*)"', text)
    assert found
    assert f"{found[1]}; frame-ancestors 'none'" == POLICY


def test_the_lock_file_pins_every_package_and_names_no_host() -> None:
    lock = json.loads((PAGE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [facts for name, facts in lock["packages"].items() if name]
    assert len(packages) > 20
    assert all(facts["integrity"].startswith("sha512-") for facts in packages)
    assert not any("resolved" in facts for facts in packages)


COMMAND = [sys.executable, "-m", "toolkit", "web"]


def environment(models: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TOOLKIT_MODELS": str(models)}


@pytest.mark.browser  # needs the built page
def test_exit_code_8_where_the_port_is_taken(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port, "--model", str(bundle)],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 8
    assert done.stderr.startswith(f"error: port {port} of 127.0.0.1 cannot be opened")
    assert done.stderr.count("\n") == 1


@on_unix
@pytest.mark.browser  # needs the built page
def test_it_prints_its_address_and_ends_well_at_ctrl_c(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny")
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--model", str(bundle)],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in a shell's background ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in said
