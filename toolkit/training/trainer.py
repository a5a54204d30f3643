"""The training loop.

::

    toolkit train photos/ --recipe edge --out runs/first
    toolkit train --resume runs/first
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.errors import (
    Interrupted,
    OutputError,
    TrainingDiverged,
    UnusableInput,
    UsageError,
    one_line,
    one_of,
)
from toolkit.files import write_text
from toolkit.runtime.photo import find_photos
from toolkit.training import checkpoint, report
from toolkit.training.data.batches import Batches, prefetch
from toolkit.training.device import choose_device, resolve_precision
from toolkit.training.interrupt import interruptible
from toolkit.training.networks import Generator, build_discriminator, build_generator
from toolkit.training.preparation import (
    check_sizes,
    find_weights,
    prepare_network,
    prepare_photographs,
)
from toolkit.training.recipe import Recipe, load_recipe
from toolkit.training.schedule import rate_factor
from toolkit.training.steps import build_step
from toolkit.training.validation import Validation, evaluate_paths
from toolkit.training.watcher import Progress, Watcher

__all__ = ["Outcome", "Progress", "Watcher", "resume", "train"]

DEV_PHOTOS = 64
"""How many of the `dev` photographs are looked at after each epoch."""

SAVE_EVERY = 300.0
"""Seconds between checkpoints within an epoch: the most work that a kill -9 can cost."""


@dataclass(frozen=True)
class Outcome:
    """What a finished run says of itself."""

    run: Path
    steps: int
    dev: dict[str, float]
    """Of the best checkpoint, on photographs kept from training to choose it."""
    val: dict[str, float] | None
    """Of the best checkpoint, on the folder given with ``--val``, else on the photographs that the
    recipe holds out."""


def train(
    recipe: Recipe,
    folder: Path,
    run: Path,
    *,
    val: Path | None = None,
    device: str = "auto",
    init_from: Path | None = None,
    exclude: Collection[str] = (),
    save_every: float = SAVE_EVERY,
    command: list[str] | None = None,
    watcher: Watcher | None = None,
) -> Outcome:
    """Train a recipe on a folder of colour photographs.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Searched with all its subfolders.
    run : Path
        The run folder to make; it must not exist yet, or be empty.
    val : Path, optional
        Photographs for the final figures; never used to choose anything.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    init_from : Path, optional
        A checkpoint, run or bundle folder whose weights the generator starts from.
    exclude : collection of str
        Paths below `folder` that are left out, as `toolkit data check --write` lists them.
    save_every : float
        Seconds between checkpoints within an epoch.
    command : list of str, optional
        Kept in ``environment.json``.
    watcher : Watcher, optional

    Raises
    ------
    UsageError
        If the run folder is taken, or the recipe names something unknown.
    UnusableInput
        If there are too few photographs that can be read.
    TrainingDiverged
        If a loss is no longer finite.
    Interrupted
        After Ctrl-C, with everything saved.
    """
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(
            f"{one_line(run)}: exists; go on with: toolkit train --resume {run}, or choose another"
        )
    if val is not None and not find_photos(val):
        raise UnusableInput(f"{one_line(val)}: no photographs in this folder")
    where = choose_device(device)
    recipe = replace(recipe, precision=resolve_precision(recipe.precision, where))
    watcher = watcher or Watcher()
    session = _Session(recipe, folder, val, exclude, run, where, watcher)
    if init_from:
        session.start_from(init_from)
    write_text(run / "recipe.toml", recipe.to_toml())
    described = session.split.describe(session.pack, folder.resolve())
    described["val"] = str(val.resolve()) if val else None
    described["exclude"] = sorted(exclude)
    write_text(run / "data.json", json.dumps(described, indent=1))
    facts = report.environment(str(where), recipe.precision, command or [])
    write_text(run / "environment.json", json.dumps(facts, indent=1))
    return session.work(save_every)


def resume(
    run: Path,
    *,
    device: str = "auto",
    allow_data_change: bool = False,
    save_every: float = SAVE_EVERY,
    watcher: Watcher | None = None,
) -> Outcome:
    """Go on with a run that was stopped or killed, as if nothing had happened.

    Raises
    ------
    UnusableInput
        If `run` is not a run folder, or its photographs are others than before.
    """
    for name in ("recipe.toml", "data.json"):
        if not (run / name).exists():
            raise UnusableInput(f"{one_line(run)}: not a run folder: it has no {name}")
    described = json.loads((run / "data.json").read_text())
    val = Path(described["val"]) if described.get("val") else None
    recipe = load_recipe(str(run / "recipe.toml"))
    folder, exclude = Path(described["folder"]), described.get("exclude", [])
    session = _Session(
        recipe, folder, val, exclude, run, choose_device(device), watcher or Watcher()
    )
    now = session.split.describe(session.pack, folder)
    parts = ("train", "dev", "held_out")
    if not allow_data_change and any(now[k] != described.get(k, []) for k in parts):
        raise UnusableInput(
            f"{described['folder']}: its photographs are others than when the run began; "
            "put them back, or go on with --allow-data-change"
        )
    if (run / "last.safetensors").exists():
        session.restore()
    return session.work(save_every)


@dataclass
class _Meters:
    """Means of the losses over an epoch; the sums stay on the device until they are asked for."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.count += 1

    def means(self) -> dict[str, float]:
        """By name: a resumed run holds the sums in the order of its checkpoint."""
        return {name: float(self.sums[name]) / max(1, self.count) for name in sorted(self.sums)}


