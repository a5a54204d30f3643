from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models

from toolkit.errors import DownloadError, UsageError
from toolkit.training import checkpoint, trainer
from toolkit.training.networks import build_generator
from toolkit.training.networks.imagenet import load_imagenet
from toolkit.training.networks.resnet_unet import MEAN, STD
from toolkit.training.recipe import load_recipe

SMALL = [
    "epochs=1",
    "generator.options.decoder=[16, 16, 16, 16, 16]",
    "data.side=64",
    "data.samples_per_epoch=4",
    "preferred_size=64",
    "stages=[{crop=64, batch_size=2}]",
]


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps what it downloaded; nothing can be downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_the_encoder_sees_what_torchvisions_sees_in_gray(torch_home: Path) -> None:
    """With torchvision's own file, of random weights, and away from the edges."""
    torch.manual_seed(0)
    published = models.resnet18()
    published.bn1.running_mean.normal_()
    torch_home.mkdir(parents=True)
    name = models.ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[1]
    torch.save(published.state_dict(), torch_home / name)
    generator = build_generator("resnet_unet").eval()
    load_imagenet(generator)
    level = torch.rand(1, 1, 256, 256)
    rgb = (level - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.inference_mode():
        stem = published.eval().relu(published.bn1(published.conv1(rgb)))
        ours = generator.get_submodule("encoder")(level * 2 - 1)
        torch.testing.assert_close(
            ours[0][..., 4:-4, 4:-4], stem[..., 4:-4, 4:-4], rtol=0, atol=1e-3
        )
        deep = published.layer1(published.maxpool(stem))
        torch.testing.assert_close(
            ours[1][..., 8:-8, 8:-8], deep[..., 8:-8, 8:-8], rtol=0, atol=1e-2
        )


def test_weights_that_cannot_be_downloaded_are_one_line(
    torch_home: Path, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match="initialise=default"):
        load_imagenet(build_generator("resnet_unet"))
    command = [sys.executable, "-m", "toolkit", "train", str(photos), "--recipe", "resnet-unet"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], capture_output=True, text=True
    )
    assert done.returncode == 9
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_l1_first_and_then_the_game(torch_home: Path, photos: Path, tmp_path: Path) -> None:
    """The second stage begins with the weights of the first."""
    first = load_recipe("resnet-unet", [*SMALL, "generator.initialise=default"])
    trainer.train(first, photos, tmp_path / "l1")
    second = load_recipe("resnet-unet-gan", [*SMALL, "optimizer.lr=0.0"])
    trainer.train(second, photos, tmp_path / "gan", init_from=tmp_path / "l1")
    (before, _), (after, header) = (
        checkpoint.load_generator(tmp_path / name / "best.safetensors") for name in ("l1", "gan")
    )
    assert header["recipe"] == "resnet-unet-gan"
    weights = zip(before.parameters(), after.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    # What has its weights already downloads nothing when it goes on.
    asked = replace(first, generator=replace(first.generator, initialise="imagenet"))
    (tmp_path / "l1" / "recipe.toml").write_text(asked.to_toml())
    trainer.resume(tmp_path / "l1")


@pytest.mark.parametrize("encoder", ["resnet18", "resnet50"])
def test_every_encoder_gives_full_size(encoder: str) -> None:
    with torch.device("meta"):
        generator = build_generator("resnet_unet", encoder=encoder).eval()
        assert generator(torch.zeros(1, 1, 96, 64)).shape == (1, 2, 96, 64)


def test_an_unknown_encoder_lists_the_choices() -> None:
    with pytest.raises(UsageError, match="resnet18, resnet34"):
        build_generator("resnet_unet", encoder="resnet19")
    with pytest.raises(UsageError, match="5 widths"):
        build_generator("resnet_unet", decoder=(16, 16))
