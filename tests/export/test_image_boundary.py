"""The photograph's way through the ONNX graph is the runtime's, to one level."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import tiny_contract, tiny_network
from toolkit.contract import METADATA_KEY, FixedSize, FlexibleSize
from toolkit.export.deploy import image_contract
from toolkit.export.formats.onnx import session
from toolkit.export.image_graph import ROWS, image_model
from toolkit.lab import gray_of_rgb
from toolkit.runtime.compose import compose
from toolkit.runtime.resample import lightness, network_size
from toolkit.runtime.session import Session

SIZES: list[FixedSize | FlexibleSize] = [
    FlexibleSize(32, 64, 32, 256, "keep_aspect"),
    FixedSize(64, 96, "stretch"),
]


class Subject:
    """A tiny network with strong colours, alone and inside the image graph."""

    def __init__(self, size: FixedSize | FlexibleSize) -> None:
        contract = tiny_contract(size=size)
        network = tiny_network(contract, gain=1.5)
        self.size = size
        self.tensor = Session(network.SerializeToString())
        around = image_contract(contract)
        del network.metadata_props[:]
        model = image_model(network, around)
        onnx.helper.set_model_props(model, {METADATA_KEY: around.to_json()})
        onnx.checker.check_model(model, full_check=True)
        self.data = model.SerializeToString()
        self.image = session(self.data, "image")

    def expected(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        gray = gray_of_rgb(rgb)
        small = lightness(gray, *network_size(self.size, *gray.shape))
        ab = np.asarray(self.tensor.run(small[None, None])[0], np.float32)
        colours = np.empty((*gray.shape, 3), np.uint8)

        def put(top: int, pixels: NDArray[np.generic]) -> None:
            colours[top : top + len(pixels)] = pixels[..., :3]

        compose(gray, ab, put)
        return colours

    def got(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        result: NDArray[np.uint8] = self.image.run(None, {"photo": pixels[None]})[0][0]
        return result


@pytest.fixture(scope="module", params=SIZES, ids=["free", "fixed"])
def subject(request: pytest.FixtureRequest) -> Subject:
    return Subject(request.param)


@given(
    height=st.integers(1, 3 * ROWS + 1),
    width=st.integers(1, 90),
    gray=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_any_photograph_comes_out_as_from_the_runtime(
    subject: Subject, height: int, width: int, gray: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (height // 9 + 1, width // 9 + 1, 3))
    rgb = coarse.repeat(9, 0).repeat(9, 1)[:height, :width].astype(np.uint8)
    if gray:
        rgb = rgb[..., :1].repeat(3, 2)
    difference = np.abs(subject.got(rgb).astype(int) - subject.expected(rgb))
    assert difference.max() <= 1
    assert difference.mean() < 0.1


def test_one_channel_is_three_equal_ones(subject: Subject) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (50, 40, 1), np.uint8)
    np.testing.assert_array_equal(subject.got(gray), subject.got(gray.repeat(3, 2)))


def test_strong_colours_meet_the_gamut_and_keep_their_lightness(subject: Subject) -> None:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    colours = subject.got(ramp)
    assert (np.ptp(colours.astype(int), axis=2) > 60).any()
    kept = gray_of_rgb(colours).astype(int) - ramp[..., 0]
    assert np.abs(kept).max() <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory as Linux counts it")
@pytest.mark.parametrize(("height", "width"), [(4000, 3000), (1, 20_000), (20_000, 1)])
def test_it_takes_less_than_500_mb(height: int, width: int, tmp_path: Path) -> None:
    path = tmp_path / "image.onnx"
    path.write_bytes(Subject(FlexibleSize(32, 256, 32, 2048, "keep_aspect")).data)
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from toolkit.export.formats.onnx import session\n"
        "opened = session(Path(sys.argv[1]), 'image')\n"
        "height, width = int(sys.argv[2]), int(sys.argv[3])\n"
        "rows = (np.arange(height) % 256).astype(np.uint8)\n"
        "photo = np.tile(rows[None, :, None, None], (1, 1, width, 3))\n"
        "opened.run(None, {'photo': photo})\n"
        # Not ru_maxrss: a child begins with that of the process that started it.
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(height), str(width)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 500_000
