"""What results depend on besides the photograph. A job of other options is another job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.files import sha256_bytes
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.encode import QUALITY

__all__ = ["LAYOUTS", "Job"]

LAYOUTS = ("tree", "shards")


@dataclass(frozen=True)
class Job:
    """The model and the options."""

    model: str
    """Its name, for people."""
    model_sha256: str
    strength: float = 1.0
    size: int | None = None
    upsample: str | None = None
    tta: bool = False
    keep_original_color: str = "auto"
    format: str | None = None
    quality: int = QUALITY
    layout: str = "tree"
    """``tree``: one file for each photograph; ``shards``: tar files."""

    @property
    def identity(self) -> str:
        """16 hexadecimal digits, the same for the same weights and options."""
        facts = {key: value for key, value in asdict(self).items() if key != "model"}
        return sha256_bytes(json.dumps(facts, sort_keys=True).encode())[:16]

    def colorizer(self, model: Path, threads: int, max_megapixels: float) -> Colorizer:
        """Open the model with these options. Raises as `Colorizer` does."""
        return Colorizer(
            model,
            strength=self.strength,
            size=self.size,
            upsample=self.upsample,
            tta=self.tta,
            keep_original_color=self.keep_original_color,
            threads=threads,
            max_megapixels=max_megapixels,
        )
