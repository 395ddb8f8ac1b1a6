"""What live answers need of the log, against a slow reference."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from forsys.calendar import Fold, day_number
from forsys.ranking.live import newest_prices, usual_channel
from forsys.tables.history import History


@pytest.mark.parametrize("free", [[], [4], [11], [10, 11]])  # the newest of article 3 and of 4; all of 4
@pytest.mark.parametrize("days", [0, 1, 3, 8, 9])
def test_the_newest_price_is_that_of_the_last_purchase_before_the_cut_off(
    tiny_history: History, days: int, free: list[int]
) -> None:
    """Of those with a price: 0 is unknown."""
    as_of, price = date(2020, 1, 1) + timedelta(days=days), tiny_history.price.copy()
    price[free] = 0
    history = replace(tiny_history, price=price)
    log, expected = history.before(as_of), np.zeros(len(tiny_history.articles), np.float32)
    for row in np.argsort(log.day, kind="stable"):
        expected[log.article[row]] = log.price[row] or expected[log.article[row]]
    found = newest_prices(history, Fold(as_of, as_of + timedelta(days=7)))
    assert found.tobytes() == expected.tobytes()


def test_the_usual_channel_is_that_of_most_purchases_before_the_cut_off(tiny_history: History) -> None:
    """Through channel 2 until the 4th of January, and then, more often, through channel 7."""
    history = replace(tiny_history, channel=np.where(tiny_history.day > day_number(date(2020, 1, 4)), 7, 2))
    first, all_of_it = (Fold(as_of, as_of) for as_of in (date(2020, 1, 5), date(2020, 1, 11)))
    assert (usual_channel(history, first), usual_channel(history, all_of_it)) == (2, 7)
