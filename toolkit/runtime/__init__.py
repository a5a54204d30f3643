"""Photographs through a model on a plain CPU, with NumPy, Pillow and onnxruntime alone.

From a file to gray levels:

===============  ===========================================================================
`formats`        which picture formats are opened and written, and how each is recognised
`photo`          a file or bytes to gray levels, alpha and what must be kept
`deep_colors`    the 16 bits for each colour that Pillow does not read
`levels`         the gray levels of a decoded picture of any mode
`color_profile`  ICC profiles to sRGB
`metadata`       EXIF, XMP and resolution
`tint`           whether a picture has colours of its own
===============  ===========================================================================

From gray levels to colours:

===============  ===========================================================================
`models`         names, bundles and files of models
`onnx_file`      what may be given to the engine, read from the file's own bytes
`session`        the one module that imports onnxruntime
`threads`        how many threads this process may use
`resample`       the photograph's gray at the network's size
`upsample`       a* and b* at the photograph's size
`guided`         a* and b* that stop at edges
`gamut`          colours outside sRGB
`light`          Lab to linear light, in units that need no factors
`product`        matrix products that wake no threads
`compose`        full-resolution L* with a* and b* to sRGB, in bands and strips
`image_model`    models that take and give pixels
`colorizer`      the whole path, for one photograph
===============  ===========================================================================

From colours to files:

===============  ===========================================================================
`encode`         a picture and what was kept to a file
`jpeg_bands`     a JPEG made by several threads
`deep`           16-bit PNG, and TIFF
`sequence`       pages of a TIFF, frames of an animation
`naming`         what goes where, never over anything that was given
`selection`      manifests and shards
`ordered`        a few calls at a time, results in order
`batch`          many photographs, of which one bad one stops nothing
`report`         what was done, and what need not be done again
`remote`         photographs with addresses (s3://...), for small jobs
`stores`         files by address, through fsspec: the extra `scale`
`watch`          a folder that scans drop into
`contact_sheet`  one picture that shows what a run did
===============  ===========================================================================
"""
