"""What the operations of an ML Program compute, in float32 NumPy.

Only the operations that our networks become are here. A new one is a function and a line in
`OPERATIONS`; one that is missing is named by the evaluator.

References
----------
.. [1] coremltools, "MIL Ops": the meaning and the defaults of each parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UnusableModel

__all__ = ["OPERATIONS"]

Array = NDArray[Any]


def _conv(
    *,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    strides: Array,
    pad_type: str,
    pad: Array,
    dilations: Array,
    groups: Array,
) -> Array:
    """One matrix product for each tap of the kernel, summed: no copy of every patch."""
    _expect("conv", pad_type in ("custom", "valid"), f"pad_type {pad_type}")
    top, bottom, left, right = (int(p) for p in pad) if pad_type == "custom" else (0, 0, 0, 0)
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (step_y, step_x), (far_y, far_x) = map(int, strides), map(int, dilations)
    outputs, depth, kernel_y, kernel_x = weight.shape
    height = (padded.shape[2] - (kernel_y - 1) * far_y - 1) // step_y + 1
    width = (padded.shape[3] - (kernel_x - 1) * far_x - 1) // step_x + 1
    of_group = weight.reshape(int(groups), outputs // int(groups), depth, kernel_y, kernel_x)
    result = np.zeros((len(x), *of_group.shape[:2], height * width), np.float32)
    for i in range(kernel_y):
        for j in range(kernel_x):
            rows = slice(i * far_y, i * far_y + (height - 1) * step_y + 1, step_y)
            columns = slice(j * far_x, j * far_x + (width - 1) * step_x + 1, step_x)
            taken = padded[:, :, rows, columns].reshape(len(x), int(groups), depth, -1)
            if depth == 1:  # depthwise: no sum over channels, so no matrix product
                result += of_group[..., i, j] * taken
            else:
                result += np.ascontiguousarray(of_group[..., i, j]) @ taken
    result = result.reshape(len(x), outputs, height, width)
    return result if bias is None else result + bias[:, None, None]


def _conv_transpose(
    *,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    strides: Array,
    pad_type: str,
    pad: Array,
    dilations: Array,
    groups: Array,
    output_shape: Array | None = None,
) -> Array:
    """Each input pixel adds its kernel to the output; the padding is cut off at the end."""
    _expect("conv_transpose", pad_type in ("custom", "valid"), f"pad_type {pad_type}")
    _expect("conv_transpose", int(groups) == 1, f"groups {int(groups)}")
    _expect("conv_transpose", all(int(d) == 1 for d in dilations), "dilations")
    top, bottom, left, right = (int(p) for p in pad) if pad_type == "custom" else (0, 0, 0, 0)
    step_y, step_x = map(int, strides)
    batch, channels, height, width = x.shape
    _, outputs, kernel_y, kernel_x = weight.shape
    full = np.zeros(
        (
            batch,
            outputs,
            (height - 1) * step_y + kernel_y,
            (width - 1) * step_x + kernel_x,
        ),
        np.float32,
    )
    flat = x.reshape(batch, channels, -1)
    for i in range(kernel_y):
        for j in range(kernel_x):
            part = np.ascontiguousarray(weight[:, :, i, j].T) @ flat
            rows = slice(i, i + (height - 1) * step_y + 1, step_y)
            columns = slice(j, j + (width - 1) * step_x + 1, step_x)
            full[:, :, rows, columns] += part.reshape(batch, outputs, height, width)
    result = full[:, :, top : full.shape[2] - bottom, left : full.shape[3] - right]
    if output_shape is not None:
        _expect("conv_transpose", result.shape == tuple(output_shape), "output_shape")
    return result if bias is None else result + bias[:, None, None]


def _max_pool(
    *,
    x: Array,
    kernel_sizes: Array,
    strides: Array,
    pad_type: str,
    pad: Array,
    ceil_mode: Array | bool = False,
) -> Array:
    _expect("max_pool", pad_type in ("custom", "valid") and not ceil_mode, f"pad_type {pad_type}")
    top, bottom, left, right = (int(p) for p in pad) if pad_type == "custom" else (0, 0, 0, 0)
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    padded = np.pad(x, around, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, tuple(kernel_sizes), axis=(2, 3))
    step_y, step_x = (int(step) for step in strides)
    found: Array = windows[:, :, ::step_y, ::step_x].max(axis=(4, 5))
    return found


def _upsample_nearest(*, x: Array, scale_factor_height: Array, scale_factor_width: Array) -> Array:
    rows, columns = float(scale_factor_height), float(scale_factor_width)
    whole = rows.is_integer() and columns.is_integer()
    _expect("upsample_nearest_neighbor", whole, "a scale that is no whole number")
    return x.repeat(int(rows), axis=-2).repeat(int(columns), axis=-1)


def _upsample_bilinear(
    *,
    x: Array,
    scale_factor_height: Array,
    scale_factor_width: Array,
    align_corners: Array,
    half_pixel_centers: Array | None = None,
) -> Array:
    half = not align_corners if half_pixel_centers is None else bool(half_pixel_centers)
    _expect("upsample_bilinear", half and not align_corners, "other than half-pixel centres")
    rows = _bilinear(x.shape[-2], float(scale_factor_height))
    columns = _bilinear(x.shape[-1], float(scale_factor_width))
    return np.asarray(rows @ x @ columns.T)


def _bilinear(size: int, scale: float) -> NDArray[np.float32]:
    """The matrix that enlarges one axis: half-pixel centres, edges clamped."""
    new = int(size * scale)
    place = np.clip((np.arange(new) + 0.5) / scale - 0.5, 0, size - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, size - 1)
    matrix = np.zeros((new, size), np.float32)
    matrix[np.arange(new), low] += 1 - (place - low)
    matrix[np.arange(new), high] += place - low
    return matrix


def _softmax(*, x: Array, axis: Array) -> Array:
    raised = np.exp(x - x.max(axis=int(axis), keepdims=True))
    return np.asarray(raised / raised.sum(axis=int(axis), keepdims=True))


def _reduce_mean(*, x: Array, axes: Array, keep_dims: Array) -> Array:
    mean = x.mean(axis=tuple(int(a) for a in axes), keepdims=bool(keep_dims), dtype=np.float64)
    return np.asarray(mean, np.float32)


def _instance_norm(
    *, x: Array, epsilon: Array, gamma: Array | None = None, beta: Array | None = None
) -> Array:
    wide = x.astype(np.float64)
    mean = wide.mean(axis=(-2, -1), keepdims=True)
    spread = np.sqrt(wide.var(axis=(-2, -1), keepdims=True) + float(epsilon))
    result = ((wide - mean) / spread).astype(np.float32)
    if gamma is not None:
        result = np.asarray(result * gamma[:, None, None])
    return result if beta is None else np.asarray(result + beta[:, None, None])


def _concat(*, values: list[Array], axis: Array, interleave: Array | bool = False) -> Array:
    _expect("concat", not interleave, "interleave")
    return np.concatenate(values, axis=int(axis))


def _matmul(
    *, x: Array, y: Array, transpose_x: Array | bool = False, transpose_y: Array | bool = False
) -> Array:
    left = x.swapaxes(-1, -2) if transpose_x else x
    right = y.swapaxes(-1, -2) if transpose_y else y
    return np.asarray(left @ right)


def _pad(
    *, x: Array, pad: Array, mode: str = "constant", constant_val: Array | float = 0.0
) -> Array:
    """`pad` has before and after for each of the last axes."""
    _expect("pad", mode == "constant", f"mode {mode}")
    last = np.asarray(pad).reshape(-1, 2).tolist()
    return np.pad(x, [(0, 0)] * (x.ndim - len(last)) + last, constant_values=float(constant_val))


def _expand_dims(*, x: Array, axes: Array) -> Array:
    return np.expand_dims(x, tuple(int(a) for a in axes))


def _linear(*, x: Array, weight: Array, bias: Array | float = 0.0) -> Array:
    return np.asarray(x @ weight.T + bias)


def _slice_by_index(
    *,
    x: Array,
    begin: Array,
    end: Array,
    stride: Array | None = None,
    begin_mask: Array | None = None,
    end_mask: Array | None = None,
    squeeze_mask: Array | None = None,
) -> Array:
    """A mask is true where an axis is taken from its beginning or to its end."""
    _expect("slice_by_index", squeeze_mask is None or not squeeze_mask.any(), "squeeze_mask")
    nothing = np.zeros(len(begin), bool)
    steps = np.ones(len(begin), int) if stride is None else stride
    open_begin = nothing if begin_mask is None else begin_mask
    open_end = nothing if end_mask is None else end_mask
    slices = [
        slice(None if ob else int(b), None if oe else int(e), int(s))
        for b, e, s, ob, oe in zip(begin, end, steps, open_begin, open_end, strict=True)
    ]
    return np.asarray(x[tuple(slices)])


def _gather(*, x: Array, indices: Array, axis: Array, batch_dims: Array | int = 0) -> Array:
    _expect("gather", int(batch_dims) == 0, "batch_dims")
    return np.take(x, indices.astype(np.int64), axis=int(axis))


def _cast(*, x: Array, dtype: str) -> Array:
    """Between kinds of floats nothing happens here: the evaluator rounds to float16."""
    return np.trunc(x) if dtype.startswith("int") else x


def _reduce_max(*, x: Array, axes: Array, keep_dims: Array) -> Array:
    return np.asarray(x.max(axis=tuple(int(a) for a in axes), keepdims=bool(keep_dims)))


def _affine_weights(
    *, quantized_data: Array, zero_point: Array, scale: Array, axis: Array
) -> Array:
    """Linear weights of 8 bits, with one scale for each place of an axis."""
    shape = [1] * quantized_data.ndim
    if scale.ndim:
        shape[int(axis)] = -1
    zero = zero_point.astype(np.float32).reshape(shape if zero_point.ndim else ())
    factor = scale.astype(np.float32).reshape(shape if scale.ndim else ())
    return np.asarray((quantized_data.astype(np.float32) - zero) * factor)


def _palette_weights(*, indices: Array, lut: Array, shape: Array) -> Array:
    """Weights that are places in a palette; the places lie in a stream of bits, lowest first."""
    bits = int(np.log2(len(lut)))
    sizes = tuple(int(s) for s in shape)
    stream = np.unpackbits(indices.view(np.uint8), bitorder="little")
    places = stream[: int(np.prod(sizes)) * bits].reshape(-1, bits)
    weights = places @ (1 << np.arange(bits))
    return np.asarray(lut.astype(np.float32)[weights].reshape(sizes))


def _expect(operation: str, holds: bool, what: str) -> None:
    if not holds:
        raise UnusableModel(f"uses {operation} with {what}, which the evaluator does not know")


OPERATIONS: dict[str, Callable[..., Array]] = {
    "abs": lambda *, x: np.abs(x),
    "add": lambda *, x, y: x + y,
    "cast": _cast,
    "clip": lambda *, x, alpha, beta: np.clip(x, alpha, beta),
    "concat": _concat,
    "constexpr_affine_dequantize": _affine_weights,
    "constexpr_lut_to_dense": _palette_weights,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "expand_dims": _expand_dims,
    "floor": lambda *, x: np.floor(x),
    "gather": _gather,
    "greater": lambda *, x, y: x > y,
    "instance_norm": _instance_norm,
    "leaky_relu": lambda *, x, alpha: np.where(x >= 0, x, x * alpha),
    "linear": _linear,
    "matmul": _matmul,
    "max_pool": _max_pool,
    "maximum": lambda *, x, y: np.maximum(x, y),
    "mul": lambda *, x, y: x * y,
    "pad": _pad,
    "pow": lambda *, x, y: np.power(x, y),
    "real_div": lambda *, x, y: x / y,
    "reduce_max": _reduce_max,
    "reduce_mean": _reduce_mean,
    "relu": lambda *, x: np.maximum(x, 0),
    "relu6": lambda *, x: np.clip(x, 0, 6),
    "reshape": lambda *, x, shape: x.reshape(tuple(int(s) for s in shape)),
    "select": lambda *, cond, a, b: np.asarray(np.where(cond, a, b)),
    "slice_by_index": _slice_by_index,
    "softmax": _softmax,
    "sqrt": lambda *, x: np.sqrt(x),
    "sub": lambda *, x, y: x - y,
    "tanh": lambda *, x: np.tanh(x),
    "transpose": lambda *, x, perm: x.transpose(tuple(int(p) for p in perm)),
    "upsample_bilinear": _upsample_bilinear,
    "upsample_nearest_neighbor": _upsample_nearest,
}
