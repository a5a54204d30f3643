"""The page in Chromium, beside the Python runtime: ``pytest -m browser``, docs/browser.md."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from tests.web.bundles import EXAMPLES, SHIPPED, make_stronger
from tests.web.conftest import Start
from tests.web.photo_page import PhotoPage, pixels
from tests.web.pictures import assert_near, expected, saved, scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

Open = Callable[..., PhotoPage]


def test_the_examples_come_out_as_the_command_line_writes_them(
    open_page: Open, toolkit_web: Start
) -> None:
    page = open_page(toolkit_web(SHIPPED)).go()
    for photo in EXAMPLES:
        assert_near(page.picture(photo), expected(SHIPPED, photo), mean=0.1, most=1)


def test_jpegs_of_every_orientation(open_page: Open, bundles: list[Path], tmp_path: Path) -> None:
    page = open_page().go()
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274], exif[315] = turn, "Anna"
        source = saved(tmp_path, f"turn{turn}.jpg", scene(60, 100), exif=exif, quality=95)
        assert_near(page.picture(source), expected(bundles[0], source), mean=0.5, most=4)


@pytest.mark.parametrize("size", [(1, 1), (500, 12_000), (3000, 4000)])
def test_sizes(size: tuple[int, int], open_page: Open, bundles: list[Path], tmp_path: Path) -> None:
    source = saved(tmp_path, "photo.png", scene(*size))
    assert_near(open_page().go().picture(source), expected(bundles[0], source), mean=0.1, most=1)


def test_24_megapixels_on_a_small_machine(
    open_page: Open, small_browser: Browser, tmp_path: Path
) -> None:
    source = saved(tmp_path, "large.jpg", scene(4000, 6000))
    page = open_page(browser=small_browser).go()
    page.give(source)
    assert page.entry("large.jpg") == "coloured"
    got = page.download("jpeg")
    assert got.suggested_filename == "large-color.jpg"
    assert pixels(got).shape == (4000, 6000, 3)


def test_a_transparent_png_keeps_its_transparency(
    open_page: Open, bundles: list[Path], tmp_path: Path
) -> None:
    image = Image.fromarray(scene(80, 90))
    image.putalpha(Image.fromarray(scene(80, 90, seed=1)))
    image.save(tmp_path / "clear.png")
    page = open_page().go()
    want = expected(bundles[0], tmp_path / "clear.png")
    assert_near(page.picture(tmp_path / "clear.png"), want)
    got = page.download("jpeg")  # has none
    assert got.suggested_filename == "clear-color.png"
    assert "no transparency" in page.page.get_by_role("status").inner_text()
    assert_near(pixels(got), want)


def test_strength_and_model(open_page: Open, bundles: list[Path], tmp_path: Path) -> None:
    source = saved(tmp_path, "photo.png", scene(90, 120))
    page = open_page().go()
    page.give(source)
    page.shown()
    page.strength(1.65)
    want = expected(bundles[0], source, strength=1.65)
    assert_near(pixels(page.download()), want, mean=0.1, most=1)
    page.page.locator("#model").select_option("second")
    page.page.locator("#model:not([disabled])").wait_for()
    want = expected(bundles[1], source, strength=1.65)
    assert_near(pixels(page.download()), want, mean=0.1, most=1)


def test_a_model_with_anothers_network(
    open_page: Open, toolkit_web: Start, bundles: list[Path], tmp_path: Path
) -> None:
    stronger = make_stronger(bundles[0], "stronger", 1.5)
    source = saved(tmp_path, "photo.png", scene(90, 120))
    page = open_page(toolkit_web(bundles[0], stronger))
    fetched = []
    page.page.on("request", lambda request: fetched.append(request.url.split("?")[0]))
    page.go()
    page.give(source)
    page.shown()
    page.page.locator("#model").select_option("stronger")
    page.page.locator("#model:not([disabled])").wait_for()
    want = expected(bundles[0], source, strength=1.5)
    np.testing.assert_array_equal(expected(stronger, source), want)
    assert_near(pixels(page.download()), want, mean=0.1, most=1)
    assert len([url for url in fetched if url.endswith("/tiny.onnx")]) == 1


def test_strength_does_not_run_the_network_again(
    open_page: Open, bundles: list[Path], tmp_path: Path
) -> None:
    source = saved(tmp_path, "photo.png", scene(90, 120))
    page = open_page().go()
    page.give(source)
    page.shown()
    script = next(url for url in page.requests if url.endswith(".mjs"))
    worker = next(worker for worker in page.page.workers if "/worker-" in worker.url)
    worker.evaluate(
        """async url => {
            const run = () => { throw new Error('the network ran'); };
            (await import(url)).InferenceSession.prototype.run = run;
        }""",
        script,
    )
    page.strength(0.5)
    want = expected(bundles[0], source, strength=0.5)
    assert_near(pixels(page.download()), want, mean=0.1, most=1)
    page.give(saved(tmp_path, "second.png", scene(90, 120)))
    assert "the network ran" in page.entry("second.png")


def test_a_jpeg_keeps_its_exif_and_name(open_page: Open, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[315] = 6, "Anna"
    source = saved(tmp_path, "grandma 할머니.jpeg", scene(60, 100), exif=exif, dpi=(300, 300))
    page = open_page().go()
    page.give(source)
    page.shown()
    got = page.download("jpeg")
    assert got.suggested_filename == "grandma 할머니-color.jpg"
    with Image.open(got.path()) as image:
        assert dict(image.getexif()) == {274: 1, 315: "Anna"}
        assert image.info["dpi"] == (300, 300)
        assert image.size == (60, 100)


def test_drop_and_paste(open_page: Open, tmp_path: Path) -> None:
    source = saved(tmp_path, "photo.png", scene(40, 60))
    page = open_page().go()
    script = """([kind, data]) => {
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], kind + '.png', {type: 'image/png'}));
        const event = kind === 'drop'
            ? new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})
            : new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true});
        document.body.dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.page.evaluate(script, [kind, b64encode(source.read_bytes()).decode()])
        assert page.entry(f"{kind}.png") == "coloured"


