"""A run's figures and sheets for TensorBoard, in ``board/`` of the run folder.

::

    toolkit train photos/ --out runs/first --board
    tensorboard --logdir runs
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from toolkit.errors import OutputError, one_line, os_reason

__all__ = ["Board"]


class Board:
    """Called with the row of each epoch, as `Watcher.on_epoch` is.

    Parameters
    ----------
    run : Path
        The run folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._writer: SummaryWriter | None = None

    def __call__(self, row: dict[str, Any]) -> None:
        """Write losses, figures on `dev`, and the sheet of samples. Raises `OutputError`."""
        try:
            self._write(row)
        except OSError as error:
            place = one_line(self.run / "board")
            raise OutputError(f"{place}: cannot be written: {os_reason(error)}") from error

    def _write(self, row: dict[str, Any]) -> None:
        step = row["step"]
        if self._writer is None:
            # What a killed run wrote of this epoch is taken back.
            self._writer = SummaryWriter(str(self.run / "board"), purge_step=step)
        for group in ("train", "dev"):
            for name, value in row[group].items():
                self._writer.add_scalar(f"{group}/{name}", value, step)
        sheet = self.run / "samples" / f"epoch_{row['epoch']:03d}.png"
        if sheet.exists():  # a full disk may have refused it
            with Image.open(sheet) as image:
                self._writer.add_image("samples", np.asarray(image), step, dataformats="HWC")
        self._writer.flush()
