"""Firefox by WebDriver BiDi (w3c.github.io/webdriver-bidi), which it speaks without a driver.

Playwright has a Firefox of its own; this is the one that people have.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

WAIT = 180
"""Seconds that anything may take on a busy machine."""

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
    process = subprocess.Popen(
        [found, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            address = f"{_address(process)}/session"
            with connect(address, max_size=None, open_timeout=WAIT, ping_interval=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()


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


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on (ws://\S+)", line):
            Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
            return found[1]
    raise AssertionError("Firefox did not start")


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
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=WAIT))
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
        """Wait in the page until a JavaScript expression is true."""
        self.evaluate(
            f"new Promise(done => (function look() {{"
            f"({condition}) ? done(true) : setTimeout(look, 20) }})())"
        )

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
        while len(ended := self.events("browsingContext.downloadEnd")) == before:
            self._receive()
        assert ended[-1]["status"] == "complete"
        return Path(ended[-1]["filepath"])

    def wrong(self) -> list[str]:
        """Errors, warnings and violations of the policy so far."""
        log = self.events("log.entryAdded")
        said = [str(entry["text"]) for entry in log if entry["level"] in ("error", "warn")]
        return said + list(self.evaluate("window.violations"))
