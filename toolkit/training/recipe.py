"""A recipe: everything that decides a training, as data.

Recipes are TOML files in ``toolkit/training/recipes``. A run folder keeps its own with every value
resolved, so that a checkpoint carries all that made it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from toolkit.errors import UnusableInput, UsageError, one_line, one_of, os_reason
from toolkit.training.contradictions import check_recipe

__all__ = [
    "Data",
    "Gan",
    "Loss",
    "Network",
    "Optimizer",
    "Pairs",
    "Parts",
    "Recipe",
    "Stage",
    "load_recipe",
    "recipe_names",
]


@dataclass(frozen=True)
class Parts:
    """Which photographs are learned from, and which are kept unseen."""

    by: str = "hash"
    """``hash``: all of them. ``seed``: some, chosen and divided as the tutorials do."""
    seed: int = 0
    """Of NumPy's older generator (``numpy.random.seed``)."""
    chosen: int = 0
    """With ``seed``: how many photographs are taken; 0: all."""
    train: int = 0
    """With ``seed``: how many of them are learned from; the others are kept for the end."""


@dataclass(frozen=True)
class Pairs:
    """For the task ``translate``: where the two pictures of a pair are, and their scaling.

    Levels in 0..1 are fed and predicted as (level - mean) / std, channel by channel. Where no
    numbers stand, they are measured on the pairs to learn from.
    """

    layout: str = "folders"
    """``folders``: two folders, matched by name. ``AtoB``: side by side, the given picture on the
    left; ``BtoA``: on the right."""
    given: str = "gray"
    """With ``folders``: the folder of what the network is given."""
    true: str = "resized"
    """With ``folders``: the folder of what it shall make of it."""
    given_mean: list[float] = field(default_factory=list)
    given_std: list[float] = field(default_factory=list)
    true_mean: list[float] = field(default_factory=list)
    true_std: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Data:
    """Which photographs, and how they are varied."""

    side: int = 256
    """Side of a photograph in the cache, in pixels."""
    fit: str = "stretch"
    """``stretch`` to side x side, or ``cover``: aspect kept, short side `side`."""
    flip: bool = True
    """Mirror half of the photographs."""
    zoom: tuple[float, float] = (1.0, 1.0)
    """Side of the crop, as a share of the photograph's short side."""
    gamma: float = 0.0
    """Exponents on L* are drawn from exp(-gamma)..exp(gamma)."""
    fade: float = 0.0
    """Black and white move in by up to this share of 100 L*."""
    grain: float = 0.0
    """Largest standard deviation of noise, in L*."""
    blur: float = 0.0
    """Largest standard deviation of a Gaussian blur of L*, in pixels of the crop."""
    scratches: float = 0.0
    """Mean number of scratches, brighter or darker lines from top to bottom of L*."""
    weighting: str = "none"
    """``none``: each photograph once an epoch. ``sqrt``: drawn so that a source (the first folder
    below the root) counts by the square root of its photographs."""
    source_factors: dict[str, float] = field(default_factory=dict)
    """What a source counts more (or less) than that."""
    samples_per_epoch: int = 0
    """Photographs drawn in an epoch; 0: as many as there are."""
    parts: Parts = field(default_factory=Parts)
    pairs: Pairs = field(default_factory=Pairs)
    shrink: list[int] = field(default_factory=lambda: [2, 3, 4])
    """For the task ``luma``: by one of these factors a photograph is made smaller, and larger
    again."""


@dataclass(frozen=True)
class Network:
    """A generator or discriminator by name, with its options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    initialise: str = "default"
    """``default``: PyTorch's own. ``normal``: N(0, 0.02), as pix2pix."""


@dataclass(frozen=True)
class Loss:
    """One term of the generator's loss."""

    name: str
    weight: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gan:
    """The game between generator and discriminator."""

    mode: str = "vanilla"
    """``vanilla`` (binary cross-entropy on logits), ``lsgan`` or ``hinge``."""
    weight: float = 1.0
    discriminator_factor: float = 0.5
    """What the sum of the real and the fake loss is multiplied with: 0.5 is their mean."""
    first: str = "discriminator"
    """Who moves first in a step: ``discriminator`` or ``generator``."""


