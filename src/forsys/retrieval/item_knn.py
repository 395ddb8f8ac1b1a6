"""Item kNN: articles that many customers bought who also bought what this customer has."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats, Ints, decay, position_within
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

MAX_ARTICLES = 2_000  # of a customer that are paired with each other; Kaggle's largest customer bought fewer
PAIRS_PER_BLOCK = 1 << 24  # counted at a time: about 1 GiB


@dataclass(config=PARAMETERS)
class ItemKNN(Source):
    """Shrunk cosine between articles over the customers of the last `days`, summed over the profile's purchases.

    similarity(bought, candidate) = customers who bought both / sqrt((buyers of bought + shrinkage_bought) *
    (buyers of candidate + shrinkage_candidate)). Shrinkage keeps pairs of rarely sold articles from looking
    certain. A purchase on the profile's last day of shopping weighs 1.
    """

    days: PositiveInt = 60
    """Days before the cut-off whose purchases count."""
    shrinkage_bought: NonNegativeFloat = 10.0
    """Customers added to the buyers of the article in the profile."""
    shrinkage_candidate: NonNegativeFloat = 100.0
    """Customers added to the buyers of the candidate; more of them favour best sellers."""
    earlier_weight: NonNegativeFloat = 0.5
    """Weight of a purchase before the profile's last day of shopping, then decayed."""
    half_life: PositiveFloat = 30.0
    """Days before the last day of shopping after which an earlier purchase counts half."""
    num_neighbours: PositiveInt = 500
    """Most similar candidates that are kept per article."""

    def fit(self, history: History, as_of: date) -> Self:
        """Count the customers who bought both, then keep the nearest neighbours of each article."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        customer, column = newest_articles(log.customer, self.columns(log.article))
        shape = (len(history.customers), len(self.catalogue_))
        bought = sparse.csr_array((np.ones(len(column), np.float32), (customer, column)), shape=shape)
        buyers = np.asarray(bought.sum(axis=0), np.float64)
        parts = [self._nearest(bought, buyers, rows) for rows in blocks_of_articles(bought)]
        self.similar_ = sparse.csr_array(sparse.vstack(parts)) if len(parts) > 1 else parts[0]
        return self

    def _nearest(self, bought: sparse.csr_array, buyers: Floats, rows: slice) -> sparse.csr_array:
        """Similarity of the articles in `rows` to their nearest neighbours, (rows, catalogue)."""
        together = sparse.coo_array(bought[:, rows].T @ bought)
        row, col = together.coords
        other = row + rows.start != col
        row, col = row[other], col[other]
        of_row = buyers[rows][row]
        norm = np.sqrt((of_row + self.shrinkage_bought) * (buyers[col] + self.shrinkage_candidate))
        return nearest(row, col, together.data[other] / norm, together.shape, self.num_neighbours)

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Similarity to the profile's purchases, weighted and summed."""
        row, purchase = profiles.purchases()
        column = self.columns(profiles.history.article[purchase])
        weights = basket_weights(row, profiles.ages(row, purchase), self.earlier_weight, self.half_life)
        return sparse.csr_array(profiles.matrix(row, column, weights, len(self.catalogue_)) @ self.similar_)


def newest_articles(customer: Ints, column: Ints) -> tuple[Ints, Ints]:
    """The distinct (customer, column) of purchases that are sorted by customer and time.

    Of a customer with over MAX_ARTICLES of them, only those bought last: 12,000 would make 144 million pairs.
    """
    key = customer.astype(np.int64) * (int(column.max(initial=0)) + 1) + column
    last = len(key) - 1 - np.unique(key[::-1], return_index=True)[1]  # the last purchase of each article
    last = np.sort(last)[::-1]  # newest first within each customer
    kept = np.sort(last[position_within(customer[last]) < MAX_ARTICLES])
    return customer[kept], column[kept]


def blocks_of_articles(bought: sparse.csr_array) -> Iterator[slice]:
    """Consecutive columns of (customers, articles), at least one block, with about PAIRS_PER_BLOCK pairs each."""
    return blocks_of_pairs(bought.T @ np.diff(bought.indptr).astype(np.float64))


def blocks_of_pairs(pairs: Floats) -> Iterator[slice]:
    """Consecutive rows, at least one block, with about PAIRS_PER_BLOCK pairs each; pairs: those of each row."""
    total = np.cumsum(pairs)
    first = np.flatnonzero(np.diff(np.floor(total / PAIRS_PER_BLOCK)) > 0) + 1
    for start, stop in pairwise([0, *first.tolist(), len(pairs)]):
        yield slice(start, stop)


def basket_weights(row: Ints, ages: Ints, earlier_weight: float, half_life: float) -> Floats:
    """Weights of purchases, float32: 1 on the profile's last day of shopping, `earlier_weight` decayed before it.

    row: the profile of each purchase; ages: its days before the profile's day; half_life in days.
    """
    last = np.full(int(row.max(initial=-1)) + 1, np.iinfo(np.int32).max)
    np.minimum.at(last, row, ages)
    decayed = earlier_weight * decay(ages - last[row], half_life)
    return np.where(ages == last[row], 1, decayed).astype(np.float32)


def nearest(row: Ints, col: Ints, value: Floats, shape: tuple[int, int], k: int) -> sparse.csr_array:
    """Keep the k largest values of each row of a sparse matrix given as coordinates; equals by column; float32."""
    order = np.lexsort((col, -value, row))
    row, col, value = row[order], col[order], value[order]
    kept = position_within(row) < k
    return sparse.csr_array((value[kept].astype(np.float32), (row[kept], col[kept])), shape=shape)
