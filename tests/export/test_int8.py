"""int8: what it keeps, what it leaves in float, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from tests.export.conftest import small_generator, write_run
from toolkit.contract import FlexibleSize
from toolkit.errors import ProofFailed, UnusableInput, UsageError
from toolkit.export import calibration, speed
from toolkit.export.bundle import Settings, export
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.export.formats import Order
from toolkit.export.formats.onnx import IR_VERSION, OPSET, session, tensor_model
from toolkit.export.int8 import quantize
from toolkit.export.int8.integers import with_integers
from toolkit.export.int8.observed import observe
from toolkit.export.proof_set import gray_fields, l_fields
from toolkit.export.request import check_allow_slow, check_calibration, parse
from toolkit.export.source import Source
from toolkit.export.speed import LEAST, check_speed
from toolkit.export.verify import failure, verify
from toolkit.training.checkpoint import read_header, save_checkpoint, weights

FIELDS = [field[None] for field in l_fields(64, 64)[::3]]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The proof set's pictures in sepia, bright and dark, and a file that is none."""
    folder = tmp_path_factory.mktemp("photographs")
    for i in range(100):
        gray = gray_fields()[i % 20][::2, ::2] // (1 + i // 60)
        sepia = np.multiply.outer(gray, [1.0, 0.86, 0.7]).astype(np.uint8)
        Image.fromarray(sepia).save(folder / f"{i:03}.png")
    (folder / "notes.jpg").write_text("hello")
    return folder


def calm_run(folder: Path, factor: float = 0.1) -> Source:
    """A run of a network that, as a trained one, does not answer each small change with another
    colour; a larger factor makes one that does."""
    path = write_run(folder, "edge", preferred_size=64) / "best.safetensors"
    generator = small_generator("edge")
    generator.get_parameter("classifier.weight").data *= factor
    save_checkpoint(path, weights(generator, "generator"), read_header(path))
    return Source(path, "x")


def test_a_quantized_bundle_is_proven_and_says_how_it_was_made(
    photographs: Path, tmp_path: Path
) -> None:
    source = calm_run(tmp_path / "run")
    told: list[str] = []
    requests = parse("onnx:int8,onnx")
    # Whether eight bits hurry so small a network, each processor answers for itself.
    settings = Settings(calibrate=photographs, allow_slow=True)
    made = export(source, requests, tmp_path / "out", settings, told.append)
    assert any("notes.jpg" in line for line in told)
    assert any("times as fast as fp32" in line for line in told)
    entry = made["files"]["x-int8.onnx"]
    assert entry["photographs"] == 80
    assert len(entry["float_by_rule"]) >= 2
    for figures in entry["proof"]["figures"].values():
        assert figures["mean_ciede2000"] <= 0.3
        assert figures["psnr_loss"] <= 0.1
    small, full = (tmp_path / "out" / name for name in ("x-int8.onnx", "x.onnx"))
    assert small.stat().st_size < 0.6 * full.stat().st_size
    network = onnx.load(small)
    assert {o.domain for o in network.opset_import} == {""}
    kinds = [n.op_type for n in network.graph.node]
    assert kinds.count("QuantizeLinear") > entry["layers"]
    assert failure(tmp_path / "out", verify(tmp_path / "out")) is None


def network_of(**changes: float) -> onnx.ModelProto:
    """A small `edge` whose head has one channel that is `loud` times as large, and heard as if it
    were not: the same colours, but no eight bits hold that channel and the others."""
    generator = small_generator("edge")
    loud = changes.get("loud", 1.0)
    generator.get_parameter("head.0.1.weight").data[0] *= loud
    generator.get_parameter("head.0.1.bias").data[0] *= loud
    generator.get_parameter("head.2.0.weight").data[:, 0] /= loud
    contract = contract_of(
        generator, model="edge 1", licence="CC0-1.0", source="0" * 64, preferred=64
    )
    return tensor_model(Order(DeployModel(generator), contract, FIELDS[0]))


def test_the_layers_at_both_ends_stay_in_float() -> None:
    network = network_of()
    made, facts = quantize(network, FIELDS)
    convolutions = [n for n in network.graph.node if n.op_type == "Conv"]
    for node in (convolutions[0], convolutions[-1]):
        assert node.name in facts["float_by_rule"]
    weights = {t.name: t for t in made.graph.initializer}
    kinds = [t.data_type for n, t in weights.items() if n.endswith("weight_quantized")]
    assert kinds == [onnx.TensorProto.INT8] * facts["layers"]
    for name, tensor in weights.items():
        if name.endswith("weight_quantized"):  # 7 bits, for CPUs that add products in 16
            assert np.abs(numpy_helper.to_array(tensor).astype(int)).max() <= 64


def test_a_layer_that_eight_bits_cannot_hold_is_found_and_left_in_float() -> None:
    network = network_of(loud=3000)
    _, facts = quantize(network, FIELDS)
    head = [n.name for n in network.graph.node if "head" in "".join(n.input)]
    assert set(facts["float_by_measurement"]) & set(head)


