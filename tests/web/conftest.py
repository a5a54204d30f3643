"""The page in headless Chromium, served by the real server; a proxy lets nothing out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

pytest.register_assert_rewrite("tests.web.photo_page")

from tests.web.bundles import PAGE, ROOT, make_bundle  # noqa: E402
from tests.web.photo_page import PhotoPage  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The page, built anew, so that no old one is tested."""
    npm = shutil.which("npm")
    assert npm, "these tests need Node 20.19 or later: docs/browser.md"
    assert (PAGE / "node_modules").is_dir(), "run first: npm --prefix examples/browser ci"
    subprocess.run([npm, "run", "--silent", "build"], cwd=PAGE, check=True, capture_output=True)
    return ROOT / "toolkit" / "web" / "page"


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two tiny models of different colours."""
    folder = tmp_path_factory.mktemp("bundles")
    return [
        make_bundle(folder / "first"),
        make_bundle(folder / "second", gain=-0.3, seed=1),
    ]


Start = Callable[..., str]


@pytest.fixture(scope="session")
def toolkit_web(built_page: Path) -> Iterator[Start]:
    """Starts ``toolkit web`` with some models, or all that there are; gives the address.

    `python` is one that has the toolkit installed; this one runs the checkout.
    """
    running: list[subprocess.Popen[str]] = []

    def start(*models: Path, python: Path | None = None, cwd: Path = ROOT) -> str:
        options = [text for model in models for text in ("--model", str(model))]
        process = subprocess.Popen(
            [python or sys.executable, "-m", "toolkit", "web", "--port", "0", "--quiet", *options],
            env={**os.environ, "PYTHONPATH": "" if python else str(ROOT)},
            cwd=cwd,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "toolkit web did not start"
        return address

    yield start
    for process in running:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="session")
def server(toolkit_web: Start, bundles: list[Path]) -> str:
    return toolkit_web(*bundles)


class Guard:
    """A proxy that answers nothing and remembers what wanted out.

    The page's profile is told to use it for every address but 127.0.0.1, so it sees what pages,
    workers and service workers ask for; what the browser does for itself goes elsewhere.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.seen.append(connection.recv(200).split(b"\r\n")[0].decode("latin-1"))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


Launch = Callable[..., "Browser"]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "these tests need Chromium: docs/browser.md"
    return found


@pytest.fixture(scope="session")
def launch() -> Iterator[Launch]:
    """Starts a Chromium."""
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    options = ["--no-sandbox"] if root else []  # Chromium has no sandbox for root
    browsers: list[Browser] = []
    with sync_playwright() as playwright:

        def start(executable: str | Path) -> Browser:
            browsers.append(playwright.chromium.launch(executable_path=executable, args=options))
            return browsers[-1]

        yield start
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="session")
def browser(launch: Launch, chromium: str) -> Browser:
    return launch(chromium)


@pytest.fixture
def small_browser(launch: Launch, chromium: str, tmp_path: Path) -> Iterator[Browser]:
    """One that has no more memory than a machine with 4 GB leaves it: 1.5 GB for each process."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux: RLIMIT_DATA")
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\nulimit -d {1500 * 1024}\nexec "{chromium}" "$@"\n')
    program.chmod(0o755)
    browser = launch(program)
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser: Browser, guard: Guard, server: str) -> Iterator[Callable[..., PhotoPage]]:
    """Opens the page in a fresh profile; at the end nothing may have gone wrong in silence."""
    contexts: list[BrowserContext] = []
    pages: list[PhotoPage] = []

    def open_it(address: str = server, *, browser: Browser = browser, **options: Any) -> PhotoPage:
        context = browser.new_context(
            **{"locale": "en-US", **options},
            proxy={"server": f"http://127.0.0.1:{guard.port}", "bypass": "127.0.0.1"},
        )
        contexts.append(context)
        page = PhotoPage(context.new_page(), address)
        pages.append(page)
        return page

    yield open_it
    for page in pages:
        page.assert_quiet()
    for context in contexts:
        context.close()
