"""Lists of photographs that a training leaves out: one path below the folder on each line.

Lines that begin with ``#`` are remarks. A person may take lines out, or write her own.
"""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import UnusableInput, one_line, os_reason
from toolkit.files import write_text
from toolkit.training.data.check import KINDS, Finding

__all__ = ["read_exclude", "write_exclude"]


def write_exclude(path: Path, findings: list[Finding]) -> None:
    """Write the photographs of `findings`, the reasons as remarks.

    Raises
    ------
    UnusableInput
        If a name has a line break, which no line can hold.
    OutputError
        If the list cannot be written.
    """
    lines = []
    for kind in KINDS:
        for finding in (f for f in findings if f.kind == kind):
            if "\n" in finding.name or "\r" in finding.name:
                raise UnusableInput(
                    f"{one_line(finding.name)}: its name has a line break: rename it"
                )
            # "./" so that no name is taken for a remark.
            name = f"./{finding.name}" if finding.name.startswith("#") else finding.name
            lines += [f"# {kind}: {one_line(finding.reason)}", name]
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_exclude(path: Path) -> list[str]:
    """The names in a list, sorted.

    Raises
    ------
    UnusableInput
        If the list cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"{one_line(path)}: cannot be read: {os_reason(error)}") from None
    except UnicodeDecodeError:
        raise UnusableInput(f"{one_line(path)}: not a list of names in UTF-8") from None
    names = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return sorted({name.removeprefix("./") for name in names})
