"""Models of the image boundary: a photograph in, the same in colours out, every step inside.

They are made for programs that have nothing but an ONNX engine. Here they run too, so that what
was exported can be tried with the command that colours everything else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import picture_side
from toolkit.errors import UnusableInput, UnusableModel, UsageError
from toolkit.runtime.compose import Put
from toolkit.runtime.levels import Gray, eight_bits
from toolkit.runtime.session import Network

__all__ = ["coloured", "hand_over", "refuse_options"]

UInt8 = NDArray[np.uint8]


def refuse_options(*, strength: float, size: int | None, upsample: str | None, tta: bool) -> None:
    """Name the option that an image model cannot follow. Raises `UsageError`."""
    given = {
        "strength": strength != 1,
        "size": size is not None,
        "upsample": upsample is not None,
        "tta": tta,
    }
    for name, changed in given.items():
        if changed:
            raise UsageError(
                f"--{name}: this model takes and gives pixels, with every step inside; use the "
                "tensor model of the same bundle, or leave the option out"
            )


def coloured(session: Network, gray: Gray) -> UInt8:
    """Run the model on a photograph.

    Parameters
    ----------
    session : Network
    gray : uint8 or uint16, shape (H, W)
        Of 16 bits the upper 8 are shown to the model.

    Returns
    -------
    rgb : uint8, shape (H, W, 3)

    Raises
    ------
    UnusableInput
        If the model takes one size only and the photograph has another.
    UnusableModel
        If the model fails, or gives something else.
    """
    port, side = session.contract.input, picture_side(session.contract)
    if side is not None and gray.shape != (side, side):
        raise UnusableInput(
            f"the photograph has {gray.shape[1]} x {gray.shape[0]} pixels and this model takes "
            f"{side} x {side} only; use the tensor model of the same bundle"
        )
    pixels = np.repeat(eight_bits(gray)[None, ..., None], port.channels, axis=3)
    rgb: UInt8 = session.run(pixels)
    if rgb.shape != (1, *gray.shape, 3) or rgb.dtype != np.uint8:
        raise UnusableModel(
            f"the model gives {rgb.dtype} {rgb.shape} where uint8 {(1, *gray.shape, 3)} is expected"
        )
    picture: UInt8 = rgb[0]
    return picture


def hand_over(rgb: UInt8, put: Put, *, bits: int, band: int) -> None:
    """Give finished pixels away band by band, as `compose.compose` does."""
    height, width, _ = rgb.shape
    for top in range(0, height, band):
        rows = rgb[top : top + band]
        pixels = np.zeros((len(rows), width, 4), np.uint8 if bits == 8 else np.uint16)
        pixels[..., :3] = rows
        put(top, pixels if bits == 8 else pixels * np.uint16(257))
