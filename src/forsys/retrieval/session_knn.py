"""Session kNN: what else was in the baskets that are most like the profile's last one."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import decay
from forsys.calendar import day_number
from forsys.retrieval.baskets import baskets, newest_purchases, weighted_baskets, without_basket
from forsys.retrieval.neighbours import nearest_rows, unit_length
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class SessionKNN(Source):
    """The nearest baskets' articles, each weighted by similarity and idf (V-SKNN, Ludewig and Jannach 2018).

    similarity(profile, basket) = cosine of the profile's purchases and the basket's articles, both times idf, times
    the basket's recency, halved every basket_half_life days. Purchases of the profile's last day of shopping weigh
    1, earlier ones less. score = sum over the nearest baskets of similarity * idf^idf_power.

    Articles that the profile bought on its own day have no score.
    """

    days: PositiveInt = 60
    """Days before the cut-off whose baskets count; those with one article have nothing to add, and are left out."""
    basket_half_life: PositiveFloat = 14.0
    """Days before the cut-off after which a basket counts half."""
    earlier_weight: NonNegativeFloat = 0.5
    """Weight of a purchase before the profile's last day of shopping, then decayed."""
    half_life: PositiveFloat = 30.0
    """Days before the last day of shopping after which an earlier purchase counts half."""
    num_neighbours: PositiveInt = 500
    """Nearest baskets."""
    idf_power: NonNegativeFloat = 0.0
    """Power of the idf by which a candidate is weighted; 0 favours best sellers."""

    def fit(self, history: History, as_of: date) -> Self:
        """Keep the baskets: which articles they hold, and as vectors for the similarity."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        basket, first = baskets(log.customer, log.day)
        sold = np.bincount(self.columns(log.article), minlength=len(self.catalogue_))
        self.idf_ = np.log1p(len(first) / np.maximum(sold, 1)).astype(np.float32)
        kept = (np.bincount(basket, minlength=len(first))[basket] > 1) & newest_purchases(log)
        kept_basket, row = np.unique(basket[kept], return_inverse=True)
        cells = (np.ones(len(row), np.float32), (row, self.columns(log.article[kept])))
        self.baskets_ = sparse.csr_array(cells, shape=(len(kept_basket), len(self.catalogue_)))
        recency = decay(day_number(as_of) - log.day[first[kept_basket]], self.basket_half_life)
        vectors = unit_length(self.baskets_, self.idf_)
        vectors.data *= np.repeat(recency, np.diff(vectors.indptr))
        self.by_article_ = sparse.csr_array(vectors.T)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Similarities of the nearest baskets, carried to their articles."""
        bought = weighted_baskets(self, profiles, self.earlier_weight, self.half_life)
        near = nearest_rows(unit_length(bought, self.idf_), self.by_article_, self.num_neighbours)
        found = sparse.csr_array(near @ self.baskets_)
        found.data *= self.idf_[found.indices] ** self.idf_power
        return without_basket(self, found, profiles)
