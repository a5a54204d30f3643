"""Where results go: never over anything that was given, never two into one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import UnusableInput, UsageError
from toolkit.runtime.formats import SUFFIXES, by_name, by_suffix, sniff
from toolkit.runtime.naming import Task, plan
from toolkit.runtime.selection import expand, read_manifest, shard


def touch(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return paths


def names(tasks: list[Task], root: Path) -> list[str]:
    targets = [task.target for task in tasks]
    return [t.relative_to(root).as_posix() for t in targets if isinstance(t, Path)]


def test_beside_the_photograph(tmp_path: Path) -> None:
    (photo,) = touch(tmp_path, "grandma.jpg")
    assert names(plan([photo], None, None), tmp_path) == ["grandma-color.jpg"]
    assert names(plan([photo], None, by_name("png")), tmp_path) == ["grandma-color.png"]


def test_a_folder_goes_to_a_folder_beside_it_in_the_same_tree(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.jpg", "old/sub/b.tif")
    assert names(plan([tmp_path / "old"], None, None), tmp_path) == [
        "old-color/a.jpg",
        "old-color/sub/b.tif",
    ]


def test_into_a_folder_that_is_named(tmp_path: Path) -> None:
    photo, _ = touch(tmp_path, "a.jpg", "old/sub/b.tif")
    tasks = plan([photo, tmp_path / "old"], tmp_path / "out", by_name("jpg"))
    assert names(tasks, tmp_path) == ["out/a.jpg", "out/sub/b.jpg"]


def test_into_one_file(tmp_path: Path) -> None:
    photo, other = touch(tmp_path, "a.jpg", "b.jpg")
    (task,) = plan([photo], tmp_path / "c.png", None)
    assert task.target == tmp_path / "c.png"
    assert task.format == by_name("png")
    with pytest.raises(UsageError, match="one file and there are 2"):
        plan([photo, other], tmp_path / "c.png", None)
    with pytest.raises(UsageError, match="contradict"):
        plan([photo], tmp_path / "c.png", by_name("jpeg"))


def test_the_input_folder_as_output_and_again(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/b.jpg")
    first = plan([tmp_path], tmp_path, None)
    assert names(first, tmp_path) == ["a-color.jpg", "sub/b-color.jpg"]
    touch(tmp_path, *names(first, tmp_path))
    assert plan([tmp_path], tmp_path, None) == first


def test_a_link_to_the_input_folder_as_output(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    (task,) = plan([tmp_path / "old"], tmp_path / "link", None)
    assert isinstance(task.target, Path)
    assert task.target.name == "a-color.jpg"


def test_results_inside_the_input_folder_are_not_coloured_again(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "out/a.jpg")
    assert names(plan([tmp_path], tmp_path / "out", None), tmp_path) == ["out/a.jpg"]


def test_photographs_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    photos = touch(tmp_path, "x/a.jpg", "y/a.jpg", "x/a.png", "a-color.jpg")
    tasks = plan(photos, tmp_path / "out", by_name("jpg"))
    assert len({task.target for task in tasks}) == 4


def test_the_target_of_one_is_not_the_source_of_another(tmp_path: Path) -> None:
    photos = touch(tmp_path, "a.jpg", "a-color.jpg")
    targets = {task.target for task in plan(photos, None, None)}
    assert not targets & set(photos)
    assert len(targets) == 2


def test_a_folder_without_photographs(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(UnusableInput, match="no photographs"):
        plan([tmp_path], None, None)


odd_names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(odd_names, min_size=1, max_size=5, unique=True), st.booleans())
def test_any_names_have_targets_of_their_own(
    tmp_path: Path, stems: list[str], into_folder: bool
) -> None:
    photos = [tmp_path / f"{stem}.jpg" for stem in stems]
    tasks = plan(photos, tmp_path / "out" if into_folder else None, by_name("png"))
    targets = [task.target for task in tasks]
    assert len(set(targets)) == len(photos)
    assert not set(targets) & set(photos)


@given(st.lists(st.integers(), max_size=50), st.integers(1, 7))
def test_shards_are_disjoint_and_complete(items: list[int], count: int) -> None:
    parts = [shard(items, f"{i}/{count}") for i in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == sorted(items)


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0", "1/2/3", ""])
def test_a_shard_that_makes_no_sense(part: str) -> None:
    with pytest.raises(UsageError, match="shard"):
        shard([1, 2], part)


def test_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"a.jpg\n\n-b.jpg\n\xff.jpg\n")
    assert [bytes(p) for p in read_manifest(path)] == [b"a.jpg", b"-b.jpg", b"\xff.jpg"]
    path.write_bytes(b"\n")
    with pytest.raises(UnusableInput, match="names no photographs"):
        read_manifest(path)


def test_the_table_of_formats_has_no_twins() -> None:
    for suffix in SUFFIXES:
        found = by_suffix(suffix.upper())
        assert found is not None
        assert by_name(suffix) == by_name(found.name) == found
    with pytest.raises(UsageError, match="did you mean jpeg"):
        by_name("jpgg")
    assert sniff(b"%!PS-Adobe") is None


def test_patterns_match_photographs_and_folders(tmp_path: Path) -> None:
    a, b, odd, deep = touch(tmp_path, "s/a.jpg", "s/b.JPG", "s/[1].png", "s/t/u/c.tif")
    touch(tmp_path, "s/notes.txt", "s/.hidden.jpg")
    scans = tmp_path / "s"
    assert expand([scans / "*.jpg"]) == [a]
    assert expand([scans / "*"]) == sorted([a, b, odd, scans / "t"])
    assert expand([scans / "**/*.tif", a]) == [deep, a]
    assert expand([odd]) == [odd]  # a file of this very name is no pattern
    with pytest.raises(UnusableInput, match="no photograph matches"):
        expand([scans / "*.webp"])
    address = Path("s3://bucket/a[1].jpg")
    assert expand([address]) == [address]
    assert expand([scans / "missing.jpg"]) == [scans / "missing.jpg"]
