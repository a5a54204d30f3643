"""The formats that the toolkit writes. A new one is a file here and a line in `FORMATS`."""

from __future__ import annotations

from toolkit.export.formats.coreml import COREML
from toolkit.export.formats.format import Format, Order, Run
from toolkit.export.formats.onnx import ONNX
from toolkit.export.formats.openvino import OPENVINO
from toolkit.export.formats.torchscript import TORCHSCRIPT

__all__ = ["FORMATS", "Format", "Order", "Run"]

FORMATS: dict[str, Format] = {f.name: f for f in (TORCHSCRIPT, ONNX, COREML, OPENVINO)}
