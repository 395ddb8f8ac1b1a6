"""The backtest on the tiny shop: what it reports, and that nothing of a later week is used."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_same

from forsys.calendar import Fold
from forsys.candidates import SourceArtifacts
from forsys.engine import run_tasks
from forsys.errors import DataError
from forsys.evaluation.backtest import backtest_table, backtest_text, score_folds
from forsys.evaluation.list_names import FINAL, FUSION, REFERENCE
from forsys.ranking.tuning import tune_for, tuning_folds
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.settings import SourceConfig
from forsys.stages import run_stage
from world import HOLDOUT, LAST_DAY, Purchase, bought_in, map_at, purchases_in, run_on

WEEK = timedelta(days=7)
MEASURES = ["MAP@12", "low", "high", "difference", "difference low", "difference high"]
GAIN = ["ranker's gain", "gain low", "gain high"]
Row = dict[str, str]
Change = Callable[[Row, Row], list[Row]]  # a row and the log's first row -> the rows that replace it
CHANGES: dict[str, Change] = {
    "truncated": lambda *_: [],
    "other articles": lambda row, first: [row | {"article_id": first["article_id"]}],
    "other customers": lambda row, first: [row | {"customer_id": first["customer_id"]}],
    "ten times as much": lambda row, _: [row] * 10,
}


def backtest(run: Run, weeks: int) -> pd.DataFrame:
    return backtest_table(run, score_folds(run, weeks))


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("backtest"))


@pytest.fixture(scope="module")
def table(run: Run) -> pd.DataFrame:
    """Two weeks."""
    return backtest(run, 2)


class TestTable:
    def test_one_row_per_list(self, table: pd.DataFrame, run: Run) -> None:
        assert table.columns.tolist() == ["list", "customer-weeks", *MEASURES, *GAIN]
        baselines = [*BASELINES]
        used = [name for name in run.settings.retrieval.sources if table.attrs["left_out"].get(name) != 2]
        assert table["list"].tolist() == [*baselines, *used, FUSION, FINAL]

    def test_the_reference_differs_from_itself_by_nothing(self, table: pd.DataFrame) -> None:
        row = table[table["list"] == REFERENCE]
        assert row[MEASURES[3:]].to_numpy().tolist() == [[0, 0, 0]]

    def test_differences_are_those_of_the_scores(self, table: pd.DataFrame) -> None:
        score = dict(zip(table["list"], table["MAP@12"], strict=True))
        expected = [value - score[REFERENCE] for value in score.values()]
        assert table["difference"].tolist() == pytest.approx(expected, abs=1e-12)
        assert (table["difference"][table["list"] != REFERENCE] != 0).all()
        assert table["ranker's gain"].tolist() == pytest.approx([score[FINAL] - own for own in score.values()])
        assert table[GAIN][table["list"] == FINAL].to_numpy().tolist() == [[0, 0, 0]]

    def test_intervals_contain_their_means(self, table: pd.DataFrame) -> None:
        assert (table["low"] <= table["MAP@12"]).all()
        assert (table["MAP@12"] <= table["high"]).all()
        assert (table["low"] < table["high"]).all()
        assert (table["difference low"] <= table["difference"]).all()
        assert (table["difference"] <= table["difference high"]).all()
        assert (table["gain low"] <= table["ranker's gain"]).all()
        assert (table["ranker's gain"] <= table["gain high"]).all()

    def test_scope_and_text(self, table: pd.DataFrame, shop: Path, run: Run) -> None:
        buyers = {
            ((LAST_DAY - day).days // 7, customer)
            for day, customer, _ in purchases_in(shop)
            if day >= HOLDOUT - WEEK
        }
        assert table.attrs == {
            "folds": 2,
            "customer-weeks": len(buyers),
            "oracle": table.attrs["oracle"],
            "first": HOLDOUT - WEEK,
            "last": LAST_DAY + timedelta(days=1),
            "calibration": table.attrs["calibration"],
            "left_out": table.attrs["left_out"],
        }
        assert 0 < len(table.attrs["calibration"]) <= 10
        assert table["MAP@12"].max() < table.attrs["oracle"] < 1
        text = backtest_text(run, table)
        assert "An oracle order of the candidates (hits first) would give" in text
        assert text.startswith("GENERATED DATA. Backtest of tiny: 2 cut-offs, 2024-06-17 up to 2024-07-01")
        assert f"{len(buyers):,} customer-weeks" in text
        assert REFERENCE in text and "Chance of a purchase within 7 days, predicted against observed" in text

    def test_pooled_by_customer_week(self, table: pd.DataFrame, shop: Path) -> None:
        """The simplest list, worked out from the CSV file: each week its own best sellers, then the mean."""
        log = purchases_in(shop)
        total, buyers = 0.0, 0
        for first in (HOLDOUT, HOLDOUT - WEEK):
            bought = bought_in(log, first, first + timedelta(days=6))
            total += map_at(12, dict.fromkeys(bought, best_sellers(log, first)), bought) * len(bought)
            buyers += len(bought)
        score = dict(zip(table["list"], table["MAP@12"], strict=True))
        assert score["best sellers, 7 days"] == pytest.approx(total / buyers, abs=1e-12)


def best_sellers(log: list[Purchase], as_of: date) -> list[str]:
    sold: dict[str, int] = {}
    for day, _, article in log:
        if as_of - WEEK <= day < as_of:
            sold[article] = sold.get(article, 0) + 1
    return sorted(sold, key=lambda article: (-sold[article], article))[:12]


@pytest.mark.long
def test_repeats(table: pd.DataFrame, run: Run, shop: Path, tmp_path: Path) -> None:
    assert_frame_equal(backtest(run, 2), table, check_exact=True)  # from what the first one left on disk
    assert_frame_equal(backtest(run_on(shop, tmp_path), 2), table, check_exact=True)  # from nothing


def test_one_week_is_the_holdout_s_evaluation(shop: Path, tmp_path: Path) -> None:
    """Two ways to the same numbers: candidates of the buyers alone, and of everyone."""
    run = run_on(shop, tmp_path)
    for stage in ("tune", "retrieve", "rank", "evaluate"):
        run_stage(run, stage)
    written = json.loads((run.workspace.evaluation / "scores.json").read_text(encoding="utf-8"))
    scores = {row["list"]: row["MAP@12"] for row in written["scores"] if row["MAP@12"] is not None}
    week = backtest(run, 1)
    assert dict(zip(week["list"], week["MAP@12"], strict=True)) == pytest.approx(scores, abs=1e-12)


def test_only_weeks_that_can_be_tuned(shop: Path, tmp_path: Path) -> None:
    """12 weeks: the first is only fitted on, the second only tuned on, and 10 are scored."""
    run = run_on(shop, tmp_path)
    settings = run.settings.model_dump()
    sources = run.settings.retrieval.sources
    settings["retrieval"]["sources"] = {name: sources[name] for name in ("best_sellers", "repurchase")}
    settings["tuning"]["grid"] = {"repurchase.half_life": [14, 60]}
    few = replace(run, settings=type(run.settings).model_validate(settings))
    table = backtest(few, 100)
    assert (table.attrs["folds"], table.attrs["first"]) == (10, HOLDOUT - 9 * WEEK)
    assert table["list"].tolist()[len(BASELINES) :] == ["best_sellers", "repurchase", FUSION, FINAL]


class TestNoLeak:
    """Whatever a fold is tuned on, fitted on or given as candidates lies before its cut-off."""

    fold = Fold(HOLDOUT - 2 * WEEK, HOLDOUT - WEEK)

    def test_tuning_folds_end_before_the_fold(self, run: Run) -> None:
        for fold in (self.fold, run.calendar.holdout):
            folds = tuning_folds(run, fold)
            assert [f.as_of for f in folds] == [fold.as_of - WEEK, fold.as_of - 2 * WEEK]
            assert all(f.until <= fold.as_of for f in folds)

    @pytest.mark.parametrize("change", ["truncated", "other articles", "other customers", "ten times as much"])
    def test_later_purchases_change_nothing(self, change: str, run: Run, shop: Path, tmp_path: Path) -> None:
        other = run_on(altered(shop, tmp_path / "tiny", CHANGES[change], since=self.fold.as_of), tmp_path)
        assert len(other.history) != len(run.history) or not same_log(run, other)
        expected, found = (choices(each, self.fold) for each in (run, other))
        assert found == expected
        for name, config in expected["sources"].items():
            assert_same(*(candidates_of_everyone(each, self.fold, name, config) for each in (run, other)))

    @pytest.mark.parametrize("change", ["other articles", "other customers"])
    def test_earlier_purchases_change_the_choice(self, change: str, run: Run, shop: Path, tmp_path: Path) -> None:
        """So that the test above can fail: altered from a day before the cut-off, the same is not the same."""
        since = self.fold.as_of - timedelta(days=1)
        other = run_on(altered(shop, tmp_path / "tiny", CHANGES[change], since=since), tmp_path)
        assert choices(other, self.fold) != choices(run, self.fold)

    def test_the_score_of_a_week_stays(self, run: Run, shop: Path, tmp_path: Path) -> None:
        """The same last week gives the same row, whatever comes after it: a log that ends there."""
        ended = altered(shop, tmp_path / "tiny", CHANGES["truncated"], since=self.fold.until)
        early = backtest(run_on(ended, tmp_path), 1)
        assert early.attrs["first"] == self.fold.as_of
        three = backtest(run, 3)
        two = backtest(run, 2)
        weeks = three.attrs["customer-weeks"] - two.attrs["customer-weeks"]
        assert weeks == early.attrs["customer-weeks"]
        own, (all_three, newer) = (
            early.set_index("list")["MAP@12"],
            (table.set_index("list")["MAP@12"] * table.attrs["customer-weeks"] for table in (three, two)),
        )
        always = [name for name in own.index if name not in three.attrs["left_out"]]
        assert {FINAL, FUSION, REFERENCE} < set(always)
        expected = (all_three[always] - newer[always]) / weeks
        assert own[always].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-12)
        predicted = [
            sum(group["rows"] * group["predicted"] for group in table.attrs["calibration"])
            for table in (three, two, early)
        ]
        assert predicted[0] - predicted[1] == pytest.approx(predicted[2])  # so are the chances


def in_the_holdout(row: Row, _: Row) -> list[Row]:
    """Only what was bought in the holdout."""
    return [row] * (row["t_dat"] >= str(HOLDOUT))


def test_nobody_to_tune_on(shop: Path, tmp_path: Path) -> None:
    """Buyers in the holdout and long ago, nobody between."""
    gap = altered(shop, tmp_path / "tiny", in_the_holdout, since=HOLDOUT - 3 * WEEK)
    other = run_on(gap, tmp_path / "home")
    with pytest.raises(DataError, match="Nobody bought anything in the 2 periods of 7 days before 2024-06-24"):
        tune_for(other, other.calendar.holdout)


def test_a_source_that_was_left_out_has_the_row_of_the_other_weeks(run: Run) -> None:
    scored = score_folds(run, 2)
    newest = scored.scores["fold"] == scored.scores["fold"].max()
    value = {"als": 0.25, "bpr": None, REFERENCE: 0.125, FINAL: 0.5}
    columns = [pl.lit(of, pl.Float64).alias(name) for name, of in value.items()]
    scores = scored.scores.with_columns(columns)
    scores = scores.with_columns(als=pl.when(pl.Series(newest)).then("als"))
    table = backtest_table(run, replace(scored, scores=scores))
    assert table.attrs["left_out"] | {"als": 1, "bpr": 2} == table.attrs["left_out"]
    assert "bpr" not in set(table["list"])
    row = table[table["list"] == "als"][["MAP@12", "difference", "ranker's gain"]]
    assert row.to_numpy().tolist() == [[0.25, 0.125, 0.25]]
    weeks = dict(zip(table["list"], table["customer-weeks"], strict=True))
    assert weeks["als"] == newest.sum() < weeks[FINAL] == weeks[REFERENCE] == len(scores)
    text = backtest_text(run, table)
    assert re.search(rf"^als +{weeks['als']} +0\.2500 ", text, re.MULTILINE)
    assert "als was left out at 1 of the 2 cut-offs, because the fusion gave it no weight there. Its row " in text
    assert "bpr was left out at 2 of the 2 cut-offs, because the fusion gave it no weight there.\n" in text


def test_quiet_weeks_are_skipped(shop: Path, tmp_path: Path) -> None:
    """A week without buyers has nothing to score."""
    log = altered(shop, tmp_path / "tiny", in_the_holdout, since=HOLDOUT - WEEK)
    table = backtest(run_on(log, tmp_path / "home"), 3)
    assert table.attrs["folds"] == 2
    assert table.attrs["customer-weeks"] == len(
        {(customer, day >= HOLDOUT) for day, customer, _ in purchases_in(log) if day >= HOLDOUT - 2 * WEEK}
    )


def altered(shop: Path, to: Path, change: Change, since: date) -> Path:
    """A copy of the shop whose purchases from `since` on are changed."""
    shutil.copytree(shop, to)
    log = to / "transactions_train.csv"
    with log.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or [])
        rows = list(reader)
    changed = [after for row in rows for after in (change(row, rows[0]) if row["t_dat"] >= str(since) else [row])]
    with log.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(changed)
    return to


def choices(run: Run, fold: Fold) -> dict[str, Any]:
    return tune_for(run, fold).to_json()


def candidates_of_everyone(run: Run, fold: Fold, name: str, config: SourceConfig) -> pl.DataFrame:
    artifacts = SourceArtifacts.of(run, fold, name, config)
    run_tasks(artifacts.tasks()[:1], "fit")
    profiles = run.history.profiles(run.submission_customers, fold.as_of)
    return artifacts.fitted().recommend(profiles, run.settings.retrieval.candidates_per_source)


def same_log(one: Run, other: Run) -> bool:
    columns = ("customer", "article", "day", "units")
    return all((getattr(one.history, name) == getattr(other.history, name)).all() for name in columns)
