"""Ray: started here or joined, quiet, and the parts sent through a pool of actors."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from queue import Empty, Queue
from threading import Thread

import pyarrow as pa
import ray
import ray.data

from toolkit.errors import MissingRequirement, ToolkitError, one_line
from toolkit.runtime.threads import available_threads
from toolkit.scale.parts import Part
from toolkit.scale.plan import SPARE, Node, Plan
from toolkit.scale.worker import Summary, Work, Worker

__all__ = ["connected", "execute", "nodes"]

_STORE = 100_000_000
"""Bytes of Ray's object store: only lists of paths and counts go through it."""

_STARTS = 4

_WAVE = 4096
"""Parts that are handed to Ray at a time, so that the driver's memory does not grow."""

_LOOK = 10.0
"""Seconds without news after which the nodes are counted."""

_VAIN = 20
"""Waves in a row of which no part was done: a photograph that kills actors needs three."""


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster at `address`, for the time of the block.

    Raises
    ------
    MissingRequirement
        If there is no cluster at the address, or Ray does not start.
    """
    # Short: the names of Ray's sockets in it must stay below 108 bytes.
    folder = tempfile.mkdtemp(prefix="ray-") if address is None else None
    # Ray prints what goes wrong in a cluster on stdout, where only results belong.
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        try:
            try:
                with _silent():
                    _start(folder) if folder else _join(address)
            except Exception as error:  # Ray raises plain exceptions
                who = (
                    "Ray does not start here"
                    if folder
                    else f"--address {address}: no cluster answers"
                )
                raise MissingRequirement(f"{who}: {one_line(error)[:200]}") from error
            _hush()
            yield
        finally:
            ray.shutdown()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _start(folder: str) -> None:
    """Start Ray, which gives itself 30 seconds: too few on a busy machine, so more than once."""
    for _ in range(_STARTS - 1):
        try:
            return _start_once(folder)
        except Exception:  # it raises no kind of its own
            ray.shutdown()
    return _start_once(folder)


def _start_once(folder: str) -> None:
    ray.init(
        address="local",
        num_cpus=available_threads() + SPARE,
        num_gpus=0,
        object_store_memory=_STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=folder,
    )


def _join(address: str | None) -> None:
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)


def nodes() -> list[Node]:
    """The machines that are alive."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    found = [Node(int(r.get("CPU", 0)), int(r.get("memory", 0))) for r in alive]
    return [node for node in found if node.cpus]


def execute(parts: Iterable[Part], work: Work, plan: Plan) -> Iterator[Summary]:
    """Work off the parts with the plan's actors; a summary of each as it is done.

    What an actor had in hand when it died comes again in the next wave: within a wave Ray would
    wait with it until that actor is restarted, which no node may have room for.

    Raises
    ------
    MissingRequirement
        If machines went away and none that is left holds an actor.
    ToolkitError
        If actors die again and again before they have done anything.
    """
    stream = iter(parts)
    lost: list[Part] = []
    vain = 0
    while wave := [*lost, *islice(stream, _WAVE - len(lost))]:
        left = {part.id: part for part in wave}
        for summary in _watched(wave, work, plan):
            left.pop(summary.part, None)
            yield summary
        vain = vain + 1 if len(left) == len(wave) else 0
        if vain == _VAIN:
            raise ToolkitError(
                "the actors die before they have done anything; the job stopped: give them more "
                "--memory-per-actor and go on with --resume"
            )
        lost = list(left.values())


def _wave(parts: list[Part], work: Work, plan: Plan) -> Iterator[Summary]:
    dataset = ray.data.from_arrow([part.to_table() for part in parts])
    summaries = dataset.map_batches(
        Worker,
        fn_constructor_args=(work,),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=min(plan.actors, len(parts))),
        num_cpus=plan.cpus_per_actor,
        memory=plan.memory_per_actor,
        max_task_retries=0,
    )
    for table in summaries.iter_batches(
        batch_size=None, batch_format="pyarrow", prefetch_batches=0
    ):
        assert isinstance(table, pa.Table)
        for facts in table.to_pylist():
            yield Summary(**facts)


def _watched(parts: list[Part], work: Work, plan: Plan) -> Iterator[Summary]:
    """Iterate in a thread, and count the nodes where nothing has come for a while."""
    news: Queue[Summary | BaseException | None] = Queue()

    def iterate() -> None:
        try:
            for summary in _wave(parts, work, plan):
                news.put(summary)
            news.put(None)
        except BaseException as error:  # handed over whole
            news.put(error)

    iterating = Thread(target=iterate, daemon=True)
    iterating.start()
    while True:
        try:
            item = news.get(timeout=_LOOK)
        except Empty:
            if not any(_holds_an_actor(node, plan) for node in nodes()):
                raise MissingRequirement(
                    "machines went away and none that is left holds an actor; what is done is "
                    "kept, go on with the same command and --resume when there is room"
                ) from None
            continue
        if item is None:
            iterating.join()
            return
        if isinstance(item, BaseException):
            raise item
        yield item


def _holds_an_actor(node: Node, plan: Plan) -> bool:
    return node.cpus >= plan.cpus_per_actor and node.memory >= plan.memory_per_actor


@contextmanager
def _silent() -> Iterator[None]:
    """Ray's own processes and C++ speak of their log levels on file descriptor 2."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _hush() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a part that an actor's death took comes again: `execute`
    # `max_task_retries` has no other way in before 2.64, which pyproject.toml excludes.
    warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
