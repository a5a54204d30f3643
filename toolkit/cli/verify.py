"""`toolkit verify`: prove a bundle again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE|FILE|NAME",
            help="A bundle's folder, one model file, or the name of an installed model.",
        ),
    ],
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Prove a bundle again on this machine: hashes, contract, numbers.

    What this machine cannot compute is said, file by file.

    Examples:

      toolkit verify exports/mine

      toolkit verify default
    """
    from dataclasses import asdict

    from toolkit.export import verify as room
    from toolkit.runtime import models

    if not path.exists():
        path = models.place(str(path)) or path
    findings = room.verify(path)
    if json:
        terminal.print_json([asdict(finding) for finding in findings])
    else:
        width = max(len(finding.file) for finding in findings)
        for f in findings:
            print(f"{f.file:{width}}  {f.what:8}  {f.status:16}  {f.detail}")
    error = room.failure(path, findings)
    if error is not None:
        raise error
