"""The purchases in memory, and what each customer had bought by a point in time.

`History` is the log up to some day, sorted by customer and day. `Profiles` are slices of it: one row is a customer
at a point in time, so that the same model can predict the next week of a customer and, purchase by purchase, the
next item.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Bools, Floats, Ints, decay
from forsys.calendar import Fold, day_number
from forsys.schema import PROMOTIONS, RETURNS
from forsys.store import read_json
from forsys.tables.log_arrays import COLUMNS, ROWS, customer_ranges, mapped, sorted_columns
from forsys.tables.promoted import Promoted
from forsys.tables.roles import Roles, choose_roles

T = TypeVar("T")

ROWS_PER_BLOCK = 2_000_000  # read at a time in blocks: 44 MB


@dataclass(frozen=True, eq=False)
class Returns:
    """Units of a log's rows that came back: row of the log int64, sorted; day int32; units int32."""

    row: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    day: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    units: Ints = field(default_factory=lambda: np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: Bools) -> "Returns":
        return Returns(self.row[chosen], self.day[chosen], self.units[chosen])

    def of_range(self, low: int, high: int) -> "Returns":
        """Those of the rows low:high, which become the rows from 0 on."""
        inside = slice(*np.searchsorted(self.row, (low, high)))
        return Returns(self.row[inside] - low, self.day[inside], self.units[inside])

    def of_rows(self, kept: Bools) -> "Returns":
        """Those of the rows that are kept, which become the rows of another log."""
        if not len(self):
            return self
        found = self[kept[self.row]]
        return replace(found, row=_counts_before(kept)[found.row].astype(np.int64))


