"""What a source names."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UnusableInput, UsageError
from toolkit.runtime.stores import Stores
from toolkit.scale.parts import Part, cut
from toolkit.scale.pieces import pieces
from toolkit.scale.sources import Unit, units


def keys(source: object, column: str = "path") -> list[str]:
    return [unit.key for unit in units(str(source), Stores(), column)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b/c.tif", "b/s-01.tar", "b/s-02.tar", "notes.md", ".x/d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_a_folder_names_its_photographs_and_shards(tree: Path) -> None:
    assert keys(tree) == ["a.jpg", "b/c.tif", "b/s-01.tar", "b/s-02.tar"]
    assert keys(tree / "a.jpg") == ["a.jpg"]


def test_patterns(tree: Path) -> None:
    assert keys(f"{tree}/b/*.tar") == ["s-01.tar", "s-02.tar"]
    assert keys(f"{tree}/b/s-{{01..02}}.tar") == ["s-01.tar", "s-02.tar"]


def test_a_prefix_in_s3(bucket: str) -> None:
    for name in ("in/a.jpg", "in/b/c.tif", "in/s-1.tar", "in/b/notes.md"):
        Stores().write(f"{bucket}/{name}", b"x")
    found = list(units(f"{bucket}/in", Stores()))
    assert sorted(u.key for u in found) == ["a.jpg", "b/c.tif", "s-1.tar"]
    assert all(u.size == 1 and u.place.startswith(f"{bucket}/in/") for u in found)
    assert keys(f"{bucket}/in/*.tar") == ["s-1.tar"]
    Stores().write(f"{bucket}/list.txt", f"in/a.jpg\n{bucket}/in/b/c.tif\n".encode())
    assert keys(f"{bucket}/list.txt") == ["in/a.jpg", f"{bucket[5:]}/in/b/c.tif"]


ENTRIES = ["a.jpg", "b/c.tif", "s3://scans/1900/é 1.jpg", "/mnt/x.jpg", "a.jpg"]
MIRRORED = ["a.jpg", "b/c.tif", "scans/1900/é 1.jpg", "mnt/x.jpg"]


def test_manifests_name_each_photograph_once(tmp_path: Path) -> None:
    text = tmp_path / "list.txt"
    text.write_text("\n".join(ENTRIES) + "\n\n", encoding="utf-8")
    assert keys(text) == MIRRORED
    table = tmp_path / "list.csv"
    table.write_text("id,path\n" + "".join(f"{i},{e}\n" for i, e in enumerate(ENTRIES)))
    assert keys(table) == MIRRORED
    pq.write_table(pa.table({"scan": ENTRIES, "id": range(5)}), tmp_path / "list.parquet")
    assert keys(tmp_path / "list.parquet", "scan") == MIRRORED
    first = next(units(str(text), Stores()))
    assert first.place == str(tmp_path / "a.jpg")


def test_sources_that_name_nothing(tree: Path) -> None:
    (tree / "empty.txt").write_text("\n")
    (tree / "list.csv").write_text("one,two\n1,2\n")
    (tree / "list.parquet").write_bytes(b"no parquet")
    (tree / "nothing").mkdir()
    for source in ("empty.txt", "missing.txt", "missing", "nothing", "*.webp", "list.parquet"):
        with pytest.raises(UnusableInput):
            keys(tree / source)
    with pytest.raises(UsageError, match="one, two"):
        keys(tree / "list.csv")


@given(
    count=st.integers(1, 300),
    shards=st.integers(0, 5),
    actors=st.integers(1, 9),
    size=st.integers(1, 64),
)
def test_parts_hold_every_unit_once(count: int, shards: int, actors: int, size: int) -> None:
    listed = [Unit(f"{i}.jpg", f"{i}.jpg") for i in range(count)]
    listed += [Unit(f"{i}.tar", f"{i}.tar") for i in range(shards)]
    parts = list(cut(iter(listed), 7, actors, size))
    assert sorted(u.place for p in parts for u in p.units) == sorted(u.place for u in listed)
    assert all(len(p.units) <= size for p in parts)
    assert all(len(p.units) == 1 for p in parts if p.units[0].is_shard)
    assert len({p.id for p in parts}) == len(parts)
    assert [Part.from_json(p.to_json()) for p in parts] == parts
    assert all(p.id.startswith("0007-") for p in parts)
    assert len(parts) >= min(count, actors)  # none is idle


@pytest.mark.parametrize("key", ["../a.jpg", "/a.jpg", "b/../../a.jpg", "a\0.jpg"])
def test_names_that_lead_out_of_the_results_are_refused(key: str, tmp_path: Path) -> None:
    part = Part("0001-00000000", (Unit("/in/a.jpg", key),))
    (piece,) = pieces(part, str(tmp_path), "tree", None, Stores(), tmp_path)
    assert piece.problem is not None
