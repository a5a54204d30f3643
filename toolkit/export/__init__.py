"""From a checkpoint to files that other programs run, each proven before it is written.

::

    source  ──►  deploy  ──►  formats/  ──►  proof  ──►  bundle
    which run    scaling      one file       the saved   manifest, references,
                 folded in    per format     file, run   model card, checksums
                                             elsewhere

`verify` reads a bundle again. It and all it imports need NumPy, Pillow and onnxruntime only, so
that a bundle can be proven where it is used.
"""
