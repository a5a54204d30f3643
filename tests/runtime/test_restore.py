"""The restorer: tiles that leave no seam, and colours on the light that it gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.conftest import tiny_contract
from toolkit import lab
from toolkit.contract import METADATA_KEY, FlexibleSize, Port
from toolkit.errors import UnusableModel
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.restore import Restorer

L_PORT = Port("l", "cie-l", "float32", "NCHW", 1, (0.0, 100.0))
LUMA: dict[str, Any] = {
    "task": "luma",
    "input": L_PORT,
    "output": Port("restored", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
    "size": FlexibleSize(1, 48, 1, 2048, "keep_aspect"),
    "extra": {"overlap": "3"},
}
MakeRestorer = Callable[..., Path]


@pytest.fixture(scope="module")
def make_restorer(tmp_path_factory: pytest.TempPathFactory) -> MakeRestorer:
    """A sharpener of two convolutions, 5 x 5 and 3 x 3, so that a pixel depends on 3 around it."""

    def make(**changes: Any) -> Path:
        rng = np.random.default_rng(0)
        first = rng.normal(0, 0.02, (4, 1, 5, 5)).astype(np.float32)
        first[:, 0, 2, 2] += 1
        second = rng.normal(0, 0.02, (1, 4, 3, 3)).astype(np.float32)
        second[:, :, 1, 1] += 0.24
        nodes = [
            helper.make_node("Conv", ["l", "first"], ["x"], pads=[2, 2, 2, 2]),
            helper.make_node("Relu", ["x"], ["y"]),
            helper.make_node("Conv", ["y", "second"], ["restored"], pads=[1, 1, 1, 1]),
        ]
        sides: list[str | int | None] = ["batch", 1, "h", "w"]
        graph = helper.make_graph(
            nodes,
            "sharpener",
            [helper.make_tensor_value_info("l", TensorProto.FLOAT, sides)],
            [helper.make_tensor_value_info("restored", TensorProto.FLOAT, sides)],
            [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        contract = tiny_contract(**{**LUMA, **changes})
        helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
        onnx.checker.check_model(model)
        path = tmp_path_factory.mktemp("restorer") / "sharpener.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


@pytest.fixture(scope="module")
def restorer(make_restorer: MakeRestorer) -> Path:
    return make_restorer()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    tile=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_tiles_leave_no_seam(restorer: Path, height: int, width: int, tile: int, seed: int) -> None:
    gray = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    in_tiles, whole = Restorer(restorer, tile=tile, threads=1), Restorer(restorer, threads=1)
    expected = whole.lightness(gray, slice(0, height), slice(0, width))
    made = np.empty_like(expected)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows = slice(top, min(top + tile, height))
            columns = slice(left, min(left + tile, width))
            made[rows, columns] = in_tiles.lightness(gray, rows, columns)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-3)


def test_less_overlap_than_the_network_sees_would_show(make_restorer: MakeRestorer) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (60, 70), np.uint8)
    short = Restorer(make_restorer(extra={"overlap": "2"}), tile=20)
    whole = Restorer(make_restorer(), tile=200)
    assert np.abs(short(gray).astype(int) - whole(gray)).max() > 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_keep_their_depth(restorer: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    top = np.iinfo(dtype).max
    gray = np.linspace(0, top, 64 * 64).reshape(64, 64).astype(dtype)
    made = Restorer(restorer, tile=17)(gray)
    assert made.dtype == dtype
    # Smooth light goes nearly through: the kernels sum to about one.
    inside = made[8:-8, 8:-8].astype(float) - gray[8:-8, 8:-8]
    assert np.abs(inside).max() < 0.25 * top


def test_the_restored_light_is_kept(restorer: Path, tiny_model: Path, tmp_path: Path) -> None:
    gray = np.random.default_rng(1).integers(60, 200, (70, 90), np.uint8)
    expected = lab.gray_to_l()[Restorer(restorer)(gray)]
    colorizer = Colorizer(tiny_model, strength=0.2, restore=restorer)
    Image.fromarray(gray).save(tmp_path / "a.png")
    for made in (
        colorizer.colorize(gray),
        np.asarray(colorizer.colorize(Image.fromarray(gray))),
        np.asarray(colorizer.colorize(tmp_path / "a.png")),
    ):
        light = lab.rgb_to_lab(made)[..., 0]
        assert np.abs(light - expected).max() <= 0.6
        assert np.abs(light - lab.gray_to_l()[gray]).max() > 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "colorize"}, "for the task colorize"),
        ({"extra": {}}, "how its tiles overlap"),
        ({"extra": {"overlap": "-3"}}, "how its tiles overlap"),
        ({"size": FlexibleSize(8, 48, 8, 2048, "keep_aspect")}, "tiles of every size"),
    ],
)
def test_other_models_are_refused(
    make_restorer: MakeRestorer, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(UnusableModel, match=told):
        Restorer(make_restorer(**changes))


def test_a_restorer_gives_no_colours(restorer: Path) -> None:
    with pytest.raises(UnusableModel, match="for the task luma"):
        Colorizer(restorer)
