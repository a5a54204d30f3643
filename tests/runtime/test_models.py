"""Names, bundles and files of models, and those that are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import tiny_contract
from toolkit.errors import UnusableModel, UsageError
from toolkit.files import sha256_bytes
from toolkit.runtime import models
from toolkit.runtime.colorizer import Colorizer


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of models, and no others."""
    own = tmp_path / "own"
    monkeypatch.setattr(models, "_places", lambda: [(own, "yours")])
    monkeypatch.setenv("TOOLKIT_MODELS", str(own))
    return own


@pytest.fixture
def bundle(tmp_path: Path, tiny_model: Path) -> Path:
    place = tmp_path / "made"
    place.mkdir()
    data = tiny_model.read_bytes()
    facts = {"sha256": sha256_bytes(data), "size": len(data), "format": "onnx"}
    other = {"sha256": "0" * 64, "size": 1, "format": "torchscript"}
    manifest = {"schema": 1, "name": "made", "files": {"made.pt": other, "made.onnx": facts}}
    (place / "made.onnx").write_bytes(data)
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


def test_a_file_and_a_bundle(tiny_model: Path, bundle: Path) -> None:
    assert models.find(tiny_model).contract() == tiny_contract()
    found = models.find(bundle)
    assert (found.name, found.path.name, found.origin) == ("made", "made.onnx", "file")
    assert found.contract() == tiny_contract()


def test_add_list_and_remove(tiny_model: Path, bundle: Path) -> None:
    assert models.installed() == []
    models.add(tiny_model, "first")
    models.add(bundle)
    assert [m.name for m in models.installed()] == ["first", "made"]
    for name in ("first", "made"):
        assert models.find(name).contract() == tiny_contract()
    models.remove("first")
    assert [m.name for m in models.installed()] == ["made"]


def test_names_that_are_taken_wrong_or_unknown(tiny_model: Path) -> None:
    models.add(tiny_model, "mine")
    for name in ("mine", "../up", "", " ", "a/b", ".hidden"):
        with pytest.raises(UsageError):
            models.add(tiny_model, name or " ")
    with pytest.raises(UsageError, match="did you mean mine"):
        models.find("mien")
    with pytest.raises(UsageError, match="Choose one of: mine"):
        models.remove("default")


def test_what_is_no_model_is_not_added(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "photo.onnx"
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UnusableModel, match=r"photo\.onnx: not an ONNX model"):
        models.add(path)
    assert not folder.exists()


def test_a_model_that_was_changed_is_refused(bundle: Path) -> None:
    path = bundle / "made.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(UnusableModel, match="hash differs"):
        models.find(bundle).read()


def test_a_model_over_the_limit_is_refused(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODEL_LIMIT", 10)
    with pytest.raises(UnusableModel, match="larger"):
        models.find(bundle).read()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "files": {"a": 1}}'],
)
def test_a_manifest_that_is_none(bundle: Path, text: str) -> None:
    (bundle / "manifest.json").write_text(text)
    with pytest.raises(UnusableModel):
        models.find(bundle)


def test_a_manifest_that_points_outside(bundle: Path, tiny_model: Path) -> None:
    shutil.copy(tiny_model, bundle.parent / "outside.onnx")
    text = (bundle / "manifest.json").read_text().replace("made.onnx", "../outside.onnx")
    (bundle / "manifest.json").write_text(text)
    with pytest.raises(UnusableModel, match="outside"):
        models.find(bundle)


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="no such file"):
        models.find(tmp_path / "none.onnx").read()
    with pytest.raises(UnusableModel, match="no bundle"):
        models.find(tmp_path)
    with pytest.raises(UnusableModel, match="no model is installed"):
        models.find("default")


def test_a_broken_bundle_in_the_folder_hides_no_other(folder: Path, tiny_model: Path) -> None:
    models.add(tiny_model, "good")
    (folder / "broken").mkdir()
    (folder / "broken" / "manifest.json").write_text("{")
    assert models.find("good").name == "good"


def stronger(beside: Path, strength: object, **changes: object) -> Path:
    place = beside.parent / "stronger"
    place.mkdir()
    digest = json.loads((beside / "manifest.json").read_text())["files"]["made.onnx"]["sha256"]
    network = {"model": beside.name, "sha256": digest, "strength": strength, **changes}
    (place / "manifest.json").write_text(
        json.dumps({"schema": 1, "name": "stronger", "files": {}, "network": network})
    )
    return place


def test_a_model_may_be_another_ones_network_with_stronger_colours(bundle: Path) -> None:
    place = stronger(bundle, 1.5)
    found = models.find(place)
    assert (found.path, found.strength) == (bundle / "made.onnx", 1.5)
    assert found.contract().extra["strength"] == "1.5"
    photo = np.random.default_rng(0).integers(60, 200, (64, 64), dtype=np.uint8)
    expected = Colorizer(bundle, strength=1.5).colorize(photo)
    np.testing.assert_array_equal(Colorizer(place).colorize(photo), expected)
    weaker = Colorizer(place, strength=0.5).colorize(photo)
    np.testing.assert_array_equal(weaker, Colorizer(bundle, strength=0.75).colorize(photo))
    with pytest.raises(UsageError, match="uses the network of another"):
        models.add(place)


@pytest.mark.parametrize(
    ("strength", "changes"),
    [(0, {}), (2.5, {}), ("1", {}), (1.5, {"model": "../made"}), (1.5, {"sha256": "0" * 64})],
)
def test_a_shared_network_is_taken_with_suspicion(
    bundle: Path, strength: object, changes: dict[str, object]
) -> None:
    with pytest.raises(UnusableModel):
        models.find(stronger(bundle, strength, **changes))


def test_two_models_that_point_at_each_other_are_refused(bundle: Path) -> None:
    place = stronger(bundle, 1.5)
    shutil.copyfile(place / "manifest.json", bundle / "manifest.json")
    with pytest.raises(UnusableModel, match="no network of its own"):
        models.find(place)
