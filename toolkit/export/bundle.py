"""Make a bundle: every artefact written, proven and described in a temporary folder, then moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from toolkit.contract import Contract, FlexibleSize, picture_side
from toolkit.errors import OutputError, ProofFailed, UsageError, one_line
from toolkit.export import manifest, model_card, references
from toolkit.export.boundary import BOUNDARIES, boundary_of, proof_size
from toolkit.export.calibration import Calibration
from toolkit.export.calibration import read as read_calibration
from toolkit.export.deploy import DeployModel, contract_of, fixed, image_contract
from toolkit.export.formats import FORMATS, Order
from toolkit.export.parity import Tolerance
from toolkit.export.proof import Case, cases_for, check_eager, prove
from toolkit.export.proof_set import NAMES
from toolkit.export.request import Request
from toolkit.export.source import Source
from toolkit.export.speed import check_speed, speed_ratio
from toolkit.files import atomic_folder, sha256
from toolkit.training import checkpoint
from toolkit.training.networks import Generator

__all__ = ["Settings", "export", "free_place"]

_TOOLS = (
    "colorize-toolkit",
    "torch",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "coremltools",
    "openvino",
    "numpy",
    "pillow",
)


_CHECKPOINT_TOLERANCE = Tolerance(mean_ciede2000=0.05)


@dataclass(frozen=True)
class Settings:
    """What the user asked for besides the formats."""

    dynamic: bool = True
    """Free sizes where generator and format allow them."""
    with_checkpoint: bool = False
    notes: str = ""
    """Markdown for the model card: what the figures of the proof cannot say."""
    overwrite: bool = False
    command: str = ""
    photographs: list[NDArray[np.uint8]] = field(default_factory=list, repr=False)
    """The user's own, (H, W, 3), for the proof."""
    compute_units: str | None = None
    """Which of a format's `compute_units` the program that loads it should choose."""
    calibrate: Path | None = None
    """A folder of photographs, for the precisions that need one."""
    allow_slow: bool = False
    """Also write a precision that is there for its speed and is not faster here."""


def free_place(root: Path, name: str, requests: list[Request]) -> Path:
    """A folder in `root` that does not exist: NAME, NAME-FORMATS, NAME-FORMATS-2 and so on."""
    formats = "-".join(dict.fromkeys(r.format for r in requests))
    candidates = [name, f"{name}-{formats}"]
    for candidate in candidates:
        if not (root / candidate).exists():
            return root / candidate
    number = 2
    while (root / f"{name}-{formats}-{number}").exists():
        number += 1
    return root / f"{name}-{formats}-{number}"


