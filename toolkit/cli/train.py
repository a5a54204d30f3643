"""`toolkit train`: a folder of colour photographs to a run folder."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.terminal import Debug, Json, Quiet, Verbose, print_json, say, shows_progress
from toolkit.errors import UnusableInput, UsageError

if TYPE_CHECKING:
    from toolkit.training.trainer import Outcome, Progress, Watcher

_HELP = """Train a colorizer on a folder of colour photographs.

Examples:

  toolkit train photos/ --out runs/mine

  toolkit train photos/ --recipe unet_256 --set epochs=20

  toolkit train --resume runs/mine

  torchrun --nproc-per-node 2 -m toolkit train photos/ --out runs/mine

Stop it with Ctrl-C at any time: everything is saved, and --resume goes on as if nothing had
happened. The run folder then holds the checkpoints, curves.png, samples/ and metrics.jsonl;
toolkit export turns it into files that run without PyTorch.
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("train", help=_HELP, short_help="Train a colorizer on colour photographs.")(train)


def train(
    data: Annotated[
        Path | None,
        typer.Argument(help="Folder of colour photographs; else the one TOOLKIT_DATA names."),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="A name from: toolkit recipes, or a .toml file.")
    ] = "edge-lite",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder to make [default: runs/RECIPE-N]."),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(
            "--val", help="Folder of photographs for the final figures, never trained on."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Run folder to go on with.")
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option("--init-from", help="Run, bundle or checkpoint whose weights to start from."),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option("--exclude", help="List of photographs to leave out: toolkit data check."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value of the recipe: optimizer.lr=1e-3. Repeatable."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Short for --set epochs=N.", min=1)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option("--patience", help="End after so many epochs without a better gain.", min=1),
    ] = None,
    board: Annotated[
        bool, typer.Option("--board", help="Also write RUN/board for TensorBoard.")
    ] = False,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    allow_data_change: Annotated[
        bool,
        typer.Option("--allow-data-change", help="Resume although the photographs changed."),
    ] = False,
    save_every: Annotated[
        float,
        typer.Option("--save-every", help="Seconds between checkpoints within an epoch.", min=0),
    ] = 300.0,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    if resume is not None and (data or out or init_from or exclude):
        raise UsageError(
            "--resume takes its folders from the run: leave DATA, --out, --init-from, --exclude "
            "away"
        )
    folder = None if resume is not None else _data_folder(data)
    from toolkit.requirements import require

    for module in ("torch", "torchvision", "safetensors", "matplotlib", "tomli_w"):
        require(module, "train", "training")
    from toolkit.training import trainer
    from toolkit.training.data.exclude import read_exclude
    from toolkit.training.distributed import leads
    from toolkit.training.recipe import load_recipe

    if resume is not None:
        loaded, run = None, resume
    else:
        loaded = load_recipe(recipe, _changes(settings, epochs, patience))
        run = out or _new_run(loaded.name)
    with _bar() if leads() else nullcontext(trainer.Watcher()) as watcher:
        if board and leads():
            _add_board(watcher, run)
        if loaded is None:
            outcome = trainer.resume(
                run,
                device=device,
                allow_data_change=allow_data_change,
                save_every=save_every,
                watcher=watcher,
            )
        else:
            assert folder is not None
            outcome = trainer.train(
                loaded,
                folder,
                run,
                val=val,
                device=device,
                init_from=init_from,
                exclude=read_exclude(exclude) if exclude else (),
                save_every=save_every,
                command=["toolkit", *sys.argv[1:]],
                watcher=watcher,
            )
    if leads():
        _report(outcome, as_json)


def _changes(settings: list[str] | None, epochs: int | None, patience: int | None) -> list[str]:
    short = {"epochs": epochs, "patience": patience}
    return [*(settings or []), *(f"{key}={n}" for key, n in short.items() if n)]


def _add_board(watcher: Watcher, run: Path) -> None:
    from toolkit.requirements import require

    require("tensorboard", "board", "--board")
    from toolkit.training.board import Board

    tell, write = watcher.on_epoch, Board(run)

    def both(row: dict[str, Any]) -> None:
        tell(row)
        write(row)

    watcher.on_epoch = both


def _data_folder(data: Path | None) -> Path:
    named = data or (Path(set_) if (set_ := os.environ.get("TOOLKIT_DATA")) else None)
    if named is None:
        raise UsageError(
            "which photographs? Give a folder: toolkit train photos/ , or name it once: "
            "export TOOLKIT_DATA=photos/ && toolkit train"
        )
    if not named.is_dir():
        raise UnusableInput(f"{named}: no such folder")
    return named


def _new_run(recipe: str) -> Path:
    taken = {p.name for p in Path("runs").glob(f"{recipe}-*")}
    return Path("runs") / next(
        f"{recipe}-{n}" for n in range(1, 10_000) if f"{recipe}-{n}" not in taken
    )


def _report(outcome: Outcome, as_json: bool) -> None:
    figures = {
        "run": str(outcome.run),
        "steps": outcome.steps,
        "dev": outcome.dev,
        "val": outcome.val,
    }
    if as_json:
        print_json(figures)
        return
    print(f"run      {outcome.run}")
    print(f"steps    {outcome.steps}")
    for name, values in (("dev", outcome.dev), ("val", outcome.val)):
        if values is not None:
            print(f"{name:8} {_in_words(values)}")
    say(f"export it with: toolkit export {outcome.run} --format all")


_PHRASES = {
    "worse": "{:.0%} made worse",
    "colourfulness_ratio": "colourfulness {:.2f} of the truth",
    "psnr": "PSNR {:.2f} dB",
    "psnr_bicubic": "bicubic {:.2f} dB",
    "ciede2000": "CIEDE2000 {:.2f}",
}


def _in_words(figures: dict[str, float]) -> str:
    """Those figures that the task has."""
    over = "bicubic" if "psnr_bicubic" in figures else "gray"
    words = [phrase.format(figures[name]) for name, phrase in _PHRASES.items() if name in figures]
    return ", ".join([f"{figures['gain']:+.2f} dB over {over}", *words])


class _bar:
    """Tells of a training: a bar on a terminal, a line for each epoch elsewhere."""

    def __enter__(self) -> Watcher:
        from toolkit.training.trainer import Watcher

        self._progress: Any = None
        self._began = time.monotonic()
        if shows_progress():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[told]}"),
                console=Console(stderr=True),
            )
            self._progress.start()
            self._task = self._progress.add_task("reading photographs", total=None, told="")
        return Watcher(self._step, self._epoch, self._pack, say)

    def __exit__(self, *reason: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _pack(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress.update(
                self._task, completed=done, total=total, told=f"{done} of {total}"
            )
        elif done == total:
            say(f"read {total} photographs")

    def _step(self, progress: Progress) -> None:
        if self._progress is not None:
            losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
            self._progress.update(
                self._task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                completed=progress.step,
                total=progress.total_steps,
                told=f"{losses}  {progress.images_per_second:.1f} photos/s  {_left(progress)} left",
            )

    def _epoch(self, row: dict[str, Any]) -> None:
        dev = row["dev"]
        say(f"epoch {row['epoch']}: loss {row['train']['loss']:.4g}, dev {_in_words(dev)}")


def _left(progress: Progress) -> str:
    minutes = progress.seconds_left / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
