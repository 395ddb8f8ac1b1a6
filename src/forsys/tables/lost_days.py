"""Rejected rows that take a whole day of the log with them, or much of one of its newest days."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from forsys.calendar import as_date
from forsys.errors import DataError
from forsys.tables.days import RowsPerDay
from forsys.tables.limits import MIN_LOST, RECENT_DAYS, RECENT_FACTOR
from forsys.tables.reading import ROW, Table
from forsys.tables.rejected import REASON, DataIssues


@dataclass(frozen=True)
class LostRows:
    """The rejected rows of the log whose day can be told: t_dat (null where not), REASON, ROW; in file order."""

    rows: pl.DataFrame
    total: int  # rows of the file
    day: str  # the file's column of days

    @classmethod
    def of(cls, frame: pl.DataFrame, no_days: list[int], kept: RowsPerDay, day: str) -> "LostRows":
        """`frame`: t_dat and REASON of all rows. `no_days`: the reasons of rows whose day is none of the log's.

        In a log in the order of days, a row without a readable day has that of the row before it, and many such
        rows at the end of the file have the next one.
        """
        is_lost = ~pl.col(REASON).is_in([0, *no_days])
        lost = frame.select("t_dat", REASON).with_row_index(ROW)
        if frame[REASON].max() == 0:
            return cls(lost.clear(), frame.height, day)
        lost = lost.with_columns(pl.when(~pl.col(REASON).is_in(no_days)).then("t_dat").alias("t_dat"))
        if lost["t_dat"].drop_nulls().is_sorted():
            is_tail = is_lost & pl.col("t_dat").backward_fill().is_null()
            if int(lost.select(is_tail.sum()).item()) >= max(MIN_LOST, kept.usual() / 2):
                lost = lost.with_columns(
                    pl.when(is_tail).then(pl.col("t_dat").max().dt.offset_by("1d")).otherwise("t_dat")
                )
            lost = lost.with_columns(pl.col("t_dat").forward_fill().backward_fill())
        return cls(lost.filter(is_lost), frame.height, day)


def refuse_lost_days(
    table: Table, lost: LostRows, kept: RowsPerDay, reasons: list[str], issues: DataIssues
) -> None:
    """DataError where a day of the log was lost, or too many rows of one of its newest RECENT_DAYS days."""
    kept_rows = {as_date(day): int(rows) for day, rows in zip(kept.days, kept.rows, strict=True)}
    lost_rows = {day: rows for (day,), rows in lost.rows.drop_nulls("t_dat").group_by("t_dat", maintain_order=True)}
    newest = max([*kept_rows, *lost_rows], default=date.min)
    allowed = min(1.0, RECENT_FACTOR * issues.max_rejected)
    for day in sorted(lost_rows, reverse=True):
        bad, good = lost_rows[day].height, kept_rows.get(day, 0)
        is_whole = not good and (day == newest or bad >= max(MIN_LOST, kept.usual() / 2))
        is_recent = day > newest - timedelta(RECENT_DAYS) and bad >= MIN_LOST
        if (is_whole or is_recent) and bad / (bad + good) > allowed:
            raise _refusal(table, lost_rows[day], f"{day}: {bad:,} of its {bad + good:,}", lost, reasons, issues)
    _refuse_unreadable_day(table, lost, kept, reasons, issues)


def _refuse_unreadable_day(
    table: Table, lost: LostRows, kept: RowsPerDay, reasons: list[str], issues: DataIssues
) -> None:
    """Where the rows are in no order: DataError if one unreadable value of t_dat has about the rows of a day."""
    rows = lost.rows.filter(pl.col("t_dat").is_null())
    if rows.height < max(MIN_LOST, kept.usual() / 2) or RECENT_FACTOR * issues.max_rejected >= 1:
        return
    texts = (
        table.scan()
        .filter(pl.col(ROW).is_in(rows[ROW].implode()))
        .select(ROW, pl.col(lost.day).str.head(10).alias("t_dat"))
    )
    for (text,), same in table.collect(texts).drop_nulls().group_by("t_dat", maintain_order=True):
        if same.height >= max(MIN_LOST, kept.usual() / 2):
            bad = rows.filter(pl.col(ROW).is_in(same[ROW].implode()))
            raise _refusal(table, bad, f"{text!r}: {bad.height:,} of its {bad.height:,}", lost, reasons, issues)


def _refusal(
    table: Table, bad: pl.DataFrame, what: str, lost: LostRows, reasons: list[str], issues: DataIssues
) -> DataError:
    issues.write()
    found = bad[REASON].value_counts(sort=True).rows()
    said = "; ".join(f"{reasons[code - 1]}: {count:,}" for code, count in found)
    return DataError(
        f"{table.path}: the log would lose much of the day {what} rows cannot be used ({said}; the first on line "
        f"{table.line(bad[ROW][0], lost.total)}). Its newest days decide what is predicted, and for which week. "
        f"They are kept in {issues.rejected_path}. Fix the file, or allow it: "
        f"--max-rejected {1 / RECENT_FACTOR:g}"
    )
