"""The whole job: what is left to do, the plan, the pool, and the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from io import BytesIO
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
from toolkit.runtime.batch import Settings, make
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.models import find
from toolkit.runtime.photo import MAX_MEGAPIXELS
from toolkit.runtime.stores import RETRIES, Stores, is_url
from toolkit.scale.engine import NodesLost, connected, execute, nodes
from toolkit.scale.job import Job
from toolkit.scale.parts import PART, cut
from toolkit.scale.plan import Plan, make_plan
from toolkit.scale.run_folder import RunFolder
from toolkit.scale.sources import COLUMN, Unit, units
from toolkit.scale.worker import Summary, Work

__all__ = ["Choices", "job_of", "run"]

_HEAD = 100_000
"""Photographs that are listed before the start; of a longer source the length is not known."""

_SAMPLE = 4
"""Photographs that are coloured before the start, to say how long it takes."""


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
        while True:
            try:
                with connected(choices.address):
                    plan = _plan(choices)
                    tell(plan.describe())
                    number = folder.start_run(_facts(source, plan))
                    left = _left(source, stores, choices, folder)
                    head = list(islice(left, _HEAD))
                    tell(
                        _estimate(head, job.colorizer(path, plan.cpus_per_actor, 50), stores, plan)
                    )
                    work = _work(destination, job, choices, plan, overwrite=overwrite)
                    fresh = cut(chain(head, left), number, plan.actors, choices.part)
                    for summary in execute(chain(folder.claimed(), fresh), work, plan):
                        if summary.stop:
                            raise _stopped(summary)
                        progress(summary)
                return folder
            except NodesLost as error:
                tell(f"{error}: going on with those that are left")
                choices = replace(choices, actors=None, retry_failed=False)


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


def _work(destination: str, job: Job, choices: Choices, plan: Plan, *, overwrite: bool) -> Work:
    return Work(
        destination,
        job,
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


def _left(source: str, stores: Stores, choices: Choices, folder: RunFolder) -> Iterator[Unit]:
    """The units that have no row and are in nobody's hands."""
    done = folder.done(retry_failed=choices.retry_failed)
    claimed = {unit.place for part in folder.claimed() for unit in part.units}
    for unit in units(source, stores, choices.column):
        if unit.place in claimed:
            continue
        if unit.place in done.failed:
            yield replace(unit, again=True)
        elif unit.place not in done:
            yield unit


def _estimate(head: list[Unit], colorizer: Colorizer, stores: Stores, plan: Plan) -> str:
    """How long it takes, from a few photographs that are coloured here and thrown away."""
    photographs = [unit for unit in head if not unit.is_shard]
    count = f"{len(head):,} photographs and shards" if len(head) < _HEAD else "more than 100,000"
    step = max(1, len(photographs) // _SAMPLE)
    seconds = []
    for unit in photographs[::step][:_SAMPLE]:
        started = time.perf_counter()
        try:
            make(stores.read(unit.place), lambda: nullcontext(BytesIO()), colorizer, Settings())
        except ToolkitError:
            continue  # its row will tell
        seconds.append(time.perf_counter() - started)
    if not seconds:
        return f"{count} left to do"
    each = sum(seconds) / len(seconds)
    hours = each / plan.actors / 3600
    whole = f"{hours * len(photographs):.2g} hours" if len(head) < _HEAD else "unknown in all"
    return f"{count} left to do: {each:.2f} s each, {whole}, {hours * 1e6:.3g} hours per million"


def _stopped(summary: Summary) -> ToolkitError:
    kinds = {kind.exit_code: kind for kind in (UnusableModel, OutputError, UnusableInput)}
    kind = kinds.get(summary.exit_code, ToolkitError)
    return kind(f"{summary.stop}; the job stopped, go on with the same command and --resume")
