"""The attributes of articles and customers: which columns they are, and what they hold."""

from itertools import pairwise

import numpy as np
import polars as pl

from forsys.tables.numbers import decimal_sign, number
from forsys.tables.reading import Table
from forsys.tables.rejected import DataIssues
from forsys.tables.shop_file import is_pattern

MANY_VALUES = 20  # of a number: with more it is a measure, such as a weight
BINS = 10
NEARLY_ALL = 0.9  # of the known values: with so many different ones, a column tells one row from another, not more
MIN_ROWS = 20  # fewer say nothing about that
FLAGS = {"true": "1", "false": "0"}  # as some programs write FN and Active


def attribute_columns(table: Table, named: dict[str, str] | None, others: list[str]) -> dict[str, str]:
    """Name → column of a table's attributes: the named ones, or all columns that are nothing else (`others`)."""
    if named is not None:
        return named
    taken = {*others, *table.section.ignore, ""}
    return {name: name for name in table.columns if name not in taken and not is_pattern(name)}


def renamed(columns: dict[str, str], reserved: set[str], table: Table, issues: DataIssues) -> dict[str, str]:
    """`columns` (name → column), with a _ behind names that our own columns have."""
    found: dict[str, str] = {}
    for name, column in columns.items():
        free = name
        while free in reserved or free in found:
            free += "_"
        if free != name:
            issues.notes.append(f"{table.name}: the attribute {name} is called {free} here")
        found[free] = column
    return found


def telling(frame: pl.DataFrame, table: Table, issues: DataIssues) -> list[str]:
    """The columns of `frame` that tell something. Notes those with one value, or nearly as many as rows."""
    one, unique = [], []
    for column in frame:
        values = column.drop_nulls()
        count = values.n_unique()
        is_measure = _is_fraction(values, table.named_decimal(column.name))
        if count < 2:
            one.append(column.name)
        elif len(values) >= MIN_ROWS and count > NEARLY_ALL * len(values) and not is_measure:
            unique.append(column.name)
    for names, why in ((one, "one value"), (unique, "a different value in nearly every row")):
        if names:
            issues.notes.append(f"{table.name}: no attributes, since they have {why}: {', '.join(names)}")
    return [name for name in frame.columns if name not in {*one, *unique}]


def binned(frame: pl.DataFrame, table: Table, issues: DataIssues) -> pl.DataFrame:
    """`frame` of texts, numbers with many values replaced by about BINS ranges with the same number of rows."""
    done = {}
    for column in frame:
        numbers = as_numbers(column, table.named_decimal(column.name))
        if numbers is not None and numbers.n_unique() > MANY_VALUES:
            done[column.name] = _ranges(numbers)
    if done:
        issues.notes.append(f"{table.name}: numbers with many values, as ranges: {', '.join(done)}")
    return frame.with_columns(**done)


def as_numbers(column: pl.Series, decimal: str | None) -> pl.Series | None:
    """A column of texts as Float64, true and false as 1 and 0; None where some are no numbers, or codes as 007.

    decimal: as of Table.named_decimal.
    """
    texts = flags_as_numbers(column)
    if texts.null_count() == len(texts) or texts.str.contains(r"^\s*0\d").any():
        return None
    numbers = readable_numbers(column, decimal)
    return numbers if numbers.null_count() == texts.null_count() else None


def readable_numbers(column: pl.Series, decimal: str | None) -> pl.Series:
    """As `as_numbers`, with null for each text that is no number, and codes as 007 taken as numbers."""
    texts = flags_as_numbers(column).to_frame("text")
    numbers = texts.select(number(pl.col("text"), decimal_sign(column, decimal)))
    return numbers.to_series().rename(column.name)


def flags_as_numbers(column: pl.Series) -> pl.Series:
    """The column with 1 and 0 for true and false, however they are spelled."""
    if column.is_in([*FLAGS, "True", "False", "TRUE", "FALSE"]).any():
        return column.str.to_lowercase().replace(FLAGS)
    return column


def _is_fraction(values: pl.Series, decimal: str | None) -> bool:
    """Whether values are numbers that are not all whole: a measure, and not the number of something."""
    numbers = as_numbers(values, decimal)
    return numbers is not None and bool((numbers != numbers.floor()).any())


def _ranges(numbers: pl.Series) -> pl.Series:
    """The range of each number, as text, such as "12.5 to 20"; at least two different ones."""
    known = np.sort(numbers.drop_nulls().to_numpy())
    below = known[known < known[-1]][-1]  # the last edge that leaves something above it
    edges = np.quantile(known, np.arange(1, BINS) / BINS, method="nearest")
    breaks = np.unique(np.minimum(edges, below))
    names = [f"{edge:.15g}" for edge in breaks]
    labels = [f"up to {names[0]}", *(f"{low} to {high}" for low, high in pairwise(names)), f"above {names[-1]}"]
    found = pl.Series(labels).gather(np.searchsorted(breaks, numbers.fill_null(0.0).to_numpy(), side="left"))
    return pl.select(pl.when(numbers.is_not_null()).then(found)).to_series()
