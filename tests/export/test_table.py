"""The table of everything that can be exported."""

from __future__ import annotations

import pytest

from toolkit.export.formats import FORMATS
from toolkit.export.request import Request
from toolkit.export.table import Cell, Column, columns, fill, render
from toolkit.training.recipe import recipe_names

COLUMN = Column("srcnn", (), "luma", ("srcnn",))


def test_every_recipe_has_its_column() -> None:
    named = [name for column in columns() for name in column.recipes]
    assert sorted(named) == sorted(recipe_names())


def test_figures_and_reasons_are_shown() -> None:
    proven = Cell(COLUMN, Request("onnx", "fp32", "tensor"), "proven", "1e-05 (0)")
    lacking = Cell(COLUMN, Request("torchscript", "fp32", "image"), "refused", "no image boundary")
    text = render([proven, lacking])
    assert "| onnx:fp32:tensor | 1e-05 (0) |" in text
    assert "| torchscript:fp32:image | refused [1] |" in text
    assert "1. no image boundary" in text


@pytest.mark.slow
def test_every_cell_of_a_column_is_proven_refused_or_missing() -> None:
    cells = fill(COLUMN, None)
    status = {cell.request: cell.status for cell in cells}
    assert {cell.request.format for cell in cells} == set(FORMATS)
    assert status[Request("onnx", "fp32", "tensor")] == "proven"
    assert status[Request("torchscript", "fp32", "image")] == "refused"
    assert status[Request("onnx", "int8", "tensor")] in ("missing", "refused")
