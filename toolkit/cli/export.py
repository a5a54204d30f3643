"""`toolkit export`: a checkpoint to files that other programs run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import terminal
from toolkit.errors import UnusableInput, one_line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run folder or a checkpoint. Without it: the newest finished run under runs/, "
            "else the shipped model.",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="F[,F]",
            help="Formats, or all; each may say its precision and boundary: onnx:fp16-storage, "
            "coreml:image:512. May be given again. See --list. By default onnx.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The bundle's folder. Default: exports/NAME, or exports/NAME-FORMAT if that is "
            "taken.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="For every format that does not say its own.")
    ] = None,
    boundary: Annotated[
        str | None,
        typer.Option(help="tensor (L* to a*b*) or image (photograph to photograph), likewise."),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option("--proof", metavar="FOLDER", help="Photographs to prove it on besides ours."),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="FOLDER",
            help="At least 100 photographs like those to be coloured, for int8.",
        ),
    ] = None,
    compute_units: Annotated[
        str | None,
        typer.Option(
            metavar="UNITS",
            help="Core ML: what the program that loads it should run it on: all, cpu_only, "
            "cpu_and_gpu or cpu_and_ne. Recorded in the contract.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A state_dict trained elsewhere, with --recipe or --generator."
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="What --weights were trained as.")
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Of red, green and blue, as the pictures of --weights were scaled: three numbers "
            "with commas, or six where the given and the true ones differ. Default: published.",
            show_default=False,
        ),
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="The deviation, likewise.", show_default=False)
    ] = None,
    generator: Annotated[
        str | None, typer.Option(metavar="NAME", help="The architecture of --weights.")
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic/--static", help="Free sizes where the network allows them.")
    ] = True,
    with_checkpoint: Annotated[
        bool, typer.Option("--with-checkpoint", help="Put the checkpoint into the bundle too.")
    ] = False,
    notes: Annotated[
        Path | None,
        typer.Option(
            help="A Markdown file for the model card: data, terms, figures, limits.",
            show_default=False,
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            "--share",
            metavar="STRENGTH",
            help="Write a bundle that uses the network of the bundle RUN, its colours times this.",
            show_default=False,
        ),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Show the formats and what this machine lacks for them.")
    ] = False,
    show_table: Annotated[
        bool,
        typer.Option(
            "--table",
            help="Export a random network of each recipe in every way and show what is proven; "
            "takes a while. With --generator: that one.",
        ),
    ] = False,
    allow_slow: Annotated[
        bool,
        typer.Option(
            "--allow-slow",
            help="Write int8 also where it is less than 1.5 times as fast as fp32 on this "
            "processor: for another one, or for its size.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder --out.")] = False,
    json: terminal.Json = False,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Write a trained network as ONNX, TorchScript or Core ML, each proven before it is written.

    Example:  toolkit export runs/first --format all --out exports/first
    """
    from toolkit.export.formats import FORMATS
    from toolkit.export.request import (
        check_allow_slow,
        check_calibration,
        check_compute_units,
        parse,
    )

    if show_list:
        _print_formats(json)
        return
    if show_table:
        _print_table_of_all(generator, calibrate, json)
        return
    if strength is not None:
        _share(run, out, strength, notes, force)
        return
    requests = parse(",".join(formats or ["onnx"]), precision, boundary)
    check_calibration(requests, calibrate is not None)
    check_allow_slow(requests, allow_slow)
    check_compute_units(requests, compute_units)
    for form in (FORMATS[request.format] for request in requests):
        form.require((*form.write_needs, "safetensors"), f"exporting {form.title}")

    from toolkit.export.bundle import Settings, free_place
    from toolkit.export.bundle import export as make
    from toolkit.runtime.photo import find_photos, read_rgb

    source = _source(run, weights, generator, recipe, mean, std)
    if source.reason:
        terminal.say(f"exporting {source.reason}")
    place = out or free_place(Path("exports"), source.name, requests)
    settings = Settings(
        dynamic=dynamic,
        with_checkpoint=with_checkpoint,
        notes=_read_notes(notes),
        overwrite=force,
        compute_units=compute_units,
        calibrate=calibrate,
        allow_slow=allow_slow,
        photographs=[read_rgb(path) for path in find_photos(proof)] if proof else [],
        command=shlex.join(["toolkit", *map(_without_folders, sys.argv[1:])]),
    )
    manifest = make(source, requests, place, settings, terminal.say)
    if json:
        terminal.print_json({"out": str(place), **manifest})
    else:
        _print_table(place, manifest)


