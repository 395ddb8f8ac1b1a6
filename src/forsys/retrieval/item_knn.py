"""Item kNN: articles that many customers bought who also bought what this customer has."""

from collections.abc import Iterator
from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats, Ints, position_within
from forsys.retrieval.baskets import weighted_baskets
from forsys.retrieval.neighbours import blocks_of_pairs, largest_cells, linked, stacked
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

MAX_ARTICLES = 2_000  # of a customer that are paired with each other; Kaggle's largest customer bought fewer


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
        self.similar_ = stacked(parts)
        return self

    def _nearest(self, bought: sparse.csr_array, buyers: Floats, rows: slice) -> sparse.csr_array:
        """Similarity of the articles in `rows` to their nearest neighbours, (rows, catalogue)."""
        together = sparse.coo_array(bought[:, rows].T @ bought)
        row, col = together.coords
        other = row + rows.start != col
        row, col = row[other], col[other]
        of_row = buyers[rows][row]
        norm = np.sqrt((of_row + self.shrinkage_bought) * (buyers[col] + self.shrinkage_candidate))
        return largest_cells(row, col, together.data[other] / norm, together.shape, self.num_neighbours)

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Similarity to the profile's purchases, weighted and summed."""
        bought = weighted_baskets(self, profiles, self.earlier_weight, self.half_life)
        return sparse.csr_array(bought @ self.similar_)

    def links(self, article: Ints) -> sparse.csr_array:
        """What one purchase of each article adds to the scores, (articles, catalogue)."""
        return linked(self.similar_, self.columns(article))


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
    """Consecutive columns of (customers, articles), with about as many pairs each as `blocks_of_pairs` allows."""
    return blocks_of_pairs(bought.T @ np.diff(bought.indptr).astype(np.float64))
