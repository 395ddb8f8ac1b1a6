"""Co-purchase: articles that the same customers bought together with what this one bought."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.retrieval.source import STRICT, Source, decay, place_within
from forsys.tables.history import Floats, History, Ints, Profiles


@dataclass(config=STRICT)
class CoPurchase(Source):
    """Damped cosine between articles over the customers of the last `days`.

    similarity(i, j) = together(i, j) / sqrt((buyers(i) + damp_bought) * (buyers(j) + damp_candidate)): damping
    keeps pairs of rarely sold articles from looking certain. A purchase counts in full on the profile's last
    day of shopping; earlier ones count `earlier`, halved every `half_life` days.
    """

    days: PositiveInt = 60
    damp_bought: NonNegativeFloat = 10.0
    damp_candidate: NonNegativeFloat = 3.0
    earlier: NonNegativeFloat = 0.5
    half_life: PositiveFloat = 30.0
    neighbours: PositiveInt = 200

    def fit(self, history: History, as_of: date) -> Self:
        """Count customers who bought both, then keep each article's nearest `neighbours`."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        column = self.columns(log.article)
        shape = (len(history.customers), len(self.catalogue_))
        bought = sparse.csr_array((np.ones(len(log), np.float32), (log.customer, column)), shape=shape)
        bought.sum_duplicates()
        bought.data[:] = 1
        buyers = np.asarray(bought.sum(axis=0), np.float64)
        together = sparse.coo_array(bought.T @ bought)
        row, col = together.coords
        other = row != col
        row, col = row[other], col[other]
        norm = np.sqrt((buyers[row] + self.damp_bought) * (buyers[col] + self.damp_candidate))
        self.similar_ = nearest(row, col, together.data[other] / norm, together.shape, self.neighbours)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Similarity to what the profile holds, summed."""
        row, purchase = profiles.purchases()
        column = self.columns(profiles.history.article[purchase])
        weights = basket_weights(row, profiles.ages(row, purchase), self.earlier, self.half_life)
        return sparse.csr_array(profiles.matrix(row, column, weights, len(self.catalogue_)) @ self.similar_)


def basket_weights(row: Ints, ages: Ints, earlier: float, half_life: float) -> Floats:
    """1 for a purchase of its profile's last day of shopping; `earlier` ones less, halved every `half_life` days.

    row: the profile of each purchase. ages: its days before the profile's day.
    """
    last = np.full(int(row.max(initial=-1)) + 1, np.iinfo(np.int32).max)
    np.minimum.at(last, row, ages)
    return np.where(ages == last[row], 1, earlier * decay(ages - last[row], half_life)).astype(np.float32)


def nearest(
    row: np.ndarray, col: np.ndarray, value: np.ndarray, shape: tuple[int, int], k: int
) -> sparse.csr_array:
    """Keep the k largest values of each row of a sparse matrix given as coordinates; equals by column."""
    order = np.lexsort((col, -value, row))
    row, col, value = row[order], col[order], value[order]
    kept = place_within(row) < k
    return sparse.csr_array((value[kept].astype(np.float32), (row[kept], col[kept])), shape=shape)
