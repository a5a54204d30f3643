from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.filters import gaussian

from tests.training.conftest import picture
from toolkit.errors import UnusableInput, UsageError
from toolkit.lab import rgb_to_lab
from toolkit.training.data.augment import _blurred, vary_lightness
from toolkit.training.data.batches import Batches, prefetch
from toolkit.training.data.pack import Pack, open_pack
from toolkit.training.data.split import Split, split_pack
from toolkit.training.recipe import Data, Parts, Stage


def split_by_hash(pack: Pack, folder: Path) -> Split:
    return split_pack(pack, folder, Parts())


def batches(
    folder: Path, data: Data, stages: list[Stage] | None = None, epochs: int = 2
) -> Batches:
    pack = open_pack(folder, side=data.side, fit=data.fit)
    split = split_by_hash(pack, folder)
    return Batches(pack, split.train, data, stages or [Stage(0.0, 32, 8)], epochs, seed=7)


def test_a_stretched_pack_is_pillows_bicubic(photos: Path) -> None:
    pack = open_pack(photos, side=32, fit="stretch")
    by_name = {entry.name: i for i, entry in enumerate(pack.entries)}
    for name in ("people/00.png", "places/05.png"):
        with Image.open(photos / name) as image:
            expected = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(pack[by_name[name]], expected)


