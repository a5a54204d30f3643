"""Core ML without a Mac: a saved ``.mlpackage`` read and evaluated with NumPy alone.

========== =====================================================================
`wire`     the protobuf encoding
`program`  the specification and the weight file: operations and their constants
`operations` what each operation computes; one function and one registry line each
`evaluate` a program from its input to its output
========== =====================================================================

Nothing here imports coremltools, which wrote the file: the reader is independent of the writer.
"""
