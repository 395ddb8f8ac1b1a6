"""The purchases in memory, and what each customer had bought at a moment.

`History` is the log up to some day, sorted by customer and time. `Profiles` are slices of it: one row is a
customer at a moment, so that the same model can be asked what a customer buys next week and, purchase by
purchase, what comes next.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from forsys.calendar import Fold, day_number

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class History:
    """Purchases sorted by customer, day, place in the file; units of one article on one day are one row.

    customer, article int32; day int32 (days since 1970); price float32; channel int8; units int32.
    `first[c]:first[c + 1]` are the rows of customer c. `articles` and `customers` are the attribute tables.
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

    @classmethod
    def read(cls, tables: Path) -> "History":
        """Read the log that the tables stage wrote."""
        return cls.of(
            pl.scan_parquet(tables / "transactions.parquet"),
            pl.read_parquet(tables / "articles.parquet"),
            pl.read_parquet(tables / "customers.parquet"),
        )

    @classmethod
    def of(cls, transactions: pl.LazyFrame, articles: pl.DataFrame, customers: pl.DataFrame) -> "History":
        """Arrange transactions (schema.TRANSACTIONS) by customer."""
        rows = (
            transactions.with_row_index("place")
            .group_by("customer", "t_dat", "article")
            .agg(
                pl.col("place").min(),
                pl.col("price").mean(),
                pl.col("channel").first(),
                pl.len().cast(pl.Int32).alias("units"),
            )
            .sort("customer", "t_dat", "place")
            .with_columns(pl.col("t_dat").cast(pl.Int32))
            .collect()
        )
        customer = rows["customer"].to_numpy()
        return cls(
            customer=customer,
            article=rows["article"].to_numpy(),
            day=rows["t_dat"].to_numpy(),
            price=rows["price"].to_numpy(),
            channel=rows["channel"].to_numpy(),
            units=rows["units"].to_numpy(),
            first=np.searchsorted(customer, np.arange(len(customers) + 1)),
            articles=articles,
            customers=customers,
        )

    def __len__(self) -> int:
        return len(self.customer)

    def before(self, as_of: date) -> "History":
        """The log as it was known at the start of `as_of`: only purchases with t_dat < as_of."""
        known = self.day < day_number(as_of)
        return self if known.all() else self._keep(known)

    def since(self, as_of: date, days: int, most: int | None = None) -> "History":
        """The last `days` days before `as_of`; fewer, but at least one, where these hold over `most` purchases."""
        end = day_number(as_of)
        age = end - self.day  # 1 on the last day
        inside = (age > 0) & (age <= days)
        if most is not None:
            held = np.cumsum(np.bincount(age[inside], minlength=2))  # in so many days
            inside &= age <= max(int(np.searchsorted(held, most, side="right")) - 1, 1)
        return self._keep(inside)

    def labels(self, fold: Fold) -> pl.DataFrame:
        """The distinct purchases of a fold: customer, article; sorted by both."""
        kept = (self.day >= day_number(fold.as_of)) & (self.day < day_number(fold.until))
        bought = pl.DataFrame({"customer": self.customer[kept], "article": self.article[kept]})
        return bought.unique().sort("customer", "article")

    def profiles(self, customers: Ints, as_of: date) -> "Profiles":
        """What each of `customers` had bought before `as_of`."""
        end = day_number(as_of)
        start, stop = self.first[customers], self.first[customers + 1]
        low, high = start.min(initial=len(self)), stop.max(initial=0)  # a shard's customers stand together
        known = np.concatenate([[0], np.cumsum(self.day[low:high] < end)])
        count = known[stop - low] - known[start - low]
        return Profiles(self, customers, start, start + count, np.full(len(customers), end, dtype=np.int32))

    def event_profiles(self, events: Ints) -> "Profiles":
        """What the buyer of each purchase (a row number of this log) had bought before that purchase."""
        customers = self.customer[events]
        return Profiles(self, customers, self.first[customers], events, self.day[events])

    def sales(self) -> Floats:
        """Units sold of each article, shape (articles,)."""
        return np.bincount(self.article, weights=self.units, minlength=len(self.articles)).astype(np.float64)

    def _keep(self, kept: npt.NDArray[np.bool_]) -> "History":
        counts = np.concatenate([[0], np.cumsum(kept)])
        return replace(
            self,
            customer=self.customer[kept],
            article=self.article[kept],
            day=self.day[kept],
            price=self.price[kept],
            channel=self.channel[kept],
            units=self.units[kept],
            first=counts[self.first],
        )


@dataclass(frozen=True, eq=False)
class Profiles:
    """Row i is `customers[i]` on day `as_of[i]`, who had bought rows start[i]:stop[i] of `history`."""

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
        """Each purchase of each profile, oldest first: (row of the profile, row of the history)."""
        length = self.stop - self.start
        row = np.repeat(np.arange(len(self)), length)
        within = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        return row, self.start[row] + within

    def ages(self, row: Ints, purchase: Ints) -> Ints:
        """Days from each purchase to the day of its profile."""
        ages: Ints = self.as_of[row] - self.history.day[purchase]
        return ages

    def matrix(self, row: Ints, column: Ints, weights: Floats, columns: int) -> sparse.csr_array:
        """Weights summed by profile and column, (profiles, columns), float32; column -1 is left out."""
        kept = column >= 0
        cells = (weights[kept].astype(np.float32), (row[kept], column[kept]))
        return sparse.coo_array(cells, shape=(len(self), columns)).tocsr()
