"""Every artefact and precision of a model that can run here, beside PyTorch eager."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.bench import artefact
from toolkit.bench.engines import EAGER, missing
from toolkit.bench.measure import fresh
from toolkit.contract import Contract
from toolkit.errors import UnusableModel
from toolkit.files import inside
from toolkit.runtime.models import find, read_manifest
from toolkit.runtime.resample import network_size

__all__ = ["Candidate", "Row", "bench_models", "candidates"]

_PHOTO = (768, 1024)
"""Height and width of the photograph that a model of the image boundary is given."""
_CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Candidate:
    """A file to be measured."""

    name: str
    format: str
    path: Path
    contract: Contract
    proof: dict[str, float] = field(default_factory=dict)
    """The worst figures of its proof against the trained network."""

    @property
    def precision(self) -> str:
        """Of its numbers; eager runs the checkpoint's float32."""
        return "fp32" if self.format == EAGER else self.contract.precision


@dataclass(frozen=True)
class Row:
    """What was measured of one file."""

    candidate: Candidate
    size: int
    """Bytes."""
    height: int = 0
    width: int = 0
    """Of the picture it was given."""
    threads: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What `artefact.measure` gives, by the number of threads."""
    why_not: str = ""
    """Why it cannot be measured here."""
    faster: dict[int, float] = field(default_factory=dict)
    """How many times as fast as PyTorch eager, at the same size, by the number of threads."""
    quality: dict[str, float] = field(default_factory=dict)
    """Figures of `toolkit.evaluation`, on the user's photographs."""

    def megapixels_per_second(self, threads: int) -> float:
        """Of the picture it was given."""
        return self.height * self.width / 1e6 / float(self.threads[threads]["p50_s"])

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "name": self.candidate.name,
            "format": self.candidate.format,
            "precision": self.candidate.precision,
            "boundary": self.candidate.contract.boundary,
            "bytes": self.size,
            "input": [self.height, self.width],
            "threads": {
                str(n): {
                    **measured,
                    "megapixels_per_second": self.megapixels_per_second(n),
                    "times_as_fast_as_eager": self.faster.get(n),
                }
                for n, measured in self.threads.items()
            },
            "proof": self.candidate.proof,
            "quality": self.quality,
            "why_not": self.why_not,
        }


def candidates(model: str | os.PathLike[str]) -> list[Candidate]:
    """The files of a model: all of a bundle, with its checkpoint, or the one ONNX file.

    Raises
    ------
    UsageError
        If a name is not known.
    UnusableModel
        If the file or bundle cannot be used.
    """
    found = find(model)
    if found.sha256 is None:
        return [Candidate(found.path.name, "onnx", found.path, found.contract())]
    folder = found.path.parent
    manifest = read_manifest(folder)
    files = [_candidate(folder, name, facts) for name, facts in manifest["files"].items()]
    if (folder / _CHECKPOINT).is_file():
        tensor = next((f for f in files if f.contract.boundary == "tensor"), None)
        if tensor is not None:
            checkpoint = folder / _CHECKPOINT
            files.insert(0, Candidate("PyTorch eager", EAGER, checkpoint, tensor.contract))
    return files


def bench_models(
    chosen: Sequence[Candidate],
    *,
    threads: Sequence[int] = (1, 2),
    side: int | None = None,
    repeat: int = 20,
    rounds: int = 2,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Measure each file in turn, each time in a fresh process, and compare with eager.

    Parameters
    ----------
    chosen : sequence of Candidate
    threads : sequence of int
    side : int, optional
        Short side of the network's input; by default what each contract prefers.
    repeat : int
        Calls of which the quantiles are taken.
    rounds : int
        How often the whole round of files and threads is gone through; of each the fastest
        is kept, so that what else runs on the machine for a while harms nobody's figures.
    """
    rows = [_prepared(c, side) for c in chosen]
    for _ in range(rounds):
        for i, row in enumerate(rows):
            if not row.why_not:
                progress(row.candidate.name)
                rows[i] = _measured(row, threads, repeat)
    return _compared(rows)


def _prepared(candidate: Candidate, side: int | None) -> Row:
    height, width = _PHOTO
    if candidate.contract.boundary == "tensor":
        height, width = network_size(candidate.contract.size, 1, 1, side)
    size = _bytes(candidate.path)
    return Row(candidate, size, height, width, why_not=missing(candidate.format))


def _measured(row: Row, threads: Sequence[int], repeat: int) -> Row:
    best = dict(row.threads)
    with tempfile.TemporaryDirectory(prefix="toolkit-bench-") as folder:
        contract = Path(folder, "contract.json")
        contract.write_text(row.candidate.contract.to_json(), encoding="utf-8")
        given = (row.candidate.format, str(row.candidate.path), str(contract))
        for n in threads:
            numbers = (str(v) for v in (n, row.height, row.width, repeat))
            try:
                now = fresh(artefact.__name__, *given, *numbers)
            except UnusableModel as error:
                return replace(row, why_not=str(error))
            if n not in best or now["p50_s"] < best[n]["p50_s"]:
                best[n] = now
    return replace(row, threads=best)


def _compared(rows: list[Row]) -> list[Row]:
    eager = next((r for r in rows if r.candidate.format == EAGER and not r.why_not), None)
    if eager is None:
        return rows

    def faster(row: Row) -> dict[int, float]:
        if (row.height, row.width) != (eager.height, eager.width) or row.why_not:
            return {}
        return {n: eager.threads[n]["p50_s"] / row.threads[n]["p50_s"] for n in row.threads}

    return [replace(row, faster=faster(row)) for row in rows]


def _candidate(folder: Path, name: str, facts: dict[str, Any]) -> Candidate:
    try:
        contract = Contract.from_json(json.dumps(facts["contract"]))
        figures = facts.get("proof", {}).get("figures", {}).values()
        return Candidate(name, facts["format"], inside(folder, name), contract, _worst(figures))
    except (KeyError, TypeError, AttributeError):
        raise UnusableModel(f"{folder}: its manifest does not describe {name}") from None


def _worst(figures: Any) -> dict[str, float]:
    """Of several ways to run one file the figures of the one that departs most."""
    return dict(max(figures, key=lambda f: f.get("max_error", 0.0), default={}))


def _bytes(path: Path) -> int:
    if path.is_dir():  # an .mlpackage
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size
