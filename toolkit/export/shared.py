"""A bundle without a network: the one beside it, with stronger colours."""

from __future__ import annotations

import json
from pathlib import Path

from toolkit.errors import OutputError, UsageError, one_line
from toolkit.export import manifest
from toolkit.files import atomic_folder, sha256
from toolkit.runtime.models import find

__all__ = ["share"]


def share(network: Path, out: Path, strength: float, *, notes: str, overwrite: bool) -> None:
    """Write a bundle that uses the ONNX file of `network`.

    Parameters
    ----------
    network : Path
        A bundle in the same folder as `out`.
    strength : float
        Factor of its colours, above 0 and up to 2.
    notes : str
        Markdown for the model card.

    Raises
    ------
    UsageError
        If the two are not beside each other, or the strength is out of range.
    UnusableModel
        If `network` is no bundle with a network.
    OutputError
        If `out` exists and must not be replaced, or cannot be written.
    """
    if not 0 < strength <= 2:
        raise UsageError(f"--share is {strength:g}; it goes up to 2")
    if network.resolve().parent != out.resolve().parent:
        raise UsageError(f"{one_line(out)}: must lie beside {one_line(network)}, which it uses")
    shared = find(network)
    if shared.strength != 1:
        raise UsageError(f"{one_line(network)}: has no network of its own to share")
    if out.exists() and not overwrite:
        raise OutputError(
            f"{one_line(out)}: exists and is not replaced: give another --out, or --force"
        )
    name = network.resolve().name
    made = {
        "schema": manifest.SCHEMA,
        "name": out.name,
        "files": {},
        "network": {"model": name, "sha256": sha256(shared.path), "strength": strength},
    }
    card = (
        f"# {out.name}\n\nThe network of [`{name}`](../{name}/MODEL_CARD.md), its colours times "
        f"{strength:g}; its card holds for this model too.\n\n{notes}"
    )
    with atomic_folder(out, overwrite=overwrite) as folder:
        (folder / manifest.FILE).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
        sums = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
        (folder / manifest.CHECKSUMS).write_text("".join(sums), encoding="utf-8")
