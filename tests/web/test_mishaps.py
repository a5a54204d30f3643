"""What goes wrong is a sentence on the page, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from PIL import Image

from tests.web.hosts import Static, built
from tests.web.photo_page import PhotoPage, pixels
from tests.web.pictures import assert_near, expected, saved, scene

if TYPE_CHECKING:
    from playwright.sync_api import Download

pytestmark = pytest.mark.browser

Open = Callable[..., PhotoPage]


def test_bad_files_are_told_and_the_others_are_done(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear grandma,")
    whole = saved(tmp_path, "whole.jpg", scene(300, 300)).read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (40_000, 40_000)).save(tmp_path / "bomb.png")
    (tmp_path / "nothing.png").write_bytes(b"")
    (tmp_path / "broken.jpg").write_bytes(whole.replace(b"\xff\xdb", b"\xff\xe5"))
    saved(tmp_path, "last.png", scene(50, 50))
    page = open_page().go()
    bad = ["letter.jpg", "half.jpg", "bomb.png", "nothing.png", "broken.jpg"]
    page.give(*(tmp_path / name for name in [*bad, "whole.jpg", "last.png"]))
    assert page.entry("last.png") == "coloured"
    assert page.entry("whole.jpg") == "coloured"
    assert page.entry("letter.jpg").startswith("not a picture")
    assert "ends in the middle" in page.entry("half.jpg")
    assert "too large (40000 × 40000)" in page.entry("bomb.png")
    assert "cannot decode it" in page.entry("broken.jpg")
    assert page.entry("nothing.png") == "the file is empty"
    archive = page.archive()
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == ["last-color.png", "whole-color.jpg"]


def test_300_files_at_once(open_page: Open, tmp_path: Path) -> None:
    files = [saved(tmp_path, f"p{i:03}.png", scene(24, 24, seed=i)) for i in range(300)]
    page = open_page().go()
    page.give(*files)
    assert page.entry("p299.png") == "coloured"
    assert page.page.locator("#queue li.failed").count() == 0
    assert len(page.archive().namelist()) == 300


def test_a_changed_model_is_not_used(
    built_page: Path, bundles: list[Path], open_page: Open, tmp_path: Path
) -> None:
    site = built(tmp_path, bundles[0])
    model = site / "models" / "first" / "tiny.onnx"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with Static(site) as static:
        page = open_page(static.address)
        page.page.goto(static.address)
        alert = page.page.get_by_role("alert")
        alert.wait_for()
        assert "not the one that was published" in alert.inner_text()


def test_a_browser_without_simd_is_told(open_page: Open) -> None:
    page = open_page()
    page.before_worker("WebAssembly.validate = () => false;")
    page.page.goto(page.address)
    alert = page.page.get_by_role("alert")
    alert.wait_for()
    assert "WebAssembly SIMD" in alert.inner_text()


def test_a_second_model_that_cannot_be_used_leaves_the_first(
    built_page: Path, bundles: list[Path], open_page: Open, tmp_path: Path
) -> None:
    site = built(tmp_path, *bundles)
    (site / "models" / "second" / "tiny.onnx").write_bytes(b"not a model")
    source = saved(tmp_path, "photo.png", scene(40, 60))
    with Static(site) as static:
        page = open_page(static.address).go()
        page.give(source)
        page.shown()
        page.page.locator("#model").select_option("second")
        page.page.get_by_role("alert").wait_for()
        assert page.page.locator("#model").input_value() == "first"
        assert_near(pixels(page.download()), expected(bundles[0], source))


@pytest.mark.parametrize(
    "thread",
    [
        "class { constructor() { throw new Error('no threads'); } }",
        "class extends EventTarget { postMessage() {} terminate() {} }",
    ],
    ids=["refused", "silent"],
)
def test_where_threads_cannot_be_made_one_is_used(
    thread: str, open_page: Open, bundles: list[Path], tmp_path: Path
) -> None:
    page = open_page()
    page.before_worker(f"self.Worker = {thread};")
    source = saved(tmp_path, "photo.png", scene(40, 60))
    assert_near(page.go().picture(source), expected(bundles[0], source))


CANVAS = """
    const Whole = OffscreenCanvas;
    self.OffscreenCanvas = class extends Whole {
        constructor(width, height) {
            const large = width * height > %(pixels)d || Math.max(width, height) > %(side)d;
            super(...(large ? [1, 1] : [width, height]));
            this.large = large;
        }
        getContext(...kind) { return this.large && %(none)s ? null : super.getContext(...kind); }
    };
"""


@pytest.mark.parametrize("none", ["true", "false"], ids=["refused", "empty"])
def test_a_canvas_limit_as_phones_have_it_is_told(
    none: str, open_page: Open, bundles: list[Path], tmp_path: Path
) -> None:
    """Over it a browser gives no canvas, or one that holds nothing."""
    page = open_page()
    page.before_worker(CANVAS % {"pixels": 2**20, "side": 4096, "none": none})
    page.go()
    large = saved(tmp_path, "large.jpg", scene(1000, 1500), quality=95)
    wide = saved(tmp_path, "wide.jpg", scene(60, 5000))
    page.give(wide, large)
    assert page.entry("large.jpg") == "coloured"
    assert "too large for this browser (5000 × 60)" in page.entry("wide.jpg")
    got = page.download("jpeg")
    assert got.suggested_filename == "large-color.png"
    assert "cannot hold so large a JPEG" in page.page.get_by_role("status").inner_text()
    assert_near(pixels(got), expected(bundles[0], large), mean=0.5, most=4)


def test_memory_that_is_not_there_is_told(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    page.before_worker("""
        const Whole = Uint8Array;
        self.Uint8Array = new Proxy(Whole, {construct(target, values, made) {
            if (values[0] === 1234 * 1000) throw new RangeError("Array buffer allocation failed");
            return Reflect.construct(target, values, made);
        }});
    """)
    page.go()
    page.give(
        saved(tmp_path, "large.png", scene(1000, 1234)), saved(tmp_path, "small.png", scene(9, 9))
    )
    assert page.entry("small.png") == "coloured"
    assert page.entry("large.png").startswith("not enough memory")


def test_a_file_that_has_been_deleted_meanwhile_is_told(open_page: Open, tmp_path: Path) -> None:
    gone = saved(tmp_path, "gone.png", scene(40, 60))
    page = open_page().go()
    page.give(gone, saved(tmp_path, "there.png", scene(40, 60)))
    assert page.entry("there.png") == "coloured"
    gone.unlink()
    page.select("there.png")
    page.shown()
    page.select("gone.png")
    alert = page.page.get_by_role("alert")
    alert.wait_for()
    assert "was it moved or deleted?" in alert.inner_text()


def test_more_than_one_archive_can_hold(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    page.change("**/assets/page-*.js", lambda text: text.replace("2**31", "1e3"))
    page.go()
    page.give(*(saved(tmp_path, f"p{i}.png", scene(24, 24, seed=i)) for i in range(3)))
    assert page.entry("p2.png") == "coloured"
    downloads: list[Download] = []
    page.page.on("download", lambda download: downloads.append(download))
    page.page.get_by_role("button", name="Download all").click()
    page.page.get_by_role("status").filter(has_text="photographs-color-3.zip is ready").wait_for()
    names = [name for got in downloads for name in ZipFile(got.path()).namelist()]
    assert names == ["p0-color.png", "p1-color.png", "p2-color.png"]
