"""Who gets a list at which cut-off."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.run import Run
from world import CUSTOMERS, run_on, shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("run"), buyers="9")


def test_everyone_at_the_submission_and_all_buyers_at_the_holdout(run: Run) -> None:
    assert run.listed(run.calendar.submission).tolist() == list(range(CUSTOMERS))
    labels = run.history.labels(run.calendar.holdout)
    assert run.listed(run.calendar.holdout).tolist() == labels["customer"].unique().sort().to_list()
    assert_frame_equal(run.labels(run.calendar.holdout), labels)


def test_so_many_buyers_of_an_earlier_week(run: Run) -> None:
    """With all that they bought; other weeks draw others, and the draw repeats."""
    fold, other = (run.calendar.holdout.earlier(step) for step in (1, 2))
    labels, all_labels = run.labels(fold), run.history.labels(fold)
    assert labels["customer"].n_unique() == 9 < all_labels["customer"].n_unique()
    assert_frame_equal(labels, all_labels.filter(pl.col("customer").is_in(run.listed(fold).tolist())))
    assert_frame_equal(run.labels(fold), labels)
    assert run.listed(fold).tolist() != run.listed(other).tolist()


def test_shards_hold_each_of_them_once(run: Run) -> None:
    assert [len(shard) for shard in run.shards(run.calendar.submission)] == [100, 100, 50]
    assert np.concatenate(run.shards(run.calendar.submission)).tolist() == list(range(CUSTOMERS))


def test_another_number_of_buyers_takes_another_shelf(run: Run, shop: Path, tmp_path: Path) -> None:
    name, line = next(iter(run.settings.retrieval.sources.items()))
    fold = run.calendar.holdout.earlier(1)
    more = run_on(shop, tmp_path, buyers="10")
    assert run.shelf(fold, name, line).folder.name != more.shelf(fold, name, line).folder.name
