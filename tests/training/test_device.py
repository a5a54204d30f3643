"""What `auto` chooses on this machine."""

from __future__ import annotations

import pytest
import torch

from toolkit.cli.doctor import CPU_FLAGS, _cpu_features
from toolkit.errors import UsageError
from toolkit.training.device import resolve_precision

CPU = torch.device("cpu")


def test_a_cpu_trains_in_bf16_if_it_multiplies_it_natively() -> None:
    features = _cpu_features()
    assert {"AMX", "BF16"} <= set(CPU_FLAGS)
    native = bool({"AMX", "BF16"} & set(features or []))
    assert resolve_precision("auto", CPU) == ("bf16" if native else "fp32")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_asked_for_is_used(precision: str) -> None:
    assert resolve_precision(precision, CPU) == precision


def test_an_unknown_precision_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="fp23"):
        resolve_precision("fp23", CPU)
