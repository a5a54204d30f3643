"""What an extra brings, and the command that installs it.

The distribution's name is read from the installed metadata, because the name `toolkit` on the
public index belongs to another project: no hint may ever tell anybody to install that.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from toolkit.errors import MissingRequirement

__all__ = ["install_command", "require"]


def install_command(extra: str) -> str:
    """The command that adds `extra` to this installation."""
    from importlib.metadata import packages_distributions  # slow: not for each start

    names = packages_distributions().get("toolkit", ["colorize-toolkit"])
    return f"pip install '{names[0]}[{extra}]'"


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Raises
    ------
    MissingRequirement
        If the module is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingRequirement(
            f"{purpose} needs {module}, which is not installed: {install_command(extra)}"
        ) from None
