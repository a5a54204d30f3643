"""The page on a static host that knows nothing of it."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from tests.web.bundles import ROOT


def built(folder: Path, *bundles: Path) -> Path:
    """The site as ``toolkit web --build`` writes it."""
    models = [text for bundle in bundles for text in ("--model", str(bundle))]
    command = [sys.executable, "-m", "toolkit", "web", "--quiet", *models]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, "--build", str(folder / "site")], env=environment, check=True)
    return folder / "site"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Static:
    """``python -m http.server`` in a folder."""

    def __init__(self, folder: Path, handler: type[Quiet] = Quiet) -> None:
        serve = partial(handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Static:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __exit__(self, *args: object) -> None:
        self.stop()
