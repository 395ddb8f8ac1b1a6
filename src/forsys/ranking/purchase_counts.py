"""How often and when each profile bought each value of an article's attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forsys.arrays import Bools, Floats, Ints, decay
from forsys.tables.history import Profiles

MAX_CELLS = 1 << 24  # of a table with a cell for every (profile, value); beyond, the keys are searched instead


@dataclass(frozen=True, eq=False)
class PurchaseCounts:
    """One row per (profile, value) that was bought, sorted by both: `key` = profile * values + value.

    times: days with such a purchase; newest, oldest: days since the last and the first of them.
    cells: profiles * values.
    ages, is_another_day: the age of each purchase and whether it is the first of its day, (purchases,) in the order
    of the rows; first: where those of each row begin.
    """

    values: int
    cells: int
    key: Ints
    times: Ints
    newest: Ints
    oldest: Ints
    ages: Ints
    is_another_day: Bools
    first: Ints

    @classmethod
    def of(cls, profiles: Profiles, value: Ints) -> "PurchaseCounts":
        """Count by `value` (articles,), a code of each article; -1 is not counted."""
        row, purchase = profiles.purchases()
        values = int(value.max(initial=0)) + 1
        bought = value[profiles.history.article[purchase]]
        ages = profiles.ages(row, purchase)
        known = bought >= 0
        span = int(ages.max(initial=0)) + 1
        both = (row[known].astype(np.int64) * values + bought[known]) * span + ages[known]
        key, ages = np.divmod(np.sort(both), span)  # one sort of numbers takes a tenth of a lexsort
        first = np.flatnonzero(np.diff(key, prepend=-1))
        another_day = np.diff(ages, prepend=-1) != 0
        another_day[first] = True
        times = np.add.reduceat(another_day.astype(np.int64), first) if len(first) else np.zeros(0, int)
        last = np.append(first, len(key))[1:] - 1
        cells = values * len(profiles)
        return cls(values, cells, key[first], times, ages[first], ages[last], ages, another_day, first)

    def look_up(self, row: Ints, value: Ints) -> tuple[Floats, Floats, Floats]:
        """times (0 without a purchase), newest and oldest (NaN without one) of pairs (profile, value), float32."""
        found, index = self._found(row, value)
        result = np.full((3, len(row)), np.nan, np.float32)
        result[0] = 0
        for column, stored in zip(result, (self.times, self.newest, self.oldest), strict=True):
            column[found] = stored[index]
        return result[0], result[1], result[2]

    def decayed(self, row: Ints, value: Ints, half_lives: Sequence[float]) -> Floats:
        """As `times`, days worth half after each half-life: (half_lives, pairs) float32, 0 without a purchase."""
        found, index = self._found(row, value)
        result = np.zeros((len(half_lives), len(row)), np.float32)
        for column, half_life in zip(result, half_lives, strict=True) if len(found) else ():
            weights = np.where(self.is_another_day, decay(self.ages, half_life), 0)
            column[found] = np.add.reduceat(weights, self.first)[index]
        return result

    def _found(self, row: Ints, value: Ints) -> tuple[Ints, Ints]:
        """Which of the pairs (profile, value) were bought, and their rows."""
        index = self._rows_of(row.astype(np.int64) * self.values + value)
        found = np.flatnonzero((index >= 0) & (value >= 0))
        return found, index[found]

    def _rows_of(self, key: Ints) -> Ints:
        """The row of each key, -1 where there is none."""
        if self.cells <= MAX_CELLS:  # 20 times as fast as a search
            table = np.full(self.cells, -1, np.int32)
            table[self.key] = np.arange(len(self.key))
            return table[key]
        index = np.searchsorted(self.key, key)
        return np.where(np.append(self.key, -1)[index] == key, index, -1)
