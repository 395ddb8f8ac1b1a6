"""Best sellers: what sold best lately, overall and among customers of the same age."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, field_validator
from pydantic.dataclasses import dataclass

from forsys.arrays import Floats, Ints, Scores, add_at, decay, top_k
from forsys.calendar import day_number
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class BestSellers(Source):
    """Decayed purchases of each article by customers in the same age bucket.

    The overall shares are added as if they were `prior_purchases` more purchases, so that a bucket with few
    customers follows the whole shop. Every article ever sold has a score: this source can always fill a list.
    """

    half_life: PositiveFloat = 4.0
    """Days after which a purchase counts half."""
    prior_purchases: NonNegativeFloat = 500.0
    """Purchases, spread like the whole shop's, that are added to those of each age bucket."""
    age_bounds: tuple[PositiveInt, ...] = (20, 25, 30, 40, 50, 60)
    """Ages in years at which a new bucket begins; between these bounds lie about equal shares of H&M's buyers."""

    @field_validator("age_bounds")
    @classmethod
    def _rising(cls, bounds: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(bounds)):
            raise ValueError("each must be larger than the one before, as in [20, 30, 40]")
        return bounds

    def fit(self, history: History, as_of: date) -> Self:
        """Sum the decayed (customer, day) pairs that bought each article."""
        self.catalogue_ = np.flatnonzero(history.sold_before(as_of)).astype(np.int32)
        by_age = np.zeros((len(self.age_bounds) + 2, len(self.catalogue_)))
        for log in history.blocks_before(as_of):
            cell = self._buckets(log, log.customer) * by_age.shape[1] + self.columns(log.article)
            add_at(by_age.ravel(), cell, decay(day_number(as_of) - log.day, self.half_life))
        overall = by_age.sum(axis=0)
        share = overall / max(overall.sum(), np.finfo(float).tiny)
        self.by_age_ = (by_age + self.prior_purchases * share).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> Scores:
        """Each profile gets the scores of its age bucket."""
        scores: Scores = self.by_age_[self._buckets(profiles.history, profiles.customers)]
        return scores

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """As for every source; ranked once per bucket instead of once per profile."""
        wanted, bucket = np.unique(self._buckets(profiles.history, profiles.customers), return_inverse=True)
        column, score = top_k(self.by_age_[wanted], k)
        return self.articles(column)[bucket], score[bucket]

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """As for every source; only the pairs are looked up."""
        column = self.columns(article)
        known = column >= 0
        bucket = self._buckets(profiles.history, profiles.customers[row[known]])
        score = np.full(len(row), -np.inf, np.float32)
        score[known] = self.by_age_[bucket, column[known]]
        return score

    def _buckets(self, history: History, customers: Ints) -> Ints:
        return age_buckets(history.customer_values("age")[customers], self.age_bounds)


def age_buckets(age: Floats, bounds: Sequence[int]) -> Ints:
    """The bucket of each age, int64: 0 for unknown (NaN), 1 below bounds[0], then upwards."""
    return np.where(np.isnan(age), 0, np.digitize(age, bounds) + 1).astype(np.int64)
