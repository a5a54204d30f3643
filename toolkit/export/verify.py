"""Prove a bundle again, or look at one file, with whatever this machine has.

With the base install the hashes, the contracts and the ONNX files are proven; what could not be
computed here is said, file by file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import MissingRequirement, ProofFailed, ToolkitError, UnusableModel, one_line
from toolkit.export import manifest, references
from toolkit.export.boundary import boundary_of, tolerance_of
from toolkit.export.formats import FORMATS, Format
from toolkit.export.proof_set import NAMES
from toolkit.export.replay import replay
from toolkit.files import inside
from toolkit.runtime.models import find

__all__ = ["Finding", "failure", "verify"]


_OWN_CIEDE2000 = 0.05
"""How far two ways to run one file may lie apart, on average."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    file: str
    what: str
    """``sha256``, ``contract``, ``numbers``; ``network`` where a bundle uses another's."""
    status: str
    """``ok``, ``failed``, or ``not checked here``."""
    detail: str = ""
    exit_code: int = 0


def verify(path: Path) -> list[Finding]:
    """Check a bundle, or one artefact.

    Raises
    ------
    UnusableModel
        If `path` is neither.
    """
    if path.is_dir() and path.suffix not in {form.suffix for form in FORMATS.values()}:
        return list(_bundle(path))
    if not path.exists():
        raise UnusableModel(f"{one_line(path)}: no such bundle or file")
    for form in FORMATS.values():
        if form.suffix == path.suffix:
            return list(_alone(path, form))
    known = ", ".join(form.suffix for form in FORMATS.values())
    raise UnusableModel(f"{one_line(path)}: neither a bundle nor one of {known}")


