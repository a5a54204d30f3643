"""What every command does alike: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

debug = False
_quiet = False
_verbose = False


def _set_debug(value: bool) -> bool:
    global debug
    debug = debug or value
    return value


def _set_quiet(value: bool) -> bool:
    global _quiet
    _quiet = _quiet or value
    return value


def _set_verbose(value: bool) -> bool:
    global _verbose
    _verbose = _verbose or value
    return value


Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=_set_quiet, help="Say nothing but results and errors."),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=_set_verbose, help="Say more about each step."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def say(message: str) -> None:
    """Tell the person at the terminal something, on stderr; silent with ``--quiet``."""
    if not _quiet:
        print(message, file=sys.stderr, flush=True)


def detail(message: str) -> None:
    """Tell it only with ``--verbose``."""
    if _verbose and not _quiet:
        print(message, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Tell of something that went wrong and did not stop the work; also with ``--quiet``."""
    print(f"warning: {message}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a result for a program to read."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def shows_progress() -> bool:
    """Whether a progress bar has a terminal to be drawn on."""
    return sys.stderr.isatty() and not _quiet
