"""Memory that goes back to the system while a session is made.

The engine takes and frees several times a model's size before it is ready. glibc learns from the
first large block that is freed to keep such blocks in its heap, where small ones that stay soon
lie between them: about 20 MB that a process never gives back. Other C libraries do not have the
habit, and nothing is done there.

References
----------
.. [1] mallopt(3): ``M_MMAP_THRESHOLD`` and ``M_TRIM_THRESHOLD``, which grow by themselves to
   32 MB and 64 MB.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["large_blocks_go_back"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_SMALL = 256 * 2**10
_USUAL = 8 * 2**20


@contextmanager
def large_blocks_go_back() -> Iterator[None]:
    """Within the block, blocks from 256 kB on come from the system and go back to it."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(library, "gnu_get_libc_version"):
        yield
        return
    assert library is not None
    library.mallopt(_MMAP_THRESHOLD, _SMALL)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _USUAL)
        library.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
