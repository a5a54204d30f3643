"""Every recipe trained for real, briefly: a hundred steps of the whole network, then exported.

python -m benchmarks.recipes train OUT --photos photos/ --pairs paintings/ --outlines facades/
python -m benchmarks.recipes export OUT
python -m benchmarks.recipes table OUT
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from toolkit.training.recipe import Stage, load_recipe
from toolkit.training.trainer import train
from toolkit.training.watcher import Progress, Watcher

EPOCHS, STEPS, TOLD = 2, 50, 10
"""Epochs, steps of each, and steps between two reports of the trainer."""


@dataclass(frozen=True)
class Brief:
    """How a recipe is shortened. Widths, losses, rates and scaling stay its own."""

    batch: int = 1
    crop: int = 256
    folder: str = "photos"
    settings: tuple[str, ...] = ()
    init_from: str | None = None
    formats: tuple[str, ...] = ("torchscript", "onnx", "coreml")


_FP32 = ("torchscript", "onnx", "coreml:fp32")
"""Of a network whose weights do not bear 16 bits: Core ML's fp16 is refused by the proof."""

RECIPES = {
    "coco-flat": Brief(),
    "coco-flat-5k": Brief(),
    "coco-lab": Brief(),
    "unet_256": Brief(),
    "paper": Brief(),
    "paper-pairs": Brief(folder="outlines", settings=("data.pairs.layout=BtoA",)),
    "victorian-rgb": Brief(folder="pairs"),
    "victorian-rgb-fixed": Brief(folder="pairs"),
    "resnet-unet": Brief(4, settings=("generator.initialise=default",), formats=_FP32),
    "resnet-unet-gan": Brief(4, init_from="resnet-unet", formats=_FP32),
    "srcnn": Brief(16, 96),
    "edge": Brief(16, 128),
    "edge-lite": Brief(16, 128),
    "edge-regression": Brief(16, 128),
}


def learn(name: str, out: Path, folders: dict[str, Path]) -> None:
    """Train the recipe `name` into ``OUT/NAME``, and keep the time of a step beside it."""
    brief = RECIPES[name]
    recipe = load_recipe(name, list(brief.settings))
    recipe = replace(
        recipe,
        epochs=EPOCHS,
        stages=[Stage(0.0, brief.crop, brief.batch)],
        data=replace(recipe.data, samples_per_epoch=STEPS * brief.batch),
    )
    told: list[tuple[int, float, float]] = []

    def on_step(progress: Progress) -> None:
        step = (progress.step - 1) % STEPS + 1
        told.append((step, time.monotonic(), step * progress.losses["loss"]))
        print(name, progress.step, f"{progress.losses['loss']:.4g}", flush=True)

    train(
        recipe,
        folders[brief.folder],
        out / name,
        init_from=out / brief.init_from if brief.init_from else None,
        watcher=Watcher(on_step=on_step),
    )
    # What lies between two reports of one epoch is steps alone, without looks at `dev` and saves.
    times = [after[1] - before[1] for before, after in pairwise(told) if after[0] > before[0]]
    facts = {
        "batch": brief.batch,
        "seconds_per_step": min(times) / TOLD,
        "first": told[0][2] / TOLD,
        "last": (told[-1][2] - told[-2][2]) / TOLD,
    }
    (out / f"{name}.json").write_text(json.dumps(facts))


def export(name: str, out: Path) -> None:
    """Export the run ``OUT/NAME`` in each format, through the command."""
    for form in RECIPES[name].formats:
        place, began = _bundle(out, name, form), time.monotonic()
        if place.exists():
            continue
        command = ["toolkit", "export", str(out / name), "--format", form, "--out", str(place)]
        code = subprocess.run([sys.executable, "-m", *command]).returncode
        print(name, form, f"exit {code}", f"{time.monotonic() - began:.0f} s", flush=True)


def table(names: list[str], out: Path) -> None:
    """Print a Markdown table of what there is."""
    print(
        "| recipe | batch | s a step | loss, steps 1 to 10 | 91 to 100 | TorchScript | ONNX |",
        end="",
    )
    print(" Core ML |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in names:
        if not (out / f"{name}.json").exists():
            continue
        facts = json.loads((out / f"{name}.json").read_text())
        errors = [_largest(_bundle(out, name, form)) for form in RECIPES[name].formats]
        cells = [str(facts["batch"]), f"{facts['seconds_per_step']:.2f}"]
        cells += [f"{facts['first']:.4g}", f"{facts['last']:.4g}", *errors]
        print(f"| `{name}` | {' | '.join(cells)} |")


def _bundle(out: Path, name: str, form: str) -> Path:
    return out / "exports" / f"{name}-{form.partition(':')[0]}"


def _largest(bundle: Path) -> str:
    if not (bundle / "manifest.json").exists():
        return ""
    files = json.loads((bundle / "manifest.json").read_text())["files"].values()
    ways = [figures for file in files for figures in file["proof"]["figures"].values()]
    return f"{max(figures['max_error'] for figures in ways):.1e}"


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["train", "export", "table"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", choices=RECIPES, default=list(RECIPES))
    for folder in ("photos", "pairs", "outlines"):
        parser.add_argument(f"--{folder}", type=Path)
    given = parser.parse_args()
    if given.command == "table":
        table(given.only, given.out)
        return
    for name in given.only:
        if given.command == "export":
            export(name, given.out)
        else:
            learn(name, given.out, vars(given))


if __name__ == "__main__":
    main()
