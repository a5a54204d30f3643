"""A photograph in, a photograph out: everything around the network, inside the ONNX graph.

::

    photo ─► blocks of rows ─► gray ─► triangle filter ─► L* ─► network ─► a*b*
                                │                                            │
                                └──────────► blocks of rows ◄── bilinear ────┘
                                              gamut, sRGB ─► colours

Each step is the one that the contract names, as `toolkit.runtime` computes it. The picture goes
through in blocks of `ROWS` rows (two Scans), so that no plane of floats of its size exists.

References
----------
.. [1] CIE 15:2004 and IEC 61966-2-1:1999: the constants, as `toolkit.lab` uses them.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import compose, helper

from toolkit import lab
from toolkit.contract import Contract, FixedSize
from toolkit.export.graph import DTYPES, Graph
from toolkit.runtime.gamut import HALVINGS, SLACK

__all__ = ["ROWS", "image_model"]

ROWS = 32
"""Of a block. With 4,000 columns its planes of floats fit the second-level cache."""

_NETWORK = "network/"
_ENCODE_STEPS = 65_535
_CODE_STEPS = 2**14
_TOE = 0.2068966
_KAPPA = 7.787
_EPSILON = 0.008856


def image_model(network: onnx.ModelProto, contract: Contract) -> onnx.ModelProto:
    """Put the picture's way to the network and back around a tensor model.

    Parameters
    ----------
    network : ModelProto
        L* to a*b*, one input and one output, float32 NCHW.
    contract : Contract
        Of the image boundary; `size` is that of the network.
    """
    inner = compose.add_prefix(network, _NETWORK)
    g = Graph("photo")
    photo, colours = contract.input.name, contract.output.name
    height, width = _sides(g, photo)
    net_height, net_width = _network_size(g, contract, height, width)
    blocks, padded = _blocks(g, photo, height, width)
    gray, small = _gray_and_small(g, blocks, (height, padded, width), (net_height, net_width))
    lightness = _lightness(g, small)
    feed = g.op("Unsqueeze", lightness, g.ints(0, 1))
    g.nodes.append(helper.make_node("Identity", [feed], [inner.graph.input[0].name]))
    before = len(g.nodes)
    ab = g.op("Squeeze", inner.graph.output[0].name, g.ints(0))
    picture = _coloured(g, gray, ab, (height, padded, width))
    cut = g.op("Slice", picture, g.ints(0), _list(g, height), g.ints(0))
    g.nodes.append(helper.make_node("Unsqueeze", [cut, g.ints(0)], [colours]))
    graph = helper.make_graph(
        [*g.nodes[:before], *inner.graph.node, *g.nodes[before:]],
        "image",
        [helper.make_tensor_value_info(photo, DTYPES["uint8"], [1, "height", "width", "channels"])],
        [helper.make_tensor_value_info(colours, DTYPES["uint8"], [1, "height", "width", 3])],
        [*g.constants, *inner.graph.initializer],
    )
    return helper.make_model(
        graph, opset_imports=list(network.opset_import), ir_version=network.ir_version
    )


def _sides(g: Graph, photo: str) -> tuple[str, str]:
    shape = g.op("Shape", photo)
    return tuple(g.op("Gather", shape, g.constant(axis, np.int64)) for axis in (1, 2))  # type: ignore[return-value]


def _network_size(g: Graph, contract: Contract, height: str, width: str) -> tuple[str, str]:
    """As `toolkit.runtime.resample.network_size`, in integers."""
    size = contract.size
    if isinstance(size, FixedSize):
        return g.constant(size.height, np.int64), g.constant(size.width, np.int64)
    short = g.op("Min", height, width)
    step = g.constant(size.multiple_of, np.int64)
    shorts = g.op("Mul", short, step)

    def side(length: str) -> str:
        wanted = g.op("Mul", length, g.constant(2 * size.preferred, np.int64))
        twice = g.op("Mul", shorts, g.constant(2, np.int64))
        units = g.op("Div", g.op("Add", wanted, shorts), twice)
        legal = g.op("Max", g.op("Mul", units, step), g.constant(size.minimum, np.int64))
        return g.op("Min", legal, g.constant(size.maximum, np.int64))

    return side(height), side(width)


def _blocks(g: Graph, photo: str, height: str, width: str) -> tuple[str, str]:
    """The picture as (n, ROWS, W, C), with rows of zeros below; and its height with them."""
    rows = g.constant(ROWS, np.int64)
    more = g.op("Add", height, g.constant(ROWS - 1, np.int64))
    count = g.op("Div", more, rows)
    padded = g.op("Mul", count, rows)
    below = g.op("Unsqueeze", g.op("Sub", padded, height), g.ints(0))
    pads = g.op("Concat", g.ints(0, 0, 0, 0, 0), below, g.ints(0, 0), axis=0)
    shape = g.op("Concat", _list(g, count), g.ints(ROWS), _list(g, width), g.ints(-1), axis=0)
    return g.op("Reshape", g.op("Pad", photo, pads), shape), padded


def _gray_and_small(
    g: Graph, blocks: str, full: tuple[str, str, str], small: tuple[str, str]
) -> tuple[str, str]:
    """Gray levels (n, ROWS, W), and the gray at the network's size, 0..255."""
    height, padded, width = full
    down = _triangle(g, height, padded, small[0])
    across = g.op("Transpose", _triangle(g, width, width, small[1]), perm=[1, 0])
    shape = g.op("Concat", _list(g, small[0]), g.ints(-1, ROWS), axis=0)
    strips = g.op("Transpose", g.op("Reshape", down, shape), perm=[1, 0, 2])
    start = g.op("Expand", g.constant(0, np.float32), _pair(g, *small))

    b = Graph("gray")
    # A gray picture has one channel: Expand makes it three, and leaves three as they are.
    three = b.op("Expand", "gray/block", b.ints(1, 1, 3))
    channels = b.ops("Split", 3, three, axis=-1, num_outputs=3)
    red, green, blue = (b.op("Squeeze", channel, b.ints(-1)) for channel in channels)
    decode = b.constant(lab.decode_table(), np.float32)
    weights = lab.XYZ_FROM_RGB[1].astype(np.float32)
    y = b.sum(
        *(
            b.op("Mul", b.op("Gather", decode, b.cast(c, "int32")), b.constant(w, np.float32))
            for c, w in zip((red, green, blue), weights, strict=True)
        )
    )
    scaled = b.op("Mul", y, b.constant(_ENCODE_STEPS, np.float32))
    scaled = b.op("Add", scaled, b.constant(0.5, np.float32))
    scaled = b.op("Clip", scaled, b.constant(0, np.float32), b.constant(_ENCODE_STEPS, np.float32))
    table = (lab.encode_table() * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    code = b.op("Gather", b.constant(table, np.uint8), b.cast(scaled, "int32"))
    equal = b.op("And", b.op("Equal", red, green), b.op("Equal", green, blue))
    gray = b.op("Where", equal, red, code)
    part = b.op("MatMul", "gray/strip", b.op("MatMul", b.cast(gray, "float32"), across))
    total = b.op("Add", "gray/total", part)
    body = b.body(
        {"gray/total": "float32", "gray/block": "uint8", "gray/strip": "float32"},
        {total: "float32", gray: "uint8"},
    )
    resampled, levels_of_all = g.ops("Scan", 2, start, blocks, strips, body=body, num_scan_inputs=2)
    return levels_of_all, resampled


def _triangle(g: Graph, length: str, padded: str, size: str) -> str:
    """The matrix (size, padded) that resamples `length` values to `size`; columns beyond are 0.

    Row by row: of a picture of one line by thousands the whole in float64 is more than a gigabyte.
    """
    zero, one = g.constant(0, np.int64), g.constant(1, np.int64)
    half = g.constant(0.5, np.float64)
    scale = g.op("Div", g.cast(length, "float64"), g.cast(size, "float64"))
    reach = g.op("Max", scale, g.constant(1, np.float64))
    row = g.op("Add", g.cast(g.op("Range", zero, size, one), "float64"), half)
    centres = g.op("Mul", row, scale)
    place = g.op("Range", zero, padded, one)
    at = g.op("Add", g.cast(place, "float64"), half)
    inside = g.cast(g.op("Less", place, length), "float64")

    name = f"triangle_{len(g.nodes)}"
    b = Graph(name)
    far = b.op("Div", b.op("Abs", b.op("Sub", at, f"{name}/centre")), reach)
    weight = b.op("Max", b.op("Sub", b.constant(1, np.float64), far), b.constant(0, np.float64))
    weight = b.op("Mul", weight, inside)
    total = b.op("ReduceSum", weight, b.ints(0), keepdims=1)
    weights = b.cast(b.op("Div", weight, total), "float32")
    body = b.body({f"{name}/centre": "float64"}, {weights: "float32"})
    return g.op("Scan", centres, body=body, num_scan_inputs=1)


def _lightness(g: Graph, gray: str) -> str:
    """L* of gray values of 0..255, as `toolkit.lab.l_of_gray` [1]_."""

    def number(value: float) -> str:
        return g.constant(value, np.float64)

    v = g.cast(g.op("Mul", gray, g.constant(1 / 255, np.float32)), "float64")
    shifted = g.op("Div", g.op("Add", v, number(0.055)), number(1.055))
    high = g.op("Pow", shifted, number(2.4))
    y = g.op("Where", g.op("Greater", v, number(0.04045)), high, g.op("Div", v, number(12.92)))
    line = g.op("Add", g.op("Mul", y, number(_KAPPA)), number(16 / 116))
    above = g.op("Greater", y, number(_EPSILON))
    f = g.op("Where", above, g.op("Pow", y, number(1 / 3)), line)
    lightness = g.op("Sub", g.op("Mul", f, number(116)), number(16))
    return g.cast(g.op("Clip", lightness, number(0), number(100)), "float32")


def _coloured(g: Graph, gray: str, ab: str, full: tuple[str, str, str]) -> str:
    """The picture (padded height, W, 3) from its gray levels and the network's a*b*."""
    height, padded, width = full
    shape = g.op("Shape", ab)
    rows, columns = (g.op("Gather", shape, g.constant(i, np.int64)) for i in (1, 2))
    factors = np.array([1 / 500, -1 / 200], np.float32)[:, None, None]
    planes = g.op("Mul", ab, g.constant(factors, np.float32))
    left, right, near = _places(g, columns, width, width)
    start = g.op("Gather", planes, left, axis=2)
    step = g.op("Sub", g.op("Gather", planes, right, axis=2), start)
    wide = g.op("Add", start, g.op("Mul", step, near))
    above, below, down = (
        g.op("Reshape", value, g.ints(-1, ROWS)) for value in _places(g, rows, height, padded)
    )

    b = Graph("colour")
    upper = b.op("Gather", wide, "colour/above", axis=1)
    step = b.op("Sub", b.op("Gather", wide, "colour/below", axis=1), upper)
    share = b.op("Unsqueeze", "colour/down", b.ints(1))
    planes = b.op("Add", upper, b.op("Mul", step, share))
    f_table = (lab.gray_to_l().astype(np.float64) + 16) / 116
    fy = b.op("Gather", b.constant(f_table, np.float32), b.cast("colour/gray", "int32"))
    fx_plane, fz_plane = b.ops("Split", 2, planes, axis=0, num_outputs=2)
    fy = b.op("Unsqueeze", fy, b.ints(0))
    f = b.op("Concat", b.op("Add", fy, fx_plane), fy, b.op("Add", fy, fz_plane), axis=0)
    codes = _codes(b, _in_gamut(b, b.op("Reshape", f, b.ints(3, -1))))
    picture = b.op("Transpose", codes, perm=[1, 0])
    pixels = b.op("Concat", b.op("Shape", "colour/gray"), b.ints(3), axis=0)
    block = b.op("Reshape", picture, pixels)
    body = b.body(
        {
            "colour/gray": "uint8",
            "colour/above": "int64",
            "colour/below": "int64",
            "colour/down": "float32",
        },
        {block: "uint8"},
    )
    blocks = g.op("Scan", gray, above, below, down, body=body, num_scan_inputs=4)
    whole = g.op("Concat", _list(g, padded), _list(g, width), g.ints(3), axis=0)
    return g.op("Reshape", blocks, whole)


def _places(g: Graph, size: str, length: str, padded: str) -> tuple[str, str, str]:
    """As `toolkit.runtime.upsample.places`, for `padded` places of a picture of `length`."""
    half, zero = g.constant(0.5, np.float64), g.constant(0, np.int64)
    one = g.constant(1, np.int64)
    last = g.op("Sub", size, one)
    scale = g.op("Div", g.cast(size, "float64"), g.cast(length, "float64"))
    place = g.op("Add", g.cast(g.op("Range", zero, padded, one), "float64"), half)
    at = g.op("Sub", g.op("Mul", place, scale), half)
    at = g.op("Max", g.op("Min", at, g.cast(last, "float64")), g.constant(0, np.float64))
    before = g.cast(g.op("Floor", at), "int64")
    after = g.op("Min", g.op("Add", before, one), last)
    near = g.cast(g.op("Sub", at, g.cast(before, "float64")), "float32")
    return before, after, near


def _in_gamut(b: Graph, f: str) -> str:
    """Linear sRGB times `_CODE_STEPS`, (3, n), after the contract's ``gamut: chroma``.

    Only the colours outside are searched: most pictures have few.
    """
    linear = _linear(b, f)
    outside = b.op("Not", _inside(b, linear))
    index = b.op("Squeeze", b.op("NonZero", outside), b.ints(0))
    chroma = b.op("Gather", f, index, axis=1)
    gray = b.op("Slice", chroma, b.ints(1), b.ints(2), b.ints(0))
    chroma = b.op("Sub", chroma, gray)
    t = b.op("Mul", b.op("Squeeze", gray, b.ints(0)), b.constant(0, np.float32))
    for halving in range(1, HALVINGS + 1):
        step = b.constant(2.0**-halving, np.float32)
        at = b.op("Add", b.op("Mul", chroma, b.op("Add", t, step)), gray)
        fits = b.cast(_inside(b, _linear(b, at)), "float32")
        t = b.op("Add", t, b.op("Mul", fits, step))
    found = _linear(b, b.op("Add", b.op("Mul", chroma, t), gray))
    places = b.op("Expand", b.op("Unsqueeze", index, b.ints(0)), b.op("Shape", found))
    return b.op("ScatterElements", linear, places, found, axis=1)


def _linear(b: Graph, f: str) -> str:
    """Linear sRGB times `_CODE_STEPS` of the three f values of Lab, both (3, n) [1]_."""
    root = b.op("Max", f, b.constant(_TOE, np.float32))
    cube = b.op("Mul", b.op("Mul", root, root), root)
    toe = b.op("Mul", b.op("Sub", f, root), b.constant(1 / _KAPPA, np.float32))
    matrix = (lab.RGB_FROM_RELATIVE * _CODE_STEPS).astype(np.float32)
    return b.op("MatMul", b.constant(matrix, np.float32), b.op("Add", cube, toe))


def _inside(b: Graph, linear: str) -> str:
    low = b.constant(-SLACK * _CODE_STEPS, np.float32)
    high = b.constant((1 + SLACK) * _CODE_STEPS, np.float32)
    channels = b.ops("Split", 3, linear, axis=0, num_outputs=3)
    smallest, largest = b.op("Min", *channels), b.op("Max", *channels)
    fits = b.op("And", b.op("GreaterOrEqual", smallest, low), b.op("LessOrEqual", largest, high))
    return b.op("Squeeze", fits, b.ints(0))


def _codes(b: Graph, linear: str) -> str:
    """uint8 of linear light: the code of the middle of its step, as the runtime's table."""
    middle = (np.arange(_CODE_STEPS) + 0.5) / _CODE_STEPS
    table = np.rint(lab.srgb_encode(middle) * 255).astype(np.uint8)
    held = b.op("Clip", linear, b.constant(0, np.float32), b.constant(_CODE_STEPS - 1, np.float32))
    return b.op("Gather", b.constant(table, np.uint8), b.cast(held, "int32"))


def _list(g: Graph, scalar: str) -> str:
    return g.op("Unsqueeze", scalar, g.ints(0))


def _pair(g: Graph, first: str, second: str) -> str:
    return g.op("Concat", _list(g, first), _list(g, second), axis=0)
