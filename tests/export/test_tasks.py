"""Restorers and translators as artefacts: proven in their own units, and used by the runtime."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from toolkit.contract import Contract
from toolkit.errors import ProofFailed, UnusableModel, UsageError
from toolkit.export import manifest
from toolkit.export.boundary import BOUNDARIES, tolerance_of
from toolkit.export.bundle import Settings, export
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.export.formats import FORMATS, Order
from toolkit.export.proof import cases_for, prove
from toolkit.export.request import parse
from toolkit.export.scaling import TASKS
from toolkit.export.source import Source
from toolkit.export.verify import failure, verify
from toolkit.lab import gray_to_l, rgb_to_lab
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.restore import Restorer
from toolkit.training.checkpoint import save_checkpoint, weights
from toolkit.training.networks import Generator, build_generator

SCALING = {
    "given_mean": [0.5, 0.45, 0.4],
    "given_std": [0.25, 0.24, 0.23],
    "true_mean": [0.58, 0.52, 0.45],
    "true_std": [0.35, 0.3, 0.25],
}
HEADERS: dict[str, dict[str, Any]] = {
    "luma": {
        "task": "luma",
        "generator": {"name": "srcnn", "options": {"filters": [8, 4]}},
    },
    "translate": {
        "task": "translate",
        "scaling": SCALING,
        "generator": {
            "name": "unet_layers",
            "options": {"channels_in": 3, "channels_out": 3, "filters": 2, "n_layers": 5},
        },
    },
}


def generator_of(task: str) -> Generator:
    torch.manual_seed(0)
    built = HEADERS[task]["generator"]
    generator = build_generator(built["name"], **built["options"])
    for module in generator.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
            last = module
    last.weight.data *= 0.2  # a tanh would saturate
    if task == "luma":  # not far from its input, as a trained one
        with torch.no_grad():
            generator.get_parameter("layers.4.bias").fill_(0.4)
    return generator.eval()


def contract_for(task: str) -> Contract:
    return contract_of(
        generator_of(task), model="m 1", licence="CC0-1.0", source="0" * 64, preferred=64,
        task=TASKS[task],
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tasks")
    made = {}
    for task, header in HEADERS.items():
        path = folder / f"{task}.safetensors"
        base = {"recipe": "r", "licence": "CC0-1.0", "model": "m 1", "preferred_size": 64}
        save_checkpoint(path, weights(generator_of(task), "generator"), {**base, **header})
        made[task] = folder / f"bundle-{task}"
        requests = parse("torchscript,onnx,coreml")
        export(Source(path, task), requests, made[task], Settings(with_checkpoint=True))
    return made


@pytest.mark.parametrize("task", list(HEADERS))
def test_every_format_is_proven_and_verifies_again(task: str, bundles: dict[str, Path]) -> None:
    made = manifest.read(bundles[task])
    assert {e["format"] for e in made["files"].values()} == {"torchscript", "onnx", "coreml"}
    for entry in made["files"].values():
        assert entry["proof"]["status"] == "proved"
        assert entry["contract"]["task"] == task
    findings = verify(bundles[task])
    assert failure(bundles[task], findings) is None
    card = (bundles[task] / "MODEL_CARD.md").read_text()
    assert {"luma": "Restores", "translate": "Makes one picture"}[task] in card


def test_rgb_is_held_to_a_bound_of_its_own() -> None:
    contract = contract_for("translate")
    assert tolerance_of(FORMATS["onnx"], contract).max_error == 1e-4  # type: ignore[union-attr]
    assert tolerance_of(FORMATS["onnx"], contract_for("luma")).max_error == 1e-3  # type: ignore[union-attr]


def test_rgb_in_rgb_out() -> None:
    model = DeployModel(generator_of("translate"), HEADERS["translate"])
    levels = torch.rand(2, 3, 64, 96)
    tensors = {name: torch.tensor(values)[:, None, None] for name, values in SCALING.items()}
    with torch.no_grad():
        made = model(levels)
        scaled = (levels - tensors["given_mean"]) / tensors["given_std"]
        expected = model.generator(scaled) * tensors["true_std"] + tensors["true_mean"]
    torch.testing.assert_close(made, expected.clamp(0, 1), rtol=0, atol=2e-5)
    assert made.min() >= 0
    assert made.max() <= 1


class _Unscaled(DeployModel):
    """The scaling at the end is forgotten."""

    def __init__(self, task: str) -> None:
        super().__init__(generator_of(task), HEADERS[task])
        self.after = nn.Identity().eval()


class _Swapped(DeployModel):
    """Red and blue change places."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return super().forward(given).flip(1)


