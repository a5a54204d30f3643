"""The files of a model, measured: the right ones, at the right size, against the right peer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.bench.engines import ENGINES, example
from toolkit.bench.models import Candidate, Row, bench_models, candidates
from toolkit.bench.plot import check_plot, write_plot
from toolkit.bench.quality import with_quality
from toolkit.bench.table import models_table
from toolkit.contract import Port
from toolkit.errors import UnusableInput, UsageError
from toolkit.evaluation.protocol import evaluate
from toolkit.files import sha256
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.models import find


@pytest.fixture(scope="module")
def rows(tiny_model: Path) -> list[Row]:
    return bench_models(candidates(tiny_model), repeat=3, rounds=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    y, x = np.indices((80, 120))
    for name, blue in (("a", 40), ("b", 200)):
        rgb = np.stack([x * 2, y * 3, np.full_like(x, blue)], axis=2).astype(np.uint8)
        Image.fromarray(rgb).save(folder / f"{name}.png")
    return folder


def bundle(folder: Path, files: dict[str, tuple[Path, str]]) -> Path:
    """A bundle of files with the contract of the first one; each is (its source, its format)."""
    folder.mkdir()
    entries = {}
    for name, (source, kind) in files.items():
        (folder / name).write_bytes(source.read_bytes())
        contract = json.loads(find(source).contract().to_json())
        entries[name] = {
            "format": kind,
            "sha256": sha256(folder / name),
            "contract": contract,
            "proof": {"figures": {"one way": {"max_error": 0.1, "psnr": 60.0}}},
        }
    manifest = {"schema": 1, "contract": contract, "files": entries}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_each_number_of_threads_has_its_figures(rows: list[Row], tiny_model: Path) -> None:
    (row,) = rows
    assert (row.height, row.width) == (64, 64)  # the contract's preferred side
    assert row.size == tiny_model.stat().st_size
    assert sorted(row.threads) == [1, 2]
    for at in row.threads.values():
        assert 0 < at["p50_s"] <= at["p95_s"]
        assert 0 < at["load_s"] < at["first_s"]
        assert 30e6 < at["peak_bytes"] < 400e6
    expected = 64 * 64 / 1e6 / row.threads[1]["p50_s"]
    assert row.megapixels_per_second(1) == pytest.approx(expected)
    assert json.loads(json.dumps(row.to_json()))["precision"] == "fp32"


def test_a_side_that_is_asked_for_is_measured(tiny_model: Path) -> None:
    (row,) = bench_models(candidates(tiny_model), threads=[1], side=96, repeat=1, rounds=1)
    assert (row.height, row.width) == (96, 96)


def test_what_cannot_be_measured_is_named_and_the_rest_is_measured(
    tmp_path: Path, tiny_model: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(tiny_model.read_bytes())
    made = bundle(
        tmp_path / "made",
        {
            "good.onnx": (tiny_model, "onnx"),
            "bad.onnx": (broken, "onnx"),
            "mac.mlpackage": (tiny_model, "coreml"),
        },
    )
    (made / "bad.onnx").write_bytes(tiny_model.read_bytes()[:-40])
    rows = bench_models(candidates(made), threads=[1], repeat=1, rounds=1)
    told = {row.candidate.name: row.why_not for row in rows}
    assert told["good.onnx"] == ""
    assert "cut short" in told["bad.onnx"]
    assert "macOS" in told["mac.mlpackage"]
    table = models_table(rows)
    assert "mac.mlpackage: needs macOS" in table
    assert rows[0].candidate.proof["psnr"] == 60.0


def test_eager_stands_beside_a_bundle_with_its_checkpoint() -> None:
    chosen = candidates("default")
    assert [c.format for c in chosen[:2]] == ["eager", "onnx"]
    rows = bench_models(chosen[:2], threads=[1], side=64, repeat=3, rounds=1)
    eager, onnx = rows
    assert eager.faster == {1: 1.0}
    assert onnx.faster[1] == eager.threads[1]["p50_s"] / onnx.threads[1]["p50_s"]
    assert eager.candidate.precision == "fp32"


def test_quality_is_what_evaluate_says(rows: list[Row], photos: Path, tiny_model: Path) -> None:
    (row,) = with_quality(rows, photos)
    colorizer = Colorizer(tiny_model)
    found = evaluate(
        lambda gray: np.asarray(colorizer.colorize(gray), np.uint8),
        sorted(photos.iterdir()),
        root=photos,
    ).figures()
    assert row.quality["gain"] == pytest.approx(found["gain"].mean)
    assert row.quality["ciede2000"] == pytest.approx(found["ciede2000"].mean)
    assert "gain dB" in models_table([row])


def test_quality_needs_photographs(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(UnusableInput):
        with_quality(rows, tmp_path)


def test_the_plot_is_a_picture(rows: list[Row], photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="--data"):
        write_plot(tmp_path / "plot.png", rows, 1)
    write_plot(tmp_path / "plot.png", with_quality(rows, photos), 1)
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == (1050, 675)
    with pytest.raises(UsageError, match="svg"):
        check_plot(tmp_path / "plot.jpg")


def test_an_image_model_is_given_a_photograph(tiny_model: Path) -> None:
    pixels = Port("l", "srgb", "uint8", "NHWC", 3, (0.0, 255.0))
    contract = replace(candidates(tiny_model)[0].contract, boundary="image", input=pixels)
    image = Candidate("image.onnx", "onnx", tiny_model, contract)
    (row,) = bench_models([image], threads=[1], repeat=1, rounds=1)
    assert (row.height, row.width) == (768, 1024)
    assert row.why_not  # the file is a tensor model, and the engine says so


def test_openvino_is_opened_as_the_format_writes_it(tiny_model: Path, tmp_path: Path) -> None:
    import sys

    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    openvino.save_model(openvino.Core().read_model(tiny_model), tmp_path / "model.xml")
    (candidate,) = candidates(tiny_model)
    values = example(candidate.contract, 64, 64)
    got = ENGINES["openvino"].open(tmp_path, 1)(values)
    expected = ENGINES["onnx"].open(tiny_model, 1)(values)
    assert np.abs(got - expected).max() < 0.2  # OpenVINO halves the weights unless told not to
