"""What is started is what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.scale.plan import BASE_BYTES, PIXEL_BYTES, SPARE, Node, capacity, make_plan

GB = 10**9


@given(
    nodes=st.lists(st.tuples(st.integers(1, 64), st.integers(1, 256)), min_size=1, max_size=8),
    actors=st.none() | st.integers(1, 64),
    cpus=st.integers(1, 8),
    memory=st.none() | st.integers(1, 8),
)
def test_a_plan_always_fits(
    nodes: list[tuple[int, int]], actors: int | None, cpus: int, memory: int | None
) -> None:
    offered = [Node(n, gigabytes * GB) for n, gigabytes in nodes]
    wanted = None if memory is None else memory * GB
    try:
        plan = make_plan(offered, actors=actors, cpus_per_actor=cpus, memory=wanted)
    except UsageError:
        return
    assert plan.actors * cpus <= sum(n.cpus for n in offered) - SPARE
    assert plan.actors <= capacity(offered, cpus, plan.memory_per_actor)
    need = BASE_BYTES + PIXEL_BYTES * plan.max_megapixels * 1e6
    assert need <= plan.memory_per_actor + 1
    assert plan.max_megapixels <= 250


def test_two_cpus_hold_one_actor() -> None:
    with pytest.raises(UsageError, match="2 actors of 1 CPUs"):
        make_plan([Node(2, 16 * GB)], actors=2)
    assert make_plan([Node(2, 16 * GB)]).actors == 1


def test_little_memory_means_small_photographs_or_none() -> None:
    assert make_plan([Node(3, 4 * GB)], actors=1).max_megapixels == pytest.approx(180)
    with pytest.raises(UsageError, match="MB"):
        make_plan([Node(9, 2 * GB)], actors=8)


def test_nobody_is_there() -> None:
    with pytest.raises(UsageError, match="no actors"):
        make_plan([])
