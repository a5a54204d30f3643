"""Training on this machine: the steps of two recipes, and the data side alone.

All are measured in one run on the same photographs, in turns, against the loop as the tutorials
write it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from toolkit.bench import tutorial_training as tutorial
from toolkit.bench.pictures import gray_photo
from toolkit.errors import UnusableInput, one_line
from toolkit.runtime.photo import find_photos
from toolkit.training.average import Average
from toolkit.training.data.batches import Batch, Batches, prefetch
from toolkit.training.data.pack import open_pack, processors
from toolkit.training.device import choose_device, resolve_precision
from toolkit.training.networks import build_discriminator, build_generator
from toolkit.training.preparation import prepare_network
from toolkit.training.recipe import Recipe, Stage, load_recipe
from toolkit.training.steps import build_step

__all__ = ["measure_training", "training_table"]

TARGETS = {"unet_256": 1.6, "edge": 5.0, "data": 10.0}
"""How many times faster than the tutorials' loop each is meant to be, on a CPU."""


READY = 3
"""Batches that `prefetch` keeps ready."""


def measure_training(
    folder: Path | None = None,
    *,
    batch: int = 4,
    steps: int = 8,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Photographs per second of our steps and of the tutorials', and of the data side of both.

    Parameters
    ----------
    folder : Path, optional
        Colour photographs; by default some are made.
    batch : int
        Photographs of a step of the U-Net; the recipe `edge` keeps its own number.
    steps : int
        In each of the two turns that every loop has; the fastest step counts.
    progress : callable
        Is told what is being measured.

    Returns
    -------
    dict
        ``photographs``, ``batch``, ``threads``, ``device``; ``tutorial``, ``unet_256`` and
        ``edge``, each with ``per_second`` and (ours) ``waiting``, the share of the time in which
        the network waited; ``data_per_second`` of ``ours`` and ``tutorial``. What needs
        scikit-image is missing where that is.

    Raises
    ------
    UnusableInput
        If there are fewer photographs than a step takes.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toolkit-bench-")))
            _make_photographs(folder)
        paths = find_photos(folder)
        if len(paths) < batch:
            raise UnusableInput(f"{one_line(folder)}: fewer than {batch} photographs")
        progress("the data side")
        found: dict[str, Any] = {
            "photographs": len(paths),
            "batch": batch,
            "threads": torch.get_num_threads(),
            "device": str(choose_device("auto")),
            "data_per_second": _data(folder, paths, steps),
        }
        loops = {
            "unet_256": _ours(stack, "unet_256", folder, batch),
            "edge": _ours(stack, "edge", folder, None),
        }
        if tutorial.available():
            loops["tutorial"] = _tutorial(stack, paths, batch)
        for turn in (1, 2):
            for name, loop in loops.items():
                progress(f"{name}, turn {turn} of 2")
                loop.turn(steps)
        return found | {name: loop.figures() for name, loop in loops.items()}


def training_table(found: dict[str, Any]) -> str:
    """The figures of `measure_training`, for people."""
    data = found["data_per_second"]
    lines = [
        f"{found['photographs']} photographs, {found['threads']} threads, {found['device']}; "
        f"U-Net in steps of {found['batch']}",
        f"{'':34}{'photos/s':>9}{'x tutorial':>11}{'wanted':>8}{'waiting':>9}",
    ]
    against = found.get("tutorial", {}).get("per_second")
    rows = [
        ("tutorials' loop, U-Net 256", "tutorial", found.get("tutorial")),
        ("recipe unet_256", "unet_256", found["unet_256"]),
        ("recipe edge", "edge", found["edge"]),
    ]
    for title, name, row in rows:
        if row:
            lines.append(_line(title, row["per_second"], against, name, row.get("waiting")))
    if "tutorial" in data:
        lines.append(_line("tutorials' data side", data["tutorial"], None, "", None))
    lines.append(
        _line("our data side, 256 x 256", data["ours"], data.get("tutorial"), "data", None)
    )
    if against is None:
        lines.append("nothing to compare with: the tutorials' loop needs scikit-image")
    return "\n".join(lines)


def _line(title: str, speed: float, against: float | None, name: str, waiting: float | None) -> str:
    target = TARGETS.get(name)
    ratio = f"{speed / against:.1f}" if against and target else ""
    return (
        f"{title:34}{speed:>9.2f}{ratio:>11}{target or '':>8}"
        f"{'' if waiting is None else f'{waiting:.1%}':>9}"
    ).rstrip()


@dataclass
class _Loop:
    """Steps that are timed one at a time, for loops that take turns."""

    batches: Iterator[Any]
    learn: Callable[[Any], object]
    count: int
    ours: bool

    def __post_init__(self) -> None:
        self.seconds: list[float] = []
        self.waited: list[float] = []

    def turn(self, steps: int) -> None:
        """The first steps are not counted: their batches were made while the others learned."""
        for number in range(READY + 1 + steps):
            began = time.perf_counter()
            batch = next(self.batches)
            got = time.perf_counter()
            self.learn(batch)
            if number > READY:
                self.seconds.append(time.perf_counter() - began)
                self.waited.append(got - began)

    def figures(self) -> dict[str, float]:
        speed = {"per_second": self.count / min(self.seconds)}
        return speed | ({"waiting": sum(self.waited) / sum(self.seconds)} if self.ours else {})


def _ours(stack: ExitStack, name: str, folder: Path, batch: int | None) -> _Loop:
    recipe, device = load_recipe(name), choose_device("auto")
    stage = replace(recipe.stages[-1], start=0.0) if batch is None else Stage(0.0, 256, batch)
    recipe = replace(recipe, precision=resolve_precision(recipe.precision, device), stages=[stage])
    generator = prepare_network(recipe.generator, build_generator, recipe, device)
    discriminator: nn.Module | None = None
    if recipe.discriminator:
        discriminator = prepare_network(recipe.discriminator, build_discriminator, recipe, device)
    step, average = (
        build_step(recipe, generator, discriminator, device),
        Average(generator, recipe.ema),
    )
    batches = _batches(recipe, folder)

    def learn(batch: Batch) -> None:
        generator.train()
        step(batch)
        average.follow(0)
        if device.type == "cuda":
            torch.cuda.synchronize()

    ready = stack.enter_context(prefetch(batches, 0, READY))
    return _Loop(ready, learn, stage.batch_size, ours=True)


def _batches(recipe: Recipe, folder: Path) -> Batches:
    pack = open_pack(folder, side=recipe.data.side, fit=recipe.data.fit)
    data = replace(recipe.data, samples_per_epoch=1000 * recipe.stages[0].batch_size)
    return Batches(pack, list(range(len(pack))), data, recipe.stages, 1, 0)


def _tutorial(stack: ExitStack, paths: list[Path], batch: int) -> _Loop:
    batches = tutorial.tutorial_batches(paths, batch, workers=processors())
    stack.callback(batches.close)  # type: ignore[attr-defined]
    return _Loop(batches, tutorial.TutorialLoop(), batch, ours=False)


def _data(folder: Path, paths: list[Path], steps: int) -> dict[str, float]:
    """Of batches of 16 that nothing learns from, one process each."""
    size = 16
    recipe = replace(load_recipe("unet_256"), stages=[Stage(0.0, 256, size)])
    batches = _batches(recipe, folder)
    makers: dict[str, Callable[[int], object]] = {"ours": lambda i: batches[i]}
    if tutorial.available():
        several = [paths[i % len(paths)] for i in range(size)]
        theirs = tutorial.tutorial_batches(several, size, workers=0)
        makers["tutorial"] = lambda i: next(theirs)
    best = dict.fromkeys(makers, float("inf"))
    for number in range(steps + 1):
        for name, make in makers.items():
            began = time.perf_counter()
            make(number)
            if number:
                best[name] = min(best[name], time.perf_counter() - began)
    return {name: size / seconds for name, seconds in best.items()}


def _make_photographs(folder: Path, count: int = 32) -> None:
    """Tinted photographs of 640 x 480, as JPEG."""
    rng = np.random.default_rng(0)
    for number in range(count):
        gray = np.asarray(gray_photo(0.3072, number), np.float32)[..., None]
        rgb = np.clip(gray * rng.uniform(0.5, 1.2, 3), 0, 255).astype(np.uint8)
        Image.fromarray(rgb).save(folder / f"{number:02d}.jpg", quality=90)
