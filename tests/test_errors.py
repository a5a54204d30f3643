"""The tree of errors: one documented exit code each, one line each."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import errors

CODES = {
    "UsageError": 2,
    "SomeFilesFailed": 3,
    "UnusableInput": 4,
    "MissingRequirement": 5,
    "ProofFailed": 6,
    "UnusableModel": 7,
    "OutputError": 8,
    "DownloadError": 9,
    "TrainingDiverged": 10,
    "Interrupted": 130,
}


def test_each_kind_has_its_documented_exit_code() -> None:
    kinds = {kind.__name__: kind.exit_code for kind in errors.ToolkitError.__subclasses__()}
    assert kinds == CODES


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    for name, code in CODES.items():
        (line,) = [x for x in errors.__doc__.splitlines() if f" {name} " in x]
        assert str(code) in line.split()


def test_what_is_public_is_sorted_and_there() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert all(hasattr(errors, name) for name in errors.__all__)


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    line = errors.one_line(text)
    assert line == line.strip()
    assert line.isprintable()


def test_a_wrong_name_is_answered_with_the_near_one_and_all() -> None:
    message = str(errors.one_of("recipe", "egde\n", ["edge", "unet_256"]))
    assert "did you mean edge?" in message
    assert "edge, unet_256" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.ENOENT, "no such file"),
    ],
)
def test_reasons_are_plain_words(number: int, words: str) -> None:
    assert words in errors.os_reason(OSError(number, "?"))
