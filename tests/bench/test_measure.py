"""Clocks and scales: right on things whose time and size are known."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolkit.bench.measure import best, fresh, laps, peak_of, peak_resident
from toolkit.errors import UnusableModel

needs_a_mark = pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: peak memory")


def test_the_fastest_call_counts() -> None:
    waits = iter([0, 0.05, 0.01, 0.05])
    assert 0.01 <= best(lambda: time.sleep(next(waits)), 3) < 0.05
    assert len(laps(lambda: None, 4)) == 4


@needs_a_mark
def test_the_peak_of_a_process_has_what_it_allocated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy.py").write_text("import sys\nx = b'x' * int(sys.argv[1])\nprint(len(x))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    light, heavy = peak_of("heavy", "1"), peak_of("heavy", "200000000")
    assert light is not None
    assert heavy is not None
    assert 190e6 < heavy - light < 210e6
    assert (peak_resident() or 0) > 10e6


def test_a_process_that_fails_is_told_in_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.py").write_text("print('noise')\nprint('{\"a\": 1}')\n")
    (tmp_path / "bad.py").write_text("import sys\nsys.exit('no such luck')\n")
    (tmp_path / "dead.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert fresh("good") == {"a": 1}
    with pytest.raises(UnusableModel, match="no such luck"):
        fresh("bad")
    with pytest.raises(UnusableModel):
        fresh("dead")


def test_measuring_imports_nothing_heavy() -> None:
    code = (
        "import sys, toolkit.bench.models, toolkit.bench.runtime, toolkit.bench.table\n"
        "print([m for m in ('torch', 'skimage', 'matplotlib', 'toolkit.training', "
        "'toolkit.export') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