def test_at_100_percent_each_pixel_is_shown_as_it_is_saved(
    open_page: Open, bundles: list[Path], tmp_path: Path
) -> None:
    source = saved(tmp_path, "photo.png", scene(1800, 2500))
    page = open_page().go()
    page.give(source)
    page.shown()
    page.page.get_by_role("button", name="Show at 100 %").click()
    page.page.evaluate("""new Promise(done => {
        document.querySelector('#stage').scrollTo(700, 500);
        requestAnimationFrame(() => requestAnimationFrame(done));
    })""")
    page.shown()
    shown = page.page.evaluate("""() => {
        const canvas = document.querySelector('#after');
        const {width, height} = canvas;
        const image = canvas.getContext('2d').getImageData(0, 0, width, height);
        return [width, height, Array.from(image.data.slice(0, width * 4))];
    }""")
    width = shown[0]
    row = np.array(shown[2], np.uint8).reshape(1, width, 4)[..., :3]
    want = expected(bundles[0], source)[500:501, 700 : 700 + width]
    assert_near(row, want, mean=0.1, most=1)


def test_models_can_be_chosen_where_there_are_several(
    open_page: Open, toolkit_web: Start, bundles: list[Path]
) -> None:
    several = open_page().go().page
    assert several.locator("#model-control[hidden]").count() == 0
    assert several.locator("#model option").all_inner_texts() == ["first", "second"]
    one = open_page(toolkit_web(bundles[1])).go().page
    assert one.locator("#model-control[hidden]").count() == 1


def test_a_format_that_was_chosen_holds_for_all(open_page: Open, tmp_path: Path) -> None:
    page = open_page().go()
    page.give(*(saved(tmp_path, name, scene(40, 60)) for name in ("a.jpg", "b.jpg", "c.png")))
    assert page.entry("c.png") == "coloured"
    assert page.archive().namelist() == ["a-color.jpg", "b-color.jpg", "c-color.png"]
    page.page.get_by_label("Save as").select_option("png")
    page.select("b.jpg")
    assert page.page.get_by_label("Save as").input_value() == "png"
    assert page.archive().namelist() == ["a-color.png", "b-color.png", "c-color.png"]


def test_what_is_not_kept_is_told(open_page: Open, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info = PngInfo()
    info.add_text("Caption", "Anna")
    page = open_page().go()
    captions = "IPTC captions are not kept"
    want = {
        saved(tmp_path, "plain.jpg", scene(40, 60)): "",
        saved(tmp_path, "comment.jpg", scene(40, 60), comment=b"Anna"): captions,
        saved(tmp_path, "profile.jpg", scene(40, 60), icc_profile=profile): "profile is applied",
        saved(tmp_path, "text.png", scene(40, 60), pnginfo=info): captions,
        saved(tmp_path, "photo.webp", scene(40, 60)): "not from this file",
    }
    page.give(*want)
    for source, note in want.items():
        assert page.entry(source.name) == "coloured"
        page.select(source.name)
        said = page.page.locator("#notes").inner_text()
        assert note in said
        assert bool(said) is bool(note)


def test_a_folder_can_be_dropped(open_page: Open, tmp_path: Path) -> None:
    """A drop as the window system hands it over."""
    folder = tmp_path / "scans"
    (folder / "1921").mkdir(parents=True)
    saved(folder, "b.png", scene(30, 40))
    saved(folder / "1921", "a.png", scene(30, 40))
    (folder / "notes.txt").write_text("who is who")
    (folder / ".hidden.png").write_bytes(b"")
    page = open_page().go()
    devtools = page.page.context.new_cdp_session(page.page)
    files = [str(folder), str(saved(tmp_path, "c.png", scene(30, 40)))]
    data = {"items": [], "files": files, "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 200, "data": data})
    assert page.entry("c.png") == "coloured"
    names = page.page.locator("#queue li span:first-of-type").all_inner_texts()
    assert names == ["a.png", "b.png", "c.png"]


def test_one_that_is_chosen_far_below_comes_into_view(open_page: Open, tmp_path: Path) -> None:
    page = open_page().go()
    page.give(*(saved(tmp_path, f"p{i}.png", scene(300, 300, seed=i)) for i in range(40)))
    assert page.entry("p39.png") == "coloured"
    page.select("p39.png")
    page.shown()
    top = "document.querySelector('#stage').getBoundingClientRect().top"
    assert 0 <= page.page.evaluate(top) < 200
