"""What was measured, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from toolkit.bench.models import Row

__all__ = ["models_table", "runtime_table"]


def models_table(rows: Sequence[Row]) -> str:
    """A line for each file and number of threads; then what could not be measured, and why."""
    head = (
        f"{'file':<28}{'precision':<14}{'boundary':<9}{'MB':>7}{'threads':>8}{'load s':>8}"
        f"{'first s':>8}{'p50 ms':>9}{'p95 ms':>9}{'peak MB':>9}{'MP/s':>7}{'x eager':>9}"
    )
    lines = [head, *(line for row in rows for line in _measured(row))]
    quality = [row for row in rows if row.quality]
    if quality:
        lines += ["", f"{'file':<28}{'gain dB':>9}{'CIEDE2000':>11}{'colour':>8}{'worse %':>9}"]
        lines += [_quality(row) for row in quality]
    lines += [f"{row.candidate.name}: {row.why_not}" for row in rows if row.why_not]
    return "\n".join([*lines, "", "MP/s: of the picture that the file is given, not of the photo"])


def runtime_table(found: dict[str, Any]) -> str:
    """The figures of `runtime.bench_runtime`."""
    parts = (_whole, _stages, _sizes, _cold_start, _folder)
    return "\n".join(line for part in parts for line in part(found))


def _measured(row: Row) -> Iterable[str]:
    chosen = row.candidate
    for n, at in row.threads.items():
        ratio = f"{row.faster[n]:.2f}" if n in row.faster else "-"
        yield (
            f"{chosen.name[:27]:<28}{chosen.precision:<14}{chosen.contract.boundary:<9}"
            f"{row.size / 1e6:>7.1f}{n:>8}{at['load_s']:>8.2f}{at['first_s']:>8.2f}"
            f"{at['p50_s'] * 1e3:>9.1f}{at['p95_s'] * 1e3:>9.1f}{_mb(at['peak_bytes']):>9}"
            f"{row.megapixels_per_second(n):>7.2f}{ratio:>9}"
        )


def _quality(row: Row) -> str:
    q = row.quality
    return (
        f"{row.candidate.name[:27]:<28}{q['gain']:>+9.2f}{q['ciede2000']:>11.2f}"
        f"{q['colourfulness_ratio']:>8.2f}{100 * q['worse']:>9.0f}"
    )


def _whole(found: dict[str, Any]) -> Iterable[str]:
    whole = found["whole"]
    floor = whole["floor_s"]
    height, width = whole["network"]
    yield (
        f"{whole['megapixels']:g} megapixels, {whole['threads']} threads, network at "
        f"{height}x{width}"
    )
    rows = dict(whole["parts_s"])
    rows["floor: decode, network, encode"] = floor
    rows["whole, JPEG to JPEG"] = whole["whole_s"]
    for name, seconds in rows.items():
        yield f"  {name:<32}{seconds * 1e3:>8.0f} ms{seconds / floor:>7.2f} x floor"
    if whole["tutorials_s"] is None:
        yield "  the tutorials' way: not measured; it needs scikit-image, of the extra train"
    else:
        seconds, ratio = whole["tutorials_s"], whole["times_as_fast_as_the_tutorials"]
        yield f"  {'the tutorials, scikit-image':<32}{seconds * 1e3:>8.0f} ms{ratio:>7.1f} x ours"


def _stages(found: dict[str, Any]) -> Iterable[str]:
    yield "colour stage, ms per megapixel"
    for threads, kinds in found["colour_stage_s_per_megapixel"].items():
        told = ", ".join(f"{kind} {seconds * 1e3:.1f}" for kind, seconds in kinds.items())
        yield f"  {threads} threads: {told}"


def _sizes(found: dict[str, Any]) -> Iterable[str]:
    yield f"{'megapixels':>11}{'warm s':>9}{'ms/MP':>8}{'peak MB':>9}{'130 MB + 8 B/px':>17}"
    for row in found["sizes"]:
        size, seconds = row["megapixels"], row["warm_s"]
        yield (
            f"{size:>11g}{seconds:>9.2f}{seconds / size * 1e3:>8.1f}{_mb(row['peak_bytes']):>9}"
            f"{_mb(row['limit_bytes']):>17}"
        )


def _cold_start(found: dict[str, Any]) -> Iterable[str]:
    cold = found["cold_start_s"]
    ours = cold["colorize"] - cold["session"]
    yield "cold start, whole processes: " + ", ".join(f"{k} {v:.2f} s" for k, v in cold.items())
    yield f"  beyond imports and session: {ours:.2f} s"


def _folder(found: dict[str, Any]) -> Iterable[str]:
    many = found["folder"]
    yield f"a folder of {many['photographs']} photographs, {many['megapixels']:.0f} megapixels"
    for jobs, seconds in many["seconds"].items():
        speed = many["megapixels"] / seconds
        yield f"  --jobs {jobs}: {seconds:.1f} s, {speed:.1f} megapixels a second"
    yield f"  two at a time: {many['times_as_fast_with_two_jobs']:.2f} x the throughput"


def _mb(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.0f}"
