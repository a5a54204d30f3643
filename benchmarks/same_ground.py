"""The tutorials' U-Net and `edge` on the same photographs, for the same time of one core.

    OMP_NUM_THREADS=1 python -m benchmarks.same_ground train OUT --photos photos/ --val val/
    python -m benchmarks.same_ground table OUT

The time is the processor's, so that what else runs on the machine takes none of it: that of the
steps and of the photographs they are made of, without the looks at `dev` after each epoch. How
many steps fit is measured first, on twenty of each stage. A run that was interrupted goes on with
the same command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bench.measure import best
from toolkit.runtime.colorizer import Colorizer
from toolkit.training.recipe import Gan, Optimizer, Recipe, Stage, load_recipe
from toolkit.training.trainer import resume, train
from toolkit.training.watcher import Progress, Watcher

EPOCHS = 5
"""In how many parts a run is divided: after each it looks at `dev`, and the best one counts."""

TOLD = 10
"""Steps between two reports of the trainer."""

BATCH = 4
"""Photographs in a step of the U-Net: with the tutorials' 16 it would take too few steps."""


def unet() -> Recipe:
    """The tutorials' U-Net of 54 million weights: L1 and the game."""
    return replace(load_recipe("unet_256"), stages=[Stage(0.0, 256, BATCH)])


def unet_l1() -> Recipe:
    """The same without a discriminator."""
    return replace(
        unet(), discriminator=None, gan=Gan(), optimizer_discriminator=Optimizer(), name="unet_l1"
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "U-Net, L1 and GAN": unet,
    "U-Net, L1": unet_l1,
    "`edge`": lambda: load_recipe("edge"),
}


def shortened(recipe: Recipe, epochs: int, samples: int) -> Recipe:
    """The recipe with another length."""
    return replace(recipe, epochs=epochs, data=replace(recipe.data, samples_per_epoch=samples))


def seconds_per_photograph(recipe: Recipe, photos: Path) -> float:
    """What one photograph costs, each stage counted by its share of the run."""
    ends = [stage.start for stage in recipe.stages[1:]] + [1.0]
    total = 0.0
    for stage, end in zip(recipe.stages, ends, strict=True):
        told: list[float] = []

        def on_step(progress: Progress, told: list[float] = told) -> None:
            told.append(time.process_time())

        alone = replace(recipe, stages=[replace(stage, start=0.0)])
        with tempfile.TemporaryDirectory() as place:
            train(
                shortened(alone, 1, 2 * TOLD * stage.batch_size),
                photos,
                Path(place) / "run",
                watcher=Watcher(on_step=on_step),
            )
        total += (end - stage.start) * (told[1] - told[0]) / (TOLD * stage.batch_size)
    return total


def learn(name: str, minutes: float, out: Path, photos: Path, val: Path) -> None:
    """Train, export and evaluate one of the three; the figures go into ``OUT/NAME.json``."""
    recipe = RECIPES[name]()
    run, bundle = out / recipe.name, out / f"{recipe.name}-onnx"
    watcher = Watcher(on_epoch=lambda row: print(json.dumps(row), flush=True))
    if (run / "last.safetensors").exists():
        outcome = resume(run, watcher=watcher)
    else:
        each = seconds_per_photograph(recipe, photos)
        samples = round(60 * minutes / each / EPOCHS)
        print(f"{name}: {each * 1e3:.0f} ms a photograph, {EPOCHS} times {samples}", flush=True)
        outcome = train(shortened(recipe, EPOCHS, samples), photos, run, watcher=watcher)
    if not bundle.exists():
        call("export", run, "--format", "onnx", "--out", bundle)
    told = call("evaluate", bundle, "--data", val, "--json")
    done = load_recipe(str(run / "recipe.toml"))
    samples = done.epochs * done.data.samples_per_epoch
    facts: dict[str, Any] = {"minutes": minutes, "steps": outcome.steps, "samples": samples}
    facts |= {"model": str(bundle), "figures": json.loads(told)}
    (out / f"{recipe.name}.json").write_text(json.dumps(facts))


def call(*arguments: str | Path) -> str:
    """One command of the toolkit, and what it prints."""
    command = [sys.executable, "-m", "toolkit", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def table(out: Path) -> None:
    """Print a Markdown table of what there is, with the time of one call at 256 x 256."""
    columns = "minutes|photographs seen|gain over gray|made worse|CIEDE2000|colourfulness"
    names = ["trained", *columns.split("|"), "one thread, 256 x 256"]
    print(f"| {' | '.join(names)} |\n|---|{'---:|' * (len(names) - 1)}")
    for name, make in RECIPES.items():
        path = out / f"{make().name}.json"
        if path.exists():
            print(f"| {name} | {' | '.join(cells(json.loads(path.read_text())))} |")


def cells(facts: dict[str, Any]) -> list[str]:
    """A row of the table."""
    mean = facts["figures"]["figures"]
    gain, low, high = (mean["gain"][key] for key in ("mean", "low", "high"))
    return [
        f"{facts['minutes']:g}",
        f"{facts['samples']:,}",
        f"{gain:+.2f} dB ({low:+.2f} to {high:+.2f})",
        f"{mean['worse']['mean']:.0%}",
        f"{mean['ciede2000']['mean']:.2f}",
        f"{mean['colourfulness_ratio']['mean']:.2f}",
        f"{milliseconds(facts['model']):.0f} ms",
    ]


def milliseconds(model: str) -> float:
    """Of the network alone."""
    colorizer = Colorizer(model, size=256, threads=1)
    gray = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    return best(lambda: colorizer.predict(gray), 20) * 1e3


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["train", "table"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--val", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--only", nargs="*", choices=RECIPES, default=list(RECIPES))
    given = parser.parse_args()
    if given.command == "table":
        table(given.out)
        return
    for name in given.only:
        learn(name, given.minutes, given.out, given.photos, given.val)


if __name__ == "__main__":
    main()
