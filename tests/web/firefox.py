"""Firefox by WebDriver BiDi (w3c.github.io/webdriver-bidi), which it speaks without a driver.

Playwright has a Firefox of its own; this is the one that people have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

T = TypeVar("T")

WAIT = 180
"""Seconds that anything may take on a busy machine."""

END = 20
"""Seconds to end in by itself; a service worker or a store can hold Firefox up for longer."""

PAUSE = 0.05
"""Seconds between two looks."""

EVENTS = ["browsingContext.downloadEnd", "log.entryAdded", "network.beforeRequestSent"]

COLLECT_VIOLATIONS = """() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation',
        event => window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
}"""


@contextmanager
def open_firefox(folder: Path) -> Iterator[Firefox]:
    """Start it with a fresh profile in `folder`; downloads go there too, without a question."""
    from websockets.sync.client import connect

    found = shutil.which("firefox-esr") or shutil.which("firefox")
    assert found, "these tests need Firefox: docs/browser.md"
    options = ["--headless", "--remote-debugging-port", "0", "--profile", _profile(folder)]
    log = folder / "firefox.log"  # a pipe stays open, and is waited for, while any child lives
    with log.open("w") as output:
        process = subprocess.Popen(
            [found, *options], stderr=output, stdout=output, start_new_session=True
        )
    try:
        address = f"{_address(process, log)}/session"
        with connect(address, max_size=None, open_timeout=WAIT, ping_interval=None) as socket:
            yield Firefox(socket)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(END)


def _profile(folder: Path) -> str:
    profile = folder / "profile"
    profile.mkdir(parents=True)
    settings: dict[str, object] = {
        "browser.download.dir": str(folder),
        "browser.download.folderList": 2,
        "browser.download.useDownloadDir": True,
        "datareporting.policy.dataSubmissionEnabled": False,
        "intl.accept_languages": "en-US",
        "toolkit.telemetry.enabled": False,
    }
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in settings.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    return str(profile)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    def look() -> re.Match[str] | None:
        found = re.search(r"listening on (ws://\S+)\n", log.read_text(errors="replace"))
        assert found or process.poll() is None, f"Firefox did not start: {log.read_text()}"
        return found

    return _wait(look, "Firefox to listen")[1]


def _wait(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, within `WAIT` seconds."""
    end = time.monotonic() + WAIT
    while not (found := look()):
        assert time.monotonic() < end, f"waited {WAIT} s for {what}"
        time.sleep(PAUSE)
    return found


class Firefox:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._events: list[dict[str, Any]] = []
        self._ids = count(1)
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=EVENTS)
        self.call("script.addPreloadScript", functionDeclaration=COLLECT_VIOLATIONS)
        tree = self.call("browsingContext.getTree")
        self._tab: str = tree["contexts"][0]["context"]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One BiDi command; what happens meanwhile is remembered."""
        number = next(self._ids)
        end = time.monotonic() + WAIT
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self._receive(end, method)
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result

    def _receive(self, end: float, what: str) -> dict[str, Any]:
        """The next message, if it comes before `end`: others may come all the time."""
        left = end - time.monotonic()
        assert left > 0, f"waited {WAIT} s for {what}"
        try:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=left))
        except TimeoutError as error:
            raise AssertionError(f"waited {WAIT} s for {what}") from error
        if message["type"] == "event":
            self._events.append(message)
        return message

    def events(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self._events if event["method"] == method]

    def goto(self, address: str) -> None:
        self.call("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def reload(self) -> None:
        self.call("browsingContext.reload", context=self._tab, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression, or the promise that it is, comes to."""
        answer = self.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression}) ?? null))()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true, in whatever document there is by then."""
        try:
            _wait(lambda: self.evaluate(condition), condition)
        except AssertionError as error:
            page = self.evaluate("document.body.innerText")
            raise AssertionError(f"{error}; the page says: {page}") from error

    def choose(self, selector: str, *files: Path) -> None:
        found = self.call(
            "browsingContext.locateNodes",
            context=self._tab,
            locator={"type": "css", "value": selector},
        )
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        names = [str(file) for file in files]
        self.call("input.setFiles", context=self._tab, element=element, files=names)

    def download(self, selector: str) -> Path:
        """Click, and wait for the file."""
        before = len(self.events("browsingContext.downloadEnd"))
        self.evaluate(f"document.querySelector('{selector}').click()")
        end = time.monotonic() + WAIT
        while len(ended := self.events("browsingContext.downloadEnd")) == before:
            self._receive(end, "the download")
        assert ended[-1]["status"] == "complete"
        return Path(ended[-1]["filepath"])

    def wrong(self) -> list[str]:
        """Errors, warnings and violations of the policy so far."""
        log = self.events("log.entryAdded")
        said = [str(entry["text"]) for entry in log if entry["level"] in ("error", "warn")]
        return said + list(self.evaluate("window.violations"))
