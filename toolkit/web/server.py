"""Serves a site on this machine alone: it answers GET and HEAD, and takes nothing in."""

from __future__ import annotations

import os
import shutil
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path, PurePosixPath
from socketserver import TCPServer
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from toolkit.errors import OutputError, os_reason
from toolkit.web.site import Site

__all__ = ["HEADERS", "HOST", "POLICY", "Server"]

HOST = "127.0.0.1"

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's own policy, which stands in its head too, and that no other page may frame it."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    # Both together isolate the page, without which WebAssembly has one thread.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""Of our own: the machine's list may lack some, and a script of another type does not run."""


class Server(ThreadingHTTPServer):
    """An HTTP server on `HOST`.

    Parameters
    ----------
    site : Site
    port : int
        0 for any free one.

    Raises
    ------
    OutputError
        If the port cannot be opened.
    """

    daemon_threads = True
    # On Windows this would let two programs have one port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OutputError(
                f"port {port} of {HOST} cannot be opened: {os_reason(error)}; "
                "choose another with --port, or --port 0 for any free one"
            ) from error

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that hangs up, as each does when a page is left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "toolkit"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        body = self._head()
        if body is not None:
            with body:
                shutil.copyfileobj(body, self.wfile)

    def do_HEAD(self) -> None:
        body = self._head()
        if body is not None:
            body.close()

    def _head(self) -> BinaryIO | None:
        """Send what stands before the body; the body, or None where there is none."""
        name = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        try:
            body, size = _opened(self.server.site.files[name])
        except (KeyError, OSError):  # there is none, or it has been deleted since
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        kind = TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
        # Names of assets hold their hash; everything else is asked for again.
        kept = "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", kept)
        self.end_headers()
        return body

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what is asked for is the user's business."""


def _opened(content: Path | bytes) -> tuple[BinaryIO, int]:
    if isinstance(content, bytes):
        return BytesIO(content), len(content)
    stream = content.open("rb")
    return stream, os.fstat(stream.fileno()).st_size
