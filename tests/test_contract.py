"""The contract: what goes out comes back, and nothing else comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import tiny_contract
from toolkit.contract import Contract, FixedSize, FlexibleSize, Port
from toolkit.errors import UnusableModel

texts = st.text(st.characters(codec="utf-8"), max_size=30)
sides = st.integers(1, 512)


@st.composite
def flexible_sizes(draw: st.DrawFn) -> FlexibleSize:
    n = draw(st.integers(1, 64))
    small, middle, large = sorted(draw(st.lists(st.integers(1, 100), min_size=3, max_size=3)))
    return FlexibleSize(n, n * middle, n * small, n * large, "keep_aspect")


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    fixed = st.builds(FixedSize, sides, sides, st.just("stretch"))
    return tiny_contract(
        task=draw(st.sampled_from(["colorize", "luma", "translate"])),
        boundary=draw(st.sampled_from(["tensor", "image"])),
        input=Port(draw(texts), "cie-l", "float32", "NCHW", draw(st.integers(1, 4)), (0.0, 100.0)),
        size=draw(st.one_of(fixed, flexible_sizes())),
        model=draw(texts),
        licence=draw(texts),
        extra=draw(st.dictionaries(texts, texts, max_size=3)),
    )


@given(contracts())
def test_a_contract_survives_json(contract: Contract) -> None:
    assert Contract.from_json(contract.to_json()) == contract


def test_equal_contracts_are_equal_bytes() -> None:
    assert tiny_contract().to_json() == tiny_contract().to_json()


def without(path: str) -> str:
    raw = json.loads(tiny_contract().to_json())
    *parents, last = path.split(".")
    place = raw
    for key in parents:
        place = place[key]
    del place[last]
    return json.dumps(raw)


def changed(path: str, value: Any) -> str:
    raw = json.loads(tiny_contract().to_json())
    *parents, last = path.split(".")
    place = raw
    for key in parents:
        place = place[key]
    place[last] = value
    return json.dumps(raw)


@pytest.mark.parametrize(
    "path", ["task", "boundary", "input", "input.name", "size.preferred", "white", "extra"]
)
def test_no_field_has_a_default(path: str) -> None:
    with pytest.raises(UnusableModel, match=path.split(".")[-1]):
        Contract.from_json(without(path))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("task", "paint"),
        ("boundary", "pixels"),
        ("resample", "lanczos"),
        ("upsample", "guided"),
        ("gamut", "clip"),
        ("white", "D50/2"),
        ("input.dtype", "float16"),
        ("input.layout", "HWC"),
        ("input.channels", 0),
        ("input.channels", True),
        ("input.channels", "1"),
        ("input.range", [100.0, 0.0]),
        ("input.range", [0.0]),
        ("input.range", ["0", "1"]),
        ("input", None),
        ("size", []),
        ("size.multiple_of", 0),
        ("size.preferred", 65),
        ("size.minimum", 96),
        ("size.maximum", 32_000),
        ("size.fit", "crop"),
        ("licence", None),
        ("unheard_of", 1),
        ("input.unheard_of", 1),
        ("extra", {"a": 1}),
    ],
)
def test_what_is_not_known_is_refused(path: str, value: Any) -> None:
    with pytest.raises(UnusableModel):
        Contract.from_json(changed(path, value))


@pytest.mark.parametrize("schema", [0, 2, "1", None, 1.5])
def test_an_unknown_schema_is_refused_by_name(schema: Any) -> None:
    with pytest.raises(UnusableModel, match="schema"):
        Contract.from_json(changed("schema", schema))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '"a"', "[" * 100_000])
def test_what_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(UnusableModel):
        Contract.from_json(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists, max_leaves=5))
def test_any_value_in_any_field_is_taken_or_refused_cleanly(value: Any) -> None:
    for path in ("task", "input", "size", "input.range", "size.multiple_of", "extra"):
        refusal = ""
        try:
            Contract.from_json(changed(path, value))
        except UnusableModel as error:
            refusal = str(error)
        assert "\n" not in refusal
