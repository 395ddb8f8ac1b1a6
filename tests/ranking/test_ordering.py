"""Everyone's candidates in the ranker's order."""

from pathlib import Path
from typing import Any

import pytest

from forsys.errors import DataError
from forsys.ranking import ordering
from forsys.run import Run
from forsys.stages import run_stage
from world import FEW, lists_in, run_on


def test_a_list_may_be_longer_than_the_ranks_that_are_kept(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "KEPT_RANKS", 5)
    run = run_on(shop, tmp_path, **FEW)
    for stage in ("tune", "retrieve", "rank", "submit"):
        run_stage(run, stage)
    assert {len(articles) for articles in lists_in(run.workspace.own_submission).values()} == {run.settings.k}


def test_a_ranker_that_was_replaced_orders_nothing(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a task that a stopped command has left on a cluster, which ends after this one's training."""
    run = run_on(shop, tmp_path, **FEW)
    for stage in ("tune", "retrieve"):
        run_stage(run, stage)
    right = ordering._train

    def train(run: Run) -> None:
        right(run)
        replaced.append(run.workspace.ranker(run.calendar.holdout) / "model-0.txt")
        trained.append(replaced[0].read_bytes())

    def order(*arguments: Any) -> None:
        replaced[0].write_bytes(trained[0] + b"\n")
        ordered(*arguments)

    replaced: list[Path] = []
    trained: list[bytes] = []
    ordered = ordering._order_shard
    monkeypatch.setattr(ordering, "_train", train)
    monkeypatch.setattr(ordering, "_order_shard", order)
    with pytest.raises(DataError, match=r"model-0\.txt was replaced by a task of another command"):
        run_stage(run, "rank")
    monkeypatch.undo()
    assert not list(run.workspace.ranked(run.calendar.holdout).glob("*.parquet"))
    run_stage(run, "rank")
    assert replaced[0].read_bytes() == trained[0]