@dataclass(frozen=True)
class Optimizer:
    """How weights move."""

    name: str = "adam"
    lr: float = 2e-4
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    clip: float = 0.0
    """Largest norm of the gradient; 0: no limit."""
    factors: dict[str, float] = field(default_factory=dict)
    """What the rate of a part of the network is multiplied with, by the beginning of its weights'
    names, where ``*`` stands for anything: the longest that fits counts. 0 leaves the part as it
    is."""


@dataclass(frozen=True)
class Stage:
    """From when on crops have which size."""

    start: float = 0.0
    """Share of the epochs after which the stage begins."""
    crop: int = 256
    """Side of the network's input, in pixels."""
    batch_size: int = 16


@dataclass(frozen=True)
class Recipe:
    """A whole training."""

    name: str
    summary: str
    source: str
    """Where the recipe comes from: a tutorial, a paper, or ours."""
    epochs: int
    generator: Network
    losses: list[Loss]
    task: str = "colorize"
    """``colorize`` (L* to a*b*), ``luma`` (L* to the L* of a sharper photograph) or ``translate``
    (RGB to RGB)."""
    reproduces: str = ""
    """What of its source it gives again, and what is taken from elsewhere."""
    data: Data = field(default_factory=Data)
    stages: list[Stage] = field(default_factory=lambda: [Stage()])
    discriminator: Network | None = None
    gan: Gan = field(default_factory=Gan)
    optimizer: Optimizer = field(default_factory=Optimizer)
    optimizer_discriminator: Optimizer = field(default_factory=Optimizer)
    schedule: str = "constant"
    """``constant``, ``cosine`` or ``linear`` (constant for half, then down to 0)."""
    warmup: float = 0.0
    """Share of the steps in which the rate rises from 0."""
    accumulate: int = 1
    """In how many parts a batch goes through the networks, to need less memory."""
    ema: float = 0.0
    """Decay of the running mean of the weights; 0: none."""
    precision: str = "auto"
    """``fp32``, ``bf16``, or ``auto``: bf16 autocast where the device computes it fast."""
    channels_last: bool = False
    preferred_size: int = 256
    """Short side at which the generator will be used, in pixels; validation uses it."""
    dropout_at_test: bool = False
    """Whether dropout stays on in validation and samples, as the noise of the paper."""
    samples_every: int = 0
    """Steps between sheets of samples within an epoch; 0: only after each epoch."""
    samples_from: str = "dev"
    """Whose photographs are on the sheets: ``dev`` or ``train``."""
    patience: int = 0
    """Epochs without a better gain on `dev` after which the run ends; 0: it goes on."""
    keep_every: int = 0
    """Epochs between checkpoints that stay; 0: only the last and the best stay."""
    seed: int = 0
    licence: str = "LicenseRef-unknown"
    """SPDX expression of the terms of the weights, which follow from the photographs."""
    model_version: str = "1"

    def __post_init__(self) -> None:
        if not self.losses and self.discriminator is None:
            raise UsageError(f"recipe {self.name}: needs at least one loss or a discriminator")
        if not self.stages or self.stages[0].start != 0:
            raise UsageError(f"recipe {self.name}: the first of its stages must start at 0")
        if self.epochs < 1:
            raise UsageError(f"recipe {self.name}: epochs must be at least 1, not {self.epochs}")

    def to_toml(self) -> str:
        """Every value, for ``recipe.toml`` of a run folder."""
        import tomli_w

        raw = {key: value for key, value in asdict(self).items() if value is not None}
        return tomli_w.dumps(raw)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Recipe:
        """Build and check a recipe.

        Raises
        ------
        UsageError
            If a key is unknown (the nearest right one is named), missing, of a wrong type or out
            of range, or contradicts another.
        """
        recipe = _build(cls, raw, "")
        assert isinstance(recipe, cls)
        check_recipe(recipe)
        return recipe


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = files("toolkit.training") / "recipes"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def load_recipe(name: str, settings: list[str] | None = None) -> Recipe:
    """Read a recipe by name, or from a ``.toml`` file, and change single values.

    Parameters
    ----------
    name : str
        A name of `recipe_names`, or the path of a file that ends in ``.toml``.
    settings : list of str
        Changes such as ``optimizer.lr=1e-3`` or ``stages.0.batch_size=8``.

    Raises
    ------
    UsageError
        If there is no such recipe, key or type.
    UnusableInput
        If the file cannot be read or is not TOML.
    """
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise UnusableInput(f"{one_line(name)}: cannot be read: {os_reason(error)}") from None
    elif name in recipe_names():
        text = (files("toolkit.training") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise one_of("recipe", name, recipe_names())
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{one_line(name)}: not TOML: {one_line(error)}") from None
    for setting in settings or []:
        for single in _in_full(setting):
            _set(raw, single)
    return Recipe.from_dict(raw)


SHORT_NAMES = {
    "lr_G": ("optimizer.lr",),
    "lr_D": ("optimizer_discriminator.lr",),
    "beta1": ("optimizer.beta1", "optimizer_discriminator.beta1"),
    "beta2": ("optimizer.beta2", "optimizer_discriminator.beta2"),
}
"""The fourth tutorial's names for what its five experiments change."""


def _in_full(setting: str) -> list[str]:
    key, equals, value = setting.partition("=")
    return [f"{name}{equals}{value}" for name in SHORT_NAMES.get(key.strip(), (key,))]


def _set(raw: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise UsageError(
            f"--set {one_line(setting)}: write it as KEY=VALUE, as in optimizer.lr=1e-3"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    at: Any = raw
    *parents, last = key.strip().split(".")
    for name in parents:
        if isinstance(at, list):
            at = at[int(name)] if name.isdigit() and int(name) < len(at) else None
        else:
            at = at.setdefault(name, {}) if isinstance(at, dict) else None
    if isinstance(at, list) and last.isdigit() and int(last) < len(at):
        at[int(last)] = value
    elif isinstance(at, dict):
        at[last] = value
    else:
        raise UsageError(f"--set {one_line(setting)}: there is no such place in the recipe")


def _build(kind: Any, raw: Any, where: str) -> Any:
    """`raw` as the type `kind`, checked at every level."""
    if not is_dataclass(kind):
        return _value(kind, raw, where.rstrip("."))
    if not isinstance(raw, dict):
        raise UsageError(f"recipe: {where.rstrip('.') or 'the file'} must be a table")
    hints = get_type_hints(kind)
    for key in raw:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean {where}{near[0]}?" if near else f"known: {', '.join(hints)}"
            raise UsageError(f"recipe: unknown key {where}{one_line(key)}; {hint}")
    optional = {f.name for f in fields(kind) if _has_default(f)}
    missing = [key for key in hints if key not in raw and key not in optional]
    if missing:
        raise UsageError(f"recipe: missing {', '.join(where + key for key in missing)}")
    make = cast("Callable[..., Any]", kind)
    return make(**{key: _build(hints[key], raw[key], f"{where}{key}.") for key in raw})


def _value(kind: Any, raw: Any, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _build(args[0], raw, where + ".")
    if origin is list and isinstance(raw, list):
        return [_build(args[0], item, f"{where}.{i}.") for i, item in enumerate(raw)]
    if origin is tuple and isinstance(raw, list) and len(raw) == len(args):
        return tuple(_value(a, item, where) for a, item in zip(args, raw, strict=True))
    if origin is dict and isinstance(raw, dict):
        return {key: _value(args[1], value, f"{where}.{key}") for key, value in raw.items()}
    if kind is Any:
        return raw
    if kind is float and type(raw) in (int, float):
        return float(raw)
    if isinstance(kind, type) and type(raw) is kind:
        return raw
    name = getattr(kind, "__name__", str(kind))
    raise UsageError(f"recipe: {where} must be {name}, not {one_line(repr(raw))}")


def _has_default(f: Field[Any]) -> bool:
    return f.default is not MISSING or f.default_factory is not MISSING
