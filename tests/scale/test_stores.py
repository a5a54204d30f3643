"""Files by address against a real S3 service that misbehaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scale.conftest import S3
from toolkit.errors import OutputError, ToolkitError, UnusableInput
from toolkit.runtime import stores as module
from toolkit.runtime.stores import Stores, failure, is_url


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)


def kind(error: ToolkitError) -> str:
    return failure(error.__cause__)


def test_what_is_an_address() -> None:
    assert is_url("s3://bucket/a.jpg")
    assert is_url("gs://bucket")
    assert not any(map(is_url, ("C:\\a.jpg", "c://a", "a.jpg", "/a:/b", "./s3:/a", "//a")))


def test_a_file_comes_back_as_it_was_put(bucket: str, tmp_path: Path) -> None:
    stores = Stores()
    for place in (f"{bucket}/a b/é.jpg", str(tmp_path / "a b" / "é.jpg")):
        assert not stores.exists(place)
        stores.write(place, b"light")
        assert stores.exists(place)
        assert (stores.read(place), stores.size(place)) == (b"light", 5)
        with pytest.raises(OutputError, match="exists"):
            stores.write(place, b"dark", overwrite=False)
        stores.fetch(place, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"light"
        stores.delete(place)
        stores.delete(place)
        with pytest.raises(UnusableInput) as caught:
            stores.read(place)
        assert kind(caught.value) == "missing"


def test_listing_goes_through_folders_and_leaves_out_what_is_hidden(
    bucket: str, tmp_path: Path
) -> None:
    stores = Stores()
    for base in (bucket, str(tmp_path)):
        for name in ("b.jpg", "a/2.jpg", "a/1.jpg", ".hidden/x.jpg", "a/.toolkit-tmp-1"):
            stores.write(f"{base}/{name}", b"12")
        found = dict(stores.find(base))
        assert {place.removeprefix(f"{base}/") for place in found} == {
            "b.jpg",
            "a/1.jpg",
            "a/2.jpg",
        }
        assert set(found.values()) == {2}


def test_a_busy_store_is_asked_again(bucket: str) -> None:
    stores = Stores()
    stores.write(f"{bucket}/throttled-3.jpg", b"light")
    assert stores.read(f"{bucket}/throttled-3.jpg") == b"light"
    stores.write(f"{bucket}/dropped-2.jpg", b"light" * 1000)
    assert stores.read(f"{bucket}/dropped-2.jpg") == b"light" * 1000


def test_a_write_that_breaks_off_leaves_nothing_and_is_tried_again(bucket: str) -> None:
    data = b"light" * 100_000
    for name in ("put-throttled-2.jpg", "put-dropped-2.jpg"):
        Stores().write(f"{bucket}/{name}", data)
        assert Stores().read(f"{bucket}/{name}") == data
    for name, reason in (("put-throttled.jpg", "throttled"), ("put-dropped.jpg", "connection")):
        with pytest.raises(OutputError) as caught:
            Stores(retries=2).write(f"{bucket}/{name}", data)
        assert kind(caught.value) == reason
        assert not Stores().exists(f"{bucket}/{name}")


@pytest.mark.parametrize(
    ("name", "reason"), [("throttled", "throttled"), ("dropped", "connection")]
)
def test_a_store_that_stays_broken_is_given_up(bucket: str, name: str, reason: str) -> None:
    Stores().write(f"{bucket}/{name}.jpg", b"light" * 1000)
    with pytest.raises(UnusableInput) as caught:
        Stores(retries=2).read(f"{bucket}/{name}.jpg")
    assert kind(caught.value) == reason


def test_what_cannot_succeed_is_told_at_once(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 60)  # a pause would be seen
    with pytest.raises(UnusableInput, match="no such file, folder or bucket"):
        list(Stores().find("s3://no-such-bucket/a/"))
    with pytest.raises(OutputError, match="no such file, folder or bucket"):
        Stores().write("s3://no-such-bucket/a.jpg", b"light")


def test_wrong_credentials_are_named(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    forget = fsspec.get_filesystem_class("s3").clear_instance_cache
    forget()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    try:
        with pytest.raises(UnusableInput, match="check the credentials") as caught:
            Stores().read("s3://bucket/a.jpg")
    finally:
        forget()
    assert kind(caught.value) == "denied"
