"""Half-open periods, cut from the end of the log."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys.calendar import Calendar, Fold, as_date, day_number, in_days
from forsys.errors import DataError

# Kaggle's log.
KAGGLE = Calendar(date(2018, 9, 20), date(2020, 9, 22))
WEEK = timedelta(days=7)


def test_day_numbers_count_from_1970() -> None:
    days = [date(1970, 1, 1), date(1970, 3, 1), date(1969, 12, 31)]
    assert [day_number(day) for day in days] == [0, 59, -1]
    assert [as_date(number) for number in (0, 59, -1)] == days


def test_kaggles_weeks() -> None:
    assert KAGGLE.submission == Fold(date(2020, 9, 23), date(2020, 9, 30))
    assert KAGGLE.holdout == Fold(date(2020, 9, 16), date(2020, 9, 23))
    assert KAGGLE.weekly(3) == [
        KAGGLE.holdout,
        Fold(date(2020, 9, 9), date(2020, 9, 16)),
        Fold(date(2020, 9, 2), date(2020, 9, 9)),
    ]


def test_earlier_steps_by_the_folds_length() -> None:
    fold = Fold(date(2020, 3, 1), date(2020, 3, 4))
    assert fold.earlier(0) == fold
    assert fold.earlier(2) == Fold(date(2020, 2, 24), date(2020, 2, 27))


def test_weekly_leaves_one_length_to_fit_on() -> None:
    """25 days: three whole weeks and four days; the oldest fold must have 7 days before it."""
    calendar = Calendar(date(2020, 1, 1), date(2020, 1, 25))
    assert [fold.as_of for fold in calendar.weekly(99)] == [date(2020, 1, 19), date(2020, 1, 12)]
    longer = Calendar(date(2020, 1, 1), date(2020, 1, 28))
    assert [fold.as_of.day for fold in longer.weekly(99)] == [22, 15, 8]
    assert longer.weekly(0) == []
    assert longer.weekly(10**9) == longer.weekly(3)  # far before the first day that there is


@pytest.mark.parametrize(
    ("days", "holdout_days", "hint"), [(20, 7, 6), (2, 1, 0), (1, 7, 0), (29, 10, 9), (89, 30, 29)]
)
def test_a_log_that_is_too_short(days: int, holdout_days: int, hint: int) -> None:
    first = date(2020, 2, 20)
    last = first + timedelta(days=days - 1)
    with pytest.raises(DataError) as caught:
        Calendar(first, last, holdout_days)
    said = str(caught.value)
    assert f"span {in_days(days)} ({first} to {last})" in said
    assert f"takes {3 * holdout_days} " in said
    assert said.endswith("a longer log.") and ("holdout_days" in said) == (hint > 0)
    if hint:
        assert f"Use a holdout of at most {in_days(hint)} (holdout_days), or a longer log." in said
        Calendar(first, last, hint)  # the hint holds
        with pytest.raises(DataError):
            Calendar(first, last, hint + 1)


def test_the_shortest_log() -> None:
    calendar = Calendar(date(2020, 1, 1), date(2020, 1, 21))
    assert [fold.as_of.day for fold in calendar.weekly(9)] == [15, 8]
    assert calendar.weekly(10**7) == calendar.weekly(9)  # which are more weeks than there are days in a `date`


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    first=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    holdout_days=st.integers(1, 40),
    extra=st.integers(0, 400),
    count=st.integers(1, 60),
)
def test_folds_tile_the_end_of_the_log(first: date, holdout_days: int, extra: int, count: int) -> None:
    """No gap, no overlap: every day of the period is in exactly one fold, the last day of the log included."""
    length = timedelta(days=holdout_days)
    last = first + 3 * length + timedelta(days=extra - 1)
    calendar = Calendar(first, last, holdout_days)
    folds = calendar.weekly(count)
    assert 2 <= len(folds) <= count or len(folds) == count == 1
    assert folds[0] == calendar.holdout
    assert calendar.holdout.until == calendar.submission.as_of == last + timedelta(days=1)
    for fold in [calendar.submission, *folds]:
        assert fold.until - fold.as_of == length
    days = [fold.as_of + timedelta(days=i) for fold in reversed(folds) for i in range(holdout_days)]
    assert days == [days[0] + timedelta(days=i) for i in range(len(days))]
    assert days[-1] == last
    before = folds[-1].as_of - first
    assert before >= length, "nothing to fit on"
    assert len(folds) == count or before < 2 * length, "one more fold would have fitted"
