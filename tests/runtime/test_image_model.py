"""Models that take and give pixels run like any other; what they cannot follow is refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.conftest import ModelMaker, tiny_contract, tiny_network
from toolkit.contract import METADATA_KEY
from toolkit.errors import UnusableInput, UnusableModel, UsageError
from toolkit.export.deploy import image_contract
from toolkit.export.image_graph import image_model
from toolkit.runtime.colorizer import Colorizer

GRAY = np.add.outer(np.arange(70), np.arange(0, 180, 2)).astype(np.uint8)


@pytest.fixture(scope="module")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network with the photograph's whole way inside."""
    return _write(tmp_path_factory.mktemp("image") / "tiny-image.onnx")


def _write(path: Path, **extra: str) -> Path:
    inner = tiny_contract(extra=extra)
    network, around = tiny_network(inner), image_contract(inner)
    del network.metadata_props[:]
    model = image_model(network, around)
    onnx.helper.set_model_props(model, {METADATA_KEY: around.to_json()})
    path.write_bytes(model.SerializeToString())
    return path


def test_it_paints_what_the_tensor_model_paints(image_file: Path, tiny_model: Path) -> None:
    ours, theirs = Colorizer(tiny_model).colorize(GRAY), Colorizer(image_file).colorize(GRAY)
    assert theirs.shape == (*GRAY.shape, 3)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_files_go_in_and_come_out(image_file: Path, format: str) -> None:
    given = BytesIO()
    Image.fromarray(GRAY).save(given, format)
    with Image.open(BytesIO(Colorizer(image_file).colorize(given.getvalue()))) as picture:
        assert picture.size == GRAY.shape[::-1]
        assert picture.mode == "RGB"
        values = np.asarray(picture).astype(int)
    assert np.abs(values[..., 0] - values[..., 2]).max() > 10


def test_sixteen_bits_become_eight_and_that_is_said(image_file: Path, tmp_path: Path) -> None:
    deep = GRAY.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    colorizer = Colorizer(image_file)
    assert "8 of its 16 bits" in " ".join(colorizer.read(tmp_path / "deep.png").kept.notes)
    np.testing.assert_array_equal(colorizer.colorize(deep) // 257, colorizer.colorize(GRAY))


@pytest.mark.parametrize(
    "options", [{"strength": 0.5}, {"size": 64}, {"upsample": "guided"}, {"tta": True}]
)
def test_options_that_it_cannot_follow_are_refused_by_name(
    image_file: Path, options: dict[str, object]
) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(options))}"):
        Colorizer(image_file, **options)  # type: ignore[arg-type]


def test_a_photograph_of_another_size_is_refused_where_there_is_one_only(tmp_path: Path) -> None:
    colorizer = Colorizer(_write(tmp_path / "fixed.onnx", picture="64"))
    assert colorizer.colorize(GRAY[:64, :64]).shape == (64, 64, 3)
    with pytest.raises(UnusableInput, match="64 x 64 only"):
        colorizer.colorize(GRAY)


def test_a_model_that_gives_something_else_is_refused(make_tiny_model: ModelMaker) -> None:
    from toolkit.contract import Port

    pixels = {"space": "srgb", "layout": "NHWC", "channels": 3, "range": (0.0, 255.0)}
    ports = {
        "input": Port("l", dtype="float32", **pixels),  # type: ignore[arg-type]
        "output": Port("ab", dtype="float32", **pixels),  # type: ignore[arg-type]
    }
    with pytest.raises(UnusableModel):
        Colorizer(make_tiny_model(boundary="image", **ports)).colorize(GRAY)
