"""What a user asks for: ``FORMAT[:PRECISION][:BOUNDARY]``, several of them with commas between."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import UsageError, one_of
from toolkit.export.formats import FORMATS

__all__ = ["Request", "parse"]


@dataclass(frozen=True)
class Request:
    """One artefact to make."""

    format: str
    precision: str
    boundary: str

    def file_name(self, name: str, among: list[Request]) -> str:
        """The artefact's file name: NAME.SUFFIX, and what sets it apart from others `among`."""
        form = FORMATS[self.format]
        default = next(iter(form.tolerances[self.boundary]))
        twins = [r for r in among if r.format == self.format and r.boundary == self.boundary]
        parts = [name]
        if self.precision != default and len(twins) > 1:
            parts.append(self.precision)
        if self.boundary != "tensor":
            parts.append(self.boundary)
        return "-".join(parts) + form.suffix


def parse(text: str, precision: str | None = None, boundary: str | None = None) -> list[Request]:
    """Read the value of ``--format``.

    Parameters
    ----------
    text : str
        ``all``, or formats with commas between; each may say its precision and boundary.
    precision, boundary : str, optional
        For those that say none.

    Raises
    ------
    UsageError
        If there is no such format, or it cannot honour what is asked of it; the choices are named.
    """
    words = [w for w in text.replace(" ", "").split(",") if w]
    if not words:
        raise one_of("format", text, [*FORMATS, "all"])
    requests: dict[Request, None] = {}
    for word in words:
        for one in FORMATS if word == "all" else [word]:
            requests[_request(one, precision, boundary)] = None
    return list(requests)


def _request(word: str, precision: str | None, boundary: str | None) -> Request:
    name, *wishes = word.split(":")
    if name not in FORMATS:
        raise one_of("format", name, [*FORMATS, "all"])
    form = FORMATS[name]
    for wish in wishes:
        if wish in ("tensor", "image"):
            boundary = wish
        else:
            precision = wish
    boundary = boundary or "tensor"
    if boundary not in form.tolerances:
        raise UsageError(f"{name} has no {boundary} boundary; it has: {', '.join(form.tolerances)}")
    choices = form.tolerances[boundary]
    precision = precision or next(iter(choices))
    if precision not in choices:
        raise UsageError(
            f"{name} cannot hold {precision} at the {boundary} boundary; it can: "
            f"{', '.join(choices)}"
        )
    return Request(name, precision, boundary)