def test_a_covering_pack_keeps_the_aspect_ratio_and_enlarges_nothing(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    picture(1, (200, 100)).save(tmp_path / "p" / "large.png")
    picture(2, (30, 40)).save(tmp_path / "p" / "small.png")
    pack = open_pack(tmp_path / "p", side=50, fit="cover")
    assert sorted(pack[i].shape for i in range(2)) == [(40, 30, 3), (50, 100, 3)]


def test_a_pack_is_made_once_and_again_when_a_photograph_comes(photos: Path, cache: Path) -> None:
    open_pack(photos, side=32, fit="cover")
    (place,) = (cache / "packs").iterdir()
    made = (place / "pixels.rgb").stat().st_mtime_ns
    assert len(open_pack(photos, side=32, fit="cover")) == 40
    assert (place / "pixels.rgb").stat().st_mtime_ns == made
    picture(99).save(photos / "new.png")
    assert len(open_pack(photos, side=32, fit="cover")) == 41


def test_unreadable_photographs_are_named_and_left_out(photos: Path) -> None:
    (photos / "text.jpg").write_text("not a picture")
    (photos / "empty.png").write_bytes(b"")
    whole = (photos / "people" / "00.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    pack = open_pack(photos, side=32, fit="cover")
    assert len(pack) == 40
    assert set(pack.unreadable) == {"text.jpg", "empty.png", "cut.png"}


def test_the_same_photograph_twice_counts_once(photos: Path) -> None:
    (photos / "again.png").write_bytes((photos / "people" / "00.png").read_bytes())
    assert len(open_pack(photos, side=32, fit="cover")) == 40


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no photographs"):
        open_pack(tmp_path, side=32, fit="cover")


def test_one_photograph_is_too_few(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "one.png")
    with pytest.raises(UnusableInput, match="too few"):
        split_by_hash(open_pack(tmp_path, side=32, fit="cover"), tmp_path)


def test_the_split_holds_when_photographs_come(photos: Path) -> None:
    def sides() -> tuple[set[str], set[str]]:
        pack = open_pack(photos, side=32, fit="cover")
        split = split_by_hash(pack, photos)
        return (
            {pack.entries[i].sha256 for i in split.train},
            {pack.entries[i].sha256 for i in split.dev},
        )

    for i in range(100, 160):
        picture(i).save(photos / f"{i}.png")
    train, dev = sides()
    for i in range(200, 230):
        picture(i).save(photos / f"{i}.png")
    later_train, later_dev = sides()
    assert dev
    assert not train & dev
    assert train <= later_train
    assert dev <= later_dev


def test_the_split_by_seed_is_the_tutorials(photos: Path) -> None:
    """Their own lines, on the sorted paths of this folder."""
    pack = open_pack(photos, side=32, fit="stretch")
    split = split_pack(pack, photos, Parts("seed", seed=123, chosen=30, train=24))

    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    np.random.seed(123)
    paths_subset = np.random.choice(paths, 30, replace=False)
    rand_idxs = np.random.permutation(30)

    def names(positions: list[int]) -> set[str]:
        return {pack.entries[i].name for i in positions}

    assert names(split.train + split.dev) == set(paths_subset[rand_idxs[:24]])
    assert names(split.held_out) == set(paths_subset[rand_idxs[24:]])
    assert len(split.train) + len(split.dev) == 24
    assert split.dev
    described = split.describe(pack, photos)
    assert len(described["held_out"]) == 6


def test_a_smaller_folder_is_divided_in_the_same_proportion(photos: Path) -> None:
    pack = open_pack(photos, side=32, fit="stretch")
    split = split_pack(pack, photos, Parts("seed", seed=1, chosen=10_000, train=8_000))
    assert (len(split.train) + len(split.dev), len(split.held_out)) == (32, 8)


def test_without_counts_the_seed_takes_everything(photos: Path) -> None:
    pack = open_pack(photos, side=32, fit="stretch")
    split = split_pack(pack, photos, Parts("seed", seed=1))
    assert (len(split.train) + len(split.dev), split.held_out) == (40, [])


def test_a_way_to_divide_that_does_not_exist_is_named(photos: Path) -> None:
    pack = open_pack(photos, side=32, fit="stretch")
    with pytest.raises(UsageError, match="hash, seed"):
        split_pack(pack, photos, Parts("sead"))


def test_a_batch_depends_on_its_number_alone(photos: Path) -> None:
    data = Data(side=48, fit="cover", zoom=(0.5, 1.0), gamma=0.3, fade=0.2, grain=5.0)
    first, second = batches(photos, data), batches(photos, data)
    for step in (5, 0, 3):
        torch.testing.assert_close(first[step].lightness, second[step].lightness, rtol=0, atol=0)
    with prefetch(second, 2) as ahead:
        for step in range(2, second.total_steps):
            torch.testing.assert_close(next(ahead).ab, first[step].ab, rtol=0, atol=0)


def test_an_epoch_shows_each_photograph_once(photos: Path) -> None:
    made = batches(photos, Data(side=32, fit="stretch", flip=False), [Stage(0.0, 32, 8)])
    seen = []
    step = 0
    while made.epoch_of(step) == 0:
        seen += [ab.numpy().tobytes() for ab in made[step].ab]
        step += 1
    assert len(seen) == len(set(seen)) == len(split_by_hash(made.pack, photos).train)


def test_a_batch_holds_the_scaled_lab_of_its_pixels(photos: Path) -> None:
    made = batches(photos, Data(side=32, fit="stretch", flip=False))
    batch = made[0]
    lab = {rgb_to_lab(made.pack[i]).transpose(2, 0, 1).tobytes() for i in range(len(made.pack))}
    for lightness, ab in zip(batch.lightness, batch.ab, strict=True):
        back = torch.cat([(lightness + 1) * 50, ab * 110]).numpy()
        assert any(
            np.allclose(back, np.frombuffer(raw, np.float32).reshape(3, 32, 32), atol=1e-3)
            for raw in lab
        )


def test_a_flip_mirrors_light_and_colour_together(photos: Path) -> None:
    plain = batches(photos, Data(side=32, fit="stretch", flip=False))
    flipped = batches(photos, Data(side=32, fit="stretch", flip=True))
    kinds = set()
    for a, b in zip(
        torch.cat([plain[0].lightness, plain[0].ab], 1),
        torch.cat([flipped[0].lightness, flipped[0].ab], 1),
        strict=True,
    ):
        kinds.add("same" if torch.equal(a, b) else "mirrored" if torch.equal(a.flip(2), b) else "?")
    assert kinds == {"same", "mirrored"}


def test_the_square_root_weighs_sources(photos: Path) -> None:
    """30 photographs of places and 10 of people come out as sqrt(30) to sqrt(10)."""
    data = Data(side=32, fit="stretch", weighting="sqrt", samples_per_epoch=4000)
    made = batches(photos, data, epochs=1)
    sources = [made.pack.entries[i].source for i in made._order(0)]
    sizes = {
        s: sum(made.pack.entries[i].source == s for i in made._chosen) for s in ("people", "places")
    }
    expected = sizes["people"] ** 0.5 / (sizes["people"] ** 0.5 + sizes["places"] ** 0.5)
    assert abs(sources.count("people") / len(sources) - expected) < 0.04


def test_stages_begin_at_their_share(photos: Path) -> None:
    made = batches(photos, Data(side=48, fit="cover"), [Stage(0.0, 32, 8), Stage(0.5, 64, 4)], 4)
    by_epoch = {
        made.plan(step).epoch: made.plan(step).stage.crop for step in range(made.total_steps)
    }
    assert by_epoch == {0: 32, 1: 32, 2: 64, 3: 64}
    assert made[made.total_steps - 1].lightness.shape[-1] == 64


def test_no_ageing_changes_nothing() -> None:
    lightness = np.linspace(0, 100, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    out = vary_lightness(lightness.copy(), Data(), np.random.default_rng(0))
    np.testing.assert_array_equal(out, lightness)


def test_ageing_keeps_the_range_and_fades() -> None:
    lightness = np.tile(
        np.linspace(0, 100, 64, dtype=np.float32).reshape(1, 1, 8, 8), (32, 1, 1, 1)
    )
    rng = np.random.default_rng(0)
    out = vary_lightness(lightness.copy(), Data(gamma=0.3, fade=0.3, grain=8.0), rng)
    assert out.min() >= 0
    assert out.max() <= 100
    faded = vary_lightness(lightness.copy(), Data(fade=0.3), rng)
    assert (np.ptp(faded, axis=(1, 2, 3)) < 100).all()


def test_blur_is_a_gaussian() -> None:
    photo = np.random.default_rng(0).uniform(0, 100, (24, 40)).astype(np.float32)
    expected = gaussian(photo, 2.0, mode="nearest", truncate=3.0)
    np.testing.assert_allclose(_blurred(photo, 2.0), expected, atol=1e-3)
    np.testing.assert_array_equal(_blurred(photo, 0.2), photo)
    several = np.repeat(photo[None, None], 8, axis=0)
    soft = vary_lightness(several, Data(blur=3.0), np.random.default_rng(0))
    spread = soft.std(axis=(1, 2, 3))
    assert (spread <= photo.std()).all()
    assert len(np.unique(spread)) >= 4  # each photograph has its own


def test_scratches_are_thin_upright_lines() -> None:
    plain = np.full((4, 1, 64, 64), 50, np.float32)
    out = vary_lightness(plain.copy(), Data(scratches=3.0), np.random.default_rng(0))
    touched = np.abs(out - 50) > 0
    assert touched.any()
    assert touched.sum(axis=-1).max() <= 10  # few pixels of any row
    assert np.abs(out - 50)[touched].min() >= 15 - 1e-3
    assert out.min() >= 0
    assert out.max() <= 100
