"""Nothing leaves the machine, and the page needs no network after the first visit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.bundles import make_bundle
from tests.web.conftest import Guard
from tests.web.hosts import Quiet, Static, built
from tests.web.photo_page import WAIT, PhotoPage
from tests.web.pictures import assert_near, expected, saved, scene

if TYPE_CHECKING:
    from playwright.sync_api import Response, Route

pytestmark = pytest.mark.browser

Open = Callable[..., PhotoPage]


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


def test_nothing_leaves_the_machine(open_page: Open, guard: Guard, tmp_path: Path) -> None:
    before = list(guard.seen)
    page = open_page().go()
    page.page.get_by_role("button", name="a cat").click()
    assert page.entry("cat.jpg") == "coloured"
    page.picture(saved(tmp_path, "photo.png", scene(50, 70)))
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


def test_bytes_before_a_photograph_can_be_dropped(open_page: Open, tmp_path: Path) -> None:
    """The engine is held back; a photograph is taken all the same."""
    page = open_page()
    held: list[Route] = []
    page.page.route("**/assets/worker-*.js", lambda route: held.append(route))
    loaded: list[Response] = []
    page.page.on("response", lambda response: loaded.append(response))
    page.page.goto(page.address)
    page.give(saved(tmp_path, "photo.png", scene(50, 70)))
    page.page.locator("#queue li", has_text="waiting").wait_for()
    assert sum(len(response.body()) for response in loaded) <= 120_000
    held[0].continue_()
    assert page.entry("photo.png") == "coloured"


def test_progress_is_that_of_the_bytes(
    built_page: Path, bundles: list[Path], open_page: Open, tmp_path: Path
) -> None:
    go_on = Event()

    class Slow(Quiet):
        def copyfile(self, source: Any, outputfile: Any) -> None:
            if self.path.endswith(".wasm"):
                outputfile.write(source.read(5_000_000))
                go_on.wait(WAIT / 1000)
            super().copyfile(source, outputfile)

    (wasm,) = built_page.rglob("*.wasm")
    total = wasm.stat().st_size
    with Static(built(tmp_path, bundles[0]), Slow) as static:
        page = open_page(static.address)
        page.page.goto(static.address)
        page.page.get_by_text(f"Loading the engine: 5.0 / {total / 1e6:.1f} MB").wait_for()
        shown = float(page.page.locator("#progress").evaluate("bar => bar.value"))
        assert shown == pytest.approx(5e6 / total)
        go_on.set()
        page.page.get_by_role("status").filter(has_text="Ready.").wait_for()
        assert page.page.locator("#loading").is_hidden()


def test_it_can_be_installed(open_page: Open) -> None:
    page = open_page().go()
    page.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    devtools = page.page.context.new_cdp_session(page.page)
    found = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in found if error["errorId"] != "in-incognito"] == []


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
