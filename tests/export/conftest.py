"""Small trained-looking generators, and one bundle of each that all tests of the room read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from toolkit.export.bundle import Settings, export
from toolkit.export.request import parse
from toolkit.export.source import Source
from toolkit.training.checkpoint import save_checkpoint, weights
from toolkit.training.networks import Generator, build_generator

SMALL: dict[str, dict[str, Any]] = {
    "edge": {"stem": 16, "widths": [16, 16, 32, 32], "residual": [0, 0, 1, 1], "head": 16},
    "edge_lite": {"decoder": [16, 16, 16, 16]},
    "resnet_unet": {"decoder": [16, 16, 16, 16, 16]},
    "unet_256": {"filters": 2},
    "unet_flat": {"filters": 2},
    "unet_instance": {"filters": 2},
    "unet_layers": {"filters": 2, "n_layers": 5},
}


def small_generator(name: str) -> Generator:
    """A small generator whose BatchNorms have seen something, with colours worth comparing."""
    torch.manual_seed(0)
    generator = build_generator(name, **SMALL[name])
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_(1, 0.1)
            module.bias.data.normal_(0, 0.2)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
            last = module
    if not name.startswith("edge"):  # whose bins hold their colours in bounds
        last.weight.data *= 0.1
    return generator.eval()


def write_run(folder: Path, name: str, **header: Any) -> Path:
    """A finished run folder with a small generator."""
    base = {
        "generator": {"name": name, "options": SMALL[name]},
        "recipe": name,
        "step": 1,
        "epoch": 1,
        "task": "colorize",
        "preferred_size": 224,
        "licence": "CC0-1.0",
        "model": f"{name} 1",
        "finished": True,
    }
    for file in ("best", "last"):
        save_checkpoint(
            folder / f"{file}.safetensors",
            weights(small_generator(name), "generator"),
            {**base, **header},
        )
    return folder


BundleMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of every generator."""
    folder = tmp_path_factory.mktemp("runs")
    for name in SMALL:
        write_run(folder / name, name)
    return folder


@pytest.fixture(scope="session")
def edge_bundle(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that `edge` can be exported to."""
    out = tmp_path_factory.mktemp("bundles") / "edge"
    source = Source(runs / "edge" / "best.safetensors", "edge")
    requests = parse("all,onnx:fp16-storage,onnx:image")
    export(source, requests, out, Settings(with_checkpoint=True, command="toolkit export"))
    return out
