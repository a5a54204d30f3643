from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.errors import UnusableModel
from toolkit.training import checkpoint
from toolkit.training.networks import build_generator

OPTIONS: dict[str, Any] = {"stem": 16, "widths": [16, 16, 16, 16], "head": 16}
HEADER: dict[str, Any] = {"generator": {"name": "edge", "options": OPTIONS}, "step": 3}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "best.safetensors"
    tensors = checkpoint.weights(build_generator("edge", **OPTIONS), "generator")
    checkpoint.save_checkpoint(path, tensors, HEADER)
    return path


def test_a_generator_comes_back_as_it_was(saved: Path) -> None:
    torch.manual_seed(0)
    expected = build_generator("edge", **OPTIONS).eval()
    loaded, header = checkpoint.load_generator(saved)
    assert header["step"] == 3
    assert not any(module.training for module in loaded.modules())
    x = torch.randn(1, 1, 64, 64)
    torch.testing.assert_close(loaded(x), expected(x), rtol=0, atol=0)


def test_the_running_mean_is_taken_where_there_is_one(tmp_path: Path) -> None:
    raw, mean = build_generator("edge", **OPTIONS), build_generator("edge", **OPTIONS)
    tensors = checkpoint.weights(raw, "generator") | checkpoint.weights(mean, "ema")
    checkpoint.save_checkpoint(tmp_path / "last.safetensors", tensors, HEADER)
    loaded, _ = checkpoint.load_generator(tmp_path / "last.safetensors")
    assert torch.equal(
        loaded.state_dict()["classifier.weight"], mean.state_dict()["classifier.weight"]
    )


def test_an_optimizer_goes_on_as_if_it_had_not_stopped() -> None:
    def run(stop: int | None) -> torch.Tensor:
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(4, 4))
        optimizer = torch.optim.AdamW([weight], lr=1e-2)
        for i in range(6):
            if i == stop:
                tensors = checkpoint.optimizer_tensors(optimizer, "optimizer.generator")
                optimizer = torch.optim.AdamW([weight], lr=1e-2)
                checkpoint.restore_optimizer(optimizer, tensors, "optimizer.generator")
            optimizer.zero_grad()
            torch.autograd.backward((weight**2 * (i + 1)).sum())
            optimizer.step()
        return weight.detach()

    assert torch.equal(run(None), run(3))


@pytest.mark.parametrize("keep", [0, 7, 100, 2000, -1])
def test_a_truncated_checkpoint_is_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(UnusableModel, match=r"best\.safetensors"):
        checkpoint.load_generator(saved)


def test_one_changed_byte_is_seen(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-5] ^= 1
    saved.write_bytes(data)
    with pytest.raises(UnusableModel, match="another hash"):
        checkpoint.load_generator(saved)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UnusableModel, match="not a checkpoint"):
        checkpoint.load_generator(path)
    assert not (tmp_path / "executed").exists()


def test_weights_of_another_generator_are_refused(tmp_path: Path) -> None:
    other = build_generator("edge", **{**OPTIONS, "head": 32})
    path = tmp_path / "best.safetensors"
    checkpoint.save_checkpoint(path, checkpoint.weights(other, "generator"), HEADER)
    with pytest.raises(UnusableModel, match="another generator"):
        checkpoint.load_generator(path)


def test_an_unknown_schema_and_a_missing_file_are_told(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnusableModel, match="cannot be read"):
        checkpoint.read_header(tmp_path / "none.safetensors")
    monkeypatch.setattr(checkpoint, "SCHEMA", 2)
    with pytest.raises(UnusableModel, match="schema"):
        checkpoint.read_header(saved)
