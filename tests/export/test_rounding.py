"""Sums over whole photographs, which float32 rounds differently in each engine."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from toolkit.export.proof_set import fit, gray_fields
from toolkit.lab import l_of_gray
from toolkit.training.networks.edge_lite import raise_contrast


class Raised(nn.Module):
    def forward(self, lightness: Tensor) -> Tensor:
        return raise_contrast(lightness, 18.0)


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.`:FutureWarning")
def test_contrast_is_raised_alike_in_onnx() -> None:
    levels = fit(gray_fields()[[11]], 512, 512)[None] / 255
    lightness = torch.from_numpy(l_of_gray(levels) / 50 - 1)
    program = torch.onnx.export(Raised().eval(), (lightness,), dynamo=True, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (given,) = session.get_inputs()
    (made,) = session.run(None, {given.name: lightness.numpy()})
    exact = raise_contrast(lightness.double(), 18.0).numpy()
    # A tenth of what a sum of all numbers at once gives; the network makes it a hundred times
    # larger, and a thousandth of a CIE unit is all that a proof allows.
    assert np.abs(made - exact).max() < 3e-6