@pytest.mark.parametrize("name", ["torchscript", "onnx"])
@pytest.mark.parametrize("slip", ["luma unscaled", "translate unscaled", "translate swapped"])
def test_a_slip_is_caught(name: str, slip: str, tmp_path: Path) -> None:
    task, how = slip.split()
    contract, form = contract_for(task), FORMATS[name]
    right = DeployModel(generator_of(task), HEADERS[task])
    wrong = _Unscaled(task) if how == "unscaled" else _Swapped(generator_of(task), HEADERS[task])
    path = tmp_path / f"m{form.suffix}"
    cases = cases_for(right, contract)[:2]
    form.write(Order(wrong, contract, cases[0].given), path)
    with pytest.raises(ProofFailed, match="max_error"):
        prove(path, form, contract, right, cases)


@pytest.mark.parametrize("task", list(HEADERS))
@pytest.mark.parametrize("wish", ["onnx:image", "onnx:int8"])
def test_what_a_task_lacks_is_refused_by_name(task: str, wish: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, weights(generator_of(task), "generator"), HEADERS[task])
    with pytest.raises(UsageError, match=f"task {task}"):
        export(Source(path, "m"), parse(wish), tmp_path / "out", Settings())
    assert not (tmp_path / "out").exists()


def test_a_translator_without_its_scaling_is_refused() -> None:
    with pytest.raises(UnusableModel, match="mean and deviation"):
        DeployModel(generator_of("translate"), {"task": "translate"})


def test_a_network_that_sees_the_whole_picture_is_no_restorer() -> None:
    generator = build_generator("unet_layers", channels_out=1, filters=2, n_layers=5)
    with pytest.raises(UnusableModel, match="tiles"):
        contract_of(
            generator, model="m", licence="CC0-1.0", source="0" * 64, preferred=64,
            task=TASKS["luma"],
        )  # fmt: skip


def test_instance_norm_is_held_to_the_network_and_not_to_a_rounding_of_it() -> None:
    model = DeployModel(generator_of("translate"), HEADERS["translate"])
    case = cases_for(model, contract_for("translate"))[16]  # black
    wide = copy.deepcopy(model).double()
    with torch.no_grad():
        exact = wide(torch.from_numpy(case.given).double()).float().numpy()
    np.testing.assert_array_equal(case.expected, exact)


def test_every_task_of_the_contract_has_its_boundary_and_scaling() -> None:
    assert {task for task, _ in BOUNDARIES} == set(TASKS)
    for task in TASKS.values():
        assert all((task.name, boundary) in BOUNDARIES for boundary in task.boundaries)


def test_the_runtime_restores_with_the_artefact(bundles: dict[str, Path]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (150, 170), np.uint8)
    restored = Restorer(bundles["luma"] / "luma.onnx", tile=40)(gray)
    model = DeployModel(generator_of("luma"), HEADERS["luma"])
    light = torch.from_numpy(gray_to_l()[gray])[None, None]
    with torch.no_grad():
        expected = model(light)[0, 0].numpy()
    # Half a level, in L*, where a level is widest.
    assert np.abs(gray_to_l()[restored] - expected).max() < 0.26


def test_the_runtime_colours_with_the_artefact(bundles: dict[str, Path]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    ab = Colorizer(bundles["translate"] / "translate.onnx").predict(gray)
    model = DeployModel(generator_of("translate"), HEADERS["translate"])
    rgb = np.repeat((gray / np.float32(255))[None, None], 3, axis=1).astype(np.float32)
    with torch.no_grad():
        made = model(torch.from_numpy(rgb))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ab.transpose(1, 2, 0), rgb_to_lab(made)[..., 1:], atol=0.05)
