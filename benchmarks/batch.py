"""The batch job against `toolkit colorize --jobs`, its memory, and its throughput.

    python -m benchmarks.batch overhead --photographs 2000
    python -m benchmarks.batch memory --photographs 20000 --plot memory.png
    python -m benchmarks.batch curve --actors 1,2 --sizes 100,1000,10000,100000

`overhead` colours photographs of 0.3 megapixels both ways in one run and names the start-up of the
actors apart. `memory` watches the driver and the actors over many tiny files. `curve` gives
photographs a second by actors, and the share of the start-up by the size of the job.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from toolkit.bench.pictures import gray_photo
from toolkit.runtime.threads import available_threads

_TOOLKIT = [sys.executable, "-m", "toolkit"]
_INTERVAL = 0.5
"""Seconds between two looks at the memory."""


def main() -> None:
    """Print one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("overhead", "memory", "curve"))
    parser.add_argument("--photographs", type=int, default=2000)
    parser.add_argument("--model", default="default")
    parser.add_argument("--actors", default=str(available_threads()), help="separated by commas")
    parser.add_argument("--sizes", default="100,1000", help="of jobs, separated by commas")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    actors = [int(n) for n in options.actors.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if options.what == "overhead":
            _overhead(root, options.photographs, options.model, actors[-1])
        elif options.what == "memory":
            _memory(root, options.photographs, options.model, actors[-1], options.plot)
        else:
            _curve(root, [int(n) for n in options.sizes.split(",")], options.model, actors)


def _overhead(root: Path, count: int, model: str, actors: int) -> None:
    scans = _photographs(root / "scans", count, megapixels=0.3)
    started = time.perf_counter()
    command = ["colorize", scans, "-o", root / "colorize", "--jobs", actors, "--model", model]
    _run([*map(str, command), "--quiet"])
    plain = time.perf_counter() - started
    whole, report = _batch(scans, root / "batch", model, actors)
    work = report["seconds"]
    print(f"{count} photographs of 0.3 megapixels, {actors} at a time")
    print(f"  toolkit colorize --jobs {actors:<3} {plain:8.1f} s   1.00 x")
    print(f"  toolkit batch run, whole   {whole:8.1f} s   {whole / plain:.2f} x")
    start = report["startup_seconds"]
    print(f"    start of Python and Ray  {whole - work - start:8.1f} s   with the end")
    print(f"    estimate and actors      {start:8.1f} s")
    print(f"    the photographs          {work:8.1f} s   {work / plain:.2f} x")


def _memory(root: Path, count: int, model: str, actors: int, plot: Path | None) -> None:
    scans = _photographs(root / "scans", count, megapixels=0.002)
    command = _command(scans, root / "batch", model, actors)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        looks = []
        started = time.perf_counter()
        while job.poll() is None:
            looks.append((time.perf_counter() - started, *_resident(job.pid)))
            time.sleep(_INTERVAL)
    at_work = [look for look in looks if look[2]]
    fifth = max(1, len(at_work) // 5)
    print(f"{count} files of 0.002 megapixels, {actors} actors; resident MB, means")
    print("               driver   an actor")
    for name, part in (
        ("second fifth", at_work[fifth : 2 * fifth]),
        ("last fifth", at_work[-fifth:]),
    ):
        driver, actor = (np.mean([look[column] for look in part]) for column in (1, 2))
        print(f"  {name:<12} {driver:7.0f} {actor:10.0f}")
    if plot is not None:
        _draw(plot, looks, count)


def _curve(root: Path, sizes: Sequence[int], model: str, actors: Sequence[int]) -> None:
    scans = _photographs(root / "scans", max(sizes), megapixels=0.01)
    names = sorted(p.name for p in scans.iterdir())
    print("   photographs   actors    a second   start-up and end, s   its share")
    for size in sizes:
        manifest = scans / f"first-{size}.txt"
        manifest.write_text("\n".join(names[:size]))
        for number in actors:
            whole, report = _batch(manifest, root / f"{size}-{number}", model, number)
            rest = whole - report["seconds"]
            speed = report["photographs_per_second"]
            print(f"  {size:12} {number:8} {speed:11.1f} {rest:21.1f} {rest / whole:11.0%}")


def _batch(source: Path, out: Path, model: str, actors: int) -> tuple[float, dict[str, float]]:
    """Seconds of the whole command, and its report."""
    started = time.perf_counter()
    _run(_command(source, out, model, actors)[len(_TOOLKIT) :])
    whole = time.perf_counter() - started
    report: dict[str, float] = json.loads(_run(["batch", "report", str(out), "--json"]))
    return whole, report


def _command(source: Path, out: Path, model: str, actors: int) -> list[str]:
    options = ["--model", model, "--actors", str(actors), "--quiet"]
    return [*_TOOLKIT, "batch", "run", str(source), str(out), *options]


def _run(arguments: list[str]) -> str:
    done = subprocess.run([*_TOOLKIT, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def _photographs(folder: Path, count: int, *, megapixels: float) -> Path:
    """All different, so that no cache helps."""
    folder.mkdir()
    photo = np.asarray(gray_photo(megapixels))
    for number in range(count):
        light = np.roll(photo, (number, 3 * number), axis=(0, 1))
        Image.fromarray(light).save(folder / f"{number:06}.jpg", quality=90)
    return folder


def _resident(driver: int) -> tuple[float, float]:
    """Megabytes of the driver, and of its actors in the mean; 0 where there is none yet."""
    below = {driver}
    actors = []
    entries = sorted(
        (e for e in Path("/proc").iterdir() if e.name.isdigit()), key=lambda e: int(e.name)
    )
    for entry in entries:  # a child's number is above its parent's
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            line = (entry / "cmdline").read_text()
        except OSError:
            continue
        if parent in below:
            below.add(int(entry.name))
            if "MapWorker" in line:
                actors.append(_megabytes(entry))
    return _megabytes(Path("/proc", str(driver))), float(np.mean(actors)) if actors else 0.0


def _megabytes(process: Path) -> float:
    """Resident memory without the pages of Ray's shared store."""
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0.0
    fields = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(fields.get("RssAnon", "0 kB").split()[0]) / 1e3


def _draw(plot: Path, looks: list[tuple[float, float, float]], count: int) -> None:
    from matplotlib.figure import Figure

    seconds, driver, actor = zip(*looks, strict=True)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(seconds, driver, label="driver")
    axes.plot(seconds, actor, label="an actor")
    axes.set_xlabel("seconds")
    axes.set_ylabel("resident memory (MB)")
    axes.set_title(f"{count} files")
    axes.set_ylim(0)
    axes.legend()
    figure.savefig(plot, dpi=150)


if __name__ == "__main__":
    main()
