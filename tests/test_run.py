"""Who gets a list at which cut-off."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.candidates import SourceArtifacts
from forsys.run import Run
from forsys.settings import load_settings
from forsys.store import write_json
from forsys.tables.dataset import DataSet
from forsys.workspace import Workspace
from world import CUSTOMERS, run_on


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("run"), max_buyers_per_week="9")


def test_finished_stages_follow_from_the_stamps_in_the_order_of_time(tmp_path: Path) -> None:
    """So that a new stage needs an entry in stages.py alone."""
    run = Run(DataSet("tiny", tmp_path, True, "by hand"), load_settings(), Workspace(tmp_path, "tiny"))
    assert run.finished_stages() == {}
    times = {"tables": "12:00:00.007", "new_stage": "12:00:00.001", "export": "11:59:59", "report": "10:00:00"}
    for name, time in times.items():
        write_json(
            {"fingerprint": name, "outputs": {}, "finished": f"2024-07-01T{time}"}, run.workspace.stamp(name)
        )
    run.workspace.stamp("rank").write_text('{"fingerprint": "cut', encoding="utf-8")
    found = run.finished_stages()
    assert list(found) == ["export", "new_stage", "tables"]
    assert {name: stamp["fingerprint"] for name, stamp in found.items()} == {name: name for name in found}


def test_everyone_at_the_submission_and_all_buyers_at_the_holdout(run: Run) -> None:
    assert run.target_customers(run.calendar.submission).tolist() == list(range(CUSTOMERS))
    labels = run.history.labels(run.calendar.holdout)
    assert run.target_customers(run.calendar.holdout).tolist() == labels["customer"].unique().sort().to_list()
    assert_frame_equal(run.labels(run.calendar.holdout), labels)


def test_so_many_buyers_of_an_earlier_week(run: Run) -> None:
    """With all that they bought; other weeks draw others, and the draw repeats."""
    fold, other = (run.calendar.holdout.earlier(step) for step in (1, 2))
    labels, all_labels = run.labels(fold), run.history.labels(fold)
    assert labels["customer"].n_unique() == 9 < all_labels["customer"].n_unique()
    assert_frame_equal(labels, all_labels.filter(pl.col("customer").is_in(run.target_customers(fold).tolist())))
    assert_frame_equal(run.labels(fold), labels)
    assert run.target_customers(fold).tolist() != run.target_customers(other).tolist()


def test_shards_hold_each_of_them_once(run: Run) -> None:
    assert [len(shard) for shard in run.shards(run.calendar.submission)] == [100, 100, 50]
    assert np.concatenate(run.shards(run.calendar.submission)).tolist() == list(range(CUSTOMERS))


def test_another_number_of_buyers_takes_another_folder(run: Run, shop: Path, tmp_path: Path) -> None:
    name, config = next(iter(run.settings.retrieval.sources.items()))
    fold = run.calendar.holdout.earlier(1)
    more = run_on(shop, tmp_path, max_buyers_per_week="10")
    folders = {SourceArtifacts.of(each, fold, name, config).folder.name for each in (run, more)}
    assert len(folders) == 2


def test_the_log_is_written_once_and_again_where_it_is_damaged(shop: Path, tmp_path: Path) -> None:
    def opened() -> tuple[Run, int]:
        run = run_on(shop, tmp_path)
        article = run.history.article
        return run, int(article.astype(np.int64) @ np.arange(len(article)))

    run, expected = opened()
    file = run.workspace.log / "article"
    before = file.stat().st_ino
    assert (opened()[1], file.stat().st_ino) == (expected, before)
    with file.open("r+b") as part:
        part.write(b"\1\1\1")
    assert opened()[1] == expected
    assert file.stat().st_ino != before
