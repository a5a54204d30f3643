"""int8 for ONNX: weights per channel, activations as uint8, ranges from photographs."""

from toolkit.export.int8.search import quantize

__all__ = ["quantize"]