def chain_of(*weights: np.ndarray) -> onnx.ModelProto:
    """Convolutions from L* to a*b*, named by their place, without biases to begin with."""
    nodes, constants, given = [], [], "l"
    for i, weight in enumerate(weights):
        name = f"layer{i}"
        constants.append(numpy_helper.from_array(weight.astype("f")[..., None, None], f"{name}.w"))
        constants.append(numpy_helper.from_array(np.zeros(len(weight), "f"), f"{name}.b"))
        nodes.append(helper.make_node("Conv", [given, f"{name}.w", f"{name}.b"], [name], name))
        given = name
    first, last = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, 64, 64])
        for name, channels in (("l", 1), (given, 2))
    )
    graph = helper.make_graph(nodes, "chain", [first], [last], constants)
    network = helper.make_model(graph, ir_version=IR_VERSION)
    network.opset_import[0].version = OPSET
    onnx.checker.check_model(network)
    return network


def run(network: onnx.ModelProto, level: str = "ENABLE_ALL") -> np.ndarray:
    opened = session(network.SerializeToString(), "chain", level)
    return np.array([opened.run(None, {"l": field})[0] for field in FIELDS])


def test_a_layer_that_is_left_in_float_is_computed_in_float() -> None:
    """onnxruntime makes eight bits with one scale of it wherever its input was an integer: they
    hold nothing beside a weight of 1,000."""
    large = np.eye(8)
    large[0, :2] = 1000, -999
    network = chain_of(np.full((8, 1), 0.1), np.eye(8), large, np.eye(8), np.full((2, 8), 0.02))
    made = with_integers(network, observe(network, FIELDS), 100.0, {"layer0", "layer2", "layer4"})
    onnx.checker.check_model(made)
    plain, optimised = run(made, "DISABLE_ALL"), run(made)
    assert np.abs(run(network) - plain).mean() < 0.02 * plain.mean()
    assert np.abs(optimised - plain).mean() < 0.02 * plain.mean()


def test_what_rounded_weights_lose_is_given_back_by_the_bias() -> None:
    """Seven weights of a layer are just too small for seven bits beside the eighth."""
    small = 0.49 / 64
    network = chain_of(
        np.full((8, 1), 0.1), np.tile([1, *[small] * 7], (8, 1)), np.full((2, 8), 1 / 40)
    )
    made, facts = quantize(network, FIELDS)
    assert facts["layers"] == 1
    exact, integers = run(network).mean(), run(made).mean()
    assert abs(integers - exact) < 0.1 * exact * 7 * small / (1 + 7 * small)


def test_a_file_that_is_not_faster_is_refused() -> None:
    check_speed("x-int8.onnx", "int8", {"fp32": LEAST})
    with pytest.raises(ProofFailed, match=r"1\.49 times as fast as fp32.*--allow-slow"):
        check_speed("x-int8.onnx", "int8", {"fp32": 1.49})


def test_int8_that_gains_too_little_is_not_written(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "LEAST", 1000)  # what this processor does is not known
    source = calm_run(tmp_path / "run")
    settings = Settings(calibrate=photographs)
    with pytest.raises(ProofFailed, match=r"times as fast as fp32.*nothing written"):
        export(source, parse("onnx:int8"), tmp_path / "out" / "x", settings)
    assert not list((tmp_path / "out").iterdir())


def test_slowness_is_forgiven_to_int8_alone() -> None:
    check_allow_slow(parse("onnx,onnx:int8"), given=True)
    with pytest.raises(UsageError, match=r"--allow-slow is of no use.*onnx:int8"):
        check_allow_slow(parse("onnx"), given=True)


@pytest.mark.slow
def test_ranges_that_spoil_the_colours_are_refused_by_the_proof(tmp_path: Path) -> None:
    source = calm_run(tmp_path / "run", factor=2.0)
    (tmp_path / "black").mkdir()
    for i in range(calibration.LEAST):
        Image.new("RGB", (40, 40)).save(tmp_path / "black" / f"{i}.png")
    settings = Settings(calibrate=tmp_path / "black")
    with pytest.raises(ProofFailed, match="nothing written"):
        export(source, parse("onnx:int8"), tmp_path / "out" / "x", settings)
    assert not list((tmp_path / "out").iterdir())


def test_too_few_photographs_are_code_4(photographs: Path, tmp_path: Path) -> None:
    for path in sorted(photographs.iterdir())[:99]:
        (tmp_path / path.name).symlink_to(path)
    with pytest.raises(UnusableInput, match="99 photographs can be read"):
        calibration.read(tmp_path, FlexibleSize(32, 64, 32, 2048, "keep_aspect"), print)


def test_photographs_and_int8_belong_together() -> None:
    with pytest.raises(UsageError, match="onnx:int8 needs --calibrate"):
        check_calibration(parse("onnx:int8"), given=False)
    with pytest.raises(UsageError, match="it is for: onnx:int8"):
        check_calibration(parse("onnx"), given=True)
