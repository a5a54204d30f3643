"""A few calls at a time, results in the order of what was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ordered"]

T = TypeVar("T")
R = TypeVar("R")


def ordered(call: Callable[[T], R], items: Iterable[T], jobs: int) -> Generator[R, None, None]:
    """Call `call` on each item in `jobs` threads and yield the results in order.

    At most `jobs` + 1 items are taken before their turn, so that memory does not grow with the
    length of `items`. Where the caller stops early, what has begun is finished and the rest is
    never begun.
    """
    if jobs <= 1:
        yield from map(call, items)
        return
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in items:
                pending.append(pool.submit(call, item))
                if len(pending) > jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