@dataclass(frozen=True, eq=False)
class History:
    """Purchases sorted by customer, day, order in the file; units of one article on one day are one row.

    customer, article int32 (dense ids); day int32 (days since 1970); price float32; channel int8; units int32.
    Rows `first[c]:first[c + 1]` belong to customer c. `articles` and `customers` are the attribute tables.

    units holds what was bought, also what came back later, which `returns` tells. A purchase counts until it is
    returned: what is asked for an `as_of` leaves out the units that came back before that day, and counts those
    that came back on it or later.

    listed: how many articles, the first ones, are in the shop's own table of articles; None: all. The others are
    known by their purchases alone, so that nobody knew of them before the first.

    promoted: when the shop promotes which article, also after the log ends: ask it of days before an `as_of`, or
    which known ones have `begun_before` it.
    """

    customer: Ints
    article: Ints
    day: Ints
    price: Floats
    channel: Ints
    units: Ints
    first: Ints
    articles: pl.DataFrame
    customers: pl.DataFrame
    roles: Roles = field(default_factory=Roles)
    returns: Returns = field(default_factory=Returns)
    listed: int | None = None
    promoted: Promoted = field(default_factory=Promoted)
    # Caches, shared by all logs of these articles, and of these customers.
    _of_articles: dict[str, tuple[pl.DataFrame, Any]] = field(default_factory=dict, repr=False)
    _of_customers: dict[str, Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, tables: Path) -> "History":
        """Read the log that the tables stage wrote."""
        log, returns = (
            pl.scan_parquet(tables / f"{name}.parquet", glob=False) for name in ("transactions", "returns")
        )
        articles, customers, roles, listed, promotions = _described(tables)
        return cls.of(log, articles, customers, roles, listed, returns, promotions)

    @classmethod
    def open(cls, tables: Path, log: Path) -> "History":
        """The same, from what `write_log` has written to `log`: rows are read from there as they are used.

        Its arrays cannot be written to.
        """
        columns: dict[str, Any] = {name: mapped(log / name, kind) for name, kind in COLUMNS.items()}
        return cls._of_columns(columns, *_described(tables))

    @classmethod
    def of(
        cls,
        transactions: pl.LazyFrame,
        articles: pl.DataFrame,
        customers: pl.DataFrame,
        roles: Roles | None = None,
        listed: int | None = None,
        returns: pl.LazyFrame | None = None,
        promotions: pl.DataFrame | None = None,
    ) -> "History":
        """The log of transactions (schema.TRANSACTIONS, and units where the shop has them), RETURNS and PROMOTIONS.

        The price of several units is the mean of those that were paid for: 0, which is unknown, does not count.
        Without `roles` they are chosen by what the attributes tell.
        """
        columns = sorted_columns(transactions, pl.LazyFrame(schema=RETURNS) if returns is None else returns)
        columns["first"] = np.searchsorted(columns["customer"], np.arange(len(customers) + 1))
        roles = roles or choose_roles(articles, customers)
        promotions = pl.DataFrame(schema=PROMOTIONS) if promotions is None else promotions
        return cls._of_columns(columns, articles, customers, roles, listed, promotions)

    @classmethod
    def _of_columns(
        cls,
        columns: dict[str, Any],
        articles: pl.DataFrame,
        customers: pl.DataFrame,
        roles: Roles,
        listed: int | None,
        promotions: pl.DataFrame,
    ) -> "History":
        """columns: those of COLUMNS."""
        returns = Returns(*(columns.pop(f"returned_{name}") for name in ("row", "day", "units")))
        promoted = Promoted.of(promotions, roles.promotions)
        return cls(
            **columns,
            articles=articles,
            customers=customers,
            roles=roles,
            returns=returns,
            listed=listed,
            promoted=promoted,
        )

    def __len__(self) -> int:
        return len(self.customer)

    def before(self, as_of: date) -> "History":
        """The log as it was known at the start of `as_of`: the purchases with t_dat < as_of.

        A copy, unless that is all of it: where sums are enough, `blocks_before` takes a tenth of the memory.
        """
        known = self.known(as_of)
        return self if known.all() and not self._back(as_of).any() else self._select(known)._net(as_of)

    def known(self, as_of: date) -> Bools:
        """Whether each purchase was known at the start of `as_of` and had not all come back by then, (rows,)."""
        known: Bools = self.day < day_number(as_of)
        back = self.returns[self._back(as_of)]
        row, place = np.unique(back.row, return_inverse=True)
        known[row[self.units[row] <= np.bincount(place, back.units)]] = False
        return known

    def blocks_before(self, as_of: date) -> Iterator["History"]:
        """The same in parts, one after the other: the purchases of some neighbouring customers each."""
        for start, stop in customer_ranges(np.diff(self.first), ROWS_PER_BLOCK):
            yield self._of_customers_between(start, stop).before(as_of)

    def sold_before(self, as_of: date) -> Bools:
        """Whether each article was bought before `as_of`, (articles,)."""
        sold = np.zeros(len(self.articles), bool)
        sold[self.article[self.known(as_of)]] = True
        return sold

    def offered(self, as_of: date) -> Bools:
        """The articles that were known before `as_of`: listed, or bought before, kept or not. (articles,)."""
        offered = np.arange(len(self.articles)) < (len(self.articles) if self.listed is None else self.listed)
        offered[self.article[self.day < day_number(as_of)]] = True
        return offered

    def never_sold(self, as_of: date) -> Bools:
        """Which articles were known before `as_of` without having been sold, (articles,)."""
        return self.offered(as_of) & ~self.sold_before(as_of)

    def sales_before(self, as_of: date) -> Floats:
        """Units sold of each article before `as_of`, (articles,)."""
        sales = np.zeros(len(self.articles))
        for log in self.blocks_before(as_of):
            sales += log.sales()
        return sales

    def since(self, as_of: date, days: int, max_purchases: int | None = None) -> "History":
        """The last `days` days before `as_of`; fewer where they have over `max_purchases`.

        At least down to the newest day with a purchase.
        """
        age = day_number(as_of) - self.day  # 1 on the last day
        recent = self.known(as_of) & (age <= days)
        if max_purchases is not None and recent.any():
            within = np.cumsum(np.bincount(age[recent]))  # purchases of the last 0, 1, 2… days
            oldest = int(np.searchsorted(within, max_purchases, side="right")) - 1
            recent &= age <= max(oldest, int(age[recent].min()))
        return self._select(recent)._net(as_of)

    def labels(self, fold: Fold) -> pl.DataFrame:
        """The distinct purchases of a fold: customer, article; sorted by customer, article.

        Also those that came back after it.
        """
        kept = self.known(fold.until) & (self.day >= day_number(fold.as_of))
        bought = pl.DataFrame({"customer": self.customer[kept], "article": self.article[kept]})
        return bought.unique().sort("customer", "article")

    def profiles(self, customers: Ints, as_of: date) -> "Profiles":
        """What each of `customers` had bought before `as_of`.

        Slices of this log. If the shop has returns: slices of a copy of these customers' rows, without what had
        come back.
        """
        log = self._of_range(customers, as_of) if len(self.returns) else self
        end = np.full(len(customers), day_number(as_of), np.int32)
        if not len(log):  # all of it came back; this log, where code may look at a row that belongs to no profile
            nothing = np.zeros(len(customers), np.int64)
            return Profiles(self, customers, nothing, nothing, end)
        start, stop = log.first[customers], log.first[customers + 1]
        low, high = start.min(initial=len(log)), stop.max(initial=0)  # a shard's customers are neighbours
        known = _counts_before(log.day[low:high] < day_number(as_of))
        count = (known[stop - low] - known[start - low]).astype(np.int64)
        return Profiles(log, customers, start, start + count, end)

    def event_profiles(self, events: Ints) -> "Profiles":
        """What the buyer of each purchase (a row number of this log) had bought before that purchase.

        Also what had come back by then: it is still what the customer chose.
        """
        customers = self.customer[events]
        return Profiles(self, customers, self.first[customers], events, self.day[events])

    def sales(self) -> Floats:
        """Units sold of each article, shape (articles,)."""
        return np.bincount(self.article, weights=self.units, minlength=len(self.articles)).astype(np.float64)

    def codes(self, attribute: str) -> Ints:
        """Dense codes of an attribute of the articles, (articles,), in the order of its values; -1 where unknown.

        "article" gives the article ids. An attribute that is no column of `articles` is unknown everywhere.
        """
        if attribute == "article":
            return np.arange(len(self.articles))
        if attribute not in self.articles.columns:
            return np.full(len(self.articles), -1)
        return self.of_articles(f"codes of {attribute}", lambda: _dense_codes(self.articles[attribute]))

    def of_articles(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives from `articles` alone, made once under that name for all cut-offs."""
        table, found = self._of_articles.get(name, (None, None))
        if table is not self.articles:
            found = make()
            self._of_articles[name] = self.articles, found
        return cast(T, found)

    def customer_values(self, attribute: str) -> Floats:
        """An attribute of all customers, (customers,) float64, of texts their dense codes; NaN where unknown.

        An attribute that is no column of `customers` is unknown everywhere.
        """
        if attribute not in self.customers.columns:
            return np.full(len(self.customers), np.nan)
        if attribute not in self._of_customers:
            column = self.customers[attribute]
            values = column.rank("dense") if column.dtype == pl.String else column
            self._of_customers[attribute] = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return self._of_customers[attribute]

    def by_launch(self, as_of: date) -> Ints:
        """The articles that were known before `as_of`, in the order in which the shop took them on.

        Their ids tell it if all are numbers, which rise with time. Otherwise it is the order of the shop's table.
        """
        known = np.flatnonzero(self.offered(as_of))
        number = self.articles["article_id"].gather(known).cast(pl.Int64, strict=False)
        return known if number.null_count() else known[np.argsort(number.to_numpy(), kind="stable")]

    def with_articles(self, articles: pl.DataFrame) -> "History":
        """The same log with another table of its articles, such as one with more columns."""
        return replace(self, articles=articles, _of_articles={})

    def with_customers(self, customers: pl.DataFrame) -> "History":
        """The same log with more customers, who bought nothing, at the end of their table."""
        first = np.append(self.first, np.full(len(customers) + 1 - len(self.first), len(self)))
        return replace(self, customers=customers, first=first, _of_customers={})

    def _of_customers_between(self, start: int, stop: int) -> "History":
        """The purchases of customers start:stop alone, without copying them."""
        low, high = int(self.first[start]), int(self.first[stop])
        rows: dict[str, Any] = {name: getattr(self, name)[low:high] for name in ROWS}
        returns = self.returns.of_range(low, high)
        return replace(self, **rows, first=np.clip(self.first, low, high) - low, returns=returns)

    def _of_range(self, customers: Ints, as_of: date) -> "History":
        """The purchases of the first to the last of `customers` without what came back before `as_of`."""
        start, stop = int(customers.min(initial=0)), int(customers.max(initial=-1)) + 1
        log = self._of_customers_between(start, stop)
        return log._select(log.known(as_of) | (log.day >= day_number(as_of)))._net(as_of)

    def _back(self, as_of: date) -> Bools:
        """Which of the returns were before `as_of`."""
        back: Bools = self.returns.day < day_number(as_of)
        return back

    def _net(self, as_of: date) -> "History":
        """The log without the units that came back before `as_of`; each row must have others."""
        back = self._back(as_of)
        if not back.any():
            return self
        units = np.array(self.units)
        np.subtract.at(units, self.returns.row[back], self.returns.units[back])
        return replace(self, units=units, returns=self.returns[~back])

    def _select(self, kept: Bools) -> "History":
        rows: dict[str, Any] = {name: getattr(self, name)[kept] for name in ROWS}
        first = _counts_before(kept)[self.first].astype(np.int64)
        return replace(self, **rows, first=first, returns=self.returns.of_rows(kept))


def _dense_codes(column: pl.Series) -> Ints:
    """Codes in the order of the values, int64; -1 for null."""
    return column.rank("dense").cast(int).fill_null(0).to_numpy().astype(np.int64) - 1


def _counts_before(kept: Bools) -> Ints:
    """How many of the rows before each one are kept, and of all: (rows + 1,). int32, since a whole log is long."""
    counts = np.zeros(len(kept) + 1, np.int32)
    np.cumsum(kept, dtype=np.int32, out=counts[1:])
    return counts


def _described(tables: Path) -> tuple[pl.DataFrame, pl.DataFrame, Roles, int, pl.DataFrame]:
    """Articles, customers, roles, how many articles the shop lists, and promotions."""
    summary, names = read_json(tables / "tables.json"), ("articles", "customers", "promotions")
    articles, customers, promotions = (pl.read_parquet(tables / f"{name}.parquet", glob=False) for name in names)
    return articles, customers, Roles.read(summary["roles"]), summary["listed_articles"], promotions


@dataclass(frozen=True, eq=False)
class Profiles:
    """Row i is `customers[i]` on day `as_of[i]`, who by then had bought rows start[i]:stop[i] of `history`."""

    history: History
    customers: Ints
    start: Ints
    stop: Ints
    as_of: Ints

    def __len__(self) -> int:
        return len(self.customers)

    def __getitem__(self, rows: slice | Ints) -> "Profiles":
        return Profiles(self.history, self.customers[rows], self.start[rows], self.stop[rows], self.as_of[rows])

    def purchases(self) -> tuple[Ints, Ints]:
        """Each purchase of each profile, oldest first: row among the profiles, and row in the history."""
        length = self.stop - self.start
        row = np.repeat(np.arange(len(self)), length)
        within = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        return row, self.start[row] + within

    def ages(self, row: Ints, purchase: Ints) -> Ints:
        """Days from each purchase to `as_of` of its profile; `row` and `purchase` as `purchases` returns them."""
        ages: Ints = self.as_of[row] - self.history.day[purchase]
        return ages

    def decayed_purchases(self, half_life: float) -> sparse.csr_array:
        """Purchases of each profile, their weight halved every `half_life` days: (profiles, articles), float32."""
        row, purchase = self.purchases()
        weights = decay(self.ages(row, purchase), half_life)
        return self.matrix(row, self.history.article[purchase], weights, len(self.history.articles))

    def matrix(self, row: Ints, column: Ints, weights: Floats, columns: int) -> sparse.csr_array:
        """Weights summed by profile and column, (profiles, columns), float32; column -1 is left out."""
        kept = column >= 0
        cells = (weights[kept].astype(np.float32), (row[kept], column[kept]))
        return sparse.coo_array(cells, shape=(len(self), columns)).tocsr()
