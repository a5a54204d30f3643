"""The network as others see it: CIE L* in, CIE a*b* out, nothing to scale by hand."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit.contract import SCHEMA, Contract, FixedSize, FlexibleSize, Port
from toolkit.errors import ProofFailed
from toolkit.training.networks import Generator
from toolkit.training.networks.generator import AB_SCALE, L_SCALE

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

    Raises
    ------
    ProofFailed
        If any part of the generator still behaves as in training.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.training = False
        remnants = training_remnants(self)
        if remnants:
            raise ProofFailed(
                f"left as in training, so that colours depend on chance or on the batch: "
                f"{', '.join(remnants[:4])}{', ...' if len(remnants) > 4 else ''}; nothing written"
            )

    def forward(self, lightness: Tensor) -> Tensor:
        """L* in 0..100, shape (N, 1, H, W), to a*b* in CIE units, shape (N, 2, H, W)."""
        ab: Tensor = self.generator(lightness / L_SCALE - 1) * AB_SCALE
        return ab


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
        task="colorize",
        boundary="tensor",
        input=Port("l", "cie-l", "float32", "NCHW", 1, (0.0, 100.0)),
        output=Port("ab", "cie-ab", "float32", "NCHW", 2, (-128.0, 127.0)),
        resample="triangle",
        upsample="bilinear",
        gamut="chroma",
        size=size,
        white="D65/2",
        precision="fp32",
        model=model,
        licence=licence,
        source=source,
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
