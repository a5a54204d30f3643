"""``toolkit models``: what there is to colour with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import terminal

if TYPE_CHECKING:
    from toolkit.contract import Contract
    from toolkit.runtime.models import Model


def register(app: typer.Typer) -> None:
    """Add the commands."""
    models = typer.Typer(help="List, show, add and remove models.", no_args_is_help=True)
    models.command("list")(_list)
    models.command("show")(_show)
    models.command("add")(_add)
    models.command("remove")(_remove)
    app.add_typer(models, name="models")


def _list(json: terminal.Json = False, debug: terminal.Debug = False) -> None:
    """List the models that have names.

    Example:  toolkit models list
    """
    from toolkit.errors import UnusableModel
    from toolkit.runtime.models import installed

    found = installed(lambda error: terminal.warn(str(error)))
    if json:
        terminal.print_json([_summary(model) for model in found])
        return
    for model in found:
        try:
            contract = model.contract()
        except UnusableModel as error:
            terminal.warn(str(error))
        else:
            print(f"{model.name:<16} {model.origin:<8} {contract.model}, {contract.licence}")
    if not found:
        terminal.say("no models; add one with: toolkit models add FILE")


def _show(
    model: Annotated[str, typer.Argument(help="A name, a bundle folder or an ONNX file.")],
    json: terminal.Json = False,
    debug: terminal.Debug = False,
) -> None:
    """Show what a model takes and gives, its terms, and its card.

    Example:  toolkit models show default
    """
    from toolkit.runtime.models import find

    found = find(model)
    contract = found.contract()
    if json:
        terminal.print_json({**_summary(found), "contract": asdict(contract)})
        return
    for label, value in _facts(found, contract).items():
        print(f"{label:<10} {value}")
    card = found.path.parent / "MODEL_CARD.md"
    if card.is_file():
        print(f"\n{card.read_text(encoding='utf-8')}")


def _add(
    file: Annotated[Path, typer.Argument(help="An ONNX file or a bundle folder.")],
    name: Annotated[str | None, typer.Option("--name", help="Instead of the file's own.")] = None,
    debug: terminal.Debug = False,
) -> None:
    """Keep a copy of a model under a name, after checking it.

    Example:  toolkit models add exports/mine
    """
    from toolkit.runtime.models import add

    added = add(file, name)
    print(added.name)
    terminal.say(f"use it with: toolkit colorize photo.jpg --model {added.name}")


def _remove(
    name: Annotated[str, typer.Argument(help="Of a model that you added.")],
    debug: terminal.Debug = False,
) -> None:
    """Remove a model that you added.

    Example:  toolkit models remove mine
    """
    from toolkit.runtime.models import remove

    terminal.say(f"removed {remove(name).path}")


def _summary(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "origin": model.origin,
        "path": str(model.path),
        "sha256": model.sha256,
    }


def _facts(model: Model, contract: Contract) -> dict[str, object]:
    return {
        "name": model.name,
        "model": contract.model,
        "licence": contract.licence,
        "task": contract.task,
        "boundary": contract.boundary,
        "size": _size(contract),
        "precision": contract.precision,
        "file": model.path,
        "origin": model.origin,
    }


def _size(contract: Contract) -> str:
    """The sizes at which the network sees photographs, in words."""
    from toolkit.contract import FixedSize

    size = contract.size
    if isinstance(size, FixedSize):
        return f"the network sees {size.width} x {size.height} pixels"
    return (
        f"the network's short side is {size.preferred} pixels unless --size says otherwise: "
        f"multiples of {size.multiple_of} from {size.minimum} to {size.maximum}"
    )
