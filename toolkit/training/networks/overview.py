"""A large picture once more at a small size, in operations that a graph of any size can hold.

What a photograph shows as a whole is best seen at one size (Iizuka et al., "Let there be Color!",
2016, feed their global features a picture of 224 x 224, whatever the size of the photograph).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["overview_size", "shrink", "writes_graph"]


def writes_graph() -> bool:
    """Whether a graph is being written, which may see other sizes than the one at hand."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_exporting()


def overview_size(rows: int, columns: int, short: int) -> tuple[int, int, int]:
    """Rows and columns of the overview, and 1 where one is needed, else 0.

    The short side becomes `short`, the shape is kept as nearly as whole numbers can. Where a
    picture is no larger, the overview is of 1 x 1, which costs nothing. All of it without a branch,
    which a graph would not hold.
    """
    side = _smaller(rows, columns)
    needed = _smaller(_larger(side - short, 0), 1)
    height, width = ((2 * n * short + side) // (2 * side) for n in (rows, columns))
    return 1 + needed * (height - 1), 1 + needed * (width - 1), needed


def _smaller(a: int, b: int) -> int:
    """Of two sizes, which are tensors where TorchScript is traced."""
    if isinstance(a, Tensor):
        return torch.minimum(a, torch.as_tensor(b))
    least: int = torch.sym_min(a, b)  # type: ignore[no-untyped-call]
    return least


def _larger(a: int, b: int) -> int:
    if isinstance(a, Tensor):
        return torch.maximum(a, torch.as_tensor(b))
    most: int = torch.sym_max(a, b)  # type: ignore[no-untyped-call]
    return most


def shrink(x: Tensor, height: int, width: int) -> Tensor:
    """Resize maps by a triangle as wide as the step, as photographs are brought to the network.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    height, width : int
        At most H and W. Equal to them, the result is `x` itself.
    """
    down = _triangles(x, x.shape[-2], height)
    across = _triangles(x, x.shape[-1], width)
    return down @ x @ across.transpose(0, 1)


def _triangles(x: Tensor, size: int, smaller: int) -> Tensor:
    """Weights, shape (`smaller`, `size`), rows of sum 1."""
    step = size / smaller
    centres = (torch.arange(smaller, device=x.device, dtype=torch.float32) + 0.5) * step
    places = torch.arange(size, device=x.device, dtype=torch.float32) + 0.5
    weights = (1 - (centres[:, None] - places[None, :]).abs() / step).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(x.dtype)
