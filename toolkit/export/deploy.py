"""The network as others see it: CIE units or levels in and out, nothing to scale by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit.contract import SCHEMA, Contract, FixedSize, FlexibleSize, Port
from toolkit.errors import ProofFailed
from toolkit.export.scaling import TASKS, Task, task_of
from toolkit.training.networks import Generator

__all__ = [
    "MAXIMUM_SIDE",
    "DeployModel",
    "contract_of",
    "fixed",
    "image_contract",
    "training_remnants",
]

MAXIMUM_SIDE = 2048
"""Colours come from a small picture; a larger side costs memory and gives none."""


class DeployModel(nn.Module):
    """A generator with its scaling folded in.

    Parameters
    ----------
    generator : Generator
    header : mapping, optional
        Of its checkpoint: ``task``, and the ``scaling`` of a translator.

    Raises
    ------
    ProofFailed
        If any part of the generator still behaves as in training.
    """

    def __init__(self, generator: Generator, header: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.task = task_of(header or {})
        self.before, self.after = self.task.around(header or {})
        self.before.eval()
        self.after.eval()
        self.generator = generator
        self.training = False
        remnants = training_remnants(self)
        if remnants:
            raise ProofFailed(
                f"left as in training, so that colours depend on chance or on the batch: "
                f"{', '.join(remnants[:4])}{', ...' if len(remnants) > 4 else ''}; nothing written"
            )

    def forward(self, given: Tensor) -> Tensor:
        """What the task's input port states to what its output port states, both NCHW."""
        made: Tensor = self.after(self.generator(self.before(given)))
        return made


def training_remnants(model: nn.Module) -> list[str]:
    """Name the submodules that are in training mode, or that keep no statistics to evaluate with.

    A BatchNorm without running statistics uses those of the batch even in eval mode.
    """
    remnants = []
    for name, module in model.named_modules():
        if module.training:
            remnants.append(f"{name} ({type(module).__name__}, training mode)")
        elif isinstance(module, _BatchNorm) and module.running_mean is None:
            remnants.append(f"{name} ({type(module).__name__}, no running statistics)")
    return remnants


def contract_of(
    generator: Generator,
    *,
    model: str,
    licence: str,
    source: str,
    preferred: int,
    task: Task = TASKS["colorize"],
) -> Contract:
    """The contract of a generator's tensor boundary.

    Parameters
    ----------
    generator : Generator
        Gives `fixed_size` and `multiple_of`.
    model, licence, source : str
        As in `Contract`.
    preferred : int
        Short side that gives the best colours; rounded to a legal one.
    task : Task
    """
    if generator.fixed_size is not None:
        size: FixedSize | FlexibleSize = FixedSize(
            generator.fixed_size, generator.fixed_size, fit="stretch"
        )
    else:
        step = generator.multiple_of
        top = MAXIMUM_SIDE // step * step
        legal = min(max(step, round(preferred / step) * step), top)
        size = FlexibleSize(step, legal, step, top, fit="keep_aspect")
    return Contract(
        schema=SCHEMA,
        task=task.name,
        boundary="tensor",
        input=task.input,
        output=task.output,
        resample="triangle",
        upsample="bilinear",
        gamut="chroma",
        size=size,
        white="D65/2",
        precision="fp32",
        model=model,
        licence=licence,
        source=source,
        extra=task.extra(generator),
    )


def image_contract(contract: Contract) -> Contract:
    """The contract of the image boundary around the network of `contract`."""
    return replace(
        contract,
        boundary="image",
        input=Port("photo", "srgb", "uint8", "NHWC", 3, (0.0, 255.0)),
        output=Port("colours", "srgb", "uint8", "NHWC", 3, (0.0, 255.0)),
    )


def fixed(size: FixedSize | FlexibleSize) -> FixedSize:
    """The one size of an artefact that cannot be flexible: the preferred side, squared."""
    if isinstance(size, FixedSize):
        return size
    return FixedSize(size.preferred, size.preferred, fit="stretch")
