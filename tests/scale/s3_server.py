"""An S3 service on loopback, with the faults of a real one: ``python -m tests.scale.s3_server``.

moto keeps the objects. In front of it stands what makes it behave badly on request: keys with
``throttled-N`` in their name answer 503 to the first N reads, those with ``dropped`` break off in
the middle of each read, those with ``dropped-N`` of the first N; ``put-throttled`` and so on do
the same to writes; and only one access key is known. Everything that was put is listed under
``/__puts__``.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY = "right"
_FAULT = re.compile(r"(put-)?(throttled|dropped)(?:-(\d+))?")
_ERROR = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>{0}</Message></Error>"

Start = Callable[..., Any]


class Faulty:
    """A WSGI application in front of another."""

    def __init__(self, inner: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> None:
        self._inner = inner
        self._asked: Counter[str] = Counter()
        self._puts: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/__puts__":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._puts).encode()]
        if f"Credential={KEY}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return _error(start, method, "403 Forbidden", "InvalidAccessKeyId")
        fault = _FAULT.search(path)
        if fault and method == ("PUT" if fault[1] else "GET"):
            self._asked[path] += 1
            if self._asked[path] <= int(fault[3] or sys.maxsize):
                return self._fail(fault, environ, start)
        if method == "PUT":
            self._puts.append(path)
        return self._inner(environ, start)

    def _fail(self, fault: re.Match[str], environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if fault[2] == "dropped" and fault[1]:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 2) // 2)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # else the rest is a request
            raise ConnectionResetError
        if fault[2] == "dropped":
            return _half(b"".join(self._inner(environ, start)))
        return _error(start, environ["REQUEST_METHOD"], "503 Slow Down", "SlowDown")


def _error(start: Start, method: str, status: str, code: str) -> list[bytes]:
    body = _ERROR.format(code).encode()
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [] if method == "HEAD" else [body]


def _half(body: bytes) -> Iterator[bytes]:
    """Half of what the header announces, then the connection breaks."""
    yield body[: len(body) // 2]
    raise ConnectionResetError


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...


def main() -> None:
    """Serve until killed; the port is the first line of output."""
    app = Faulty(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
