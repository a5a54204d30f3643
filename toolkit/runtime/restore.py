"""The light of a small or soft scan made sharper, before it is coloured.

The photograph goes through the network in tiles, each with as much around it as a pixel of the
result depends on, so that they join without a seam and memory does not grow with the photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import FlexibleSize
from toolkit.errors import UnusableModel
from toolkit.lab import gray_to_l, l_to_gray
from toolkit.runtime.levels import Gray
from toolkit.runtime.models import find
from toolkit.runtime.session import Session

__all__ = ["Restorer"]


class Restorer:
    """A model for the task ``luma``: L* to L* of the same size. Threads may share it.

    Parameters
    ----------
    model : str or path
        A name, a bundle folder, or an ONNX file.
    tile : int, optional
        Side of a tile of the result, in pixels; by default what the model prefers.
    threads : int, optional
    providers : sequence of str, optional
        As for `toolkit.runtime.session.Session`.

    Raises
    ------
    UnusableModel
        If it is not such a model.
    """

    def __init__(
        self,
        model: str | PathLike[str],
        *,
        tile: int | None = None,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        found = find(model)
        self._session = Session(found.read(), str(found.path), threads=threads, providers=providers)
        self.contract = contract = self._session.contract
        size, overlap = contract.size, contract.extra.get("overlap", "")
        if (contract.task, contract.boundary) != ("luma", "tensor"):
            raise UnusableModel(
                f"{found.path}: a {contract.boundary} model for the task {contract.task}; "
                "--restore takes one for luma, as the recipe srcnn trains it"
            )
        if not isinstance(size, FlexibleSize) or size.minimum != 1 or not overlap.isdecimal():
            raise UnusableModel(
                f"{found.path}: its contract does not say how its tiles overlap, or it cannot "
                "take tiles of every size"
            )
        self._tile, self._overlap = tile or size.preferred, int(overlap)

    def __call__(self, gray: Gray) -> Gray:
        """The restored gray levels.

        Parameters
        ----------
        gray : uint8 or uint16, shape (H, W)

        Returns
        -------
        restored : ndarray
            Of the same type and shape.

        Raises
        ------
        UnusableModel
            If the model fails on it.
        """
        restored = np.empty_like(gray)
        top_level = np.iinfo(gray.dtype).max
        for rows in _pieces(gray.shape[0], self._tile):
            for columns in _pieces(gray.shape[1], self._tile):
                light = self.lightness(gray, rows, columns)
                restored[rows, columns] = np.rint(l_to_gray(light) * np.float64(top_level))
        return restored

    def lightness(self, gray: Gray, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Restored L* of one tile, in 0..100."""
        around = tuple(
            slice(max(0, part.start - self._overlap), min(length, part.stop + self._overlap))
            for part, length in zip((rows, columns), gray.shape, strict=True)
        )
        given = gray_to_l(np.iinfo(gray.dtype).max + 1)[gray[around]]
        made = self._session.run(given[None, None])
        if made.shape != (1, 1, *given.shape):
            raise UnusableModel(f"the restorer gives {made.shape} for {(1, 1, *given.shape)}")
        top, left = rows.start - around[0].start, columns.start - around[1].start
        light: NDArray[np.float32] = made[
            0, 0, top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]
        return light


def _pieces(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
