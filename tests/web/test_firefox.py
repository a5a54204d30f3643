"""The main path in Firefox, as people have it: ``pytest -m browser``, docs/browser.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.web.bundles import EXAMPLES
from tests.web.firefox import Firefox, open_firefox
from tests.web.hosts import Static, built
from tests.web.pictures import Picture, assert_near, expected, opened, saved, scene

pytestmark = pytest.mark.browser

READY = "document.querySelector('#status')?.innerText === 'Ready.'"
ENTRY = "[...document.querySelectorAll('#queue li')].find(li => li.innerText.includes({!r}))"
SET = "(e => (e.value = {value!r}, e.dispatchEvent(new Event({event!r}))))({element})"

Color = Callable[..., Picture]


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    with open_firefox(tmp_path / "firefox") as firefox:
        yield firefox
        assert firefox.wrong() == []


@pytest.fixture
def color(firefox: Firefox) -> Color:
    """Have a photograph coloured, and bring its picture."""

    def set_(control: str, value: str, event: str) -> None:
        element = f"document.querySelector({control!r})"
        firefox.evaluate(SET.format(element=element, value=value, event=event))

    def run(source: Path, strength: float = 1.0) -> Picture:
        entry = ENTRY.format(source.name)
        firefox.choose("#choose", source)
        firefox.until(f"{entry}?.querySelector('.state').innerText === 'coloured'")
        firefox.evaluate(f"{entry}.querySelector('button').click()")
        set_("#strength", str(strength), "input")
        set_("#format", "png", "change")
        return opened(firefox.download("#save"))

    return run


def test_photographs_come_out_as_the_runtime_paints_them(
    firefox: Firefox, color: Color, server: str, bundles: list[Path], tmp_path: Path
) -> None:
    firefox.goto(server)
    firefox.until(READY)
    assert firefox.evaluate("crossOriginIsolated") is True
    png = saved(tmp_path, "photo.png", scene(900, 1300))
    assert_near(color(png), expected(bundles[0], png))
    assert_near(color(png, 1.65), expected(bundles[0], png, strength=1.65))
    for photo in EXAMPLES[:2]:
        assert_near(color(photo), expected(bundles[0], photo), mean=0.5, most=4)

    asked = [event["request"]["url"] for event in firefox.events("network.beforeRequestSent")]
    origins = {"{0.scheme}://{0.netloc}/".format(urlsplit(url)) for url in asked}
    assert {origin for origin in origins if not origin.startswith(("blob:", "data:"))} == {server}


def test_a_page_that_is_not_isolated_and_then_without_a_network(
    built_page: Path, firefox: Firefox, color: Color, bundles: list[Path], tmp_path: Path
) -> None:
    source = saved(tmp_path, "photo.png", scene(50, 70))
    with Static(built(tmp_path, bundles[0])) as static:
        firefox.goto(static.address)
        firefox.until(READY)
        assert firefox.evaluate("crossOriginIsolated") is False
        assert_near(color(source), expected(bundles[0], source))
        firefox.evaluate("navigator.serviceWorker.ready.then(() => true)")
        static.stop()
        firefox.reload()
        firefox.until(READY)
        assert firefox.evaluate("crossOriginIsolated") is True
        assert_near(color(source), expected(bundles[0], source))
