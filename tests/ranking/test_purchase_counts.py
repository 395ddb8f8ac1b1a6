"""How often and when each profile bought each value: looked up in a table, or searched, with the same result."""

from datetime import date

import numpy as np
import pytest

from forsys.ranking import purchase_counts
from forsys.ranking.purchase_counts import PurchaseCounts
from forsys.tables.history import History

NAN = float("nan")


@pytest.fixture(params=["table", "search"], autouse=True)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "search":
        monkeypatch.setattr(purchase_counts, "MAX_CELLS", 0)


def test_days_newest_and_oldest(tiny_history: History) -> None:
    """Of the 13 rows of tests/conftest.py, before the 8th: customers 0 and 3, articles 0 and 1 as one value."""
    profiles = tiny_history.profiles(np.array([0, 3]), date(2020, 1, 8))
    value = np.full(len(tiny_history.articles), -1)
    value[:2] = 4
    found = PurchaseCounts.of(profiles, value).look_up(np.array([0, 0, 0, 1]), np.array([4, 2, -1, 4]))
    times, newest, oldest = (column.tolist() for column in found)
    assert times == [3, 0, 0, 0]  # on the 1st, 3rd and 7th
    assert newest == pytest.approx([1, NAN, NAN, NAN], nan_ok=True)
    assert oldest == pytest.approx([7, NAN, NAN, NAN], nan_ok=True)


def test_decayed_days(tiny_history: History) -> None:
    """On the 1st, 3rd and 7th, halved every 2 days; two articles on one day are one."""
    profiles = tiny_history.profiles(np.array([0, 3]), date(2020, 1, 8))
    value = np.full(len(tiny_history.articles), -1)
    value[:3] = 4
    found = PurchaseCounts.of(profiles, value).decayed(np.array([0, 0, 1]), np.array([4, -1, 4]), [2, 1])
    expected = [[2**-3.5 + 2**-2.5 + 2**-0.5, 0, 0], [2**-7 + 2**-5 + 2**-1, 0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_nobody_bought_anything(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.array([0, 3]), date(2020, 1, 1))
    times, newest, _ = PurchaseCounts.of(profiles, np.arange(9)).look_up(np.array([0, 0, 1]), np.array([0, -1, 8]))
    assert times.tolist() == [0, 0, 0]
    assert np.isnan(newest).all()
    assert not PurchaseCounts.of(profiles, np.arange(9)).decayed(np.array([0, 1]), np.array([0, 8]), [9]).any()
