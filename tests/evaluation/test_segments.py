"""Who belongs to which segment, and that their scores add up to the overall score."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import cast

import numpy as np
import polars as pl
import pytest

from forsys.calendar import Fold
from forsys.evaluation.segments import (
    AGE,
    FREQUENCY,
    RECENCY,
    _cut,
    customer_segments,
    popularity_decile,
    segment_scores,
)
from forsys.metrics.lists import average_precision, recall_at
from forsys.retrieval.repurchase import Repurchase
from forsys.run import Run
from forsys.tables.history import History
from forsys.tables.roles import Roles

K = 12


@pytest.mark.parametrize(
    ("bounds", "value", "name"),
    [
        (RECENCY, 1, "bought 1-7 days ago"),
        (RECENCY, 7, "bought 1-7 days ago"),
        (RECENCY, 8, "8-30 days ago"),
        (RECENCY, 30, "8-30 days ago"),
        (RECENCY, 31, "31-90 days ago"),
        (RECENCY, 90, "31-90 days ago"),
        (RECENCY, 91, "longer ago"),
        (FREQUENCY, 0, "no purchase before"),
        (FREQUENCY, 1, "1-2 purchases"),
        (FREQUENCY, 2, "1-2 purchases"),
        (FREQUENCY, 3, "3-10"),
        (FREQUENCY, 10, "3-10"),
        (FREQUENCY, 11, "11-50"),
        (FREQUENCY, 50, "11-50"),
        (FREQUENCY, 51, "more than 50"),
        (AGE, 16, "under 25"),
        (AGE, 24, "under 25"),
        (AGE, 25, "25-34"),
        (AGE, 34, "25-34"),
        (AGE, 35, "35-49"),
        (AGE, 49, "35-49"),
        (AGE, 50, "50 and over"),
    ],
)
def test_bounds_mean_what_their_names_say(bounds: tuple[tuple[int, str], ...], value: int, name: str) -> None:
    assert _cut(np.array([value]), bounds).tolist() == [name]


def test_customers_by_hand(tiny_history: History) -> None:
    """On the 8th of January: 0 last bought on the 7th online, 1 on the 5th, 2 on the 7th, 3 on the 5th."""
    history = replace(tiny_history, roles=Roles(channels=("store", "online")))
    segments = customer_segments(history.profiles(np.arange(5), date(2020, 1, 8)))
    none = "no purchase before"
    assert {name: of.tolist() for name, of in segments.items()} == {
        "last purchase": ["bought 1-7 days ago"] * 4 + [none],
        "number of earlier purchases": ["3-10", "1-2 purchases", "1-2 purchases", "1-2 purchases", none],
        "age": ["under 25", "under 25", "unknown", "50 and over", "25-34"],
        "channel of the last purchase": ["online", "online", "online", "store", none],
    }


def test_ages_within_a_year(tiny_history: History) -> None:
    """Such as the middle of a group of ages: 24.5 of 20-29."""
    customers = tiny_history.customers.with_columns(age=pl.Series([24.5, 34.5, 49.5, 0.5, None], dtype=pl.Float32))
    segments = customer_segments(tiny_history.with_customers(customers).profiles(np.arange(5), date(2020, 1, 8)))
    assert segments["age"].tolist() == ["under 25", "25-34", "35-49", "under 25", "unknown"]


def test_the_gap_grows_with_the_day(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.array([0, 1]), date(2020, 1, 16))  # last bought on the 9th and the 8th
    assert customer_segments(profiles)["last purchase"].tolist() == ["bought 1-7 days ago", "8-30 days ago"]


def test_popularity_decile_by_hand() -> None:
    """20 sold articles: two a tenth, the best sellers in tenth 0; equals in order of article."""
    sales = np.concatenate([[0], np.arange(20, 0, -1), [0]])
    assert popularity_decile(sales).tolist() == [-1, *np.repeat(np.arange(10), 2).tolist(), -1]
    assert popularity_decile(np.array([1, 5, 1])).tolist() == [3, 0, 6]
    assert popularity_decile(np.zeros(3)).tolist() == [-1, -1, -1]


def test_segments_add_up(world: History, world_as_of: date) -> None:
    fold = Fold(world_as_of, date(2020, 4, 30))
    run = cast(Run, SimpleNamespace(history=world, calendar=SimpleNamespace(holdout=fold)))
    labels = world.labels(fold)
    buyers = labels["customer"].unique().sort().to_numpy()
    found = Repurchase().fit(world, world_as_of).recommend(world.profiles(buyers, world_as_of), 30)
    table = segment_scores(run, found, labels, K)
    whole = average_precision(found, labels, K)["average_precision"].mean()
    segments = ["last purchase", "number of earlier purchases", "age", "channel of the last purchase"]
    assert table["segment"].unique().tolist() == [*segments, "earlier sales of the article"]
    for segment in segments:
        part = table[table["segment"] == segment]
        assert part["n"].sum() == len(buyers)
        assert np.average(part[f"MAP@{K}"], weights=part["n"]) == pytest.approx(whole)
    articles = table[table["segment"] == "earlier sales of the article"]
    assert articles["n"].sum() == len(labels)
    assert np.average(articles[f"recall@{K}"], weights=articles["n"]) == pytest.approx(recall_at(found, labels, K))
    never = articles[articles["value"] == "never sold before"]
    assert never["n"].item() == (labels["article"] % 20 >= 18).sum()
    assert never[f"recall@{K}"].item() == 0
    assert articles["value"].tolist()[:2] == ["never sold before", "best-selling tenth"]
    assert isinstance(labels, pl.DataFrame)
    frequency = table[table["segment"] == "number of earlier purchases"]["value"].tolist()
    assert frequency == [name for _, name in FREQUENCY if name in frequency]
