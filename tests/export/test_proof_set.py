from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.export.make_proof_set import CROPS, sheet
from toolkit.export import proof_set


def test_the_pictures_are_those_that_the_maker_makes() -> None:
    with Image.open(Path(proof_set.__file__).parent / "pictures.png") as shipped:
        np.testing.assert_array_equal(np.asarray(shipped), np.asarray(sheet()))


def test_every_source_has_its_credit() -> None:
    credits = (Path(proof_set.__file__).parent / "CREDITS.md").read_text("utf-8")
    for name in CROPS:
        assert name in credits


def test_twenty_fields_of_l() -> None:
    fields = proof_set.l_fields()
    assert fields.shape == (20, 1, 256, 256)
    assert fields.dtype == np.float32
    assert (fields.min(), fields.max()) == (0, 100)
    named = dict(zip(proof_set.NAMES, fields, strict=True))
    assert named["black"].max() == 0
    assert named["white"].min() == 100
    assert set(np.unique(named["checkerboard"])) == {0, 100}
    assert len(np.unique(named["noise"])) == 256


def test_other_sizes_repeat_and_crop_and_make_up_nothing() -> None:
    fields = proof_set.l_fields()
    np.testing.assert_array_equal(proof_set.l_fields(64, 96), fields[..., :64, :96])
    wide = proof_set.l_fields(256, 512)
    np.testing.assert_array_equal(wide[..., 256:], fields)
