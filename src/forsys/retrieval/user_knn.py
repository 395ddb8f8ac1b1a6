"""User kNN: what the customers bought whose purchases are most like the profile's, beside the profile's own."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Ints
from forsys.retrieval.baskets import decayed_counts, without_basket
from forsys.retrieval.neighbours import nearest_rows, unit_length
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class UserKNN(Source):
    """The profile's own decayed counts, plus the mean of those of its nearest customers.

    score = own_weight * own counts decayed by own_half_life + sum over the nearest customers of similarity^power *
    counts decayed by half_life / sum of similarity^power. Similarity is the cosine of the counts decayed by
    half_life times each article's idf. Where people buy the same again (next-basket recommendation: UP-CF, Faggioli
    et al. 2020; TIFU-kNN, Hu et al. 2020) it is hard to beat. With 30 days, own_weight 0 and long half-lives it is
    the plain tf-idf user kNN.

    Articles that the profile bought on its own day have no score.
    """

    days: PositiveInt = 365
    """Days before the cut-off whose purchases count."""
    own_half_life: PositiveFloat = 60.0
    """Days after which a purchase of the profile counts half."""
    half_life: PositiveFloat = 30.0
    """Days after which a purchase counts half in the similarity, and among what the nearest customers bought."""
    own_weight: NonNegativeFloat = 1.0
    """Weight of the profile's own counts against the mean of the nearest customers' ones."""
    num_neighbours: PositiveInt = 300
    """Nearest customers."""
    power: NonNegativeFloat = 1.0
    """Nearest customers weigh their similarity to this power; 0: all the same."""

    def fit(self, history: History, as_of: date) -> Self:
        """Keep each customer's decayed counts, and the same times idf at length 1."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        self.customers_ = np.unique(log.customer)
        self.counts_ = decayed_counts(self, log.profiles(self.customers_, as_of), self.half_life)
        buyers = np.bincount(self.counts_.indices, minlength=len(self.catalogue_))
        self.idf_ = np.log(len(self.customers_) / np.maximum(buyers, 1)).astype(np.float32)
        self.vectors_ = unit_length(self.counts_, self.idf_)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """The profile's own articles and those of the nearest customers."""
        own = self.own_weight * decayed_counts(self, profiles, self.own_half_life)
        queries = unit_length(decayed_counts(self, profiles, self.half_life), self.idf_)
        by_article = self.kept("by_article", self.vectors_, lambda: self.vectors_.T.tocsr())
        near = nearest_rows(queries, by_article, self.num_neighbours, self._row_of(profiles.customers))
        near.data **= self.power
        total = np.maximum(near.sum(axis=1), np.finfo(np.float32).tiny)
        near.data /= np.repeat(total, np.diff(near.indptr))
        return without_basket(self, sparse.csr_array(own + near @ self.counts_), profiles)

    def _row_of(self, customers: Ints) -> Ints:
        """The row of each customer among the fitted ones; -1 of those who bought nothing."""
        row = np.minimum(np.searchsorted(self.customers_, customers), max(len(self.customers_) - 1, 0))
        known = self.customers_[row] == customers if len(self.customers_) else np.zeros(len(customers), bool)
        return np.where(known, row, -1)
