"""The ready-made encoder is really the published one, and sees what is in a gray photograph."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from toolkit.errors import UsageError
from toolkit.lab import rgb_to_lab
from toolkit.training.networks import build_generator
from toolkit.training.networks.imagenet import FILE, PACKAGE, load_imagenet

EXAMPLES = Path(__file__).parents[2] / "examples"
CATS = {281, 282, 283, 284, 285}
COFFEE = {504, 967, 968}
"""Numbers of ImageNet's classes: tabby ... Egyptian cat; coffee mug, espresso, cup."""


def scaled_lightness(name: str) -> torch.Tensor:
    with Image.open(EXAMPLES / name) as photo:
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        square = photo.convert("RGB").crop((left, top, left + side, top + side)).resize((224, 224))
    lab = rgb_to_lab(np.asarray(square))
    return torch.from_numpy(lab[None, None, :, :, 0] / 50 - 1)


@pytest.mark.parametrize(("name", "classes"), [("cat.jpg", CATS), ("coffee.jpg", COFFEE)])
def test_the_published_classifier_recognises_by_our_encoder(name: str, classes: set[int]) -> None:
    generator = build_generator("edge_lite").eval()
    load_imagenet(generator)
    rest = torch.load(str(files(PACKAGE) / FILE), weights_only=True)
    norm = torch.nn.BatchNorm2d(1280, eps=1e-3).eval()
    norm.load_state_dict({name: rest[f"_bn1.{name}"] for name in norm.state_dict()})
    with torch.inference_mode():
        deepest = generator.get_submodule("encoder")(scaled_lightness(name))[-1]
        wide = F.relu6(norm(F.conv2d(deepest, rest["_conv_head.weight"])))
        scores = F.linear(wide.mean((2, 3)), rest["_fc.weight"], rest["_fc.bias"])
    assert set(scores[0].topk(2).indices.tolist()) <= classes


def test_frozen_norms_learn_as_they_are_used() -> None:
    generator = build_generator("edge_lite", frozen_norm=True)
    load_imagenet(generator)
    encoder = generator.get_submodule("encoder")
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    lightness = scaled_lightness("cat.jpg")[..., :96, :96]
    learning = encoder.train()(lightness)
    sum(level.square().mean() for level in learning).backward()
    used = encoder.eval()(lightness)
    for a, b in zip(learning, used, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_buffers())
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_a_generator_without_such_an_encoder_is_refused() -> None:
    with pytest.raises(UsageError, match="edge_lite"):
        load_imagenet(build_generator("edge"))
