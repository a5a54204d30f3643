"""What `toolkit bench` measures on a user's own machine.

The files of a model:

=============  ==========================================================================
`models`       every artefact and precision of a bundle, beside PyTorch eager
`artefact`     one of them, in a process of its own
`engines`      how each format is opened and run
`quality`      what an artefact's colours are worth
`plot`         quality against latency
=============  ==========================================================================

The runtime, from a file to a file:

=============  ==========================================================================
`runtime`      all of the following in one run
`whole`        12 megapixels, JPEG to JPEG, against its floor and the tutorials' way
`tutorial`     that way: scikit-image at full size
`stages`       the colour stage by upsampling and strength
`sizes`        time and peak memory from 1 to 100 megapixels
`cold_start`   the whole process on one small photograph, and its parts
`folder`       two photographs at a time against one
=============  ==========================================================================

The training: `training`, against the tutorials' loop in `tutorial_training`.

`measure` times and weighs, `pictures` makes photographs of any size, `table` prints.
"""
