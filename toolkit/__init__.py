"""Train photo colorizers, export them with proof, and run them without PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.contract import Contract
    from toolkit.errors import ToolkitError
    from toolkit.runtime.colorizer import Colorizer, colorize

__all__ = ["Colorizer", "Contract", "ToolkitError", "__version__", "colorize"]

_HOME = {
    "Colorizer": "toolkit.runtime.colorizer",
    "Contract": "toolkit.contract",
    "ToolkitError": "toolkit.errors",
    "colorize": "toolkit.runtime.colorizer",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # slow: not for each start

        try:
            return version("colorize-toolkit")
        except PackageNotFoundError:  # run from a checkout that is not installed
            return "0+unknown"
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
