"""The whole job: what is left to do, the plan, the pool, and the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.errors import (
    OutputError,
    ToolkitError,
    UnusableInput,
    UnusableModel,
    UsageError,
    one_line,
)
from toolkit.files import sha256_bytes, write_bytes
from toolkit.runtime.models import find
from toolkit.runtime.photo import MAX_MEGAPIXELS
from toolkit.runtime.stores import RETRIES, Stores, is_url
from toolkit.scale.engine import connected, execute, nodes
from toolkit.scale.estimate import estimate
from toolkit.scale.job import Job
from toolkit.scale.parts import PART, Part, cut
from toolkit.scale.plan import Plan, make_plan
from toolkit.scale.run_folder import RunFolder
from toolkit.scale.sources import COLUMN, Unit, units
from toolkit.scale.worker import Summary, Work

__all__ = ["Choices", "job_of", "run"]

_HEAD = 100_000
"""Photographs that are listed before the start; of a longer source the length is not known."""


@dataclass(frozen=True)
class Choices:
    """How a job is run; results do not depend on it."""

    address: str | None = None
    """Of a Ray cluster; None: this machine."""
    actors: int | None = None
    cpus_per_actor: int = 1
    memory_per_actor: int | None = None
    """Bytes."""
    resume: bool = False
    retry_failed: bool = False
    overwrite: bool = False
    part: int = PART
    column: str = COLUMN
    retries: int = RETRIES
    max_megapixels: float = MAX_MEGAPIXELS


def job_of(model: str, **options: object) -> tuple[Job, bytes]:
    """The job and the model's bytes. Raises as `toolkit.runtime.models.find` does."""
    found = find(model)
    data = found.read()
    return Job(found.name, sha256_bytes(data), **options), data  # type: ignore[arg-type]


def run(
    source: str,
    destination: str,
    job: Job,
    model: bytes,
    choices: Choices,
    *,
    tell: Callable[[str], None],
    progress: Callable[[Summary], None],
) -> RunFolder:
    """Do what is left of a job.

    Parameters
    ----------
    source, destination : str
        Prefixes, folders and so on: see `toolkit.scale.sources.units`.
    job : Job
    model : bytes
    choices : Choices
    tell : callable
        Is told of the plan.
    progress : callable
        Is told of each part.

    Returns
    -------
    folder : RunFolder
        With a row for each input.

    Raises
    ------
    UsageError
        If the plan does not fit, or another job's results are there.
    UnusableInput
        If the source names nothing or cannot be read.
    ToolkitError
        What stopped the job; what is done is kept.
    """
    source, destination = _apart(source, destination)
    stores = Stores(choices.retries)
    next(units(source, stores, choices.column))  # before anything is written or started
    options = {"resume": choices.resume, "overwrite": choices.overwrite}
    with _model_file(model) as path:
        job.colorizer(path, choices.cpus_per_actor, choices.max_megapixels)
        folder, overwrite = RunFolder.begin(destination, job, model, stores, **options)
        with connected(choices.address):
            plan = _plan(choices)
            tell(plan.describe())
            number = folder.start_run(_facts(source, plan))
            claimed, left = _left(source, stores, choices, folder)
            head = list(islice(left, _HEAD))
            engine = job.colorizer(path, plan.cpus_per_actor, 50)
            tell(estimate(head, engine, stores, plan, whole=len(head) < _HEAD))
            work = _work(destination, job, choices, plan, number, overwrite=overwrite)
            fresh = cut(chain(head, left), number, plan.actors, choices.part)
            for summary in execute(chain(claimed, fresh), work, plan):
                if summary.stop:
                    raise _stopped(summary)
                progress(summary)
        return folder


def _apart(source: str, destination: str) -> tuple[str, str]:
    """Both as every machine understands them, and neither inside the other."""
    source, destination = (
        place if is_url(place) else str(Path.cwd() / Path(place))
        for place in (source.removeprefix("file://"), destination.removeprefix("file://"))
    )
    if f"{destination.rstrip('/')}/".startswith(f"{source.rstrip('/')}/"):
        raise UsageError(
            f"{one_line(destination)}: lies in the source, where results would be taken for "
            "photographs: give another destination"
        )
    return source, destination.rstrip("/")


@contextmanager
def _model_file(model: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
        path = Path(folder, "model.onnx")
        write_bytes(path, model)
        yield path


def _plan(choices: Choices) -> Plan:
    return make_plan(
        nodes(),
        actors=choices.actors,
        cpus_per_actor=choices.cpus_per_actor,
        memory=choices.memory_per_actor,
        max_megapixels=choices.max_megapixels,
    )


def _work(
    destination: str, job: Job, choices: Choices, plan: Plan, number: int, *, overwrite: bool
) -> Work:
    return Work(
        destination,
        job,
        number,
        overwrite,
        plan.cpus_per_actor,
        plan.max_megapixels,
        plan.max_bytes,
        choices.retries,
    )


def _facts(source: str, plan: Plan) -> dict[str, Any]:
    return {
        "source": source,
        "started": time.time(),
        "actors": plan.actors,
        "cpus_per_actor": plan.cpus_per_actor,
        "nodes": plan.nodes,
        "toolkit": __version__,
    }


def _left(
    source: str, stores: Stores, choices: Choices, folder: RunFolder
) -> tuple[list[Part], Iterator[Unit]]:
    """The parts that somebody had in hand, and the units that have no row and are in no hands.

    Claims are read first: rows that are written between the two are found with the rows.
    """
    claimed = list(folder.claimed())
    done = folder.done(retry_failed=choices.retry_failed)
    in_hand = {unit.place for part in claimed for unit in part.units}

    def rest() -> Iterator[Unit]:
        for unit in units(source, stores, choices.column):
            if unit.place in in_hand:
                continue
            if unit.place in done.failed:
                yield replace(unit, again=True)
            elif unit.place not in done:
                yield unit

    return claimed, rest()


def _stopped(summary: Summary) -> ToolkitError:
    known = (UsageError, UnusableModel, OutputError, UnusableInput)
    kinds = {kind.exit_code: kind for kind in known}
    kind = kinds.get(summary.exit_code, ToolkitError)
    return kind(f"{summary.stop}; the job stopped, go on with the same command and --resume")
