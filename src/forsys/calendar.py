"""Days, cut-offs and folds. Every date of the pipeline comes from here, and here from the data.

A cut-off `as_of` is the first day that is not known. Periods are half-open: history is `t_dat < as_of`, the
labels of a fold are `as_of <= t_dat < until`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from forsys.errors import DataError

EPOCH = date(1970, 1, 1)


def in_days(number: int) -> str:
    """A number of days in words."""
    return f"{number} day" if number == 1 else f"{number} days"


def day_number(day: date) -> int:
    """Days since 1970-01-01, the form in which arrays hold days."""
    return (day - EPOCH).days


def as_date(number: int) -> date:
    """The day of a `day_number`."""
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Fold:
    """A cut-off and the end of its labels (exclusive)."""

    as_of: date
    until: date

    def earlier(self, steps: int) -> "Fold":
        """The fold of the same length, `steps` lengths before this one."""
        back = (self.until - self.as_of) * steps
        return Fold(self.as_of - back, self.until - back)


@dataclass(frozen=True)
class Calendar:
    """The period of a log, cut into folds of `holdout_days`.

    Raises DataError where the log cannot hold one fold to fit on, one to choose settings on and one to score.
    """

    first_day: date
    last_day: date
    holdout_days: int = 7

    def __post_init__(self) -> None:
        days = (self.last_day - self.first_day).days + 1
        if days < 3 * self.holdout_days:
            shorter = f"a holdout of at most {in_days(days // 3)} (holdout_days), or " if days >= 3 else ""
            raise DataError(
                f"The purchases span {in_days(days)} ({self.first_day} to {self.last_day}), too few for a holdout "
                f"of {in_days(self.holdout_days)}: that takes {3 * self.holdout_days} (as much again to choose the "
                f"settings on, and as much again to fit on). Use {shorter}a longer log."
            )

    @property
    def submission(self) -> Fold:
        """The newest fold: everything is known, nothing is labelled."""
        as_of = self.last_day + timedelta(days=1)
        return Fold(as_of, as_of + timedelta(days=self.holdout_days))

    @property
    def holdout(self) -> Fold:
        """The fold that is scored, and never used to choose anything."""
        return self.submission.earlier(1)

    def weekly(self, count: int) -> list[Fold]:
        """Up to `count` labelled folds, newest first, the holdout being the first.

        Only folds with at least one fold's length of history before their cut-off.
        """
        length = timedelta(days=self.holdout_days)
        folds = (self.holdout.earlier(step) for step in range(count))
        return [*takewhile(lambda fold: fold.as_of - length >= self.first_day, folds)]
