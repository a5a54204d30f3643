"""Every error that the toolkit raises on purpose, and the exit code that each becomes.

::

    ToolkitError
    ├── UsageError            2   an option, recipe, format or generator that does not exist
    ├── SomeFilesFailed       3   a folder of which some files failed; the others are done
    ├── UnusableInput         4   nothing readable, no pair, too few photographs
    ├── MissingRequirement    5   an extra, a tool or a system that is not on this machine
    ├── ProofFailed           6   an artefact that does not compute what was trained
    ├── UnusableModel         7   not a model, no contract, an unknown schema, a wrong hash
    ├── OutputError           8   permission denied, disk full, port taken
    ├── DownloadError         9   a download that failed or has another checksum
    ├── TrainingDiverged     10   a loss or a weight that is no longer a finite number
    └── Interrupted         130   Ctrl-C; what is done is kept

Exit code 1 is left for bugs: whatever is not a `ToolkitError`.

Each message is one line that says what happened, to which file, and what to do about it.
"""

from __future__ import annotations

import errno
import os

__all__ = [
    "DownloadError",
    "Interrupted",
    "MissingRequirement",
    "OutputError",
    "ProofFailed",
    "SomeFilesFailed",
    "ToolkitError",
    "TrainingDiverged",
    "UnusableInput",
    "UnusableModel",
    "UsageError",
    "one_line",
    "one_of",
    "os_reason",
]


class ToolkitError(Exception):
    """The root of the tree. Catch it to catch all of them."""

    exit_code = 1


class UsageError(ToolkitError):
    """A name or a value that the program does not have. The message lists the choices."""

    exit_code = 2


class SomeFilesFailed(ToolkitError):
    """Some files of a folder failed; the message names them. The others are done."""

    exit_code = 3


class UnusableInput(ToolkitError):
    """The input cannot be used: give another file or folder."""

    exit_code = 4


class MissingRequirement(ToolkitError):
    """Something is missing on this machine. The message is the command that installs it."""

    exit_code = 5


class ProofFailed(ToolkitError):
    """An artefact differs from what was trained. Nothing was written."""

    exit_code = 6


class UnusableModel(ToolkitError):
    """A model file that the runtime must not trust. Get it again, or export it again."""

    exit_code = 7


class OutputError(ToolkitError):
    """The result cannot be written: choose another place, or make room."""

    exit_code = 8


class DownloadError(ToolkitError):
    """A download failed or its checksum differs. Running the command again resumes it."""

    exit_code = 9


class TrainingDiverged(ToolkitError):
    """Training left the finite numbers. The last good checkpoint is kept."""

    exit_code = 10


class Interrupted(ToolkitError):
    """Ctrl-C. The message says how to go on."""

    exit_code = 130


def one_line(text: object) -> str:
    """`text` with every run of white space and control characters as one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def one_of(kind: str, got: str, choices: list[str] | tuple[str, ...]) -> UsageError:
    """Build the error for a name that is none of the choices.

    Examples
    --------
    >>> one_of("recipe", "egde", ["edge", "unet_256"])
    UsageError('unknown recipe: egde; did you mean edge? Choose one of: edge, unet_256')
    """
    import difflib

    near = difflib.get_close_matches(got, choices, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"unknown {kind}: {one_line(got)}; {hint}Choose one of: {', '.join(choices)}")


def os_reason(error: OSError) -> str:
    """The reason of an `OSError` in plain words, without its path and number."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied"
    if error.errno == errno.EROFS:
        return "the file system is read-only"
    if error.errno is None:
        return one_line(error)
    return os.strerror(error.errno).lower()
