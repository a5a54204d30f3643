"""A large file from the web: resumed where it broke off, and checked."""

from __future__ import annotations

import hashlib
import http.client
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib import request
from urllib.error import HTTPError, URLError

from toolkit.errors import DownloadError, OutputError, UsageError, one_line, os_reason

__all__ = ["check", "digests", "discard", "download"]

BLOCK = 1 << 20
FIRST = "md5-first-mib"
TIMEOUT = 30
"""Seconds without a byte after which a connection counts as broken."""


class _BrokenOffError(Exception):
    """The connection ended before the file did; the message says how."""


def download(
    url: str,
    part: Path,
    *,
    size: int | None = None,
    on_progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> None:
    """Fetch `url` into `part`, going on where an earlier call stopped.

    Parameters
    ----------
    url : str
        http or https.
    part : Path
        Grows while it is fetched. Beside it, in ``NAME.tag``, stands which version it is of.
    size : int, optional
        Bytes that the whole must have.
    on_progress : callable
        Called with the bytes that are there and their number in the end, if that is known.

    Raises
    ------
    UsageError
        If the address is of another kind.
    DownloadError
        If the server refuses, the size differs, or the connection breaks without any progress;
        what has arrived stays.
    OutputError
        If it cannot be written.
    """
    if not re.match(r"https?://", url):
        raise UsageError(f"{one_line(url)}: not an address that begins with http:// or https://")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = _length(part)
            try:
                _fetch(url, part, size, on_progress)
            except _BrokenOffError as broken:
                if _length(part) > before:
                    continue
                raise DownloadError(
                    f"{one_line(url)}: {broken}; {_length(part):,} bytes are there: run the "
                    "command again to go on"
                ) from None
            return
    except OSError as error:
        raise OutputError(f"{one_line(part)}: cannot be written: {os_reason(error)}") from None


def _fetch(
    url: str, part: Path, size: int | None, on_progress: Callable[[int, int | None], None]
) -> None:
    """One connection, from where `part` ends."""
    start, tag = _length(part), part.with_name(f"{part.name}.tag")
    if size is not None and start == size:
        return
    headers = {"User-Agent": "colorize-toolkit", "Accept-Encoding": "identity"}
    if start and tag.exists():
        # Another version than the one that was begun is sent from its beginning.
        headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text()}
    elif start:
        headers |= {"Range": f"bytes={start}-"}
    try:
        answer = request.urlopen(request.Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416 and start:  # nothing after what is there: whole, or too long
            if error.headers.get("Content-Range", "").rpartition("/")[2] != str(start):
                part.unlink()
                _fetch(url, part, size, on_progress)
            return
        raise DownloadError(
            f"{one_line(url)}: the server says {error.code} {one_line(error.reason)}"
        ) from None
    except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _BrokenOffError(_reason(error)) from None
    with answer:
        goes_on = answer.status == 206 and _begins_at(answer, start)
        rest = answer.headers.get("Content-Length")
        total = (start if goes_on else 0) + int(rest) if rest and rest.isdigit() else size
        if size is not None and total != size:
            raise DownloadError(
                f"{one_line(url)}: has {total:,} bytes there, not the {size:,} that are known: it "
                "is another file"
            )
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        with open(part, "ab" if goes_on else "wb") as stream:
            if version and not version.startswith("W/"):
                tag.write_text(version)
            else:
                tag.unlink(missing_ok=True)
            _copy(answer, stream, total, on_progress)


def _copy(
    answer: http.client.HTTPResponse,
    stream: BinaryIO,
    total: int | None,
    on_progress: Callable[[int, int | None], None],
) -> None:
    done = stream.tell()
    while True:
        try:
            block = answer.read1(BLOCK)
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise _BrokenOffError(_reason(error)) from None
        if not block:
            break
        stream.write(block)
        done += len(block)
        on_progress(done, total)
    if total is not None and done < total:
        raise _BrokenOffError("the connection ended too early")


def digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    """Checksums of a file, hexadecimal, by the names that `Dataset.checks` has."""
    known = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms - {FIRST}}
    first = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        first.update(start := stream.read(BLOCK))
        block = start
        while block:
            for digest in known.values():
                digest.update(block)
            block = stream.read(BLOCK)
    found = {name: digest.hexdigest() for name, digest in known.items()}
    return found | ({FIRST: first.hexdigest()} if FIRST in algorithms else {})


def check(path: Path, found: Mapping[str, str], checks: Mapping[str, str], url: str) -> None:
    """Compare a whole download with what is known; a wrong one is removed.

    Raises
    ------
    DownloadError
        If a checksum differs.
    """
    for name, wanted in checks.items():
        if found[name] != wanted.lower():
            discard(path)
            raise DownloadError(
                f"{one_line(url)}: its {name} is {found[name]}, not {one_line(wanted)}; it was "
                "removed: run the command again"
            )


def discard(part: Path) -> None:
    """Remove what `download` wrote."""
    for file in (part, part.with_name(f"{part.name}.tag")):
        with suppress(OSError):
            file.unlink()


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _begins_at(answer: http.client.HTTPResponse, start: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-")


def _reason(error: BaseException) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    return os_reason(inner) if isinstance(inner, OSError) else one_line(inner)
