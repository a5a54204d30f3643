"""The photograph at the network's size: Pillow's own filter on mode F is the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from toolkit import lab
from toolkit.contract import FixedSize, FlexibleSize
from toolkit.runtime.resample import lightness, network_size, shrink, triangle_weights

sides = st.integers(1, 120)


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 2**31))
def test_any_size_agrees_with_pillow(h: int, w: int, height: int, width: int, seed: int) -> None:
    gray = np.random.default_rng(seed).integers(0, 256, (h, w)).astype(np.uint8)
    whole = Image.fromarray(gray.astype(np.float32))
    expected = whole.resize((width, height), Image.Resampling.BILINEAR)
    got = shrink(shrink(gray, height).T, width).T
    np.testing.assert_allclose(got, np.asarray(expected), atol=1e-3)


@settings(deadline=None)
@given(sides, sides)
def test_weights_are_an_average(n: int, size: int) -> None:
    _, weights = triangle_weights(n, size)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_flat_photograph_has_its_own_lightness(kind: Any) -> None:
    top = int(np.iinfo(kind).max)
    for level in (0, top // 3, top):
        values = lightness(np.full((70, 90), level, kind), 32, 64)
        assert values.shape == (32, 64)
        np.testing.assert_allclose(values, lab.gray_to_l(top + 1)[level], atol=1e-3)


FLEXIBLE = FlexibleSize(32, 256, 64, 1024, "keep_aspect")


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((3000, 4000), (256, 352)),  # 341.3 lies nearer to 352 than to 320
        ((4000, 3000), (352, 256)),
        ((256, 256), (256, 256)),
        ((1, 1), (256, 256)),
        ((10, 20_000), (256, 1024)),
        ((100, 425), (256, 1024)),
        ((256, 272), (256, 288)),  # 8.5 units: half upwards
    ],
)
def test_flexible_sizes(photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(FLEXIBLE, *photo) == expected


def test_a_fixed_size_is_kept() -> None:
    assert network_size(FixedSize(256, 224, "stretch"), 3000, 4000, 512) == (256, 224)


@given(st.integers(1, 60_000), st.integers(1, 60_000), st.integers(64, 1024))
def test_a_size_is_always_legal(height: int, width: int, side: int) -> None:
    for length in network_size(FLEXIBLE, height, width, side):
        assert length % 32 == 0
        assert 64 <= length <= 1024
