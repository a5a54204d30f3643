"""The page's engine, run by Node, against the Python runtime: the same picture.

Run with ``pytest -m browser``; docs/browser.md says what the machine needs.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.bundles import EXAMPLES, PAGE, make_bundle
from tests.web.pictures import Picture, assert_near, expected, opened, scene
from toolkit import Colorizer

pytestmark = pytest.mark.browser

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def node(bundle: Path) -> Run:
    """Runs the Node example; the engine is built anew, so that no old one is tested."""
    npm = shutil.which("npm")
    assert npm, "these tests need Node 20 or later"
    assert (PAGE / "node_modules").is_dir(), "run `npm ci` in examples/browser first"
    subprocess.run([npm, "run", "--silent", "engine"], cwd=PAGE, check=True)

    def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = ["node", "node/colorize.mjs", *map(str, arguments)]
        done = subprocess.run(command, cwd=PAGE, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def colorize(node: Run, bundle: Path) -> Callable[[Path, float], Picture]:
    def run(source: Path, strength: float = 1.0) -> Picture:
        target = source.with_name(f"{source.stem}-{strength}-color.png")
        node(bundle, source, target, str(strength))
        return opened(target)

    return run


MODES = ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_png_comes_out_as_the_runtime_paints_it(
    mode: str, tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    gray = scene(70, 93)
    source = tmp_path / "photo.png"
    if mode == "I;16":
        Image.fromarray(gray.astype(np.uint16) * 257).save(source)
        assert_near(colorize(source), np.asarray(Colorizer(bundle).colorize(source).convert("RGB")))
        return
    image = Image.fromarray(gray)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(scene(70, 93, seed=1)))
    image.convert(mode).save(source)
    assert_near(colorize(source), expected(bundle, source))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (333, 2), (64, 64), (31, 33), (700, 1200)])
def test_every_size(
    size: tuple[int, int], tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    source = tmp_path / "photo.png"
    Image.fromarray(scene(*size)).save(source)
    assert_near(colorize(source), expected(bundle, source))


@pytest.mark.parametrize("strength", [0.0, 0.35, 2.0])
def test_strength_comes_before_the_gamut(
    strength: float, tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    source = tmp_path / "photo.png"
    Image.fromarray(scene(80, 120)).save(source)
    assert_near(colorize(source, strength), expected(bundle, source, strength))


@pytest.mark.parametrize("turn", range(2, 9))
def test_every_exif_orientation(
    turn: int, tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    source = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[274], exif[315] = turn, "Anna"
    Image.fromarray(scene(40, 70)).save(source, exif=exif)
    assert_near(colorize(source), expected(bundle, source))
    with Image.open(tmp_path / "photo-1.0-color.png") as image:
        assert image.getexif() == {274: 1, 315: "Anna"}


@pytest.mark.parametrize("photo", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples(
    photo: Path, tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    source = tmp_path / "photo.png"
    with Image.open(photo) as image:
        image.save(source)
    assert_near(colorize(source), expected(bundle, source))


def test_a_picture_in_colour_keeps_its_colours(
    tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    picture = np.stack([scene(60, 90, seed=s) for s in range(3)], axis=-1)
    source = tmp_path / "photo.png"
    Image.fromarray(picture).save(source)
    np.testing.assert_array_equal(colorize(source), picture)


def test_a_sepia_print_is_coloured(
    tmp_path: Path, bundle: Path, colorize: Callable[..., Picture]
) -> None:
    tone = scene(60, 90)[..., None] * np.array([1, 0.9, 0.75])
    source = tmp_path / "photo.png"
    Image.fromarray(tone.astype(np.uint8)).save(source)
    assert_near(colorize(source), expected(bundle, source))


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty"), (b"no picture", "notAPicture"), (b"\xff\xd8\xff\xe0", "truncated")],
)
def test_what_is_no_picture_is_named(
    data: bytes, code: str, tmp_path: Path, node: Run, bundle: Path
) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(data)
    assert code in node(bundle, source, tmp_path / "out.png", code=4).stderr
    assert not (tmp_path / "out.png").exists()


def test_a_cut_and_a_flipped_bit_are_noticed(tmp_path: Path, node: Run, bundle: Path) -> None:
    source = tmp_path / "photo.png"
    Image.fromarray(scene(80, 120)).save(source)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in node(bundle, source, tmp_path / "out.png", code=4).stderr
    source.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    assert "damaged" in node(bundle, source, tmp_path / "out.png", code=4).stderr


def test_a_bomb_is_refused_by_its_header(tmp_path: Path, node: Run, bundle: Path) -> None:
    source = tmp_path / "photo.png"
    Image.new("1", (40_000, 40_000)).save(source)
    assert "tooLarge: 40000" in node(bundle, source, tmp_path / "out.png", code=4).stderr


def test_a_model_whose_hash_differs_is_refused(tmp_path: Path, node: Run) -> None:
    changed = make_bundle(tmp_path / "changed")
    data = bytearray((changed / "tiny.onnx").read_bytes())
    data[-1] ^= 1
    (changed / "tiny.onnx").write_bytes(data)
    source = tmp_path / "photo.png"
    Image.fromarray(scene(8, 8)).save(source)
    assert "hash" in node(changed, source, tmp_path / "out.png", code=4).stderr


@pytest.mark.parametrize("field", ["resample", "upsample", "gamut", "white", "boundary", "task"])
def test_a_contract_that_the_engine_does_not_know_is_refused(
    field: str, tmp_path: Path, node: Run
) -> None:
    changed = make_bundle(tmp_path / "changed")
    manifest = (changed / "manifest.json").read_text()
    (changed / "manifest.json").write_text(manifest.replace(f'"{field}": "', f'"{field}": "x'))
    source = tmp_path / "photo.png"
    Image.fromarray(scene(8, 8)).save(source)
    assert field in node(changed, source, tmp_path / "out.png", code=4).stderr
