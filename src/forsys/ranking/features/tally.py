"""What each profile bought of each value of an article's attribute."""

from dataclasses import dataclass

import numpy as np

from forsys.tables.history import Floats, Ints, Profiles


@dataclass(frozen=True, eq=False)
class Tally:
    """One row a (profile, value) that was bought, sorted by both: `key` = profile * values + value.

    times: days with such a purchase; newest, oldest: days since the last and the first of them.
    """

    values: int
    key: Ints
    times: Ints
    newest: Ints
    oldest: Ints

    @classmethod
    def of(cls, profiles: Profiles, value: Ints) -> "Tally":
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
        return cls(values, key[first], times, ages[first], ages[last])

    def look_up(self, row: Ints, value: Ints) -> tuple[Floats, Floats, Floats]:
        """times (0 where there was none), newest and oldest (NaN) of pairs (profile, value), float32."""
        wanted = row.astype(np.int64) * self.values + value
        place = np.minimum(np.searchsorted(self.key, wanted), max(len(self.key) - 1, 0))
        found = (self.key[place] == wanted) & (value >= 0) if len(self.key) else np.zeros(len(row), bool)
        result = np.full((3, len(row)), np.nan, np.float32)
        result[0] = 0
        at = np.flatnonzero(found)
        for column, stored in zip(result, (self.times, self.newest, self.oldest), strict=True):
            column[at] = stored[place[at]]
        return result[0], result[1], result[2]
