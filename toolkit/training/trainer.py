"""Begin a training, or go on with one.

::

    toolkit train photos/ --recipe edge --out runs/first
    toolkit train --resume runs/first
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableInput, UsageError, one_line
from toolkit.files import write_text
from toolkit.runtime.photo import find_photos, no_photographs
from toolkit.training import report
from toolkit.training.device import choose_device, resolve_precision
from toolkit.training.distributed import join
from toolkit.training.recipe import Recipe, load_recipe
from toolkit.training.session import Outcome, Session
from toolkit.training.watcher import Progress, Watcher

__all__ = ["Outcome", "Progress", "Watcher", "resume", "train"]

SAVE_EVERY = 300.0
"""Seconds between checkpoints within an epoch: the most work that a kill -9 can cost."""


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
    where = choose_device(device)
    recipe = replace(recipe, precision=resolve_precision(recipe.precision, where))
    watcher = watcher or Watcher()
    with join(where) as team:
        run = team.told(run)
        with team.lead_first():
            if team.leads:
                _check_folders(run, val)
            session = Session(recipe, folder, val, exclude, run, where, team, watcher)
        if init_from:
            session.start_from(init_from)
        if team.leads:
            described = session.split.describe(session.pack, folder.resolve())
            described["val"] = str(val.resolve()) if val else None
            described["exclude"] = sorted(exclude)
            facts = report.environment(str(where), recipe.precision, command or [])
            write_text(run / "environment.json", json.dumps(facts, indent=1))
            write_text(run / "recipe.toml", session.recipe.to_toml())
            write_text(run / "data.json", json.dumps(described, indent=1))
        session.begin()
        return session.work(save_every)


def _check_folders(run: Path, val: Path | None) -> None:
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(
            f"{one_line(run)}: exists; go on with: toolkit train --resume {run}, or choose another"
        )
    if val is not None and not find_photos(val):
        raise no_photographs(val)


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
    described = _described(run / "data.json")
    val = Path(described["val"]) if described.get("val") else None
    recipe = load_recipe(str(run / "recipe.toml"))
    if (run / "last.safetensors").exists():  # weights to begin with are not needed any more
        recipe = replace(recipe, generator=replace(recipe.generator, initialise="default"))
    folder, exclude = Path(described["folder"]), described.get("exclude", [])
    where = choose_device(device)
    with join(where) as team:
        with team.lead_first():
            session = Session(recipe, folder, val, exclude, run, where, team, watcher or Watcher())
        now = session.split.describe(session.pack, folder)
        parts = ("train", "dev", "held_out")
        if not allow_data_change and any(now[k] != described.get(k, []) for k in parts):
            raise UnusableInput(
                f"{described['folder']}: its photographs are others than when the run began; "
                "put them back, or go on with --allow-data-change"
            )
        session.begin()
        if (run / "last.safetensors").exists():
            session.restore()
        return session.work(save_every)


def _described(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text())
        if isinstance(described["folder"], str):
            return dict(described)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UnusableInput(
        f"{one_line(path)}: damaged: it does not say which photographs to go on with"
    )
