"""The customers of the page, on the tiny shop with all stages run."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from forsys.report.customers import BEFORE, Customer, _customer, find_customers, kinds_of, sample
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.tables.history import History

BASELINE = next(iter(BASELINES))
COUNTS = {"holdout": 30, "submission": 20}


@pytest.fixture(scope="module")
def customers(finished: Run) -> list[Customer]:
    return find_customers(finished, BASELINE, COUNTS)


def ids_of(run: Run, articles: list[int]) -> list[str]:
    found: list[str] = run.history.articles["article_id"].gather(articles).to_list()
    return found


def test_as_many_as_wanted_of_both_periods(customers: list[Customer]) -> None:
    assert [each.period for each in customers] == ["holdout"] * 30 + ["submission"] * 20
    tags = {tag for each in customers for tag in each.tags}
    assert {"hit", "miss", "new", "heavy", "regular"} <= tags
    assert not any({"hit", "miss"} & {*each.tags} for each in customers[30:])


def test_lists_are_those_of_the_stages(finished: Run, customers: list[Customer]) -> None:
    written = {
        "holdout": finished.workspace.holdout / "submission.csv",
        "submission": finished.workspace.own_submission,
    }
    for period, path in written.items():
        lists = dict(pl.read_csv(path, schema_overrides={"prediction": pl.String}).iter_rows())
        for each in customers:
            if each.period == period:
                assert lists[each.id].split() == ids_of(finished, [one.article for one in each.predicted])


def test_hits_are_what_was_bought(finished: Run, customers: list[Customer]) -> None:
    labels = finished.labels(finished.calendar.holdout)
    number = {name: i for i, name in enumerate(finished.history.customers["customer_id"])}
    for each in customers:
        bought = set(labels.filter(pl.col("customer") == number[each.id])["article"])
        if each.period == "holdout":
            assert {one.article for one in each.predicted if one.hit} == bought & {
                one.article for one in each.predicted
            }
            assert (each.num_bought, each.hits) == (len(bought), sum(one.hit for one in each.predicted))
            assert {article for article, hit in each.baseline if hit} == bought & {a for a, _ in each.baseline}
            assert each.baseline_hits == sum(hit for _, hit in each.baseline)
            assert ("hit" in each.tags) == (each.hits > 0)
        else:
            assert (each.bought, each.hits) == ([], 0)


def test_a_hit_of_the_baseline_is_marked_also_where_not_all_that_was_bought_is_shown() -> None:
    lists: dict[str, Any] = {"tags": [], "before": [], "predicted": [], "baseline": [99, 19]}
    found = _customer("a", None, period="holdout", bought=list(range(20)), **lists)
    assert 19 not in found.bought
    assert (found.baseline, found.baseline_hits) == ([(99, False), (19, True)], 1)


def test_nothing_bought_since_the_cut_off_is_called_earlier(finished: Run, customers: list[Customer]) -> None:
    as_of = str(finished.calendar.holdout.as_of)
    days = [day for each in customers if each.period == "holdout" for _, day in each.before]
    assert days and max(days) < as_of
    for each in customers:
        assert len(each.before) == min(each.num_before, BEFORE)
        assert [day for _, day in each.before] == sorted((day for _, day in each.before), reverse=True)
        assert ("new" in each.tags) == (each.num_before == 0)


def test_every_recommendation_has_sources_and_two_reasons(finished: Run, customers: list[Customer]) -> None:
    for each in customers:
        assert len(each.predicted) == len(each.baseline) == finished.settings.k
        for one in each.predicted:
            assert one.sources and {*one.sources} <= {*finished.settings.retrieval.sources}
            assert len(one.reasons) == 2
            assert all(reason[0].isupper() or reason[0].isdigit() for reason in one.reasons), one.reasons
            assert not any(" rank " in reason for reason in one.reasons[1:])


def test_the_same_every_time(finished: Run, customers: list[Customer]) -> None:
    assert find_customers(finished, BASELINE, COUNTS) == customers


def test_kinds_by_hand(tiny_history: History) -> None:
    """On the 8th of January: 0 bought 5 articles, 1 and 2 bought 2 each, 3 bought 1, 4 nothing."""
    from datetime import date

    profiles = tiny_history.profiles(np.arange(5), date(2020, 1, 8))
    kinds = {name: np.flatnonzero(members).tolist() for name, members in kinds_of(profiles).items()}
    assert kinds == {"new": [4], "dormant": [], "heavy": [0], "regular": [1, 2, 3]}
    later = replace(profiles, as_of=profiles.as_of + 100)
    assert np.flatnonzero(kinds_of(later)["dormant"]).tolist() == [0, 1, 2, 3]


def test_samples_are_even_and_full() -> None:
    few = np.zeros(1000, bool)
    few[::100] = True
    kinds = {"few": few, "many": ~few}
    rows = sample(kinds, 60, seed=1)
    assert len(rows) == 60 and (np.diff(rows) > 0).all()
    assert few[rows].sum() == 10  # all that there are
    assert sample(kinds, 60, seed=1).tolist() == rows.tolist() != sample(kinds, 60, seed=2).tolist()
    assert len(sample(kinds, 2000, seed=1)) == 1000
