"""``toolkit bench`` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_models import toolkit


def test_a_model_is_measured_as_a_table_and_as_json(tmp_path: Path, tiny_model: Path) -> None:
    options = ("--threads", "1", "--repeat", "2")
    table = toolkit(tmp_path, "bench", tiny_model, *options).stdout
    assert "p95 ms" in table
    assert "tiny.onnx" in table
    told = json.loads(toolkit(tmp_path, "bench", tiny_model, *options, "--json").stdout)
    (file,) = told["files"]
    assert file["threads"]["1"]["p50_s"] > 0
    assert file["threads"]["1"]["times_as_fast_as_eager"] is None


def test_what_makes_no_sense_is_one_clear_line(tmp_path: Path, tiny_model: Path) -> None:
    for options in (
        ("--threads", "0"),
        ("--threads", "two"),
        ("--runtime", "--training"),
        ("--runtime", "--plot", "a.png"),
        ("--runtime", "--megapixels", ","),
        ("--plot", "a.jpg"),
    ):
        done = toolkit(tmp_path, "bench", tiny_model, *options, code=2)
        assert done.stderr.count("\n") == 1
    assert "unknown model" in toolkit(tmp_path, "bench", "nobody", code=2).stderr
