"""The log as arrays, sorted by customer and day: made from transactions.parquet, in memory or as files.

A file is one array, which processes map instead of reading it whole.
"""

from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.store import atomic_write

ROWS_AT_ONCE = 4_000_000  # in memory at a time where the log is written: .7 GiB
COLUMNS: dict[str, npt.DTypeLike] = {
    "customer": np.int32,
    "article": np.int32,
    "day": np.int32,
    "price": np.float32,
    "channel": np.int8,
    "units": np.int32,
    "first": np.int64,
    "returned_row": np.int64,
    "returned_day": np.int32,
    "returned_units": np.int32,
}
"""The arrays of a log, as `write_log` writes them."""
ROWS = ("customer", "article", "day", "price", "channel", "units")  # those with a value per purchase


def write_log(tables: Path, log: Path) -> None:
    """Write the log that the tables stage wrote as arrays by customer, a file for each of COLUMNS.

    A range of customers is in memory at a time.
    """
    transactions, returns = (
        pl.scan_parquet(tables / f"{name}.parquet", glob=False) for name in ("transactions", "returns")
    )
    customers = pl.scan_parquet(tables / "customers.parquet", glob=False).select(pl.len()).collect().item()
    rows = np.bincount(transactions.select("customer").collect()["customer"].to_numpy(), minlength=customers)
    kept, written = np.zeros(customers + 1, np.int64), 0  # rows of each customer, after the first place
    with ExitStack() as stack:
        parts = {name: stack.enter_context(atomic_write(log / name)) for name in COLUMNS}
        files = {name: stack.enter_context(part.open("wb")) for name, part in parts.items()}
        for start, stop in customer_ranges(rows, ROWS_AT_ONCE):
            inside = pl.col("customer").is_between(start, stop, closed="left")
            columns = sorted_columns(transactions.filter(inside), returns.filter(inside))
            kept[start + 1 : stop + 1] = np.bincount(columns["customer"] - start, minlength=stop - start)
            columns["returned_row"] += written
            written += len(columns["customer"])
            for name, values in columns.items():
                values.tofile(files[name])
        np.cumsum(kept).tofile(files["first"])


def customer_ranges(rows: Ints, together: int) -> list[tuple[int, int]]:
    """Neighbouring customers with some `together` purchases: the first, and the one after the last.

    rows: purchases of each customer.
    """
    block = np.cumsum(rows) // together
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(rows)]
    return list(pairwise(cuts))


def mapped(path: Path, kind: npt.DTypeLike) -> Ints:
    """The array in a file, whose rows are read as they are used."""
    if path.stat().st_size == 0:
        return np.zeros(0, kind)
    return np.memmap(path, kind, mode="r").view(np.ndarray)


def sorted_columns(transactions: pl.LazyFrame, returns: pl.LazyFrame) -> dict[str, Any]:
    """COLUMNS but `first`, sorted and merged as the class `History` says, from the tables of these names."""
    rows = transactions.rename({"t_dat": "day"}).with_columns(pl.col("day").cast(pl.Int32)).collect()
    order = _by_customer_and_day(rows["customer"].to_numpy(), rows["day"].to_numpy())
    customer, article, day = (rows[name].to_numpy()[order] for name in ("customer", "article", "day"))
    price, channel = rows["price"].to_numpy()[order], rows["channel"].to_numpy()[order]
    count = rows["units"].to_numpy()[order] if "units" in rows.columns else None
    del rows
    unit, first = _merged(customer, day, article)
    units, mean = _summed(price[unit], None if count is None else count[unit], first)
    kept = unit[first]
    order = np.argsort(kept)
    kept = kept[order]
    columns = {"customer": customer[kept], "article": article[kept], "day": day[kept], "channel": channel[kept]}
    columns |= {"price": mean[order].astype(np.float32), "units": units[order].astype(np.int32)}
    return columns | _returned(returns.collect(), columns)


def _returned(returns: pl.DataFrame, columns: dict[str, Any]) -> dict[str, Ints]:
    """returned_row, _day and _units, sorted by row: the returns with the rows of the log that they belong to."""
    days = returns.select("customer", "article", "units", pl.col("t_dat", "returned_on").cast(pl.Int32))
    log = pl.DataFrame({"customer": columns["customer"], "article": columns["article"], "t_dat": columns["day"]})
    found = log.with_row_index("row").join(days, on=["customer", "article", "t_dat"]).sort("row", "returned_on")
    names = {"returned_row": "row", "returned_day": "returned_on", "returned_units": "units"}
    return {name: found[column].to_numpy().astype(COLUMNS[name]) for name, column in names.items()}


def _by_customer_and_day(customer: Ints, day: Ints) -> Ints:
    """The order of the rows by customer, day, row. Sorted as one number, 6 times as fast as by polars."""
    rows, first = len(customer), day.min(initial=0)
    days = int(day.max(initial=0) - first) + 1
    key = (customer.astype(np.int64) * days + (day - first)) * max(rows, 1) + np.arange(rows)
    return np.sort(key) % max(rows, 1)


def _merged(customer: Ints, day: Ints, article: Ints) -> tuple[Ints, Ints]:
    """Group rows, which are sorted by customer and day, by customer, day and article.

    Returns the rows in the order of the groups (stable), and where each group begins in it.
    """
    visit = np.cumsum((np.diff(customer, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    key = visit * (int(article.max(initial=0)) + 1) + article
    order = np.argsort(key, kind="stable")
    return order, np.flatnonzero(np.diff(key[order], prepend=-1))


def _summed(price: Floats, count: Ints | None, first: Ints) -> tuple[Ints, Floats]:
    """Units of each group of rows, and the mean price of its paid units; 0 where none was paid for.

    `price` and `count` (None: one unit a row) by group; `first`: where each group begins.
    """
    is_paid = price > 0
    if count is None:
        paid = np.add.reduceat(is_paid, first, dtype=np.int64)
        units, spent = np.diff(np.append(first, len(price))), price
    else:
        paid = np.add.reduceat(is_paid * count, first, dtype=np.int64)
        units, spent = np.add.reduceat(count, first, dtype=np.int64), price.astype(np.float64) * count
    return units, np.add.reduceat(spent, first, dtype=np.float64) / np.maximum(paid, 1)
