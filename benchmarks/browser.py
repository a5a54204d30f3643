"""The page in headless Chromium beside the command line, in one run.

python -m benchmarks.browser [--model default] [--megapixels 1,12,24]

Needs what docs/browser.md names. Time is from the choice of a JPEG to the picture on the screen,
the model being loaded; the command line's is that of a whole process, which loads it too.
Memory is the peak of the page's process, and of the command line's (on Linux).
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from toolkit.bench.measure import peak_of
from toolkit.runtime.models import find
from toolkit.web.server import Server
from toolkit.web.site import PAGE, make_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {1: (1000, 1000), 12: (3000, 4000), 24: (4000, 6000)}
"""Height and width by megapixels."""


def main() -> None:
    """Print the bytes of each part, then seconds and megabytes for each size."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--megapixels", default=",".join(map(str, SIZES)))
    options = parser.parse_args()
    model = find(options.model)
    _print_bytes()
    print(f"{'megapixels':<16}{'page s':>8}{'command s':>11}{'page MB':>9}{'command MB':>12}")
    with (
        tempfile.TemporaryDirectory() as name,
        sync_playwright() as playwright,
        Server(make_site([model]), 0) as server,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        for megapixels in map(int, options.megapixels.split(",")):
            photo = _photo(Path(name), *SIZES[megapixels])
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = chromium.new_page(locale="en-US")
            page.goto(server.url)
            page.get_by_role("status").filter(has_text="Ready.").wait_for()
            seconds = _colour(page, photo)
            memory = _renderer_peak()
            chromium.close()
            arguments = ("colorize", str(photo), "--model", str(model.path), "-o", name, "-q")
            started = time.perf_counter()
            peak = peak_of("toolkit", *arguments) or 0
            command = time.perf_counter() - started
            print(
                f"{megapixels:<16}{seconds:>8.2f}{command:>11.2f}"
                f"{memory / 1e6:>9.0f}{peak / 1e6:>12.0f}"
            )
        server.shutdown()


def _print_bytes() -> None:
    """What a browser loads before a photograph can be dropped, and what it loads meanwhile."""
    groups = {
        "page": r".*\.(html|css|js|svg|webmanifest)",
        "engine's script": r".*\.mjs",
        "engine": r".*\.wasm",
    }
    for label, pattern in groups.items():
        sizes = [p.stat().st_size for p in PAGE.rglob("*") if re.fullmatch(pattern, p.name)]
        print(f"{label:<16}{sum(sizes) / 1e3:>10.1f} kB")


def _photo(folder: Path, height: int, width: int) -> Path:
    y, x = np.mgrid[:height, :width]
    light = 127 + 60 * np.sin(x / 97) * np.cos(y / 61) + 30 * np.sin(x / 5)
    path = folder / f"{width}x{height}.jpg"
    Image.fromarray(light.astype(np.uint8)).save(path, quality=90)
    return path


def _colour(page: Page, photo: Path) -> float:
    started = time.perf_counter()
    page.locator("#choose").set_input_files(photo)
    page.locator("#viewer:not([hidden])").wait_for()
    page.locator("#stage[aria-busy=false]").wait_for()
    return time.perf_counter() - started


def _renderer_peak() -> int:
    """The largest peak of Chromium's page processes, in bytes."""
    peaks = [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" not in (process / "cmdline").read_bytes():
                continue
            found = re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text())
        except OSError:  # it has ended meanwhile
            continue
        peaks.append(int(found[1]) * 1024 if found else 0)
    return max(peaks)


if __name__ == "__main__":
    main()
