"""The page for everyone: by keyboard, with a screen reader, on a phone, in the dark, in Korean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.web.bundles import EXAMPLES, PAGE, SHIPPED
from tests.web.conftest import Start
from tests.web.photo_page import WAIT, PhotoPage, pixels
from tests.web.pictures import saved, scene

pytestmark = pytest.mark.browser

Open = Callable[..., PhotoPage]


def test_the_whole_use_by_keyboard(open_page: Open, tmp_path: Path) -> None:
    source = saved(tmp_path, "photo.png", scene(50, 70))
    page = open_page()
    page.page.on("filechooser", lambda _: None)  # caught from now on: to begin takes a moment
    page.go()
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
    "desktop": {"viewport": {"width": 1200, "height": 1400}},
    "phone": {"viewport": {"width": 390, "height": 1800}, "has_touch": True, "is_mobile": True},
    "dark": {"viewport": {"width": 1200, "height": 1400}, "color_scheme": "dark"},
    "korean": {"viewport": {"width": 1200, "height": 1400}, "locale": "ko-KR"},
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
    page.page.screenshot(path=folder / f"{look}.png")
    if look == "korean":
        assert page.page.locator("html").get_attribute("lang") == "ko"
        assert page.page.get_by_role("button", name="내려받기", exact=True).is_visible()
    assert page.page.locator(".camera").is_visible() is (look == "phone")


def test_the_picture_for_readme(open_page: Open, toolkit_web: Start, tmp_path: Path) -> None:
    """``TOOLKIT_SCREENSHOTS=docs pytest -m browser -k readme`` takes docs/page.jpg anew."""
    page = open_page(toolkit_web(SHIPPED), viewport={"width": 900, "height": 1080})
    page.page.goto(page.address)
    page.give(*EXAMPLES)
    assert page.entry(EXAMPLES[-1].name) == "coloured"
    page.shown()
    path = Path(os.environ.get("TOOLKIT_SCREENSHOTS", tmp_path)) / "page.jpg"
    page.page.screenshot(path=path, type="jpeg", quality=85)
    assert 20_000 < path.stat().st_size < 300_000
