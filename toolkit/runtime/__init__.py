"""Photographs through a model on a plain CPU, with NumPy, Pillow and onnxruntime alone.

==============  ============================================================================
`formats`       which picture formats are opened and written, and how each is recognised
`photo`         a file or bytes to gray levels, alpha and what must be kept
`color_profile` ICC profiles to sRGB
`resample`      the photograph's gray at the network's size
`compose`       full-resolution L* with the network's a*b* to sRGB, in strips
`encode`        sRGB and what was kept to a file
`onnx_file`     what may be given to the engine, read from the file's own bytes
`session`       the one module that imports onnxruntime
`colorizer`     the whole path, for one photograph
`batch`         folders: what goes where, and what was done
`models`        names, bundles and files of models
==============  ============================================================================
"""
