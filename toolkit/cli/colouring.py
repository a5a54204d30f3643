"""How photographs are coloured: the options that `colorize` and `batch run` share."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="default, vivid or another name of `toolkit models list`; a bundle folder; an "
        "ONNX file.",
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help="jpeg, png, tiff, webp, bmp, gif, avif or heic.")
]
Quality = Annotated[
    int, typer.Option("--quality", min=1, max=100, help="Of JPEG, WebP, AVIF and HEIC.")
]
Strength = Annotated[float, typer.Option("--strength", min=0, max=2, help="Factor of the colours.")]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        help="Short side at which the network looks, in pixels; more where people are small. "
        "By default what the model prefers.",
    ),
]
Upsample = Annotated[
    str | None, typer.Option("--upsample", help="bilinear, or guided: colours stop at edges.")
]
Tta = Annotated[
    bool, typer.Option("--tta", help="Look at the mirrored photograph too; twice the work.")
]
KeepOriginalColor = Annotated[
    str, typer.Option("--keep-original-color", help="auto: leave what is in colour; or never.")
]
MaxMegapixels = Annotated[
    float, typer.Option("--max-megapixels", min=0, help="Refuse larger photographs.")
]
