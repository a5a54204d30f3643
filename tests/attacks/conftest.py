"""How long the attacks go on."""

from __future__ import annotations

import pytest


@pytest.fixture
def mutations(request: pytest.FixtureRequest) -> int:
    """Mutated files of each kind."""
    count = request.config.getoption("--mutations")
    assert isinstance(count, int)
    return count
