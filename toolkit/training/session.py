"""A run in memory: the training loop, and what it does between two steps."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.errors import Interrupted, TrainingDiverged, UnusableInput, one_line, one_of
from toolkit.files import write_text
from toolkit.training import checkpoint
from toolkit.training.average import Average
from toolkit.training.data.batches import Batches, prefetch
from toolkit.training.data.prior import measure_prior, read_prior, write_prior
from toolkit.training.distributed import Team
from toolkit.training.interrupt import interruptible
from toolkit.training.losses import Bins
from toolkit.training.meters import Meters
from toolkit.training.networks import Generator, build_discriminator, build_generator
from toolkit.training.preparation import (
    check_channels,
    check_sizes,
    find_weights,
    prepare_network,
)
from toolkit.training.recipe import Network, Recipe
from toolkit.training.record import Record
from toolkit.training.schedule import rate_factor
from toolkit.training.steps import build_step
from toolkit.training.tasks import Validator, open_task
from toolkit.training.watcher import Progress, Watcher

__all__ = ["Outcome", "Session"]

DEV_PHOTOS = 64
"""How many of the `dev` photographs are looked at after each epoch."""


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


class Session:
    """A run in memory: what `train` makes anew and `resume` fills from the last checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        val: Path | None,
        exclude: Collection[str],
        run: Path,
        device: torch.device,
        team: Team,
        watcher: Watcher,
    ) -> None:
        self.recipe, self.run, self.watcher = recipe, run, watcher
        self.device, self.team = device, team
        self.val = val
        torch.manual_seed(recipe.seed)
        self.generator = self._network(recipe.generator, build_generator)
        discriminator = (
            self._network(recipe.discriminator, build_discriminator)
            if recipe.discriminator
            else None
        )
        self.step = build_step(recipe, self.generator, discriminator, device, team)
        self.average = Average(self.generator, recipe.ema)
        check_sizes(recipe, self.generator)
        self.task = open_task(recipe, folder, exclude, watcher)
        self.recipe, self.pack, self.split = self.task.recipe, self.task.pack, self.task.split
        check_channels(self.generator, self.task.channels, recipe.stages[0].crop)
        self.batches = Batches(
            self.pack,
            self.split.train,
            recipe.data,
            recipe.stages,
            recipe.epochs,
            recipe.seed,
            self.task.samples,
            team,
        )
        if team.rank:  # the processes drop other values
            torch.manual_seed(recipe.seed + team.rank)
        self.dev = self.task.validator(self.split.dev[:DEV_PHOTOS])
        self.shown = self._shown()
        self.done = 0
        self.finished = False
        self.best = -math.inf
        self.meters = Meters()
        self.record = Record(run, watcher.on_message)

    def _network(self, network: Network, build: Callable[..., nn.Module]) -> Any:
        made = prepare_network(network, build, self.recipe, self.device)
        return self.team.synchronised(made, self.device)

    def _shown(self) -> Validator:
        """Whose photographs are on the sheets."""
        choices = {"dev": self.dev, "train": None}
        if self.recipe.samples_from not in choices:
            raise one_of("value of samples_from", self.recipe.samples_from, [*choices])
        return choices[self.recipe.samples_from] or self.task.validator(self.split.train[:8])

    def start_from(self, source: Path) -> None:
        """Begin with the weights of an earlier run, also after a kill before the first save."""
        path = find_weights(source)
        loaded, _ = checkpoint.load_generator(path)
        tensors = checkpoint.weights(loaded, "generator")
        checkpoint.restore_module(self.generator, tensors, "generator", path)
        self.average.begin()
        self._save()
        self.watcher.on_message(f"starting from {one_line(path)}")

    def begin(self) -> None:
        """Measure what the losses need of the photographs, or take it from the run."""
        for _, _, loss in self.step.terms:
            if isinstance(loss, Bins) and loss.rebalance:
                loss.balance(self._prior(loss))

    def _prior(self, loss: Bins) -> Tensor:
        path, centres = self.run / "prior.json", loss.centres.cpu()
        with self.team.lead_first():
            if not path.exists():
                prior = measure_prior(self.pack, self.split.train, centres, loss.sigma)
                write_prior(path, centres, prior)
        return read_prior(path, len(centres))

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
                self.meters.add(self.step(batch, self.batches.share(self.done)))
                self.average.follow(self.done)
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
                shows = self.recipe.samples_every and self.done % self.recipe.samples_every == 0
                if shows and self.team.leads:
                    sheet = self.shown.sheet(self.average.network)
                    self.record.sheet(f"step_{self.done:06d}", sheet)
                due, stop = self.team.any(now - saved >= save_every, interrupted.is_set())
                if self.batches.is_last_of_epoch(self.done - 1):
                    self._end_epoch(plan.epoch)
                    saved = time.monotonic()
                elif due or stop:
                    self._save_or_warn()
                    saved = time.monotonic()
                if stop and not self.finished:
                    raise Interrupted(
                        f"interrupted after step {self.done} of {total}; "
                        f"go on with: toolkit train --resume {self.run}"
                    )
        return self.team.told(self._outcome() if self.team.leads else None)  # type: ignore[return-value]

    def restore(self) -> None:
        """Take up the last checkpoint: weights, moments, random numbers, and where it stood."""
        path = self.run / "last.safetensors"
        tensors, header = checkpoint.load_tensors(path)
        for name, module in self.step.modules.items():
            checkpoint.restore_module(module, tensors, name, path)
        self.average.restore(tensors, path)
        for name, optimizer in self.step.optimizers.items():
            checkpoint.restore_optimizer(optimizer, tensors, f"optimizer.{name}")
        self._restore_random(tensors)
        self.done, self.best = header["step"], header["best"]
        self.finished = header["finished"]
        self.meters = Meters.restored(tensors, header["meter_count"], self.device)
        self.record.go_on_before(self.batches.epoch_of(self.done) + 1)
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
                group["lr"] = rates[name].lr * group["factor"] * factor

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
        if self.team.leads:
            self._measure(epoch)
            self.finished = self.done == self.batches.total_steps or self._out_of_patience()
        self.finished = self.team.told(self.finished)
        self.meters = Meters()
        if self.finished:
            self._save()
        else:
            self._save_or_warn()

    def _measure(self, epoch: int) -> None:
        """Look at `dev`; keep the figures, the sheet, and the weights if they are the best."""
        dev = self.dev(self.average.network)
        row = {
            "epoch": epoch + 1,
            "step": self.done,
            "train": self.meters.means(),
            "dev": dev,
            "dev_photos": len(self.dev.photos),
        }
        # A best that the disk refuses is none: the next may find room.
        if dev["gain"] > self.best and self.record.attempt(lambda: self._save_best(dev)):
            self.best = dev["gain"]
        if self.recipe.keep_every and (epoch + 1) % self.recipe.keep_every == 0:
            self.record.attempt(lambda: self._keep(epoch + 1, dev))
        self.record.end_epoch(row, self.shown.sheet(self.average.network))
        self.record.attempt(lambda: self.watcher.on_epoch(row))

    def _out_of_patience(self) -> bool:
        since = self.record.epochs_without_better()
        out = 0 < self.recipe.patience <= since
        if out:
            rows = len(self.record.rows)
            self.watcher.on_message(f"no better for {since} epochs: ended after {rows}")
        return out

    def _save_best(self, dev: dict[str, float]) -> None:
        best = checkpoint.weights(self.average.network, "generator")
        checkpoint.save_checkpoint(self.run / "best.safetensors", best, self._header(dev=dev))

    def _keep(self, epoch: int, dev: dict[str, float]) -> None:
        """A checkpoint that no later one replaces."""
        networks = {**self.step.modules, "generator": self.average.network}
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
        if self.record.attempt(self._save):
            self.record.there_is_room()

    def _save(self) -> None:
        tensors = self._random()
        if not self.team.leads:
            return
        for name, module in self.step.modules.items():
            tensors |= checkpoint.weights(module, name)
        for name, optimizer in self.step.optimizers.items():
            tensors |= checkpoint.optimizer_tensors(optimizer, f"optimizer.{name}")
        tensors |= self.average.tensors() | self.meters.tensors()
        header = self._header(finished=self.finished, best=self.best, meter_count=self.meters.count)
        checkpoint.save_checkpoint(self.run / "last.safetensors", tensors, header)

    def _random(self) -> dict[str, Tensor]:
        """Where the random numbers of each process stand."""
        states = {"random.torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["random.cuda"] = torch.cuda.get_rng_state()
        return {
            _of_process(name, rank): found
            for name, state in states.items()
            for rank, found in enumerate(self.team.gathered(state))
        }

    def _restore_random(self, tensors: dict[str, Tensor]) -> None:
        own = _of_process("random.torch", self.team.rank)
        if own in tensors:  # not where there are more processes than before
            torch.set_rng_state(tensors[own])
        own = _of_process("random.cuda", self.team.rank)
        if own in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors[own])

    def _header(self, **more: Any) -> dict[str, Any]:
        recipe = self.recipe
        return {
            "generator": {"name": recipe.generator.name, "options": recipe.generator.options},
            "recipe": recipe.name,
            "step": self.done,
            "epoch": self.batches.epoch_of(max(0, self.done - 1)) + 1,
            "preferred_size": recipe.preferred_size,
            "licence": recipe.licence,
            "model": f"{recipe.name} {recipe.model_version}",
            **self.task.header(),
            **more,
        }

    def _outcome(self) -> Outcome:
        path = self.run / "best.safetensors"
        if not path.exists():  # the disk was full after each epoch
            self._save_best(self.record.rows[-1]["dev"])
        best, header = checkpoint.load_generator(path)
        return Outcome(self.run, self.done, header["dev"], self._final_figures(best))

    def _final_figures(self, best: Generator) -> dict[str, float] | None:
        try:
            val = self.task.final(best, self.val)
        except UnusableInput as error:  # the training is done, and stays
            self.watcher.on_message(f"warning: no final figures: {error}")
            return None
        if val is None:
            return None
        figures = json.dumps(val, indent=1)
        self.record.attempt(lambda: write_text(self.run / "val.json", figures))
        return val


def _of_process(name: str, rank: int) -> str:
    return f"{name}.{rank}" if rank else name
