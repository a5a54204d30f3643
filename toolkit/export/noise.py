"""A checkpoint run by PyTorch with its dropout on: the noise of pix2pix, which no file holds.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017,
   section 3.1: dropout "at both training and test time" stands for the noise z.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.contract import Contract
from toolkit.errors import UsageError, one_line
from toolkit.export.deploy import DeployModel, contract_of
from toolkit.files import sha256
from toolkit.training.checkpoint import load_generator

__all__ = ["Noisy"]

_ONE_AT_A_TIME = Lock()
"""PyTorch's random numbers belong to the whole process."""


class Noisy:
    """A network for a `Colorizer` whose colours depend on a seed.

    Parameters
    ----------
    checkpoint : Path
    seed : int
        The same seed drops the same values in every photograph, at every call.

    Raises
    ------
    UnusableModel
        If the checkpoint cannot be opened.
    UsageError
        If its generator has no dropout.

    Examples
    --------
    >>> from toolkit import Colorizer
    >>> from toolkit.export.noise import Noisy
    >>> Colorizer(Noisy(Path("runs/paper/best.safetensors"), seed=3)).colorize("scan.jpg")
    """

    contract: Contract
    """What the network takes and gives, as an exported file would say it."""

    def __init__(self, checkpoint: Path, seed: int = 0) -> None:
        generator, header = load_generator(checkpoint)
        self._network, self._seed = DeployModel(generator, header), seed
        dropouts = [m for m in generator.modules() if isinstance(m, nn.Dropout) and m.p > 0]
        if not dropouts:
            raise UsageError(
                f"{one_line(checkpoint)}: its generator has no dropout, so nothing varies: leave "
                "--noise away"
            )
        for dropout in dropouts:
            dropout.train()
        self.contract = contract_of(
            generator,
            model=str(header.get("model", checkpoint.stem)),
            licence=str(header.get("licence", "LicenseRef-unknown")),
            source=sha256(checkpoint),
            preferred=int(header.get("preferred_size", 256)),
            task=self._network.task,
        )

    def with_seed(self, seed: int) -> Noisy:
        """The same network with other noise."""
        other = copy(self)
        other._seed = seed
        return other

    @torch.inference_mode()
    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        """Run the network once; both as the contract states."""
        with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            made: NDArray[Any] = self._network(torch.from_numpy(values)).numpy()
        return made
