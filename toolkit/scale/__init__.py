"""Millions of photographs: `toolkit batch`, on Ray Data and any store that fsspec reaches.

In the order of the data:

============  ==============================================================================
`sources`     what a prefix, a manifest or a pattern names: photographs and tar shards
`parts`       a few units that are worked off together, and whose rows are one file
`job`         what results depend on besides the photograph, and its identity
`run_folder`  what a job keeps beside its results: model, claims, rows
`plan`        actors, CPUs and memory, checked before the start
`estimate`    how long it takes, from a few photographs
`engine`      Ray: started or joined, and the parts sent through a pool of actors
`worker`      an actor: a part's photographs through one `Colorizer`
`shards`      members of a tar in, a tar out
`rows`        one row for each input, in Parquet
`report`      what the rows say
`batch`       the whole job
============  ==============================================================================

Rows decide what is done. A part is claimed, its results are put in place, its rows are written,
the claim is removed; whatever is killed in between is done again or found there, never twice.
"""

import os

# Ray reads them when it is imported, and when it starts its processes.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports home unless told not to
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # no thread may start Ray by itself
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")  # processes that nothing uses
