"""The page in Chromium, beside the Python runtime: ``pytest -m browser``, docs/browser.md."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.web.bundles import EXAMPLES, PAGE, ROOT, make_bundle, scene
from tests.web.conftest import Guard, Start
from tests.web.photo_page import WAIT, PhotoPage, pixels
from toolkit import Colorizer

pytestmark = pytest.mark.browser

Open = Callable[..., PhotoPage]
SHIPPED = ROOT / "exports" / "default"


def expected(bundle: Path, source: Path, **options: float) -> NDArray[np.uint8]:
    return np.asarray(Colorizer(bundle, **options).colorize(source))  # type: ignore[arg-type]


def assert_near(got: NDArray[np.uint8], want: NDArray[np.uint8], mean: float, most: int) -> None:
    assert got.shape == want.shape
    away = np.abs(got.astype(int) - want)
    assert away.mean() <= mean
    assert away.max() <= most


def saved(folder: Path, name: str, picture: NDArray[np.uint8], **options: object) -> Path:
    path = folder / name
    Image.fromarray(picture).save(path, **options)  # type: ignore[arg-type]
    return path


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


def test_24_megapixels_as_jpeg(open_page: Open, tmp_path: Path) -> None:
    source = saved(tmp_path, "large.jpg", scene(4000, 6000))
    page = open_page().go()
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
    got = open_page().go().picture(tmp_path / "clear.png")
    assert_near(got, expected(bundles[0], tmp_path / "clear.png"), mean=0.1, most=1)


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


def test_bad_files_are_told_and_the_others_are_done(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear grandma,")
    whole = saved(tmp_path, "whole.jpg", scene(300, 300)).read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (40_000, 40_000)).save(tmp_path / "bomb.png")
    (tmp_path / "nothing.png").write_bytes(b"")
    saved(tmp_path, "last.png", scene(50, 50))
    page = open_page().go()
    names = ["letter.jpg", "half.jpg", "bomb.png", "nothing.png", "whole.jpg", "last.png"]
    page.give(*(tmp_path / name for name in names))
    assert page.entry("last.png") == "coloured"
    assert page.entry("whole.jpg") == "coloured"
    assert page.entry("letter.jpg").startswith("not a picture")
    assert "ends in the middle" in page.entry("half.jpg")
    assert "too large (40000 × 40000)" in page.entry("bomb.png")
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


def test_without_a_network_after_the_first_visit(
    built_page: Path, bundles: list[Path], open_page: Open, tmp_path: Path
) -> None:
    source = saved(tmp_path, "photo.png", scene(50, 70))
    with Static(built(tmp_path, bundles[0])) as static:
        page = open_page(static.address).go()
        page.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        static.stop()
        page.page.reload()
        page.page.get_by_role("status").filter(has_text="Ready.").wait_for()
        assert_near(page.picture(source), expected(bundles[0], source), mean=0.1, most=1)


def test_on_a_static_host_one_thread_first_and_isolated_from_the_second_visit(
    built_page: Path, bundles: list[Path], open_page: Open, tmp_path: Path
) -> None:
    source = saved(tmp_path, "photo.png", scene(50, 70))
    with Static(built(tmp_path, bundles[0])) as static:
        page = open_page(static.address).go()
        assert page.page.evaluate("crossOriginIsolated") is False
        assert_near(page.picture(source), expected(bundles[0], source), mean=0.1, most=1)
        page.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.go()
        assert page.page.evaluate("crossOriginIsolated") is True
        assert_near(page.picture(source), expected(bundles[0], source), mean=0.1, most=1)


def test_from_toolkit_web_it_is_isolated_at_once(open_page: Open) -> None:
    assert open_page().go().page.evaluate("crossOriginIsolated") is True


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
    page.page.route(
        "**/assets/worker-*.js",
        lambda route: route.fulfill(
            response=(got := route.fetch()),
            body="WebAssembly.validate = () => false;" + got.text(),
        ),
    )
    page.page.goto(page.address)
    alert = page.page.get_by_role("alert")
    alert.wait_for()
    assert "WebAssembly SIMD" in alert.inner_text()


def test_nothing_leaves_the_machine(open_page: Open, guard: Guard, tmp_path: Path) -> None:
    before = list(guard.seen)
    page = open_page().go()
    page.picture(saved(tmp_path, "photo.png", scene(50, 70)))
    page.page.get_by_role("button", name="a cat").click()
    assert page.entry("cat.jpg") == "coloured"
    assert guard.seen == before
    assert len(page.requests) > 5

    # The guard does see what wants out, and the policy stops the page before that.
    blocked = page.page.evaluate("fetch('http://elsewhere.test/').then(() => 'sent', () => 'no')")
    assert blocked == "no"
    assert guard.seen == before
    assert any("Content Security Policy" in text for text in page.wrong)
    page.wrong.clear()
    page.requests.clear()
    outside = page.page.context.new_page()
    with pytest.raises(Exception, match="net::ERR"):
        outside.goto("http://elsewhere.test/")
    assert any("elsewhere.test" in line for line in guard.seen)
    page.wrong.clear()
    page.requests.clear()


def test_bytes_before_a_photograph_can_be_dropped(built_page: Path) -> None:
    ours = [p for p in built_page.rglob("*") if p.suffix in (".html", ".css", ".js", ".svg")]
    assert sum(p.stat().st_size for p in ours) <= 120_000


def test_the_whole_use_by_keyboard(open_page: Open, tmp_path: Path) -> None:
    source = saved(tmp_path, "photo.png", scene(50, 70))
    page = open_page().go()
    keyboard = page.page.keyboard

    def focused() -> str:
        script = "(e => e.id || e.innerText)(document.activeElement)"
        return str(page.page.evaluate(script))

    def tab_to(name: str) -> None:
        for _ in range(25):
            keyboard.press("Tab")
            if focused() == name:
                return
        raise AssertionError(f"{name} is not reached by Tab")

    tab_to("choose")
    with page.page.expect_file_chooser() as chooser:
        keyboard.press("Enter")
    chooser.value.set_files(source)
    page.shown()
    tab_to("split")
    keyboard.press("End")
    assert page.page.locator("#split").input_value() == "100"
    tab_to("strength")
    keyboard.press("Home")
    assert page.page.locator("#strength-value").inner_text() == "0.00"
    tab_to("zoom")
    keyboard.press("Enter")
    assert page.page.locator("#zoom").get_attribute("aria-pressed") == "true"
    tab_to("format")
    page.page.locator("#format").select_option("png")
    tab_to("save")
    with page.page.expect_download(timeout=WAIT) as waiting:
        keyboard.press("Enter")
    gray = pixels(waiting.value)
    assert np.abs(gray.astype(int) - np.asarray(Image.open(source))[..., None]).max() <= 1


LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1200, "height": 1000}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "dark": {"viewport": {"width": 1200, "height": 1000}, "color_scheme": "dark"},
    "korean": {"viewport": {"width": 1200, "height": 1000}, "locale": "ko-KR"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_accessible_in_every_look(
    look: str, open_page: Open, toolkit_web: Start, tmp_path: Path, bundles: list[Path]
) -> None:
    """Screenshots lie in TOOLKIT_SCREENSHOTS, where it is set: look at them."""
    shipped = [SHIPPED] if SHIPPED.is_dir() else []
    page = open_page(toolkit_web(*shipped, *bundles), **LOOKS[look])
    page.page.goto(page.address)
    page.page.locator("#model option").first.wait_for(state="attached")
    axe = (PAGE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def violations() -> list[str]:
        page.page.evaluate(axe)
        found = page.page.evaluate("axe.run().then(result => result.violations)")
        return [f"{v['id']}: {[n['html'] for n in v['nodes']]}" for v in found]

    assert violations() == []
    (tmp_path / "letter.jpg").write_text("Dear grandma,")
    page.give(*EXAMPLES[:2], tmp_path / "letter.jpg")
    page.shown()
    page.page.locator("#queue li.failed").wait_for()
    assert violations() == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    folder = Path(os.environ.get("TOOLKIT_SCREENSHOTS", tmp_path))
    page.page.screenshot(path=folder / f"{look}.png", full_page=True)
    if look == "korean":
        assert page.page.locator("html").get_attribute("lang") == "ko"
        assert page.page.get_by_role("button", name="내려받기", exact=True).is_visible()
    assert page.page.locator(".camera").is_visible() is (look == "phone")


def built(folder: Path, bundle: Path) -> Path:
    """The site as ``toolkit web --build`` writes it."""
    command = [sys.executable, "-m", "toolkit", "web", "--quiet", "--model", str(bundle)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, "--build", str(folder / "site")], env=environment, check=True)
    return folder / "site"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Static:
    """``python -m http.server`` in a folder: a host that knows nothing of the page."""

    def __init__(self, folder: Path) -> None:
        handler = partial(_Quiet, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Static:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __exit__(self, *args: object) -> None:
        self.stop()


def test_a_folder_named_with_another_alphabet_can_hold_the_site(
    built_page: Path, open_page: Open, tmp_path: Path
) -> None:
    """Below a path, as on a project page, and a model whose name needs quoting."""
    site = tmp_path / "사진"
    site.mkdir()
    built(site, make_bundle(tmp_path / "my model"))
    with Static(tmp_path) as static:
        page = open_page(static.address)
        page.page.goto(f"{static.address}사진/site/")
        page.page.get_by_role("status").filter(has_text="Ready.").wait_for()
