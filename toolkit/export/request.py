"""What a user asks for: ``FORMAT[:PRECISION][:BOUNDARY][:SIDE]``, several with commas between."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import UsageError, one_of
from toolkit.export.formats import FORMATS, Format

__all__ = ["Request", "check_allow_slow", "check_calibration", "check_compute_units", "parse"]


_OF_EXPORT = [form.name for form in FORMATS.values() if form.extra == "export"]


@dataclass(frozen=True)
class Request:
    """One artefact to make."""

    format: str
    precision: str
    boundary: str
    side: int | None = None
    """Of the square pictures, where the format's image boundary takes one size only."""

    def file_name(self, name: str, among: list[Request]) -> str:
        """The artefact's file name: NAME.SUFFIX, and what sets it apart from others `among`."""
        form = FORMATS[self.format]
        default = next(iter(form.tolerances[self.boundary]))
        alike = (self.format, self.boundary, self.side)
        twins = [r for r in among if (r.format, r.boundary, r.side) == alike]
        parts = [name]
        if self.precision != default and len(twins) > 1:
            parts.append(self.precision)
        if self.boundary != "tensor":
            parts.append(self.boundary)
        if self.side is not None:
            parts.append(str(self.side))
        return "-".join(parts) + form.suffix


def parse(text: str, precision: str | None = None, boundary: str | None = None) -> list[Request]:
    """Read the value of ``--format``.

    Parameters
    ----------
    text : str
        ``all``, or formats with commas between; each may say its precision, its boundary and
        the side of its pictures. ``all`` are those that the extra ``export`` brings.
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
        for one in _OF_EXPORT if word == "all" else [word]:
            requests[_request(one, precision, boundary)] = None
    return list(requests)


def check_calibration(requests: list[Request], given: bool) -> None:
    """Photographs to calibrate on belong to the precisions that need them.

    Raises
    ------
    UsageError
        If they are missing, or nothing that is asked for would use them.
    """
    needing = [r for r in requests if r.precision in FORMATS[r.format].calibrated]
    if needing and not given:
        raise UsageError(
            f"{needing[0].format}:{needing[0].precision} needs --calibrate FOLDER, with at least "
            "100 photographs like those to be coloured"
        )
    if given and not needing:
        able = [f"{f.name}:{p}" for f in FORMATS.values() for p in f.calibrated]
        raise UsageError(
            f"--calibrate is of no use to what is asked for; it is for: {', '.join(able)}"
        )


def check_allow_slow(requests: list[Request], given: bool) -> None:
    """Slowness is forgiven to precisions that are there for their speed.

    Raises
    ------
    UsageError
        If nothing that is asked for would be refused for it.
    """
    if given and not any(r.precision in FORMATS[r.format].faster_than for r in requests):
        able = [f"{f.name}:{p}" for f in FORMATS.values() for p in f.faster_than]
        raise UsageError(
            f"--allow-slow is of no use to what is asked for; it is for: {', '.join(able)}"
        )


def check_compute_units(requests: list[Request], units: str | None) -> None:
    """Compute units are those of a format that is asked for.

    Raises
    ------
    UsageError
        If there are none of that name, or no format that is asked for has any.
    """
    if units is None:
        return
    able = [f for f in FORMATS.values() if f.compute_units]
    chosen = [f for f in able if any(r.format == f.name for r in requests)]
    if not chosen:
        raise UsageError(
            "--compute-units is of no use to what is asked for; it is for: "
            f"{', '.join(f.name for f in able)}"
        )
    if units not in chosen[0].compute_units:
        raise one_of("compute units", units, list(chosen[0].compute_units))


def _request(word: str, precision: str | None, boundary: str | None) -> Request:
    name, *wishes = word.split(":")
    if name not in FORMATS:
        raise one_of("format", name, [*FORMATS, "all"])
    form = FORMATS[name]
    side = None
    for wish in wishes:
        if wish in ("tensor", "image"):
            boundary = wish
        elif wish.isdigit():
            side = int(wish)
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
    return Request(name, precision, boundary, _side(form, boundary, side))


def _side(form: Format, boundary: str, wanted: int | None) -> int | None:
    sides = form.picture_sides if boundary == "image" else ()
    if wanted is None:
        return sides[0] if sides else None
    if wanted not in sides:
        choices = ", ".join(map(str, sorted(sides))) or "any, chosen by the photograph"
        raise UsageError(
            f"{form.name} has no {boundary} boundary of {wanted} pixels; its sides are: {choices}"
        )
    return wanted
