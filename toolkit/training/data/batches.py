"""Batches, each a pure function of seed and number.

There is no sampler whose position has to be saved: batch 1,234 is the same whether the run
reached it at once or was killed and resumed three times.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.training.data.pack import Pack
from toolkit.training.data.samples import Batch, Box, ColourSamples, Samples
from toolkit.training.distributed import ALONE, Team
from toolkit.training.recipe import Data, Stage

__all__ = ["Batch", "Batches", "Plan", "prefetch"]

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Plan:
    """Where a step stands: its epoch, its stage, and its number within the epoch."""

    epoch: int
    first: int
    """Number of samples drawn in this epoch before this step."""
    count: int
    """Samples of this step."""
    stage: Stage


class Batches:
    """All batches of a run.

    Parameters
    ----------
    pack : Pack
    chosen : list of int
        The positions in the pack to train on.
    data : Data
        The recipe's part on data.
    stages : list of Stage
    epochs : int
    seed : int
    samples : Samples, optional
        What the task makes of a photograph; by default L* to a*b*.
    team : Team
        Each of its processes gets its part of every batch.
    """

    def __init__(
        self,
        pack: Pack,
        chosen: list[int],
        data: Data,
        stages: list[Stage],
        epochs: int,
        seed: int,
        samples: Samples | None = None,
        team: Team = ALONE,
    ) -> None:
        self.team = team
        self.samples = samples or ColourSamples(data)
        self.pack, self.data, self.seed, self.epochs = pack, data, seed, epochs
        self._chosen = np.array(chosen)
        self._weights = _weights(pack, chosen, data)
        self._samples = data.samples_per_epoch or len(chosen)
        self._stages = [_stage_of(stages, epoch / epochs) for epoch in range(epochs)]
        steps = [math.ceil(self._samples / stage.batch_size) for stage in self._stages]
        self._starts = np.concatenate([[0], np.cumsum(steps)])
        self._last_order = -1, np.empty(0, np.int64)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return int(self._starts[-1])

    def epoch_of(self, step: int) -> int:
        """The epoch in which a step lies, from 0."""
        return int(np.searchsorted(self._starts, step, side="right")) - 1

    def is_last_of_epoch(self, step: int) -> bool:
        """Whether an epoch ends with this step."""
        return step + 1 in self._starts

    def plan(self, step: int) -> Plan:
        """What step number `step` draws."""
        epoch = self.epoch_of(step)
        stage = self._stages[epoch]
        first = (step - int(self._starts[epoch])) * stage.batch_size
        return Plan(epoch, first, min(stage.batch_size, self._samples - first), stage)

    def __getitem__(self, step: int) -> Batch:
        plan = self.plan(step)
        order = self._order(plan.epoch)[plan.first : plan.first + plan.count]
        rng = np.random.default_rng([self.seed, step])
        cuts = [self._draw(self.pack[i], plan.stage, rng) for i in order]
        crops = [_crop(*cut, plan.stage.crop) for cut in cuts[self.team.part(len(cuts))]]
        if self.team.size > 1:  # what else is drawn differs by photograph, so by process
            rng = np.random.default_rng([self.seed, step, self.team.rank])
        return self.samples.batch([*zip(*crops, strict=True)], rng)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Drawn once for an epoch: of many photographs it takes as long as a batch."""
        known, order = self._last_order
        if known != epoch:
            order = self._drawn_order(epoch)
            self._last_order = epoch, order
        return order

    def _drawn_order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self.seed, 0x0E70C4, epoch])
        if self._weights is None:
            rounds = math.ceil(self._samples / len(self._chosen))
            shuffled = [rng.permutation(self._chosen) for _ in range(rounds)]
            return np.concatenate(shuffled)[: self._samples]
        return rng.choice(self._chosen, self._samples, p=self._weights)

    def share(self, step: int) -> float:
        """What this process's photographs count in the whole batch."""
        return self.team.share(self.plan(step).count)

    def _draw(
        self, entry: UInt8, stage: Stage, rng: np.random.Generator
    ) -> tuple[list[UInt8], Box, bool]:
        views = self.samples.views(entry)
        height, width = views[0].shape[:2]
        box = self.samples.box(height, width, stage.crop, rng)
        flip = self.data.flip and rng.random() < 0.5
        return views, box, flip


def _crop(views: list[UInt8], box: Box, flip: bool, crop: int) -> list[UInt8]:
    """The same square of each view, mirrored or not."""
    crops = [_cut(view, box, crop) for view in views]
    return [crop[:, ::-1] if flip else crop for crop in crops]


def _cut(photo: UInt8, box: Box, crop: int) -> UInt8:
    """The square `box` of a photograph (left, top, side), crop x crop pixels large."""
    (left, top, side), (x, y) = box, (int(box[0]), int(box[1]))
    if side == crop and (left, top) == (x, y):
        return photo[y : y + crop, x : x + crop]
    part = Image.fromarray(photo[y : math.ceil(top + side), x : math.ceil(left + side)])
    edges = (left - x, top - y, min(left - x + side, part.width), min(top - y + side, part.height))
    return np.asarray(part.resize((crop, crop), Image.Resampling.BILINEAR, box=edges))


@contextmanager
def prefetch(batches: Batches, start: int, ahead: int = 3) -> Iterator[Iterator[Batch]]:
    """Prepare batches from number `start` on in a thread while the network works."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Batch | BaseException) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for step in range(start, batches.total_steps):
                if stop.is_set():
                    return
                put(batches[step])
        except BaseException as error:  # handed to the training thread, which raises it
            put(error)

    def take() -> Iterator[Batch]:
        for _ in range(start, batches.total_steps):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()


def _weights(pack: Pack, chosen: list[int], data: Data) -> NDArray[np.float64] | None:
    if data.weighting == "none":
        return None
    sources = [pack.entries[i].source for i in chosen]
    sizes = {source: sources.count(source) for source in set(sources)}
    factor = data.source_factors
    weights = np.array([factor.get(s, 1.0) / math.sqrt(sizes[s]) for s in sources], np.float64)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _stage_of(stages: list[Stage], progress: float) -> Stage:
    begun = [stage for stage in stages if stage.start <= progress]
    return begun[-1]
