"""The forms in which files write days."""

from dataclasses import dataclass

import polars as pl

from forsys.errors import DataError
from forsys.tables.limits import MOST_DAYS
from forsys.tables.reading import Table, shown
from forsys.tables.shop_file import DAY_FIRST, ISO, MONTH_FIRST

DAY_LENGTH = len("YYYY-MM-DD")

# A time of day behind a day, whatever the time zone: it is left out.
TIME = (
    r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?"
    r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
)
DAY_AND_TIME = rf"^(\d{{4}}-\d{{2}}-\d{{2}})[ T]{TIME}$"
DIGITS_OF_DAY = r"^(\d{4})(\d{2})(\d{2})(?:\.0+)?$"
SLASHED = rf"^\s*(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}})(?:,?[ T]{TIME})?\s*$"
NAMES = {ISO: "YYYY-MM-DD", DAY_FIRST: "DD/MM/YYYY", MONTH_FIRST: "MM/DD/YYYY"}


@dataclass(frozen=True)
class DayForm:
    """ISO, DAY_FIRST, MONTH_FIRST, or a format of strftime."""

    form: str = ISO

    @property
    def name(self) -> str:
        """What a message calls it."""
        return NAMES.get(self.form, self.form)

    def parsed(self, text: pl.Expr, *, is_tidied: bool) -> pl.Expr:
        """Date; null where the text is no day of this form. `is_tidied`: also with a time, or as eight digits."""
        if self.form == ISO:
            return _iso(_tidy(text) if is_tidied else text)
        if self.form in NAMES:
            order = "$3-$2-$1" if self.form == DAY_FIRST else "$3-$1-$2"
            whole = text.str.contains(SLASHED)
            padded = text.str.replace(SLASHED, order).str.replace(r"-(\d)-", "-0$1-").str.replace(r"-(\d)$", "-0$1")
            return pl.when(whole).then(padded.str.to_date("%Y-%m-%d", strict=False))
        return text.str.strip_chars().str.to_date(self.form, strict=False)


def recognised(table: Table, column: str) -> DayForm:
    """DAY_FIRST or MONTH_FIRST where most days are written so and their numbers tell which; else ISO.

    DataError where they are written so and may be either.
    """
    parts = pl.col(column).str.extract_groups(SLASHED).struct
    first, second = (parts.field(name).cast(pl.Int32) for name in ("1", "2"))
    query = table.scan().select(
        days=pl.col(column).count(), slashed=first.count(), first=first.max(), second=second.max()
    )
    days, slashed, most_first, most_second = table.collect(query).row(0)
    if not slashed or slashed < days / 2:
        return DayForm()
    if most_first > 12 >= most_second:
        return DayForm(DAY_FIRST)
    if most_second > 12 >= most_first:
        return DayForm(MONTH_FIRST)
    place, example = table.first(pl.col(column).str.contains(SLASHED), column)
    raise DataError(
        f"{place}: {column} {shown(example, 20)} may be {DAY_FIRST} or {MONTH_FIRST}, and the other days do not "
        f'tell which. Name it in the shop file: day_format = "{DAY_FIRST}"'
    )


def day_advice(table: Table, column: str, form: DayForm, named: str | None) -> str:
    """What to do about days that are not of a form; named: by the shop file."""
    if named and _is_recognised(table, column):
        return "The days are recognised without day_format: leave that key out."
    advice = f"Write every day as {'2020-09-30' if form.form == ISO else form.name}."
    return (
        advice
        if named
        else f'{advice} Or name its form in the shop file, such as day_format = "D/M/Y" or "%d.%m.%y".'
    )


def _is_recognised(table: Table, column: str) -> bool:
    """Whether most days of a column are read where no form is named, such as those of a Parquet file."""
    try:
        form = recognised(table, column)
    except DataError:
        return False
    is_day = form.parsed(pl.col(column), is_tidied=True).is_not_null()
    return bool(table.collect(table.scan().select(is_day.mean() > MOST_DAYS)).item())


def _iso(text: pl.Expr) -> pl.Expr:
    """YYYY-MM-DD as Date; anything else null."""
    return pl.when(text.str.len_bytes() == DAY_LENGTH).then(text.str.to_date("%Y-%m-%d", strict=False))


def _tidy(text: pl.Expr) -> pl.Expr:
    """A day with a time of day behind it, or as eight digits, as YYYY-MM-DD; anything else as it is."""
    return text.str.strip_chars().str.replace(DAY_AND_TIME, "$1").str.replace(DIGITS_OF_DAY, "$1-$2-$3")
