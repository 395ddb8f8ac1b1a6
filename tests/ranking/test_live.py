"""What live answers need of the log, against a slow reference."""

from datetime import date, timedelta

import numpy as np
import pytest

from forsys.calendar import Fold
from forsys.ranking.live import newest_prices
from forsys.tables.history import History


@pytest.mark.parametrize("days", [0, 1, 3, 8])
def test_the_newest_price_is_that_of_the_last_purchase_before_the_cut_off(tiny_history: History, days: int) -> None:
    as_of = date(2020, 1, 1) + timedelta(days=days)
    log, expected = tiny_history.before(as_of), np.zeros(len(tiny_history.articles), np.float32)
    for row in np.argsort(log.day, kind="stable"):
        expected[log.article[row]] = log.price[row]
    found = newest_prices(tiny_history, Fold(as_of, as_of + timedelta(days=7)))
    assert found.tobytes() == expected.tobytes()
