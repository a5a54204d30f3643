"""`MODEL_CARD.md`, rendered from the manifest, and the strip of pictures in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from toolkit.export.boundary import Boundary
from toolkit.export.proof import Case

__all__ = ["render", "write_strip"]

STRIP = "proof-strip.jpg"

_LIMITS = """## Limits

Colours are guesses: plausible, not the ones that were there. Where the network is not sure it
stays near gray. Do not take its colours as evidence.
"""

_PURPOSES = {
    "colorize": "Colorizes gray photographs: takes L* (0..100) and gives a* and b* in CIE units",
    "luma": "Restores the light of small scans: takes L* (0..100) and gives L* of the same size",
    "translate": "Makes one picture of another: takes sRGB in 0..1 and gives sRGB in 0..1",
}

_SHOWN = (1, 5, 7, 9)
"""Of the proof set: face, cat, coffee, rocket."""


def write_strip(folder: Path, boundary: Boundary, cases: list[Case]) -> None:
    """Four pictures of the proof set, given above and made below."""
    shown = [cases[index] for index in _SHOWN]
    columns = [np.concatenate(boundary.pictures(case.given, case.expected)) for case in shown]
    Image.fromarray(np.concatenate(columns, axis=1)).save(folder / STRIP, quality=85)


def render(manifest: dict[str, Any], notes: str) -> str:
    """The card as Markdown; `notes` is a part of it as it stands."""
    contract = manifest["contract"]
    rows = [
        f"| `{name}` | {e['format']} | {e['precision']} | {e['boundary']} | {e['size'] / 1e6:.1f} "
        f"| {e['proof']['status']} | {_worst(e['proof'])} |"
        for name, e in manifest["files"].items()
    ]
    versions = ", ".join(f"{name} {v}" for name, v in manifest["versions"].items())
    training = "\n".join(f"- {key}: {value}" for key, value in manifest["training"].items())
    return f"""# {manifest["name"]} ({contract["model"]})

{_PURPOSES[contract["task"]]}; the scaling is
inside. Licence of the weights: {contract["licence"]}.

![Pictures given, and what becomes of them]({STRIP})

## Files

| file | format | precision | boundary | MB | proof | against eager PyTorch |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

{_sizes(contract["size"])}
Every file carries its contract. `toolkit verify` on this folder computes the proof again.

## Training

{training}
- checkpoint: sha256 `{contract["source"]}`

{notes or _LIMITS}
## Made by

`{manifest["command"] or "toolkit export"}` with {versions}.
"""


def _sizes(size: dict[str, Any]) -> str:
    if "height" in size:
        return f"It works at {size['width']} x {size['height']}."
    return (
        f"Sides are multiples of {size['multiple_of']}, {size['minimum']} to {size['maximum']}; "
        f"a short side of {size['preferred']} gives the best colours."
    )


def _worst(proof: dict[str, Any]) -> str:
    figures = proof["figures"].values()
    error = max(f["max_error"] for f in figures)
    difference = max(f["mean_ciede2000"] for f in figures)
    return f"max {error:g} {proof['unit']}, mean CIEDE2000 {difference:g}"
