from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from toolkit.errors import UnusableInput
from toolkit.training.compare import differences, draw_comparison, loss_names, read_run
from toolkit.training.recipe import load_recipe


def write_run(folder: Path, epochs: int, *settings: str) -> Path:
    """What a run of coco-lab leaves after some epochs."""
    folder.mkdir(parents=True)
    recipe = load_recipe("coco-lab", list(settings))
    (folder / "recipe.toml").write_text(recipe.to_toml())
    rows = [
        {
            "epoch": epoch,
            "train": {"l1": 9.0 - epoch, "gan": 1.0, "loss": 10.0 - epoch, "d": 0.5},
            "dev": {"gain": -abs(epoch - 2.0), "colourfulness_ratio": epoch / 10},
        }
        for epoch in range(1, epochs + 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_only_what_differs_is_told(tmp_path: Path) -> None:
    runs = [
        read_run(write_run(tmp_path / "first", 3, "epochs=3")),
        read_run(write_run(tmp_path / "second", 2, "epochs=3", "lr_G=0.1", "lr_D=0.1")),
        read_run(write_run(tmp_path / "third", 1, "epochs=3", "stages.0.batch_size=4")),
    ]
    assert differences(runs) == [
        "stages.0.batch_size",
        "optimizer.lr",
        "optimizer_discriminator.lr",
    ]
    assert differences(runs[:1]) == []
    assert [run.done for run in runs] == [3, 2, 1]
    assert loss_names(runs) == ["d", "gan", "l1", "loss"]


def test_losses_are_the_last_and_figures_the_best(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", 4))
    assert run.losses["l1"] == 5.0
    assert run.best == {"gain": 0.0, "colourfulness_ratio": 0.2}


def test_a_run_that_ended_before_its_first_epoch_has_no_figures(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 0)
    (folder / "metrics.jsonl").unlink()
    run = read_run(folder)
    assert (run.done, run.losses, run.best) == (0, {}, {})
    draw_comparison([run], tmp_path / "curves.png")


def test_the_curves_are_a_picture(tmp_path: Path) -> None:
    runs = [read_run(write_run(tmp_path / str(n), n)) for n in (1, 3)]
    draw_comparison(runs, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 3 * 300
        assert len(set(picture.convert("RGB").get_flattened_data())) > 20


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not a run folder"):
        read_run(tmp_path)
    folder = write_run(tmp_path / "run", 1)
    (folder / "metrics.jsonl").write_text("{")
    with pytest.raises(UnusableInput, match=r"metrics\.jsonl"):
        read_run(folder)
