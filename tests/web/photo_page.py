"""The page as a person uses it: by what it says on its buttons."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zipfile import ZipFile

from tests.web.pictures import Picture, opened

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Download, Page, Route

WAIT = 180_000
"""Milliseconds that anything may take on a busy machine."""


class PhotoPage:
    """One tab with the page in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}"))
        page.on("console", self._hear)
        page.context.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def go(self) -> PhotoPage:
        """Load the page and wait for the model."""
        self.page.goto(self.address)
        self.page.get_by_role("status").filter(has_text="Ready.").wait_for()
        return self

    def change(self, path: str, edit: Callable[[str], str]) -> None:
        """Have a script of the page changed before the browser sees it."""

        def answer(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, body=edit(response.text()))

        self.page.route(path, answer)

    def before_worker(self, script: str) -> None:
        """Have the worker run `script` first: another browser, as far as it can tell."""
        self.change("**/assets/worker-*.js", lambda text: f"{{{script}}}\n{text}")

    def assert_quiet(self) -> None:
        """No error, no violation of the policy, no request to another origin."""
        assert self.wrong == []
        origins = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in self.requests}
        own = self.address.rstrip("/")
        assert {o for o in origins if not o.startswith("blob:")} <= {own}

    def give(self, *files: Path) -> None:
        """Choose files with the button."""
        self.page.locator("#choose").set_input_files(list(files))

    def entry(self, name: str) -> str:
        """What the queue says of a photograph, once it is done."""
        entry = self.page.locator("#queue li", has_text=name)
        entry.locator(".state", has_not_text="waiting").filter(
            has_not_text="colouring"
        ).first.wait_for()
        state: str = entry.locator(".state").inner_text()
        return state

    def select(self, name: str) -> None:
        self.page.locator("#queue button", has_text=name).click()

    def shown(self) -> None:
        """Wait until a photograph stands before and after."""
        self.page.locator("#viewer:not([hidden])").wait_for()
        self.page.locator("#stage[aria-busy=false]").wait_for()

    def strength(self, value: float) -> None:
        self.page.get_by_label("Strength of the colours").fill(str(value))

    def download(self, kind: str = "png") -> Download:
        self.page.get_by_label("Save as").select_option(kind)
        with self.page.expect_download(timeout=WAIT) as waiting:
            self.page.get_by_role("button", name="Download", exact=True).click()
        return waiting.value

    def picture(self, source: Path) -> Picture:
        """Have one photograph coloured; its pixels as a PNG brings them."""
        self.give(source)
        assert self.entry(source.name) == "coloured"
        self.select(source.name)
        return pixels(self.download())

    def archive(self) -> ZipFile:
        with self.page.expect_download(timeout=WAIT) as waiting:
            self.page.get_by_role("button", name="Download all").click()
        return ZipFile(BytesIO(Path(waiting.value.path()).read_bytes()))


def pixels(download: Download) -> Picture:
    return opened(Path(download.path()))
