"""What the wheel carries of the shipped bundles: the ONNX file, its references, the checkpoint.

The other formats and int8 are twice the wheel's size, and they who want them have the repository.
The manifest and the checksums in the wheel speak of what lies beside them, so that
``toolkit verify`` proves the wheel's copy whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUNDLES = ("default", "vivid")
_KEPT = ("onnx", "fp16-storage")


class CustomBuildHook(BuildHookInterface[Any]):
    """Lays lean copies of the bundles into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the copies; an editable install finds the bundles where they are."""
        if version == "editable":
            return
        self._copies = tempfile.TemporaryDirectory()
        for name in _BUNDLES:
            copy = Path(self._copies.name) / name
            _lean(Path(self.root) / "exports" / name, copy)
            build_data["force_include"][str(copy)] = f"toolkit/shipped/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact: str) -> None:
        """Delete the copies."""
        if version != "editable":
            self._copies.cleanup()


def _lean(bundle: Path, copy: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    files = manifest.get("files", {})
    kept = {name: e for name, e in files.items() if (e["format"], e["precision"]) == _KEPT}
    needed = {entry["references"] for entry in kept.values()}
    references = manifest.get("references", {})
    dropped = [name for name in files if name not in kept]
    dropped += [name for name in references if name not in needed]
    shutil.copytree(bundle, copy, ignore=lambda folder, names: [n for n in names if n in dropped])
    if not dropped:
        return
    manifest["files"] = kept
    manifest["references"] = {name: references[name] for name in needed}
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (copy / "manifest.json").write_text(text, "utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    lines = []
    for line in (bundle / "SHA256SUMS").read_text("utf-8").splitlines():
        name = line.partition("  ")[2]
        if name.split("/")[0] not in dropped:
            lines.append(f"{digest}  {name}\n" if name == "manifest.json" else f"{line}\n")
    (copy / "SHA256SUMS").write_text("".join(lines), "utf-8")
