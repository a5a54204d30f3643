"""Files by address: ``s3://bucket/a.jpg`` and whatever else fsspec reaches, or a local path.

fsspec comes with an extra and is imported when the first address is used. A busy or broken
connection is tried again with growing pauses; what cannot succeed is told at once.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import MissingRequirement, OutputError, UnusableInput, one_line, os_reason
from toolkit.files import atomic_write, write_bytes
from toolkit.requirements import install_command, require

__all__ = ["RETRIES", "Stores", "failure", "is_url", "join"]

RETRIES = 5
"""How often an operation is tried again: pauses of about 0.5, 1, 2, 4 and 8 seconds."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
_CHUNK = 8_000_000
"""Bytes of a large file that are asked for at a time, so that a drop costs one piece."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:\ is a drive
_OPTIONS: dict[str, dict[str, Any]] = {
    # Retries are counted here, once, and not multiplied by those of the layers below.
    "s3": {"config_kwargs": {"retries": {"max_attempts": 1}}, "use_listings_cache": False},
}
_HOPELESS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
_CONNECTION = ("Timeout", "Connection", "HTTPClient", "IncompleteRead", "Payload", "Response")

T = TypeVar("T")


def is_url(text: str | os.PathLike[str]) -> bool:
    """Whether `text` is an address and not a local path."""
    return bool(_URL.match(os.fspath(text)))


def join(base: str, key: str) -> str:
    """The address of `key` under `base`; parts are separated by ``/``."""
    return f"{base.rstrip('/')}/{key}"


def failure(error: BaseException | None) -> str:
    """What went wrong in a store: missing, denied, throttled, connection, full or store."""
    told = str(error)
    name = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, PermissionError) or name in _NO_CREDENTIALS:
        return "denied"
    if "SlowDown" in told or "reduce your request rate" in told or "Service Unavailable" in told:
        return "throttled"
    if isinstance(error, ConnectionError | TimeoutError) or any(w in name for w in _CONNECTION):
        return "connection"
    if isinstance(error, OSError) and error.errno is not None:
        if os_reason(error) == "the disk is full":
            return "full"
        if error.errno == 16:  # EBUSY: how s3fs tells of a 503
            return "throttled"
    return "store"


class Stores:
    """Reads and writes by address; threads may share it.

    Parameters
    ----------
    retries : int
        How often an operation on an address is tried again. Local files are never tried again.
    """

    def __init__(self, retries: int = RETRIES) -> None:
        self._retries = retries

    def read(self, place: str) -> bytes:
        """All bytes of a file. Raises `UnusableInput`."""
        if is_url(place):
            data: bytes = self._reading(place, lambda fs: fs.cat_file(place))
            return data
        return self._reading_local(place, lambda: Path(place).read_bytes())

    def head(self, place: str, count: int) -> bytes:
        """The first `count` bytes of a file, or all. Raises `UnusableInput`."""
        if is_url(place):
            return self._piece(place, 0, count)

        def begin() -> bytes:
            with open(place, "rb") as stream:
                return stream.read(count)

        return self._reading_local(place, begin)

    def size(self, place: str) -> int:
        """Bytes of a file, as its store says. Raises `UnusableInput`."""
        if is_url(place):
            return int(self._reading(place, lambda fs: fs.info(place)["size"]))
        return self._reading_local(place, lambda: Path(place).stat().st_size)

    def exists(self, place: str) -> bool:
        """Whether there is a file. Raises `UnusableInput` where the store cannot say."""
        if not is_url(place):
            return Path(place).exists()

        def look(fs: Any) -> bool:
            try:
                fs.info(place)
            except FileNotFoundError:
                return False
            return True

        return bool(self._reading(place, look))

    def fetch(self, place: str, path: Path) -> None:
        """Copy a large file to a local `path`, piece by piece. Raises `UnusableInput`."""
        if not is_url(place):
            self._reading_local(place, lambda: shutil.copyfile(place, path))
            return
        size = self.size(place)
        with open(path, "wb") as stream:
            for start in range(0, size, _CHUNK):
                stream.write(self._piece(place, start, min(start + _CHUNK, size)))

    def _piece(self, place: str, start: int, end: int) -> bytes:
        data: bytes = self._reading(place, lambda fs: fs.cat_file(place, start=start, end=end))
        return data

    def write(self, place: str, data: bytes, *, overwrite: bool = True) -> None:
        """Put a file in place, whole or not at all. Raises `OutputError`."""
        if not is_url(place):
            write_bytes(Path(place), data, overwrite=overwrite)
            return
        if not overwrite and self.exists(place):
            raise OutputError(f"{one_line(place)}: exists and is not replaced")
        self._writing(place, lambda fs: fs.pipe_file(place, data))

    def put(self, path: Path, place: str) -> None:
        """Put a local file in place, whole or not at all. Raises `OutputError`."""
        if is_url(place):
            self._writing(place, lambda fs: fs.put_file(os.fspath(path), place))
            return
        with open(path, "rb") as source, atomic_write(Path(place)) as stream:
            shutil.copyfileobj(source, stream, _CHUNK)

    def delete(self, place: str) -> None:
        """Remove a file, if it is there. Raises `OutputError`."""
        if is_url(place):
            if self.exists(place):
                self._writing(place, lambda fs: fs.rm_file(place))
            return
        try:
            Path(place).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{one_line(place)}: cannot be removed: {_told(error)}") from error

    def find(self, place: str) -> Iterator[tuple[str, int]]:
        """Address and size of every file under a prefix, folder by folder, sorted in each.

        Folders and files whose names begin with a dot are left out.

        Raises
        ------
        UnusableInput
            If there is no such folder, or it cannot be read.
        """
        if not is_url(place):
            yield from self._find_local(Path(place))
            return
        head = place.split("://", 1)[0]
        folders = [place.rstrip("/")]
        while folders:
            here = folders.pop()
            found = self._listing(here)
            inner = []
            for info in sorted(found, key=lambda info: str(info["name"])):
                address = f"{head}://{str(info['name']).split('://', 1)[-1].lstrip('/')}"
                name = address.rsplit("/", 1)[-1]
                if not name or name.startswith(".") or address == here:
                    continue
                if info["type"] == "directory":
                    inner.append(address)
                else:
                    yield address, int(info["size"] or 0)
            folders += reversed(inner)

    def _listing(self, folder: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._reading(folder, lambda fs: fs.ls(folder, detail=True))
        return found

    def _find_local(self, root: Path) -> Iterator[tuple[str, int]]:
        if not root.is_dir():
            raise UnusableInput(f"{one_line(root)}: no such folder")

        def fail(error: OSError) -> None:
            raise UnusableInput(f"{one_line(error.filename)}: cannot be read: {os_reason(error)}")

        for here, folders, names in os.walk(root, onerror=fail):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(here, name)
                if path.is_file():
                    yield str(path), path.stat().st_size

    def _reading_local(self, place: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except OSError as error:
            raise UnusableInput(f"{one_line(place)}: cannot be read: {_told(error)}") from error

    def _reading(self, place: str, call: Callable[[Any], T]) -> T:
        try:
            return self._persevering(place, call)
        except MissingRequirement:
            raise
        except Exception as error:  # each store raises its own kinds
            raise UnusableInput(f"{one_line(place)}: cannot be read: {_told(error)}") from error

    def _writing(self, place: str, call: Callable[[Any], object]) -> None:
        try:
            self._persevering(place, call)
        except MissingRequirement:
            raise
        except Exception as error:  # each store raises its own kinds
            raise OutputError(f"{one_line(place)}: cannot be written: {_told(error)}") from error

    def _persevering(self, place: str, call: Callable[[Any], T]) -> T:
        """Call, and call again after a pause that doubles, with chance in it: many wait at once."""
        pause = _FIRST_PAUSE
        for _ in range(self._retries):
            try:
                return call(_file_system(place))
            except (*_HOPELESS, MissingRequirement, NotImplementedError, ValueError):
                raise
            except Exception as error:  # each store raises its own kinds
                if failure(error) in ("missing", "denied"):
                    raise
            time.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(2 * pause, _LONGEST_PAUSE)
        return call(_file_system(place))


def _file_system(place: str) -> Any:
    protocol = place.split("://", 1)[0].lower()
    fsspec = require("fsspec", "scale", f"{protocol}://")
    try:
        system = fsspec.filesystem(protocol, **_OPTIONS.get(protocol, {}))
    except ImportError as error:
        how = install_command("scale") if protocol == "s3" else one_line(error)
        raise MissingRequirement(f"{protocol}:// is not installed: {how}") from None
    if protocol == "s3":
        system.retries = 1
    return system


def _told(error: BaseException) -> str:
    kind = failure(error)
    if isinstance(error, OSError) and error.errno and kind not in ("throttled", "store"):
        return os_reason(error)
    words = {
        "missing": "no such file, folder or bucket",
        "denied": "access denied: check the credentials",
        "throttled": "the store asks for fewer requests, again and again",
        "connection": "the connection fails, again and again",
    }
    told = one_line(error)[:200]
    return f"{words[kind]} ({told})" if kind in words else told or type(error).__name__
