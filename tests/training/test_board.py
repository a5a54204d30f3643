from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from toolkit.training import trainer
from toolkit.training.board import Board
from toolkit.training.recipe import Recipe


def test_the_board_shows_what_metrics_jsonl_holds(
    photos: Path, tmp_path: Path, small_recipe: Recipe
) -> None:
    run = tmp_path / "run"
    rows: list[dict[str, object]] = []
    board = Board(run)

    def both(row: dict[str, object]) -> None:
        rows.append(row)
        board(row)

    trainer.train(small_recipe, photos, run, watcher=trainer.Watcher(on_epoch=both))
    shown = EventAccumulator(str(run / "board")).Reload()
    assert shown.Tags()["images"] == ["samples"]
    for group in ("train", "dev"):
        figures = rows[-1][group]
        assert isinstance(figures, dict)
        for name, value in figures.items():
            last = shown.Scalars(f"{group}/{name}")[-1]
            assert last.step == rows[-1]["step"]
            assert abs(last.value - value) <= 1e-5 * max(1, abs(value))
