"""Everyone's candidates in the ranker's order."""

from pathlib import Path

import pytest

from forsys.ranking import ordering
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
