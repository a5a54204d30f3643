"""The files of the site: the built page, and the models that it may use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.errors import MissingRequirement, UnusableModel
from toolkit.files import atomic_folder, sha256_bytes
from toolkit.runtime.models import Model

__all__ = ["PAGE", "Site", "make_site", "write_site"]

PAGE = Path(__file__).parent / "page"
"""Where ``npm run build`` puts the page, and the wheel brings it."""

HOW_TO_BUILD = (
    "the page is not built. In the clone, with Node 20.19 or later: "
    "npm --prefix examples/browser ci && npm --prefix examples/browser run build && pip install ."
)


@dataclass(frozen=True)
class Site:
    """What there is to serve. Nothing else on the machine can be asked for."""

    files: dict[str, Path | bytes]
    """What lies at each path, without the leading slash; a file, or its bytes."""


def make_site(
    models: Iterable[Model],
    *,
    page: Path = PAGE,
    on_unfit: Callable[[str], None] = lambda reason: None,
) -> Site:
    """Put the page and the models together.

    Parameters
    ----------
    models : iterable of Model
        In the order in which the page offers them.
    page : Path
        The built page.
    on_unfit : callable
        Is told of models that the page cannot use, which are left out.

    Raises
    ------
    MissingRequirement
        If the page is not built.
    UnusableModel
        If there is no model that the page can use.
    """
    if not (page / "index.html").is_file():
        raise MissingRequirement(HOW_TO_BUILD)
    files: dict[str, Path | bytes] = {
        path.relative_to(page).as_posix(): path
        for path in sorted(page.rglob("*"))
        if path.is_file()
    }
    names = []
    for model in models:
        try:
            files.update(_model_files(model))
        except UnusableModel as error:
            on_unfit(str(error))
        else:
            names.append(model.name)
    if not names:
        raise UnusableModel(
            "there is no model for the page: give --model FILE, or train and export one"
        )
    files["models.json"] = json.dumps(names).encode()
    return Site(files)


def write_site(site: Site, folder: Path) -> None:
    """Write the site for any static host: `folder` appears whole or not at all.

    Raises
    ------
    OutputError
        If `folder` exists or cannot be written.
    """
    with atomic_folder(folder) as temporary:
        for name, content in site.files.items():
            place = temporary / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                place.write_bytes(content)
            else:
                shutil.copyfile(content, place)


def _model_files(model: Model) -> dict[str, Path | bytes]:
    """A small manifest of the one file, as the page reads it, and the file."""
    data = model.read()
    contract = model.contract()
    if (contract.task, contract.boundary) != ("colorize", "tensor"):
        raise UnusableModel(
            f"{model.name}: the page colours with tensor models; this one is a "
            f"{contract.boundary} model for the task {contract.task}"
        )
    facts = {"format": "onnx", "size": len(data), "sha256": sha256_bytes(data)}
    manifest = {"schema": 1, "contract": asdict(contract), "files": {model.path.name: facts}}
    holder = model.name
    if model.strength != 1:  # its network is another one's, which the page shall load once
        holder = manifest["holder"] = model.path.parent.name
    return {
        f"models/{model.name}/manifest.json": json.dumps(manifest).encode(),
        f"models/{holder}/{model.path.name}": model.path,
    }
