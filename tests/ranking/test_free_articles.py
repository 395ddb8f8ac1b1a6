"""A price of 0 is unknown: what was free changes no price feature of the customer or the article."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forsys.ranking.features import affinity
from forsys.ranking.features.article import article_table
from forsys.ranking.features.customer import customer_table
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History
from world import KAGGLE_ROLES

AS_OF = date(2020, 1, 10)  # after all of TINY_ROWS


def with_free(history: History, rows: list[int]) -> History:
    """The same log in which these rows cost nothing."""
    price = history.price.copy()
    price[rows] = 0
    return replace(history, price=price)


@pytest.mark.parametrize(
    ("free", "customer", "paid"),
    [
        ([], 3, [0.3, 0.3]),
        ([10], 3, [0.3]),  # one of two
        ([0, 2, 4], 0, [0.3, 0.1]),  # three of five
        ([10, 11], 3, []),  # all
    ],
)
def test_a_customer_keeps_the_price_features_of_what_was_paid(
    free: list[int], customer: int, paid: list[float], tiny_history: History
) -> None:
    history = replace(tiny_history, roles=KAGGLE_ROLES)
    profiles = with_free(history, free).profiles(np.array([customer]), AS_OF)
    table = customer_table(profiles)
    logs = np.log(np.array(paid, np.float32))
    wanted = (logs.mean(), logs.std()) if paid else (np.nan, np.nan)
    found = (table["mean_log_price"][0], table["std_log_price"][0])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    assert np.isfinite(table["customer_online_share"][0])  # what was free still counts as a purchase
    assert table["purchases"][0] == pytest.approx(np.log1p(profiles.stop[0] - profiles.start[0]))


@pytest.mark.parametrize(
    ("free", "article", "price"),
    [
        ([10], 4, 0.3),  # one of two units
        ([1], 2, 0.2),  # rows 1 (two units at 0.3) and 5 (0.2)
        ([0, 6], 0, 0.1),  # two of four
        ([10, 11], 4, np.nan),  # all
    ],
)
def test_an_article_keeps_its_price_where_some_units_were_free(
    free: list[int], article: int, price: float, tiny_history: History
) -> None:
    table = article_table(with_free(tiny_history, free), AS_OF)
    np.testing.assert_allclose(table["log_price"][article], np.log(price), rtol=1e-5)
    assert not np.isinf(table["log_price_change"]).any()


def test_a_free_month_after_paid_ones_has_no_price_and_no_change(tiny_history: History) -> None:
    days = tiny_history.day.copy()
    days[11] += 60  # customer 3 buys article 4 again, two months later
    log = with_free(replace(tiny_history, day=days), [11])
    table = article_table(log, date(2020, 4, 1))
    assert np.isnan([table["log_price"][4], table["log_price_change"][4]]).all()


@pytest.mark.parametrize("free", [[0], [0, 1, 2, 3, 4], list(range(12))])
def test_the_fit_of_prices_is_unknown_and_never_infinite(free: list[int], tiny_history: History) -> None:
    log = with_free(tiny_history, free)
    customers, articles = np.arange(5, dtype=np.int32), np.arange(6, dtype=np.int32)
    ranks, ones = np.ones(30, int), np.ones(30)
    pairs = Pairs(
        log.profiles(customers, AS_OF),
        log,
        AS_OF,
        np.repeat(customers, 6),
        np.tile(articles, 5),
        {},
        {},
        {},
        ranks,
        ones,
    )
    for values in affinity.build(pairs).values():
        assert not np.isinf(values).any()