class _Session:
    """A run in memory: what `train` makes anew and `resume` fills from the last checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        val: Path | None,
        exclude: Collection[str],
        run: Path,
        device: torch.device,
        watcher: Watcher,
    ) -> None:
        self.recipe, self.run, self.device, self.watcher = recipe, run, device, watcher
        self.folder, self.val = folder, val
        torch.manual_seed(recipe.seed)
        self.generator = prepare_network(recipe.generator, build_generator, recipe, device)
        discriminator = (
            prepare_network(recipe.discriminator, build_discriminator, recipe, device)
            if recipe.discriminator
            else None
        )
        self.step = build_step(recipe, self.generator, discriminator, device)
        self.average = deepcopy(self.generator).eval() if recipe.ema else self.generator
        check_sizes(recipe, self.generator)
        self.pack, self.split = prepare_photographs(recipe, folder, exclude, watcher)
        self.batches = Batches(
            self.pack, self.split.train, recipe.data, recipe.stages, recipe.epochs, recipe.seed
        )
        self.dev = self._validation(self.split.dev[:DEV_PHOTOS])
        self.shown = self._shown()
        self.done = 0
        self.finished = False
        self.best = -math.inf
        self.meters = _Meters()

    def _validation(self, positions: list[int]) -> Validation:
        recipe = self.recipe
        return Validation(self._paths(positions), recipe.preferred_size, recipe.dropout_at_test)

    def _shown(self) -> Validation:
        """Whose photographs are on the sheets."""
        choices = {"dev": self.dev, "train": None}
        if self.recipe.samples_from not in choices:
            raise one_of("value of samples_from", self.recipe.samples_from, [*choices])
        return choices[self.recipe.samples_from] or self._validation(self.split.train[:8])

    def _paths(self, positions: list[int]) -> list[Path]:
        return [self.folder / self.pack.entries[i].name for i in positions]

    def start_from(self, source: Path) -> None:
        """Begin with the weights of an earlier run."""
        path = find_weights(source)
        loaded, _ = checkpoint.load_generator(path)
        tensors = checkpoint.weights(loaded, "generator")
        checkpoint.restore_module(self.generator, tensors, "generator", path)
        if self.average is not self.generator:
            checkpoint.restore_module(self.average, tensors, "generator", path)
        self.watcher.on_message(f"starting from {one_line(path)}")

    def work(self, save_every: float) -> Outcome:
        """Learn until the last step; save after each epoch and every few minutes."""
        total = self.batches.total_steps
        began, began_at, waited = time.monotonic(), self.done, 0.0
        saved = began
        with interruptible() as interrupted, prefetch(self.batches, self.done) as batches:
            while not self.finished:
                asked = time.monotonic()
                batch = next(batches)
                waited += time.monotonic() - asked
                self._set_rates()
                self.generator.train()
                self.meters.add(self.step(batch))
                self._follow()
                self.done += 1
                now = time.monotonic()
                plan = self.batches.plan(self.done - 1)
                each = (now - began) / (self.done - began_at)
                if self.done % 10 == 0 or self.done == total:
                    self._stop_if_diverged()
                    self.watcher.on_step(
                        Progress(
                            plan.epoch + 1,
                            self.recipe.epochs,
                            self.done,
                            total,
                            self.meters.means(),
                            plan.stage.batch_size / each,
                            each * (total - self.done),
                            waited / (now - began),
                        )
                    )
                if self.recipe.samples_every and self.done % self.recipe.samples_every == 0:
                    self._write_samples(f"step_{self.done:06d}")
                if self.batches.is_last_of_epoch(self.done - 1):
                    self._end_epoch(plan.epoch)
                    saved = time.monotonic()
                elif now - saved >= save_every or interrupted.is_set():
                    self._save_or_warn()
                    saved = time.monotonic()
                if interrupted.is_set() and not self.finished:
                    raise Interrupted(
                        f"interrupted after step {self.done} of {total}; "
                        f"go on with: toolkit train --resume {self.run}"
                    )
        return self._outcome()

    def restore(self) -> None:
        """Take up the last checkpoint: weights, moments, random numbers, and where it stood."""
        path = self.run / "last.safetensors"
        tensors, header = checkpoint.load_tensors(path)
        for name, module in self.step.modules.items():
            checkpoint.restore_module(module, tensors, name, path)
        if self.average is not self.generator:
            checkpoint.restore_module(self.average, tensors, "ema", path)
        for name, optimizer in self.step.optimizers.items():
            checkpoint.restore_optimizer(optimizer, tensors, f"optimizer.{name}")
        torch.set_rng_state(tensors["random.torch"])
        if "random.cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"])
        self.done, self.best = header["step"], header["best"]
        self.finished = header["finished"]
        sums = {
            name.removeprefix("meter."): value.to(self.device)
            for name, value in tensors.items()
            if name.startswith("meter.")
        }
        self.meters = _Meters(sums, header["meter_count"])
        self.watcher.on_message(f"going on after step {self.done} of {self.batches.total_steps}")

    def _set_rates(self) -> None:
        factor = rate_factor(
            self.recipe.schedule, self.done, self.batches.total_steps, self.recipe.warmup
        )
        rates = {
            "generator": self.recipe.optimizer,
            "discriminator": self.recipe.optimizer_discriminator,
        }
        for name, optimizer in self.step.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rates[name].lr * factor

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running mean of the weights; early on it forgets faster, not to keep noise."""
        if self.average is self.generator:
            return
        decay = min(self.recipe.ema, (1 + self.done) / (10 + self.done))
        pairs = zip(
            self.average.state_dict().values(), self.generator.state_dict().values(), strict=True
        )
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def _stop_if_diverged(self) -> None:
        bad = [name for name, value in self.meters.means().items() if not math.isfinite(value)]
        if not all(p.isfinite().all() for p in self.generator.parameters()):
            bad.append("a weight")
        if bad:
            raise TrainingDiverged(
                f"{', '.join(bad)} left the finite numbers near step {self.done}; the last good "
                f"checkpoint is kept in {self.run}. Try a smaller rate: --set optimizer.lr=1e-4"
            )

    def _end_epoch(self, epoch: int) -> None:
        self._stop_if_diverged()
        dev = self.dev(self.average)
        row = {
            "epoch": epoch + 1,
            "step": self.done,
            "train": self.meters.means(),
            "dev": dev,
            "dev_photos": len(self.dev.photos),
        }
        if dev["gain"] > self.best:
            self.best = dev["gain"]
            best = checkpoint.weights(self.average, "generator")
            checkpoint.save_checkpoint(self.run / "best.safetensors", best, self._header(dev=dev))
        if self.recipe.keep_every and (epoch + 1) % self.recipe.keep_every == 0:
            self._keep(epoch + 1, dev)
        self.meters = _Meters()
        report.append_metrics(self.run, row)
        self._write_samples(f"epoch_{epoch + 1:03d}")
        report.draw_curves(self.run)
        self.watcher.on_epoch(row)
        self.finished = self.done == self.batches.total_steps or self._out_of_patience()
        if self.finished:
            self._save()
        else:
            self._save_or_warn()

    def _out_of_patience(self) -> bool:
        gains = [row["dev"]["gain"] for row in report.read_metrics(self.run)]
        since = len(gains) - 1 - gains.index(max(gains))
        out = 0 < self.recipe.patience <= since
        if out:
            self.watcher.on_message(f"no better for {since} epochs: ended after {len(gains)}")
        return out

    def _write_samples(self, name: str) -> None:
        report.write_samples(self.run, name, self.shown.sheet(self.average))

    def _keep(self, epoch: int, dev: dict[str, float]) -> None:
        """A checkpoint that no later one replaces."""
        networks = {**self.step.modules, "generator": self.average}
        tensors = {
            key: tensor
            for name, module in networks.items()
            for key, tensor in checkpoint.weights(module, name).items()
        }
        path = self.run / f"epoch_{epoch:03d}.safetensors"
        checkpoint.save_checkpoint(path, tensors, self._header(dev=dev))

    def _save_or_warn(self) -> None:
        """A disk that is full now may have room later: hours of work are not thrown away.

        Weights that are no longer finite never replace the last good ones.
        """
        self._stop_if_diverged()
        try:
            self._save()
        except OutputError as error:
            self.watcher.on_message(
                f"warning: {error}; the older checkpoint stays, training goes on"
            )

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {"random.torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        for name, module in self.step.modules.items():
            tensors |= checkpoint.weights(module, name)
        if self.average is not self.generator:
            tensors |= checkpoint.weights(self.average, "ema")
        for name, optimizer in self.step.optimizers.items():
            tensors |= checkpoint.optimizer_tensors(optimizer, f"optimizer.{name}")
        tensors |= {f"meter.{name}": value for name, value in self.meters.sums.items()}
        header = self._header(finished=self.finished, best=self.best, meter_count=self.meters.count)
        checkpoint.save_checkpoint(self.run / "last.safetensors", tensors, header)

    def _header(self, **more: Any) -> dict[str, Any]:
        recipe = self.recipe
        return {
            "generator": {"name": recipe.generator.name, "options": recipe.generator.options},
            "recipe": recipe.name,
            "step": self.done,
            "epoch": self.batches.epoch_of(max(0, self.done - 1)) + 1,
            "task": "colorize",
            "preferred_size": recipe.preferred_size,
            "licence": recipe.licence,
            "model": f"{recipe.name} {recipe.model_version}",
            **more,
        }

    def _outcome(self) -> Outcome:
        best, header = checkpoint.load_generator(self.run / "best.safetensors")
        return Outcome(self.run, self.done, header["dev"], self._final_figures(best))

    def _final_figures(self, best: Generator) -> dict[str, float] | None:
        root = self.val or self.folder
        try:
            paths = find_photos(self.val) if self.val else self._paths(self.split.held_out)
            if not paths:
                return None
            val = evaluate_paths(best, paths, root, self.recipe.preferred_size)
        except UnusableInput as error:  # the training is done, and stays
            self.watcher.on_message(f"warning: no final figures: {error}")
            return None
        write_text(self.run / "val.json", json.dumps(val, indent=1))
        return val
