"""The simple rules that every score is compared with. They are sources, so that all are scored the same way."""

from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.calendar import day_number
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class RecentBestSellers(Source):
    """What sold most in the last `days`, the same list for everybody."""

    days: PositiveInt = 7
    """Days up to the newest purchase before the cut-off, whose sales count."""

    def fit(self, history: History, as_of: date) -> Self:
        """Count units; the score is their ratio to the best seller's, at most 1."""
        sales = history.since(as_of, self.days + pause(history, as_of)).sales()
        self.catalogue_ = np.flatnonzero(sales).astype(np.int32)
        self.sales_ = (sales[self.catalogue_] / max(sales.max(initial=0), 1)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """The same row for every profile."""
        return np.broadcast_to(self.sales_, (len(profiles), len(self.sales_))).copy()


@dataclass(config=PARAMETERS)
class RepurchaseThenBestSellers(Source):
    """What the customer bought in the last `bought_days`, newest first, then the best sellers of `days`."""

    bought_days: PositiveInt = 90
    """Days before the profile's day whose purchases are repeated."""
    days: PositiveInt = 28
    """Days up to the newest purchase before the cut-off, whose sales make the best sellers."""

    def fit(self, history: History, as_of: date) -> Self:
        """Count the best sellers; the catalogue holds what was sold in the longer of the two periods."""
        without = pause(history, as_of)
        sales = history.since(as_of, self.days + without).sales()
        known = history.since(as_of, max(self.bought_days, self.days + without)).sales()
        self.catalogue_ = np.flatnonzero(known).astype(np.int32)
        sold = np.where(sales > 0, sales, -np.inf)
        self.best_sellers_ = (sold[self.catalogue_] / max(sales.max(initial=0), 1)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """The customer's own purchases have 2, 3, 4... in order of time; the best seller has 1, the others less."""
        scores: npt.NDArray[np.float32] = np.tile(self.best_sellers_, (len(profiles), 1))
        row, purchase = profiles.purchases()
        column = self.columns(profiles.history.article[purchase])
        kept = (profiles.ages(row, purchase) <= self.bought_days) & (column >= 0)
        order = (2 + purchase - profiles.start[row]).astype(np.float32)
        np.maximum.at(scores, (row[kept], column[kept]), order[kept])
        return scores


@dataclass(config=PARAMETERS)
class FrequencyThenBestSellers(Source):
    """What the customer bought most often, newer purchases counting more, then the best sellers of `days`.

    Where people buy the same again and again, as at a grocer's, a hard rule to beat.
    """

    half_life: PositiveFloat = 60.0
    """Days after which a purchase counts half."""
    days: PositiveInt = 28
    """Days up to the newest purchase before the cut-off, whose sales make the best sellers."""

    def fit(self, history: History, as_of: date) -> Self:
        """Count the best sellers; the catalogue holds all that was ever sold."""
        self.catalogue_ = np.flatnonzero(history.sold_before(as_of)).astype(np.int32)
        sales = history.since(as_of, self.days + pause(history, as_of)).sales()
        sold = np.where(sales > 0, sales, -np.inf)
        self.best_sellers_ = (sold[self.catalogue_] / max(sales.max(initial=0), 1) - 1).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """The customer's own purchases have their decayed number; the best seller has 0, the others less."""
        scores: npt.NDArray[np.float32] = np.tile(self.best_sellers_, (len(profiles), 1))
        own = sparse.coo_array(profiles.decayed_purchases(self.half_life)[:, self.catalogue_])
        scores[own.coords] = own.data
        return scores


def pause(history: History, as_of: date) -> int:
    """Days without a purchase right before `as_of`: after a shop's holiday, best sellers are those before it."""
    newest = int(history.day.max(where=history.known(as_of), initial=0))
    return day_number(as_of) - 1 - newest if newest else 0


BASELINES: dict[str, Source] = {
    "best sellers, 7 days": RecentBestSellers(),
    "bought in 90 days + best sellers": RepurchaseThenBestSellers(),
    "decayed frequency + best sellers": FrequencyThenBestSellers(),
}
