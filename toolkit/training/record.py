"""What a run writes while it learns; a disk that is full for a while ends no training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from toolkit.errors import OutputError
from toolkit.training import report

__all__ = ["Record"]


class Record:
    """The rows, curves and sheets of a run folder.

    Parameters
    ----------
    run : Path
    tell : callable
        Hears of the first file that cannot be written, and again after there was room.

    Attributes
    ----------
    rows : list of dict
        One for each epoch that ended. Kept here, so that those a full disk refused are written
        with the next.
    """

    def __init__(self, run: Path, tell: Callable[[str], None]) -> None:
        self.run, self.rows = run, list[dict[str, Any]]()
        self._tell, self._told = tell, False

    def attempt(self, write: Callable[[], object]) -> bool:
        """Write if it can be; whether it was. The older file stays otherwise."""
        try:
            write()
        except OutputError as error:
            if not self._told:
                self._tell(f"warning: {error}; what is there stays, training goes on")
            self._told = True
            return False
        return True

    def there_is_room(self) -> None:
        """The largest file could be written: the next that cannot is told again."""
        self._told = False

    def go_on_before(self, epoch: int) -> None:
        """Take up the rows of the epochs before this one."""
        self.rows = report.read_metrics(self.run, before_epoch=epoch)

    def end_epoch(self, row: dict[str, Any], sheet: Image.Image) -> None:
        """Keep the row of an epoch and its sheet, and draw the curves again."""
        self.rows.append(row)
        self.attempt(lambda: report.write_metrics(self.run, self.rows))
        self.sheet(f"epoch_{row['epoch']:03d}", sheet)
        self.attempt(lambda: report.draw_curves(self.run, self.rows))

    def sheet(self, name: str, sheet: Image.Image) -> None:
        """Keep ``samples/NAME.png``."""
        self.attempt(lambda: report.write_samples(self.run, name, sheet))

    def epochs_without_better(self) -> int:
        """Epochs since the best gain on `dev`."""
        gains = [row["dev"]["gain"] for row in self.rows]
        return len(gains) - 1 - gains.index(max(gains))
