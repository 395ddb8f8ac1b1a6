"""The simple rules, by hand on the 13 rows of tests/conftest.py, asked on the 9th of January 2020."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from conftest import articles_of, customers_of
from forsys import schema
from forsys.retrieval.baselines import (
    BASELINES,
    FrequencyThenBestSellers,
    RecentBestSellers,
    RepurchaseThenBestSellers,
)
from forsys.retrieval.source import Source
from forsys.tables.history import History

A, B, C, D, E, F = range(6)
NINTH = date(2020, 1, 9)


def lists_of(source: Source, history: History) -> dict[int, list[tuple[int, float]]]:
    article, score = source.fit(history, NINTH).top(history.profiles(np.arange(5), NINTH), 6)
    return {
        c: [(int(a), round(float(s), 4)) for a, s in zip(article[c], score[c], strict=True) if a >= 0]
        for c in range(5)
    }


def test_best_sellers_count_units_of_the_last_days(tiny_history: History) -> None:
    """2nd to 8th: a 3, b 2, c 2 (both units), d 1, e 2; equals by article, and the same for everybody."""
    expected = [(A, 1.0), (B, 0.6667), (C, 0.6667), (E, 0.6667), (D, 0.3333)]
    assert lists_of(RecentBestSellers(days=7), tiny_history) == dict.fromkeys(range(5), expected)


def test_best_sellers_of_one_day(tiny_history: History) -> None:
    expected = [(B, 1.0), (E, 1.0)]  # the 8th; nothing else has a score
    assert lists_of(RecentBestSellers(days=1), tiny_history) == dict.fromkeys(range(5), expected)


def test_bought_in_the_last_days_newest_first_then_best_sellers(tiny_history: History) -> None:
    """Bought in the last 5 days, the 4th to the 8th, by position in the customer's own log, from 2 on; then the
    best sellers of the 7th and 8th: a, b, d, e, one each. c sold in neither.
    """
    found = lists_of(RepurchaseThenBestSellers(bought_days=5, days=2), tiny_history)
    assert found == {
        0: [(A, 5), (B, 1), (D, 1), (E, 1)],  # a of the 7th is the fourth row; the 1st and 3rd are too old
        1: [(B, 4), (A, 3), (D, 1), (E, 1)],
        2: [(D, 3), (A, 2), (B, 1), (E, 1)],
        3: [(E, 3), (A, 1), (B, 1), (D, 1)],
        4: [(A, 1), (B, 1), (D, 1), (E, 1)],
    }


def test_what_was_bought_and_sold_only_long_ago_is_kept(tiny_history: History) -> None:
    """With 8 days to look back, c of the 1st and 3rd is in the catalogue, behind newer purchases only."""
    found = lists_of(RepurchaseThenBestSellers(bought_days=8, days=1), tiny_history)
    assert found[0] == [(A, 5), (B, 4), (C, 3), (E, 1)]
    assert found[1] == [(B, 4), (A, 3), (C, 2), (E, 1)]


def test_bought_most_often_then_best_sellers(tiny_history: History) -> None:
    """Halved every 4 days up to the 9th, so that a purchase of the 1st counts 1/4, of the 5th 1/2 and so on.

    Customer 0: a on the 1st and 7th, 2^-2 + 2^-.5; b and c on the 3rd, 2^-1.5 each. The best sellers are those of
    the 7th and 8th, one each.
    """
    found = lists_of(FrequencyThenBestSellers(half_life=4, days=2), tiny_history)
    assert found == {
        0: [(A, 0.9571), (B, 0.3536), (C, 0.3536), (D, 0), (E, 0)],
        1: [(B, 0.8409), (A, 0.5), (C, 0.25), (D, 0), (E, 0)],
        2: [(D, 0.7071), (A, 0.4204), (B, 0), (E, 0)],
        3: [(E, 1.3409), (A, 0), (B, 0), (D, 0)],
        4: [(A, 0), (B, 0), (D, 0), (E, 0)],
    }


def test_purchases_of_years_ago_keep_their_order_before_best_sellers() -> None:
    """Half-lives of 60 days: a purchase of five years ago counts 2^-30."""
    rows = [(NINTH - timedelta(1640 + 7 * i), 0, D, 0.1, 1) for i in range(5)]
    rows += [(NINTH - timedelta(1800), 0, B, 0.1, 1), (NINTH - timedelta(3), 1, A, 0.1, 1)]
    log = pl.DataFrame(sorted(rows), schema=schema.TRANSACTIONS, orient="row")
    history = History.of(log.lazy(), articles_of([1] * 6), customers_of([30.0] * 5))
    assert [article for article, _ in lists_of(FrequencyThenBestSellers(), history)[0]] == [D, B, A]


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("days", [0, 1, 6, 40, 400])
def test_after_a_pause_of_the_shop_the_lists_are_as_before(name: str, days: int, tiny_history: History) -> None:
    """But for what customers bought themselves, which grows old."""
    nobody = tiny_history.before(NINTH).with_customers(customers_of([None] * 6))
    later = NINTH + timedelta(days)
    lists = [
        BASELINES[name].fit(nobody, day).recommend(nobody.profiles(np.array([5]), day), 6) for day in (NINTH, later)
    ]
    assert len(lists[0]) >= 5
    assert lists[0]["article"].to_list() == lists[1]["article"].to_list()


def test_all_are_compared_with_every_score() -> None:
    rules = {RecentBestSellers, RepurchaseThenBestSellers, FrequencyThenBestSellers}
    assert {type(source) for source in BASELINES.values()} == rules
