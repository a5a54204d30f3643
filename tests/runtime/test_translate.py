"""Models for the task ``translate``: their colours on the photograph's own light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.conftest import tiny_contract
from toolkit import Colorizer, lab
from toolkit.contract import METADATA_KEY, FixedSize, Port

GRAY = np.random.default_rng(0).integers(70, 190, (90, 130), np.uint8)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes RGB of 64 x 64, and gives red x 1.0, green x 0.8, blue x 0.5, darker by 0.1."""
    contract = tiny_contract(
        task="translate",
        input=Port("given", "srgb", "float32", "NCHW", 3, (0.0, 1.0)),
        output=Port("made", "srgb", "float32", "NCHW", 3, (0.0, 1.0)),
        size=FixedSize(64, 64, "stretch"),
    )
    kernel = np.diag([1.0, 0.8, 0.5]).astype(np.float32)[:, :, None, None]
    shape = [1, 3, 64, 64]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["given", "kernel", "bias"], ["made"])],
        "translator",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.full(3, -0.1, np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    path = tmp_path_factory.mktemp("model") / "translator.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_the_network_is_shown_gray_levels_in_three_channels(translator: Path) -> None:
    flat = np.full((90, 130), 128, np.uint8)
    ab = Colorizer(translator).predict(flat)
    rgb = 128 / 255 * np.array([1.0, 0.8, 0.5]) - 0.1
    expected = lab.rgb_to_lab(rgb[None, None].astype(np.float32))[0, 0, 1:]
    np.testing.assert_allclose(ab, np.broadcast_to(expected[:, None, None], (2, 64, 64)), atol=2e-3)


def test_the_photographs_light_is_kept(translator: Path) -> None:
    made = Colorizer(translator, strength=0.5).colorize(GRAY)
    assert made.shape == (*GRAY.shape, 3)
    light = lab.rgb_to_lab(made)[..., 0]
    assert np.abs(light - lab.gray_to_l()[GRAY]).max() <= 0.6
    assert (made[..., 0] > made[..., 2]).mean() > 0.99


def test_the_mirrored_look_counts_too(translator: Path) -> None:
    plain, both = Colorizer(translator), Colorizer(translator, tta=True)
    # The network looks at each pixel alone, so that its mirror image tells nothing new.
    np.testing.assert_allclose(both.predict(GRAY), plain.predict(GRAY), atol=1e-3)