def export(
    source: Source,
    requests: list[Request],
    out: Path,
    settings: Settings,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Export a checkpoint; the bundle appears at `out` whole and proven, or not at all.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ProofFailed
        If an artefact does not compute what was trained.
    OutputError
        If `out` exists and must not be replaced, or cannot be written.
    UnusableModel
        If the checkpoint cannot be opened.
    """
    if out.exists() and not settings.overwrite:
        raise OutputError(
            f"{one_line(out)}: exists and is not replaced: give another --out, or --force"
        )
    generator, header = source.load()
    model = DeployModel(generator, header)
    _refuse_what_the_task_lacks(model, requests)
    check_eager(model)
    contract = contract_of(
        generator,
        model=str(header.get("model", source.name)),
        licence=str(header.get("licence", "LicenseRef-unknown")),
        source=sha256(source.path),
        preferred=int(header.get("preferred_size", 256)),
        task=model.task,
    )
    calibration = Calibration()
    if settings.calibrate:
        progress(f"{one_line(settings.calibrate)}: reading photographs")
        calibration = read_calibration(settings.calibrate, contract.size, progress)
    cases = _Cases(model, settings.photographs, calibration.held_back)
    with atomic_folder(out, overwrite=settings.overwrite) as folder:
        files: dict[str, Any] = {}
        measured: dict[str, Any] = {}
        for request in sorted(requests, key=lambda r: r.boundary == "image"):
            mine = _contract_for(contract, request, settings)
            name = request.file_name(source.name, requests)
            progress(f"{name}: writing and proving")
            order = Order(_network(model, header, mine), mine, _example(mine), calibration.fields)
            files[name], measured[name] = _write(folder / name, request, order, cases)
            speed = measured[name].get("speed", {})
            if not settings.allow_slow:
                check_speed(name, request.precision, speed)
            for peer, ratio in speed.items():
                progress(f"{name}: {ratio} times as fast as {peer} here")
        model_card.write_strip(folder, boundary_of(contract), cases.of(contract))
        made = {
            "schema": manifest.SCHEMA,
            "name": source.name,
            "contract": asdict(contract),
            "files": files,
            "references": _write_references(folder, cases),
            "training": _training(header),
            "versions": _versions(),
            "command": settings.command,
        }
        if settings.with_checkpoint:
            made["checkpoint"] = _write_checkpoint(
                folder / manifest.CHECKPOINT, generator, header, cases.of(contract)
            )
        _write_json(folder / manifest.FILE, made)
        _write_json(folder / manifest.MEASURED, measured)
        card = model_card.render(made, settings.notes)
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
        _write_checksums(folder)
    return made


def _refuse_what_the_task_lacks(model: DeployModel, requests: list[Request]) -> None:
    task = model.task
    for request in requests:
        if request.boundary not in task.boundaries:
            raise UsageError(
                f"a model for the task {task.name} has no {request.boundary} boundary; it has: "
                f"{', '.join(task.boundaries)}"
            )
        if request.precision in FORMATS[request.format].calibrated and task.name != "colorize":
            raise UsageError(
                f"{request.format} cannot hold {request.precision} for the task {task.name}: "
                "photographs are read for colorize alone"
            )


def _network(model: DeployModel, header: Mapping[str, Any], contract: Contract) -> DeployModel:
    """What is converted: of one size alone, without what other sizes need."""
    size = contract.size
    if isinstance(size, FlexibleSize):
        return model
    alone = model.generator.at_size(size.height, size.width)
    return model if alone is model.generator else DeployModel(alone, header)


def _example(contract: Contract) -> NDArray[np.float32]:
    """What the network sees of the proof set's first picture, at any boundary."""
    inside = replace(contract, boundary="tensor")
    return boundary_of(inside).proof_set(inside)[0]


class _Cases:
    """The proof's inputs and what they should become, once for each boundary and size."""

    def __init__(
        self,
        model: DeployModel,
        photographs: list[NDArray[np.uint8]],
        held_back: list[NDArray[np.uint8]],
    ) -> None:
        self.model, self._photographs, self._held_back = model, photographs, held_back
        self.by_file: dict[str, list[Case]] = {}

    def of(self, contract: Contract) -> list[Case]:
        name = self.file(contract)
        if name not in self.by_file:
            self.by_file[name] = cases_for(self.model, contract, self._photographs)
        return self.by_file[name]

    def judging(self, contract: Contract, request: Request) -> list[Case]:
        """Those of a file; what was calibrated is judged by the held-back photographs too."""
        known = self.of(contract)
        if request.precision not in FORMATS[request.format].calibrated:
            return known
        return cases_for(self.model, contract, self._photographs + self._held_back)

    def file(self, contract: Contract) -> str:
        """Where the results of the proof set will be stored."""
        side = picture_side(contract)
        if side is not None:
            return f"references-image-{side}x{side}.npz"
        height, width = proof_size(contract)
        kind = "free" if isinstance(contract.size, FlexibleSize) else "fixed"
        return f"references-{contract.boundary}-{kind}-{height}x{width}.npz"


def _contract_for(contract: Contract, request: Request, settings: Settings) -> Contract:
    form = FORMATS[request.format]
    free = settings.dynamic and form.flexible
    extra = dict(contract.extra)
    if form.compute_units:
        extra["compute_units"] = settings.compute_units or form.compute_units[0]
    if request.side is not None:
        extra["picture"] = str(request.side)
    return replace(
        image_contract(contract) if request.boundary == "image" else contract,
        precision=request.precision,
        size=contract.size if free else fixed(contract.size),
        extra=extra,
    )


def _write(
    path: Path, request: Request, order: Order, cases: _Cases
) -> tuple[dict[str, Any], dict[str, Any]]:
    form, contract = FORMATS[request.format], order.contract
    facts = form.write(order, path)
    proof, milliseconds = prove(path, form, contract, cases.model, cases.judging(contract, request))
    entry = {
        "format": request.format,
        "precision": request.precision,
        "boundary": request.boundary,
        "size": manifest.size_of(path),
        "sha256": manifest.fingerprint(path),
        "contract": asdict(contract),
        "proof": proof,
        "references": cases.file(contract),
        **facts,
    }
    measured = {"milliseconds_per_field": milliseconds, "input": list(order.example.shape)}
    if request.precision in form.faster_than:
        measured["speed"] = speed_ratio(path, form, order, cases.of(contract)[0].given)
    return entry, measured


def _write_references(folder: Path, proofs: _Cases) -> dict[str, str]:
    written = {}
    for name, cases in proofs.by_file.items():
        boundary = "image" if cases[0].expected.dtype == np.uint8 else "tensor"
        as_maps = BOUNDARIES[proofs.model.task.name, boundary].as_maps
        maps = [as_maps(case.expected) for case in cases[: len(NAMES)]]
        (folder / name).write_bytes(references.digest(maps))
        written[name] = sha256(folder / name)
    return written


def _write_checkpoint(
    path: Path, generator: Generator, header: dict[str, Any], cases: list[Case]
) -> dict[str, Any]:
    """The generator alone, as float16: what a later export needs, at a fraction of the size.

    Raises
    ------
    ProofFailed
        If float16 is too coarse for its weights.
    """
    tensors = {
        # Norms and biases are a hundredth of the size, and every value of a map goes through them.
        name: t.half() if t.ndim > 1 and t.is_floating_point() and t.half().isfinite().all() else t
        for name, t in checkpoint.weights(generator, "generator").items()
    }
    checkpoint.save_checkpoint(path, tensors, header)
    again = DeployModel(*checkpoint.load_generator(path))
    measure = BOUNDARIES[again.task.name, "tensor"].measure
    with torch.no_grad():
        figures = measure(
            (c.given, again(torch.from_numpy(c.given)).numpy(), c.expected) for c in cases
        )
    excess = list(_CHECKPOINT_TOLERANCE.excess(figures))
    if excess:
        raise ProofFailed(f"{path.name}, as float16: {'; '.join(excess)}; nothing written")
    return {"file": path.name, "sha256": sha256(path), "figures": figures.as_dict()}


def _training(header: dict[str, Any]) -> dict[str, Any]:
    wanted = ("recipe", "generator", "epoch", "step", "task", "preferred_size", "model")
    return {key: header[key] for key in wanted if key in header}


def _versions() -> dict[str, str]:
    found = {}
    for tool in _TOOLS:
        try:
            found[tool] = version(tool)
        except PackageNotFoundError:
            continue
    found["torch"] = torch.__version__
    return found


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _write_checksums(folder: Path) -> None:
    """In the form that `sha256sum -c` reads; times differ from run to run and are not in it."""
    lines = [
        f"{sha256(p)}  {p.relative_to(folder).as_posix()}\n"
        for p in manifest.files_of(folder)
        if p.name != manifest.MEASURED
    ]
    (folder / manifest.CHECKSUMS).write_text("".join(lines), encoding="utf-8")
