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
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from toolkit.lab import rgb_to_lab
from toolkit.training.data.augment import vary_lightness
from toolkit.training.data.pack import Pack
from toolkit.training.recipe import Data, Stage

__all__ = ["Batch", "Batches", "Plan", "prefetch"]

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes
    ----------
    lightness : Tensor, float32, shape (N, 1, H, W)
        L* / 50 - 1, perhaps grainy or faded.
    ab : Tensor, float32, shape (N, 2, H, W)
        True a* and b* / 110.
    """

    lightness: Tensor
    ab: Tensor


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
    """

    def __init__(
        self,
        pack: Pack,
        chosen: list[int],
        data: Data,
        stages: list[Stage],
        epochs: int,
        seed: int,
    ) -> None:
        self.pack, self.data, self.seed, self.epochs = pack, data, seed, epochs
        self._chosen = np.array(chosen)
        self._weights = _weights(pack, chosen, data)
        self._samples = data.samples_per_epoch or len(chosen)
        self._stages = [_stage_of(stages, epoch / epochs) for epoch in range(epochs)]
        steps = [math.ceil(self._samples / stage.batch_size) for stage in self._stages]
        self._starts = np.concatenate([[0], np.cumsum(steps)])

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
        rgb = np.stack([self._crop(self.pack[i], plan.stage, rng) for i in order])
        lab = rgb_to_lab(rgb).transpose(0, 3, 1, 2)
        lightness = vary_lightness(np.ascontiguousarray(lab[:, :1]), self.data, rng)
        return Batch(
            torch.from_numpy(lightness / np.float32(50) - np.float32(1)),
            torch.from_numpy(lab[:, 1:] / np.float32(110)),
        )

    def _order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self.seed, 0x0E70C4, epoch])
        if self._weights is None:
            rounds = math.ceil(self._samples / len(self._chosen))
            shuffled = [rng.permutation(self._chosen) for _ in range(rounds)]
            return np.concatenate(shuffled)[: self._samples]
        return rng.choice(self._chosen, self._samples, p=self._weights)

    def _crop(self, photo: UInt8, stage: Stage, rng: np.random.Generator) -> UInt8:
        height, width = photo.shape[:2]
        side = min(height, width) * rng.uniform(self.data.zoom[0], self.data.zoom[1])
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
        flip = self.data.flip and rng.random() < 0.5
        if (height, width) != (stage.crop, stage.crop) or side < min(height, width):
            # Only the pixels of the box travel into Pillow: the pack lies on disk.
            x, y = int(left), int(top)
            part = Image.fromarray(photo[y : math.ceil(top + side), x : math.ceil(left + side)])
            box = (
                left - x,
                top - y,
                min(left - x + side, part.width),
                min(top - y + side, part.height),
            )
            size = (stage.crop, stage.crop)
            photo = np.asarray(part.resize(size, Image.Resampling.BILINEAR, box=box))
        return photo[:, ::-1] if flip else photo


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
