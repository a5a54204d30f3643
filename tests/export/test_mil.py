"""The evaluator of ML Programs against PyTorch, operation by operation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional as F

from toolkit.errors import UnusableModel
from toolkit.export.mil.evaluate import evaluate
from toolkit.export.mil.operations import OPERATIONS
from toolkit.export.mil.program import SPECIFICATION, Operation, Program, Value, read

RNG = np.random.default_rng(0)


def array(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values: int) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def close(ours: NDArray[Any], theirs: torch.Tensor) -> None:
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-4)


@given(
    kernel=st.integers(1, 4),
    stride=st.integers(1, 2),
    pad=st.integers(0, 2),
    dilation=st.integers(1, 2),
    size=st.integers(8, 11),
)
@settings(max_examples=30, deadline=None)
def test_convolution(kernel: int, stride: int, pad: int, dilation: int, size: int) -> None:
    x, weight, bias = array(2, 3, size, size + 1), array(5, 3, kernel, kernel), array(5)
    ours = OPERATIONS["conv"](
        x=x,
        weight=weight,
        bias=bias,
        strides=ints(stride, stride),
        pad_type="custom",
        pad=ints(pad, pad, pad, pad),
        dilations=ints(dilation, dilation),
        groups=ints(1)[0],
    )
    t, w, b = torch.from_numpy(x), torch.from_numpy(weight), torch.from_numpy(bias)
    close(ours, F.conv2d(t, w, b, stride=stride, padding=pad, dilation=dilation))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolution_by_groups(groups: int) -> None:
    x, weight = array(2, 4, 7, 6), array(8, 4 // groups, 3, 3)
    ours = OPERATIONS["conv"](
        x=x,
        weight=weight,
        strides=ints(2, 2),
        pad_type="custom",
        pad=ints(0, 1, 0, 1),
        dilations=ints(1, 1),
        groups=ints(groups)[0],
    )
    padded = F.pad(torch.from_numpy(x), (0, 1, 0, 1))
    close(ours, F.conv2d(padded, torch.from_numpy(weight), stride=2, groups=groups))


@given(kernel=st.integers(2, 4), stride=st.integers(1, 3), pad=st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_transposed_convolution(kernel: int, stride: int, pad: int) -> None:
    x, weight, bias = array(2, 3, 5, 6), array(3, 4, kernel, kernel), array(4)
    ours = OPERATIONS["conv_transpose"](
        x=x,
        weight=weight,
        bias=bias,
        strides=ints(stride, stride),
        pad_type="custom",
        pad=ints(pad, pad, pad, pad),
        dilations=ints(1, 1),
        groups=ints(1)[0],
    )
    t, w, b = torch.from_numpy(x), torch.from_numpy(weight), torch.from_numpy(bias)
    close(ours, F.conv_transpose2d(t, w, b, stride=stride, padding=pad))


@pytest.mark.parametrize("scale", [2.0, 4.0])
def test_enlarging(scale: float) -> None:
    x = array(1, 2, 5, 7)
    factors = {"scale_factor_height": np.float32(scale), "scale_factor_width": np.float32(scale)}
    t = torch.from_numpy(x)
    bilinear = OPERATIONS["upsample_bilinear"](x=x, align_corners=np.bool_(False), **factors)
    close(bilinear, F.interpolate(t, scale_factor=scale, mode="bilinear", align_corners=False))
    nearest = OPERATIONS["upsample_nearest_neighbor"](x=x, **factors)
    close(nearest, F.interpolate(t, scale_factor=scale, mode="nearest"))


def test_the_small_operations() -> None:
    x, y = array(2, 3, 4, 5), array(2, 3, 4, 5)
    t, u = torch.from_numpy(x), torch.from_numpy(y)
    run = OPERATIONS
    close(run["add"](x=x, y=y), t + u)
    close(run["sub"](x=x, y=y), t - u)
    close(run["mul"](x=x, y=y), t * u)
    close(run["real_div"](x=x, y=y), t / u)
    close(run["sqrt"](x=np.abs(x)), t.abs().sqrt())
    close(run["relu"](x=x), F.relu(t))
    close(run["relu6"](x=9 * x), F.relu6(9 * t))
    close(run["leaky_relu"](x=x, alpha=np.float32(0.2)), F.leaky_relu(t, 0.2))
    close(run["tanh"](x=x), torch.tanh(t))
    close(run["softmax"](x=x, axis=ints(1)[0]), torch.softmax(t, 1))
    close(run["abs"](x=x), t.abs())
    close(run["floor"](x=x), t.floor())
    close(run["clip"](x=x, alpha=np.float32(-0.5), beta=np.float32(0.5)), t.clamp(-0.5, 0.5))
    close(run["maximum"](x=x, y=y), torch.maximum(t, u))
    close(run["pow"](x=np.abs(x), y=np.float32(2.4)), t.abs() ** 2.4)
    close(run["select"](cond=run["greater"](x=x, y=y), a=x, b=y), torch.where(t > u, t, u))
    window = {"kernel_sizes": ints(3, 3), "strides": ints(2, 2), "pad": ints(1, 1, 1, 1)}
    pooled = run["max_pool"](x=x, pad_type="custom", **window)
    close(pooled, F.max_pool2d(t, 3, stride=2, padding=1))
    most = {"axes": ints(1), "keep_dims": np.bool_(True)}
    close(run["reduce_max"](x=x, **most), t.amax(1, keepdim=True))
    close(run["gather"](x=x, indices=ints(2, 0), axis=ints(1)[0]), t[:, [2, 0]])
    close(run["cast"](x=3 * x, dtype="int32"), (3 * t).int())
    masks = {"begin_mask": np.array([1, 0, 0, 0], bool), "end_mask": np.array([1, 1, 0, 1], bool)}
    cut = run["slice_by_index"](x=x, begin=ints(0, 1, 1, 2), end=ints(0, 0, 3, 0), **masks)
    close(cut, t[:, 1:, 1:3, 2:])
    keep = {"axes": ints(2, 3), "keep_dims": np.bool_(False)}
    close(run["reduce_mean"](x=x, **keep), t.mean((2, 3)))
    close(run["concat"](values=[x, y], axis=ints(1)[0]), torch.cat([t, u], 1))
    close(run["instance_norm"](x=x, epsilon=np.float32(1e-5)), F.instance_norm(t))
    weight, bias = array(6, 5), array(6)
    linear = F.linear(t, torch.from_numpy(weight), torch.from_numpy(bias))
    close(run["linear"](x=x, weight=weight, bias=bias), linear)
    close(run["matmul"](x=x, y=y, transpose_y=np.bool_(True)), t @ u.mT)
    close(run["transpose"](x=x, perm=ints(0, 2, 3, 1)), t.permute(0, 2, 3, 1))
    close(run["reshape"](x=x, shape=ints(2, -1)), t.reshape(2, -1))
    close(run["expand_dims"](x=x, axes=ints(2)), t[:, :, None])


def test_an_unknown_operation_is_named() -> None:
    odd = Operation("fold_paper", "y", False, {"x": ["x"]})
    program = Program(("x",), ("y",), {}, (odd,))
    with pytest.raises(UnusableModel, match="fold_paper"):
        evaluate(program, array(1, 1, 2, 2), round_to_half=False)


def test_a_parameter_that_the_evaluator_does_not_know_is_named() -> None:
    with pytest.raises(UnusableModel, match="conv with pad_type same"):
        OPERATIONS["conv"](
            x=array(1, 4, 5, 5),
            weight=array(4, 4, 1, 1),
            strides=ints(1, 1),
            pad_type="same",
            pad=ints(0, 0, 0, 0),
            dilations=ints(1, 1),
            groups=ints(1)[0],
        )


def test_float16_is_rounded_where_the_program_says_so() -> None:
    third: dict[str, list[str | Value]] = {"x": ["x"], "y": [np.full(1, 1 / 3, np.float32)]}
    program = Program(("x",), ("y",), {}, (Operation("mul", "y", True, third),))
    x = array(1, 1, 4, 4)
    exact = evaluate(program, x, round_to_half=False)
    rounded = evaluate(program, x, round_to_half=True)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, exact.astype(np.float16).astype(np.float32))
    assert (rounded != exact).any()


def test_a_saved_package_is_read_without_coremltools(edge_bundle: Path) -> None:
    package = read(edge_bundle / "edge.mlpackage")
    assert package.version == 7
    assert [(p.name, p.dtype, p.shape) for p in package.inputs] == [
        ("l", "float32", (1, 1, 224, 224))
    ]
    assert package.outputs[0].shape == (1, 2, 224, 224)
    weights = [v for v in package.program.constants.values() if isinstance(v, np.ndarray)]
    assert sum(w.size for w in weights) > 10_000
    assert {o.type for o in package.program.operations} <= set(OPERATIONS)


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_damaged_package_is_one_error(keep: float, edge_bundle: Path, tmp_path: Path) -> None:
    import shutil

    path = tmp_path / "edge.mlpackage"
    shutil.copytree(edge_bundle / "edge.mlpackage", path)
    data = (path / SPECIFICATION).read_bytes()
    (path / SPECIFICATION).write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(UnusableModel, match=r"edge\.mlpackage"):
        read(path)


def test_a_missing_weight_file_is_one_error(edge_bundle: Path, tmp_path: Path) -> None:
    import shutil

    path = tmp_path / "edge.mlpackage"
    shutil.copytree(edge_bundle / "edge.mlpackage", path)
    (path / SPECIFICATION.parent / "weights" / "weight.bin").unlink()
    with pytest.raises(UnusableModel, match="weights cannot be read"):
        read(path)
