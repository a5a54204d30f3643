"""The whole path from Python: what goes in comes out of the same kind, with its own light."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import toolkit
from tests.conftest import ModelMaker
from toolkit import Colorizer, lab
from toolkit.contract import FixedSize
from toolkit.errors import OutputError, UnusableInput, UnusableModel, UsageError
from toolkit.runtime import photo as photos
from toolkit.runtime.color_profile import srgb_profile
from toolkit.runtime.formats import by_name

RAMP = np.add.outer(np.arange(0, 90), np.arange(40, 160)).astype(np.uint8)


@pytest.fixture(scope="module")
def colorizer(tiny_model: Path) -> Colorizer:
    return Colorizer(tiny_model, threads=2)


def file(image: Image.Image, to: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, to, **options)
    return stream.getvalue()


def test_every_kind_of_picture_gives_its_own_kind(colorizer: Colorizer, tmp_path: Path) -> None:
    image = Image.fromarray(RAMP)
    image.save(tmp_path / "a.png")
    expected = colorizer.colorize(RAMP)
    assert expected.dtype == np.uint8
    assert expected.shape == (*RAMP.shape, 3)
    assert lab.rgb_to_lab(expected)[..., 1:].std() > 1
    for got in (
        np.asarray(colorizer.colorize(image)),
        np.asarray(colorizer.colorize(tmp_path / "a.png")),
        np.asarray(colorizer.colorize(str(tmp_path / "a.png"))),
        np.asarray(Image.open(BytesIO(colorizer.colorize(file(image, "PNG"))))),
        colorizer.colorize(np.repeat(RAMP[..., None], 3, axis=2)),
    ):
        np.testing.assert_array_equal(got, expected)


def test_the_public_names(tiny_model: Path) -> None:
    assert toolkit.colorize(Image.fromarray(RAMP), tiny_model).mode == "RGB"
    assert set(toolkit.__all__) <= set(dir(toolkit))


def test_the_photographs_light_is_kept(tiny_model: Path) -> None:
    colors = Colorizer(tiny_model, strength=0.3).colorize(RAMP)
    assert np.abs(lab.rgb_to_lab(colors)[..., 0] - lab.gray_to_l()[RAMP]).max() <= 0.5


def test_16_bits_in_16_bits_out(colorizer: Colorizer) -> None:
    deep = RAMP.astype(np.uint16) * 257
    got = colorizer.colorize(deep)
    assert got.dtype == np.uint16
    assert np.abs(got / 257 - colorizer.colorize(RAMP)).max() < 0.75


@pytest.mark.parametrize("to", ["PNG", "TIFF"])
def test_a_16_bit_file_gives_a_16_bit_file(colorizer: Colorizer, to: str) -> None:
    deep = np.add.outer(np.arange(0, 9000, 100), np.arange(20_000, 32_000, 100)).astype(np.uint16)
    image = Image.frombytes("I;16", deep.shape[::-1], deep.tobytes())
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = colorizer.colorize(file(image, to, dpi=(300, 300), exif=exif.tobytes()))
    if to == "TIFF":
        tifffile = pytest.importorskip("tifffile", reason="a machine with the extra `images`")
        got = tifffile.imread(BytesIO(data))
        assert got.dtype == np.uint16
        np.testing.assert_array_equal(got, colorizer.colorize(deep))
    else:
        assert data[24] == 16  # the bit depth in PNG's header
    opened = Image.open(BytesIO(data))
    eight = np.asarray(opened).astype(int)
    assert np.abs(eight - colorizer.colorize(deep) // 257).max() <= 1
    assert opened.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert opened.getexif()[0x010F] == "Maker"
    assert opened.info["icc_profile"]


def test_strength_0_is_gray(tiny_model: Path) -> None:
    gray = Colorizer(tiny_model, strength=0).colorize(RAMP)
    np.testing.assert_array_equal(gray, np.repeat(RAMP[..., None], 3, axis=2))


def test_alpha_is_carried_through_untouched(colorizer: Colorizer) -> None:
    alpha = np.tile(np.arange(120, dtype=np.uint8), (90, 1))
    image = Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(alpha)])
    got = colorizer.colorize(image)
    assert got.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(got)[..., 3], alpha)
    again = Image.open(BytesIO(colorizer.colorize(file(image, "PNG"))))
    np.testing.assert_array_equal(np.asarray(again), np.asarray(got))


def in_color() -> NDArray[np.uint8]:
    """Stripes of four colours that are as light as each other, and some darker."""
    rgb = np.zeros((80, 120, 3), np.uint8)
    rgb[:, :30], rgb[:, 30:60], rgb[:, 60:90] = (200, 60, 60), (60, 140, 60), (70, 100, 220)
    return rgb


def test_a_picture_in_colour_keeps_its_colours(colorizer: Colorizer, tiny_model: Path) -> None:
    data = file(Image.fromarray(in_color()), "PNG")
    kept = colorizer.read(data)
    assert any("in colour already" in note for note in kept.kept.notes)
    got = Image.open(BytesIO(colorizer.colorize(data)))
    np.testing.assert_array_equal(np.asarray(got), in_color())
    anew = Colorizer(tiny_model, keep_original_color="never").colorize(data)
    assert np.abs(np.asarray(Image.open(BytesIO(anew))).astype(int) - in_color()).max() > 50


@pytest.mark.parametrize("tone", [(1.0, 0.86, 0.67), (0.8, 0.9, 1.0), (1.0, 1.0, 1.0)])
def test_sepia_is_not_colour(colorizer: Colorizer, tone: tuple[float, float, float]) -> None:
    toned = (RAMP[..., None] * np.array(tone)).astype(np.uint8)
    noisy = file(Image.fromarray(toned), "JPEG", quality=70)
    assert colorizer.read(noisy).rgb is None


def test_the_mirror_image_counts_as_much_with_tta(tiny_model: Path) -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    looks_twice = Colorizer(tiny_model, tta=True)
    np.testing.assert_allclose(
        looks_twice.predict(np.ascontiguousarray(gray[:, ::-1])),
        looks_twice.predict(gray)[..., ::-1],
        atol=1e-3,
    )


def test_size_is_the_networks_short_side(tiny_model: Path) -> None:
    assert Colorizer(tiny_model, size=128).predict(RAMP).shape == (2, 128, 160)
    assert Colorizer(tiny_model).predict(RAMP).shape == (2, 64, 96)


def test_a_fixed_size_is_stretched_to(make_tiny_model: ModelMaker) -> None:
    fixed = Colorizer(make_tiny_model(size=FixedSize(64, 32, "stretch")))
    assert fixed.predict(RAMP).shape == (2, 64, 32)
    assert fixed.colorize(RAMP).shape == (90, 120, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (10, 20_000)])
def test_extreme_shapes(colorizer: Colorizer, shape: tuple[int, int]) -> None:
    assert colorizer.colorize(np.full(shape, 99, np.uint8)).shape == (*shape, 3)


def test_what_jpeg_cannot_hold_is_said(colorizer: Colorizer) -> None:
    photo = photos.Photo(np.zeros((70_000, 1), np.uint8), None, colorizer.read(_jpeg()).kept)
    with pytest.raises(OutputError, match="jpeg cannot hold 1 x 70000"):
        colorizer.write(photo, BytesIO())


def _jpeg() -> bytes:
    return file(Image.fromarray(RAMP), "JPEG", quality=95)


@pytest.mark.parametrize("quality", [75, 92])
@pytest.mark.parametrize("height", [1, 127, 128, 129, 300])
def test_a_jpeg_in_bands_is_the_jpeg_of_the_whole(
    colorizer: Colorizer, height: int, quality: int
) -> None:
    gray = np.random.default_rng(height).integers(0, 256, (height, 50)).astype(np.uint8)
    photo = photos.read(file(Image.fromarray(gray), "PNG"))
    stream, whole = BytesIO(), BytesIO()
    colorizer.write(photo, stream, by_name("jpeg"), quality=quality)
    colorizer.render(photo).save(whole, "JPEG", quality=quality, subsampling=quality < 90 and 2)
    got, expected = (np.asarray(Image.open(s)) for s in (stream, whole))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("to", ["jpeg", "png", "tiff", "webp", "bmp", "gif", "avif"])
def test_formats_out(colorizer: Colorizer, to: str) -> None:
    stream = BytesIO()
    photo = colorizer.read(_jpeg())
    colorizer.write(photo, stream, by_name(to), quality=95)
    got = Image.open(stream)
    assert got.format == by_name(to).pillow
    expected = np.asarray(colorizer.render(photo)).astype(int)
    assert np.abs(np.asarray(got.convert("RGB")) - expected).mean() < 4


def test_metadata_goes_over(colorizer: Colorizer) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "1931:05:01 12:00:00"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    for to in ("JPEG", "PNG", "WEBP", "TIFF"):
        tags = Image.Exif()
        tags.load(exif.tobytes())
        options: dict[str, Any] = {"exif": tags, "dpi": (300, 600)}
        if to == "TIFF":
            tags[700] = xmp
        elif to != "PNG":
            options["xmp"] = xmp
        got = Image.open(BytesIO(colorizer.colorize(file(Image.fromarray(RAMP), to, **options))))
        assert got.size == (90, 120), to
        assert got.getexif().get(0x0112, 1) == 1, to
        assert got.getexif()[0x010F] == "Maker", to
        assert got.getexif().get_ifd(0x8769)[0x9003] == "1931:05:01 12:00:00", to
        assert got.info["icc_profile"] == srgb_profile(), to
        if to != "WEBP":
            assert got.info["dpi"] == pytest.approx((600, 300), abs=1), to
        if to != "PNG":
            assert b"x:xmpmeta" in got.info["xmp"], to
            assert b'tiff:Orientation="6"' not in got.info["xmp"], to


def test_threads_may_share_it(colorizer: Colorizer) -> None:
    expected = colorizer.colorize(RAMP)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: colorizer.colorize(RAMP), range(20)):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("jobs", [1, 3])
def test_many_come_in_order_and_one_bad_one_stops_nothing(
    colorizer: Colorizer, tmp_path: Path, jobs: int
) -> None:
    paths = []
    for number in range(9):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(RAMP[: 10 + number]).save(paths[-1])
    paths[4].write_bytes(b"no picture")
    results = list(colorizer.colorize_many(paths, jobs=jobs))
    assert [r.source for r in results] == paths
    assert [r.error is None for r in results] == [n != 4 for n in range(9)]
    sizes = [r.image.height for r in results if isinstance(r.image, Image.Image)]
    assert sizes == [10, 11, 12, 13, 15, 16, 17, 18]


def test_many_are_taken_only_as_they_are_needed(colorizer: Colorizer) -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield RAMP

    results = colorizer.colorize_many(endless(), jobs=2)
    next(results)
    results.close()
    assert len(taken) <= 4


@pytest.mark.parametrize(
    "options",
    [
        {"strength": -1},
        {"strength": 2.1},
        {"size": 31},
        {"size": 5000},
        {"threads": 0},
        {"upsample": "nearest"},
        {"keep_original_color": "yes"},
    ],
)
def test_values_out_of_range_are_refused(tiny_model: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Colorizer(tiny_model, **options)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 3)),
        np.zeros((0, 3), np.uint8),
        np.zeros((3, 3, 2), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((3, 3), bool),
    ],
)
def test_arrays_that_are_no_picture_are_refused(colorizer: Colorizer, array: Any) -> None:
    with pytest.raises(UnusableInput, match="no picture"):
        colorizer.colorize(array)


def test_a_model_for_another_task_is_refused(make_tiny_model: ModelMaker) -> None:
    with pytest.raises(UnusableModel, match="task luma"):
        Colorizer(make_tiny_model(task="luma"))
