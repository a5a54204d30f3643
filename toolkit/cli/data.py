"""`toolkit data`: what a folder of photographs is worth for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.terminal import Debug, Json, Quiet, print_json, say, shows_progress

if TYPE_CHECKING:
    from toolkit.training.data.stats import Stats

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Photographs, with all its subfolders.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    data = typer.Typer(help="Look at photographs before training on them.", no_args_is_help=True)
    data.command("fetch")(fetch)
    data.command("check")(check)
    data.command("stats")(stats)
    app.add_typer(data, name="data")


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of --list, or an http address.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder to make [default: NAME].")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="What the archive must have, if you know it.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List what can be fetched.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch photographs to train on: downloaded, checked, unpacked.

    A download that broke off goes on where it stopped when the command is run again.

    Example:  toolkit data fetch coco-tiny --out photos/coco-tiny
    """
    from toolkit.errors import UsageError
    from toolkit.training.data.datasets import DATASETS
    from toolkit.training.data.fetch import fetch, find_dataset

    if show:
        for key, dataset in DATASETS.items():
            print(f"{key:15} {dataset.about}; {dataset.url}")
        return
    if name is None:
        raise UsageError(f"which? Choose one of: {', '.join(DATASETS)}; toolkit data fetch --list")
    stem, dataset = find_dataset(name, sha256)
    folder = out or Path(stem)
    with _loading() as on_progress:
        files = fetch(dataset, folder, on_progress=on_progress, on_message=say)
    if as_json:
        print_json({"folder": str(folder), "files": files})
    else:
        print(f"{folder}: {files:,} files" if files else f"{folder}: there already")
    say(f"look at them with: toolkit data check {folder}")


def check(
    folder: Folder,
    write: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Write a list for toolkit train --exclude LIST."),
    ] = None,
    min_side: Annotated[
        int, typer.Option(metavar="PIXELS", min=1, help="A shorter side is too small.")
    ] = 96,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List photographs that teach nothing: unreadable, too small, gray, or there already.

    Gray are also sepia prints: all their colour follows from their light. Of photographs that show
    the same, also mirrored, the largest is not listed. No file is changed.

    Example:  toolkit data check photos/ --write leave-out.txt
    """
    from toolkit.training.data.check import KINDS, check_folder
    from toolkit.training.data.exclude import write_exclude

    with _counting() as on_progress:
        result = check_folder(folder, min_side=min_side, on_progress=on_progress)
    if write is not None:
        write_exclude(write, result.findings)
    counts = Counter(finding.kind for finding in result.findings)
    if as_json:
        print_json(
            {
                "photos": result.photos,
                "counts": {kind: counts[kind] for kind in KINDS},
                "findings": [asdict(finding) for finding in result.findings],
            }
        )
        return
    for finding in result.findings:
        print(f"{finding.kind:10} {_printable(finding.name)}: {_printable(finding.reason)}")
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    say(f"{result.photos} photographs: {told}")
    if write is not None and result.findings:
        say(f"train without them: toolkit train {folder} --exclude {write}")


def stats(
    folder: Folder, as_json: Json = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """Count photographs by source, with their sizes and the mean and deviation of their colours.

    A source is the first folder below FOLDER. Means and deviations are of sRGB in 0..1, as
    torchvision's Normalize takes them.

    Example:  toolkit data stats photos/
    """
    from toolkit.training.data.stats import stats_of_folder

    with _counting() as on_progress:
        sources, whole = stats_of_folder(folder, on_progress=on_progress)
    if as_json:
        print_json(
            {"sources": {name: asdict(s) for name, s in sources.items()}, "all": asdict(whole)}
        )
        return
    rows = [*sources.items(), ("all", whole)] if len(sources) > 1 else [("all", whole)]
    wide = max(6, *(len(_printable(name)) for name, _ in rows))
    print(
        f"{'source':{wide}} {'photos':>7}  {'width':>16}  {'height':>16}"
        f"  {'mean R G B':20}  {'std R G B':20}"
    )
    for name, row in rows:
        print(_row(f"{_printable(name):{wide}}", row))
    if whole.unreadable:
        say(f"{whole.unreadable} cannot be read: toolkit data check {folder}")


def _row(name: str, row: Stats) -> str:
    def triple(values: tuple[float, float, float]) -> str:
        return " ".join(f"{value:.4f}" for value in values)

    def spread(sides: tuple[int, int, int]) -> str:
        return f"{sides[0]}..{sides[1]}..{sides[2]}"

    return (
        f"{name} {row.photos:>7}  {spread(row.width):>16}  {spread(row.height):>16}"
        f"  {triple(row.mean)}  {triple(row.std)}"
    )


def _printable(text: str) -> str:
    from toolkit.errors import one_line

    return one_line(text)


@contextmanager
def _counting() -> Iterator[Callable[[int, int], None]]:
    """Count photographs on a terminal; elsewhere say nothing until the end."""
    if not shows_progress():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("reading photographs"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _loading() -> Iterator[Callable[[int, int | None], None]]:
    """Count bytes on a terminal; elsewhere say nothing."""
    if not shows_progress():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns = (BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
