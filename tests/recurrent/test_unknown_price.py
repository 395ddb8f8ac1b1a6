"""A price of 0 is unknown to the network too, and not an extreme bargain."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forsys.recurrent.article_inputs import article_inputs, log_price, mean_log_price, sales_features
from forsys.recurrent.context import price_residual
from forsys.recurrent.training import encode_features
from forsys.retrieval.next_item import NextItem
from forsys.tables.history import History
from forsys.tables.roles import Roles

AS_OF = date(2020, 1, 10)
SOME = [[10], [0, 6], [1, 5, 8]]


def with_free(history: History, rows: list[int]) -> History:
    price = history.price.copy()
    price[rows] = 0
    return replace(history, price=price)


@pytest.mark.parametrize("free", SOME)
def test_the_mean_price_of_an_article_is_of_what_was_paid(free: list[int], tiny_history: History) -> None:
    log = with_free(tiny_history, free)
    mean = mean_log_price(log, AS_OF)
    for article in range(len(log.articles)):
        paid = log.price[(log.article == article) & (log.price > 0)]
        if len(paid):
            assert mean[article] == pytest.approx(np.log(paid).mean(), rel=1e-5)


def test_an_article_that_was_always_free_or_never_sold_has_no_mean(tiny_history: History) -> None:
    mean = mean_log_price(with_free(tiny_history, [10, 11]), AS_OF)
    assert np.isnan(mean).tolist() == [False] * 4 + [True] * 2


def test_the_network_knows_the_mean_price_of_what_sold_before_its_window(tiny_history: History) -> None:
    """Article 2 sold on the 1st and the 3rd only, article 5 never."""
    config = NextItem(days=3, max_purchases=5, features=())
    price = encode_features(tiny_history, AS_OF, config).mean_log_price
    assert price[2] == pytest.approx(np.log([0.2, 0.3]).mean(), rel=1e-5)
    residual = price_residual(tiny_history, np.array([1]), np.zeros(1, bool), price)
    assert residual[0, 0] == pytest.approx(np.log(tiny_history.price[1]) - price[2], rel=1e-5)
    assert np.isnan(price[5])


@pytest.mark.parametrize(
    ("online", "codes"), [((), set()), (("web",), {1}), (("shop",), {2}), (("web", "shop"), {1, 2})]
)
def test_the_share_bought_online_is_of_the_online_channels(
    online: tuple[str, ...], codes: set[int], tiny_history: History
) -> None:
    log = replace(tiny_history, roles=Roles(channels=("web", "shop"), online=online))
    values = sales_features(log, AS_OF)
    assert values.shape == (6, 3 if online else 2)
    if online:
        is_online = np.isin(log.channel, list(codes))
        share = np.bincount(log.article, is_online, 6)[:5] / np.bincount(log.article, minlength=6)[:5]
        expected = (share - share.mean()) / max(share.std(), 1e-6)
        np.testing.assert_allclose(values[:5, 1], expected, atol=1e-5)


@pytest.mark.parametrize("free", [*SOME, [10, 11], list(range(12))])
def test_the_network_s_inputs_are_finite_and_0_where_the_price_is_unknown(
    free: list[int], tiny_history: History
) -> None:
    log = with_free(tiny_history, free)
    values = article_inputs(log, AS_OF, ("sales",))[1][:]
    assert np.isfinite(values).all()
    never_paid = np.bincount(log.article, log.price, len(log.articles)) == 0
    assert (values[never_paid, 0] == 0).all()
    read = np.arange(len(log))
    residual = price_residual(log, read, np.zeros(len(read), bool), mean_log_price(log, AS_OF))[:, 0]
    assert np.isfinite(residual).all()
    assert (residual[log.price == 0] == 0).all()


def test_prices_below_the_smallest_one_count_as_that_one_and_0_does_not() -> None:
    np.testing.assert_array_equal(
        log_price(np.array([0, 1e-9, 1], np.float32)), np.array([np.nan, np.log(np.float32(1e-4)), 0], np.float32)
    )
