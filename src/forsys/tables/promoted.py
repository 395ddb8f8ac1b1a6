"""On which days articles are promoted, looked up for many articles at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints

DAYS = 1 << 17  # more than there are days up to limits.LAST_DAY: of a key of article and day


def _no_days() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Periods:
    """Periods in which articles are promoted, sorted by article and first day; none overlaps another.

    article: int64 (periods,); first, last: days since 1970, int64 (periods,), the last one inclusive.
    """

    article: Ints = field(default_factory=_no_days)
    first: Ints = field(default_factory=_no_days)
    last: Ints = field(default_factory=_no_days)

    @classmethod
    def of(cls, promotions: pl.DataFrame, first_day: str = "start") -> Self:
        """Of rows of PROMOTIONS, from `first_day` (its column) to the end; those that overlap become one."""
        days = pl.col("article", first_day, "end").to_physical().cast(pl.Int64)
        article, first, last = promotions.select(days).sort("article", first_day).to_numpy().T
        begin, end = article * DAYS + first, np.maximum.accumulate(article * DAYS + last) if len(article) else last
        is_new = np.append(True, begin[1:] > end[:-1])[: len(begin)]
        ends = np.append(np.flatnonzero(is_new)[1:] - 1, len(begin) - 1)[: is_new.sum()]
        return cls(article[is_new], first[is_new], end[ends] % DAYS)

    def begun_before(self, article: Ints, day: Ints | int) -> Bools:
        """Whether each article is within a period on each day that began before it."""
        return self._within(article, day, began_before=True)

    def on_day(self, article: Ints, day: Ints | int) -> Bools:
        """Whether each article is within a period on each day."""
        return self._within(article, day, began_before=False)

    def days_before(self, start: Ints, stop: int) -> Floats:
        """On how many days from its own `start` (articles,) to before `stop` each article was promoted."""
        days = np.clip(np.minimum(self.last + 1, stop) - np.maximum(self.first, start[self.article]), 0, None)
        return np.bincount(self.article, days, len(start)).astype(np.float64)

    def _within(self, article: Ints, day: Ints | int, began_before: bool) -> Bools:
        if not len(self.article):
            return np.zeros(len(article), bool)
        side: Any = "left" if began_before else "right"
        place = np.searchsorted(self.article * DAYS + self.first, article.astype(np.int64) * DAYS + day, side) - 1
        found = np.maximum(place, 0)
        within: Bools = (place >= 0) & (self.article[found] == article) & (day <= self.last[found])
        return within


@dataclass(frozen=True, eq=False)
class Promoted:
    """When articles are promoted.

    days: the days of promotions of any kind. known: from when on a promotion of any kind is known, until it ends;
    of_kind: the same of each kind.
    """

    days: Periods = field(default_factory=Periods)
    known: Periods = field(default_factory=Periods)
    of_kind: Mapping[str, Periods] = field(default_factory=dict)

    @classmethod
    def of(cls, promotions: pl.DataFrame, kinds: tuple[str, ...]) -> Self:
        """Of the rows of PROMOTIONS."""
        known = {kind: Periods.of(promotions.filter(pl.col("kind") == kind), "known") for kind in kinds}
        return cls(Periods.of(promotions), Periods.of(promotions, "known"), known)
