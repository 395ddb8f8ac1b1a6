"""Days of the log that cannot be: stray rows far before or after all others, and days whose rows were lost."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from forsys.arrays import Ints
from forsys.calendar import as_date
from forsys.tables.limits import (
    DECADE,
    FEW,
    GAP_FACTOR,
    LONG_GAP,
    MAX_CHANCE,
    MIN_EXPECTED,
    MIN_GAP,
    NEARBY,
    SPARSE,
    WEEK,
    YEAR,
)


@dataclass(frozen=True)
class RowsPerDay:
    """The days that have rows, in order, as days since 1970, and how many rows each has."""

    days: Ints
    rows: Ints

    @classmethod
    def of(cls, days: pl.Series) -> "RowsPerDay":
        """Count the dates of a column without nulls."""
        runs = days.to_physical().rle().struct.unnest()  # few, as most logs are in the order of days
        numbers = runs["value"].to_numpy()
        first = int(numbers.min()) if len(numbers) else 0
        counts = np.bincount(numbers - first, runs["len"].to_numpy()).astype(np.int64)
        found = np.flatnonzero(counts)
        return cls(found + first, counts[found])

    def usual(self) -> float:
        """The median rows of a day that has any."""
        return float(np.median(self.rows)) if len(self.rows) else 0.0

    def within(self) -> tuple[date, date]:
        """First and last day without the stray stretches at both ends."""
        low, high = 0, len(self.days)
        while (last := _first_stray(self.days[low:high], self.rows[low:high])) is not None:
            high = low + last
        while (
            first := _first_stray(-self.days[low:high][::-1], self.rows[low:high][::-1], is_start=True)
        ) is not None:
            low = high - first
        return as_date(self.days[low]), as_date(self.days[high - 1])

    def strays(self) -> str:
        """The days of the stray stretches, for a message; empty where there are none."""
        if not len(self.days):
            return ""
        first, last = self.within()
        days = [as_date(day) for day in self.days]
        early, late = [d for d in days if d < first], [d for d in days if d > last]
        said = []
        if early:
            said.append(f"{_shown(early)}: {(first - early[-1]).days} days before {first}, the first of the others")
        if late:
            said.append(f"{_shown(late)}: {(late[0] - last).days} days after {last}, the last of the others")
        return "; ".join(said)

    def pause(self) -> str:
        """The last gap that is an unusual one within the last LONG_GAP days or has a year, for a message."""
        gaps, is_late = np.diff(self.days) - 1, self.days[-1] - self.days[1:] < LONG_GAP
        for index in np.flatnonzero((is_late & (gaps >= MIN_GAP)) | (gaps >= YEAR))[::-1]:
            if gaps[index] >= YEAR or (index >= _middle(self.rows) and _is_no_pause(self.days, self.rows, index)):
                return f"no rows between {as_date(self.days[index])} and {as_date(self.days[index + 1])}"
        return ""


def _first_stray(days: Ints, rows: Ints, *, is_start: bool = False) -> int | None:
    """Index of the first day of a stray stretch at the end of the log; None if the log just ends.

    Looked for from the day of the median row on, so that the days before a gap tell whether it is one. At the
    start, where stray days steer little (`is_start`: days and rows are reversed), only few rows far off are stray.
    """
    gaps = np.diff(days) - 1  # gaps[i]: empty days between days[i] and days[i + 1]
    possible = np.flatnonzero(gaps >= MIN_GAP)
    for index in possible[possible >= _middle(rows)]:
        if is_start and (gaps[index] < LONG_GAP or not (_is_few(rows, index) or gaps[index] >= DECADE)):
            continue
        usual = np.median(rows[_nearby(days, index) : index + 1])
        if _is_no_pause(days, rows, index) and _is_stray(rows[index + 1 :], usual, gaps[index]):
            return int(index) + 1
    return None


def _middle(rows: Ints) -> int:
    """The day of the median row."""
    return int(np.searchsorted(np.cumsum(rows), rows.sum() / 2))


def _is_few(rows: Ints, index: int) -> bool:
    return bool(rows[index + 1 :].sum() < FEW * rows.sum())


def _nearby(days: Ints, index: int) -> int:
    """The first of the days up to `index` that are beside it."""
    return int(min(np.searchsorted(days, days[index] - NEARBY + 1), max(index - NEARBY // 7 + 1, 0)))


def _is_no_pause(days: Ints, rows: Ints, index: int) -> bool:
    """Whether the gap behind days[index] is longer than this shop pauses, as the days before it tell."""
    gap, near = days[index + 1] - days[index] - 1, _nearby(days, index)
    starts = {near, min(near, _middle(rows))}
    return all(_is_too_long(gap, days[i : index + 1], rows[i : index + 1]) for i in starts)


def _is_too_long(gap: int, days: Ints, rows: Ints) -> bool:
    """Whether a shop that sold on these days does not pause for `gap` days."""
    longest = (np.diff(days) - 1).max(initial=0 if len(days) >= WEEK else NEARBY)  # too few days tell little
    length = days[-1] - days[0] + 1
    is_by_chance = (1 - len(days) / length) ** gap > MAX_CHANCE or gap * rows.sum() / length < MIN_EXPECTED
    return bool(gap > GAP_FACTOR * longest and not is_by_chance)


def _is_stray(beyond: Ints, usual: float, gap: int) -> bool:
    """Whether what lies beyond a gap is a few rows, or a few days after a long gap."""
    return bool(beyond.mean() < SPARSE * usual or (gap > LONG_GAP and len(beyond) < WEEK))


def _shown(days: list[date]) -> str:
    names = ", ".join(map(str, days[:3]))
    return names if len(days) <= 3 else f"{names}, … ({len(days):,} days)"