def failure(path: Path, findings: list[Finding]) -> ToolkitError | None:
    """The error that `findings` amount to, if any failed; a wrong hash weighs more than numbers."""
    failed = [f for f in findings if f.status == "failed"]
    if not failed:
        return None
    names = "; ".join(f"{f.file}: {f.what}: {f.detail}" for f in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    code = max(f.exit_code for f in failed)
    kind = UnusableModel if code == UnusableModel.exit_code else ProofFailed
    return kind(f"{one_line(path)}: {names}{more}; do not use it, export or fetch it again")


def _bundle(folder: Path) -> Iterator[Finding]:
    made = manifest.read(folder)
    yield from _checksums(folder)
    if "network" in made:
        # `find` has compared the hash that this bundle names with that of the network's bundle.
        shared = find(folder)
        detail = f"{shared.path.parent.name}, strength {shared.strength:g}"
        yield Finding(manifest.FILE, "network", "ok", detail)
        yield from _bundle(shared.path.parent)
        return
    for name, digest in _described(made):
        yield _attempt(name, "sha256", _hash, folder, name, digest)
    for name, entry in made["files"].items():
        form = FORMATS.get(str(entry.get("format")))
        path = inside(folder, name)
        if form is None:
            yield Finding(name, "numbers", "not checked here", "this program has no such format")
        elif path.exists():
            yield _attempt(name, "contract", _contract, form, path, entry)
            yield _attempt(name, "numbers", _numbers, form, path, entry)


def _described(made: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in made["files"].items():
        yield name, entry["sha256"]
    yield from made.get("references", {}).items()
    if "checkpoint" in made:
        yield made["checkpoint"]["file"], made["checkpoint"]["sha256"]


def _checksums(folder: Path) -> Iterator[Finding]:
    """Every line of SHA256SUMS; one line in the report, and one for each file that differs."""
    path = folder / manifest.CHECKSUMS
    if not path.is_file():
        yield Finding(manifest.CHECKSUMS, "sha256", "failed", "missing", 7)
        return
    lines = [line.partition("  ") for line in path.read_text("utf-8").splitlines()]
    good = True
    for digest, _, name in lines:
        finding = _attempt(name, "sha256", _hash, folder, name, digest)
        if finding.status == "failed":
            good = False
            yield finding
    if good:
        yield Finding(manifest.CHECKSUMS, "sha256", "ok", f"{len(lines)} files")


def _alone(path: Path, form: Format) -> Iterator[Finding]:
    if (path.parent / manifest.FILE).is_file():
        made = manifest.read(path.parent)
        if path.name in made["files"]:
            entry = made["files"][path.name]
            yield _attempt(path.name, "sha256", _hash, path.parent, path.name, entry["sha256"])
            yield _attempt(path.name, "contract", _contract, form, path, entry)
            yield _attempt(path.name, "numbers", _numbers, form, path, entry)
            return
    yield _attempt(path.name, "contract", _contract, form, path, None)
    yield _attempt(path.name, "numbers", _sane, form, path)


def _attempt(name: str, what: str, check: Callable[..., str], *arguments: object) -> Finding:
    try:
        return Finding(name, what, "ok", check(*arguments))
    except MissingRequirement as error:
        return Finding(name, what, "not checked here", str(error))
    except (ProofFailed, UnusableModel) as error:
        return Finding(name, what, "failed", str(error), error.exit_code)


def _hash(folder: Path, name: str, expected: str) -> str:
    path = inside(folder, name)
    if not path.exists():
        raise UnusableModel("missing")
    if manifest.fingerprint(path) != expected:
        raise UnusableModel("the hash differs: the file is not the one that was proven")
    return expected[:12]


def _contract(form: Format, path: Path, entry: dict[str, Any] | None) -> str:
    contract = form.contract(path)
    if entry is not None and asdict(contract) != _tupled(entry.get("contract")):
        raise ProofFailed("the contract in the file is not the one in the manifest")
    return f"{contract.task}, {contract.boundary}, {contract.precision}, {contract.model}"


def _tupled(contract: Any) -> Any:
    """JSON has no tuples: the ranges of the ports become such again."""
    if not isinstance(contract, dict):
        return contract
    ports = {
        end: {**contract[end], "range": tuple(contract[end]["range"])}
        for end in ("input", "output")
        if isinstance(contract.get(end), dict) and "range" in contract[end]
    }
    return {**contract, **ports}


def _numbers(form: Format, path: Path, entry: dict[str, Any]) -> str:
    form.require(form.run_needs, f"running {form.title}")
    contract = form.contract(path)
    boundary = boundary_of(contract)
    stored = references.read(inside(path.parent, str(entry.get("references"))))
    if len(stored[0]) != len(NAMES):
        raise UnusableModel("the reference outputs are not of this program's proof set")
    tolerance = tolerance_of(form, contract)
    if tolerance is None:
        raise UnusableModel(f"{form.title} has no {contract.precision}, {contract.boundary}")
    inputs = boundary.proof_set(contract)
    said = []
    for label, outputs in replay(form.name, path, inputs).outputs.items():
        pairs = references.pairs(
            [boundary.as_maps(x) for x in inputs], [boundary.as_maps(y) for y in outputs], stored
        )
        figures = boundary.measure_maps(pairs)
        excess = list(tolerance.excess(figures))
        if excess:
            raise ProofFailed(f"differs from what was trained ({label}): {'; '.join(excess)}")
        said.append(f"{label}: max {figures.max_error:.2g}")
    return f"{len(inputs)} inputs; {', '.join(said)} {boundary.unit}"


def _sane(form: Format, path: Path) -> str:
    """Without references: it runs, its numbers are finite, and all ways to run it agree."""
    form.require(form.run_needs, f"running {form.title}")
    contract = form.contract(path)
    boundary = boundary_of(contract)
    inputs = boundary.proof_set(contract)
    results = replay(form.name, path, inputs).outputs
    ways = list(results.values())
    for outputs in ways:
        figures = boundary.measure(zip(inputs, outputs, ways[0], strict=True))
        if not np.isfinite(figures.max_error):
            raise ProofFailed("gives numbers that are not finite, or an unexpected shape")
        if figures.mean_ciede2000 > _OWN_CIEDE2000:
            raise ProofFailed(
                f"its optimised graph differs by CIEDE2000 {figures.mean_ciede2000:.2g}"
            )
    return f"runs and agrees with itself ({', '.join(results)}); no references to compare with"
