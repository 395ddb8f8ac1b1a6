"""The simple rules that every score is printed beside. They are sources too, so that all are scored alike."""

from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic.dataclasses import dataclass

from forsys.retrieval.source import STRICT, Source
from forsys.tables.history import History, Profiles


@dataclass(config=STRICT)
class RecentBestSellers(Source):
    """What sold most in the last `days`, the same list for everybody."""

    days: int = 7

    def fit(self, history: History, as_of: date) -> Self:
        """Count units; the score is the article's share of the best seller's, at most 1."""
        sales = history.since(as_of, self.days).sales()
        self.catalogue_ = np.flatnonzero(sales).astype(np.int32)
        self.sales_ = (sales[self.catalogue_] / max(sales.max(initial=0), 1)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """The same row for every profile."""
        return np.broadcast_to(self.sales_, (len(profiles), len(self.sales_))).copy()


@dataclass(config=STRICT)
class RepurchaseThenBestSellers(Source):
    """What the customer bought in the last `bought_days`, newest first, then the best sellers of `days`."""

    bought_days: int = 90
    days: int = 28

    def fit(self, history: History, as_of: date) -> Self:
        """Count the best sellers; a bought article needs only to have been sold in either window."""
        sales = history.since(as_of, self.days).sales()
        known = history.since(as_of, max(self.bought_days, self.days)).sales()
        self.catalogue_ = np.flatnonzero(known).astype(np.int32)
        filling = np.where(sales > 0, sales, -np.inf)
        self.filling_ = (filling[self.catalogue_] / max(sales.max(initial=0), 1)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Place in the customer's own log, above every best seller; the best seller has 1."""
        scores: npt.NDArray[np.float32] = np.tile(self.filling_, (len(profiles), 1))
        row, purchase = profiles.purchases()
        column = self.columns(profiles.history.article[purchase])
        kept = (profiles.ages(row, purchase) <= self.bought_days) & (column >= 0)
        place = (2 + purchase - profiles.start[row]).astype(np.float32)
        np.maximum.at(scores, (row[kept], column[kept]), place[kept])
        return scores


BASELINES: dict[str, Source] = {
    "best sellers, 7 days": RecentBestSellers(),
    "bought in 90 days + best sellers": RepurchaseThenBestSellers(),
}
