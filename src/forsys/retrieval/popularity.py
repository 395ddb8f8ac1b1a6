"""Best sellers: what sold most lately, overall and among customers of the same age."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat
from pydantic.dataclasses import dataclass

from forsys.calendar import day_number
from forsys.retrieval.source import STRICT, Scores, Source, decay, top_of
from forsys.tables.history import Floats, History, Ints, Profiles

AGE_BOUNDS = (20, 25, 30, 40, 50, 60)  # the buckets between them hold roughly equal shares of H&M's buyers


@dataclass(config=STRICT)
class BestSellers(Source):
    """Purchases of each article, each halved every `half_life` days, in the customer's age bucket.

    A bucket's sum is blended with the overall shares, which weigh as much as `prior` purchases: a bucket with
    few customers follows the whole shop. Every article ever sold has a score, so that a list can be filled.
    """

    half_life: PositiveFloat = 4.0
    prior: NonNegativeFloat = 500.0

    def fit(self, history: History, as_of: date) -> Self:
        """Sum the decayed (customer, day) pairs that bought each article."""
        log = history.before(as_of)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        bucket = age_buckets(history)
        shape = (len(AGE_BOUNDS) + 2, len(self.catalogue_))
        cell = bucket[log.customer] * shape[1] + self.columns(log.article)
        weights = decay(day_number(as_of) - log.day, self.half_life)
        by_age = np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
        overall = by_age.sum(axis=0)
        share = overall / max(overall.sum(), np.finfo(float).tiny)
        self.by_age_ = (by_age + self.prior * share).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> Scores:
        """Each profile gets the scores of its age bucket."""
        scores: Scores = self.by_age_[self._buckets(profiles)]
        return scores

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """Rank once a bucket instead of once a profile."""
        column, score = top_of(self.by_age_, k)
        bucket = self._buckets(profiles)
        return self.articles(column)[bucket], score[bucket]

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """Look the pairs up."""
        column = self.columns(article)
        known = column >= 0
        score = np.full(len(row), -np.inf, np.float32)
        score[known] = self.by_age_[self._buckets(profiles)[row[known]], column[known]]
        return score

    def _buckets(self, profiles: Profiles) -> Ints:
        return age_buckets(profiles.history)[profiles.customers]


def age_buckets(history: History) -> Ints:
    """The age bucket of every customer: 0 for unknown, then upwards with age."""
    age = history.customers["age"].fill_null(-1).to_numpy()
    return np.where(age < 0, 0, np.digitize(age, AGE_BOUNDS) + 1).astype(np.int64)
