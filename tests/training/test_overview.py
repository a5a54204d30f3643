"""A large picture is also seen at a small size, and a small one only once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from toolkit.errors import UsageError
from toolkit.training.networks import build_generator
from toolkit.training.networks.overview import overview_size, shrink

CELLS = st.integers(1, 64)


@given(rows=CELLS, columns=CELLS, short=st.integers(1, 12))
def test_an_overview_has_the_short_side_that_is_asked_for(
    rows: int, columns: int, short: int
) -> None:
    height, width, needed = overview_size(rows, columns, short)
    assert needed == (min(rows, columns) > short)
    if not needed:
        assert (height, width) == (1, 1)
        return
    assert min(height, width) == short
    scale = short / min(rows, columns)
    assert abs(height - rows * scale) <= 0.5
    assert abs(width - columns * scale) <= 0.5


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    down=st.floats(0.01, 1),
    across=st.floats(0.01, 1),
)
def test_a_picture_shrinks_as_photographs_do(
    height: int, width: int, down: float, across: float
) -> None:
    size = max(1, round(height * down)), max(1, round(width * across))
    lightness = np.random.default_rng(0).uniform(-1, 1, (height, width)).astype(np.float32)
    expected = Image.fromarray(lightness).resize(size[::-1], Image.Resampling.BILINEAR)
    made = shrink(torch.from_numpy(lightness)[None, None], *size)
    np.testing.assert_allclose(made[0, 0].numpy(), np.asarray(expected), atol=3e-5)


@pytest.mark.parametrize("size", [(64, 64), (64, 160), (96, 96)])
def test_only_what_is_larger_is_seen_twice(size: tuple[int, int]) -> None:
    options = {"decoder": [16, 16, 16, 16]}
    plain = build_generator("edge_lite", **options).eval()
    twice = build_generator("edge_lite", **options, overview=64).eval()
    twice.load_state_dict(plain.state_dict())
    lightness = torch.rand(2, 1, *size) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(plain(lightness), twice(lightness)) == (min(size) <= 64)
        assert torch.equal(plain(lightness), twice.at_size(64, 64)(lightness))
    assert twice.at_size(96, 96) is twice


def test_an_overview_that_no_map_fits_is_refused() -> None:
    with pytest.raises(UsageError, match="overview must be a multiple of 32, not 100"):
        build_generator("edge_lite", overview=100)