def _share(
    network: Path | None, out: Path | None, strength: float, notes: Path | None, force: bool
) -> None:
    from toolkit.errors import UsageError
    from toolkit.export.shared import share

    if network is None or out is None:
        raise UsageError("--share needs the bundle whose network is used, and --out")
    share(network, out, strength, notes=_read_notes(notes), overwrite=force)
    print(out)


def _source(
    run: Path | None,
    weights: Path | None,
    generator: str | None,
    recipe: str | None,
    mean: str | None,
    std: str | None,
) -> Any:
    from toolkit.errors import UsageError, one_of
    from toolkit.export.outside import of_recipe
    from toolkit.export.source import Source, find_source
    from toolkit.training.networks import GENERATORS

    if weights is None and not any((generator, recipe, mean, std)):
        return find_source(run)
    if run is not None:
        raise UsageError("RUN and --weights name two models; give one of them")
    if weights is None or (generator is None) == (recipe is None):
        raise UsageError(
            "--weights needs --recipe, or the bare --generator (one of "
            f"{', '.join(sorted(GENERATORS))}), and either needs --weights"
        )
    if recipe is not None:
        header = of_recipe(recipe, _numbers("--mean", mean), _numbers("--std", std))
        return Source(weights, weights.stem, generator=header["generator"]["name"], header=header)
    if mean or std:
        raise UsageError("--mean and --std need --recipe, which says what is translated")
    assert generator is not None
    if generator not in GENERATORS:
        raise one_of("generator", generator, sorted(GENERATORS))
    return Source(weights, weights.stem, generator=generator)


def _numbers(option: str, text: str | None) -> list[float]:
    from toolkit.errors import UsageError

    try:
        return [float(word) for word in text.split(",")] if text else []
    except ValueError:
        raise UsageError(f"{option} {one_line(text)}: write numbers with commas") from None


def _without_folders(argument: str) -> str:
    """An absolute path by its name: a bundle is passed on, and tells nothing of its maker."""
    option, equals, value = argument.rpartition("=")
    return f"{option}{equals}{Path(value).name}" if Path(value).is_absolute() else argument


def _read_notes(path: Path | None) -> str:
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{one_line(path)}: cannot be read: {one_line(error)}") from None


def _print_formats(as_json: bool) -> None:
    from toolkit.errors import MissingRequirement
    from toolkit.export.formats import FORMATS

    rows: list[dict[str, Any]] = []
    for form in FORMATS.values():
        try:
            form.require(form.write_needs, form.title)
            ready = "ready"
        except MissingRequirement as error:
            ready = str(error)
        rows.append(
            {
                "format": form.name,
                "file": form.suffix,
                "precisions": {b: list(p) for b, p in form.tolerances.items()},
                "sizes": "free or fixed" if form.flexible else "fixed",
                "notes": form.notes,
                "here": ready,
            }
        )
    if as_json:
        terminal.print_json(rows)
        return
    for row in rows:
        print(f"{row['format']} ({row['file']}): {row['notes']}")
        for boundary, precisions in row["precisions"].items():
            print(f"    {boundary}: {', '.join(precisions)}; the first is the default")
        print(f"    sizes: {row['sizes']}")
        print(f"    here: {row['here']}")


def _print_table_of_all(generator: str | None, calibrate: Path | None, as_json: bool) -> None:
    from dataclasses import asdict

    from toolkit.errors import one_of
    from toolkit.export.table import columns, fill, render

    heads = [c for c in columns() if generator in (None, c.generator)]
    if not heads:
        raise one_of("generator", str(generator), sorted({c.generator for c in columns()}))
    cells = [cell for head in heads for cell in fill(head, calibrate, terminal.say)]
    if as_json:
        terminal.print_json([asdict(cell) for cell in cells])
    else:
        print(render(cells))


def _print_table(place: Path, manifest: dict[str, Any]) -> None:
    width = max(len(name) for name in manifest["files"])
    print(f"{'file':{width}}  {'precision':12}  {'MB':>6}  {'status':8}  against eager PyTorch")
    for name, entry in manifest["files"].items():
        proof = entry["proof"]
        unit = proof["unit"]
        lines = [
            f"{label}: max {f['max_error']:.1e}, mean {f['mean_error']:.1e} {unit}, "
            f"CIEDE2000 {f['mean_ciede2000']:.3f}"
            for label, f in proof["figures"].items()
        ]
        size = f"{entry['size'] / 1e6:.1f}"
        print(
            f"{name:{width}}  {entry['precision']:12}  {size:>6}  {proof['status']:8}  {lines[0]}"
        )
        for line in lines[1:]:
            print(f"{'':{width}}  {'':12}  {'':6}  {'':8}  {line}")
    print(f"{place}: proven and written; check it anywhere with: toolkit verify {place}")
