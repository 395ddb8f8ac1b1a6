"""EASE: each article from all others that the customer bought, a linear model in closed form, with attributes."""

from datetime import date
from typing import Any, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import linalg, sparse

from forsys.arrays import Floats
from forsys.errors import DataError
from forsys.retrieval.baskets import newest_purchases, weighted_baskets, without_basket
from forsys.retrieval.factorization import thread_pools
from forsys.retrieval.neighbours import largest_per_row, stacked
from forsys.retrieval.same_attributes import check_attributes, membership
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

ROWS_PER_BLOCK = 512  # of the dense weights that are made sparse at a time


@dataclass(config=PARAMETERS)
class EASE(Source):
    """Ridge regression of each article on all others, without itself (EASE, Steck 2019), over articles that sold.

    B = I - P / diag(P) with P = (X'X + regularization I)^-1. Rows of X are customers, each of whom weighs
    1 / log(1 + articles), and the attributes' values, each of which weighs attribute_weight (collective EASE,
    Jeunen et al. 2020): articles that share them are taken for bought together. Only the largest weights are kept,
    and no negative ones.

    The solve is dense: 8,000 articles take 0.8 GiB and about a minute, twice as many 4 and 8 times that.
    Articles that the profile bought on its own day have no score.
    """

    days: PositiveInt = 60
    """Days before the cut-off whose purchases count."""
    max_articles: PositiveInt = 8_000
    """Most articles that are learned, the best sellers of these days."""
    regularization: PositiveFloat = 20.0
    """Weight of the L2 penalty, in customers."""
    attribute_weight: NonNegativeFloat = 1.0
    """Weight of an attribute's value against a customer's purchases; 0 leaves them out."""
    attributes: tuple[str, ...] = ()
    """Columns of articles.parquet; none: the shop's for same_attributes but for the article itself."""
    earlier_weight: NonNegativeFloat = 0.5
    """Weight of a purchase before the profile's last day of shopping, then decayed."""
    half_life: PositiveFloat = 30.0
    """Days before the last day of shopping after which an earlier purchase counts half."""
    num_neighbours: PositiveInt = 500
    """Largest weights that are kept per article."""

    def fit(self, history: History, as_of: date) -> Self:
        """Solve for the best sellers of the days."""
        log = history.since(as_of, self.days)
        sales = np.bincount(log.article, minlength=len(history.articles))
        best = np.argsort(-sales, kind="stable")[: self.max_articles]
        self.catalogue_ = np.sort(best[sales[best] > 0]).astype(np.int32)
        bought = self._bought(log)
        gram = (bought.T @ bought).toarray()
        values = self._values(history)
        gram += (values.T @ values).toarray()
        gram[np.diag_indices_from(gram)] += self.regularization
        self.weights_ = positive_weights(gram, self.num_neighbours)
        return self

    def check(self, history: History) -> None:
        """The articles must have the attributes."""
        check_attributes("EASE, attributes", self.attributes, history)

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Weights of the profile's purchases, summed."""
        bought = weighted_baskets(self, profiles, self.earlier_weight, self.half_life)
        return without_basket(self, sparse.csr_array(bought @ self.weights_), profiles)

    def _bought(self, log: History) -> sparse.csr_array:
        """(customers, catalogue), float32: the root of the customer's weight where an article was bought."""
        column = self.columns(log.article)
        kept = (column >= 0) & newest_purchases(log)
        shape = (len(log.customers), len(self.catalogue_))
        cells = (np.ones(int(kept.sum()), np.float32), (log.customer[kept], column[kept]))
        bought = sparse.coo_array(cells, shape=shape).tocsr()
        size = np.diff(bought.indptr)
        bought.data = np.repeat(1 / np.sqrt(np.log1p(np.maximum(size, 1))), size).astype(np.float32)
        return bought

    def _values(self, history: History) -> sparse.csr_array:
        """(values of the attributes, catalogue), float32: the root of attribute_weight where an article has one."""
        names = self.attributes or [name for name in history.roles.naive_bayes if name != "article"]
        values = membership(history, names or ["product_code"])[self.catalogue_]
        return sparse.csr_array(np.float32(np.sqrt(self.attribute_weight)) * values.T)


def positive_weights(gram: Floats, k: int) -> sparse.csr_array:
    """The k largest positive weights -P / diag(P) of each row but for the diagonal, where P = gram^-1.

    gram: (articles, articles) float32, positive definite; its memory is used for P. Returns float32. Raises
    DataError where it cannot be inverted.
    """
    size = len(gram)
    if not size:
        return sparse.csr_array(gram)
    functions: Any = linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    potrf, potri = functions
    with thread_pools().limit(limits=1, user_api="blas"):  # sums in one order, whatever the number of cores
        factor, fault = potrf(gram.T, lower=1, overwrite_a=1)
        inverse, _ = potri(factor, lower=1, overwrite_c=1)
    if fault:
        raise DataError("EASE: its matrix cannot be inverted in single precision. Take a larger `regularization`.")
    diagonal, parts = np.diagonal(inverse), []
    for start in range(0, size, ROWS_PER_BLOCK):
        rows = np.arange(start, min(start + ROWS_PER_BLOCK, size))
        is_lower = np.arange(size) < rows[:, None]
        weights = -np.where(is_lower, inverse[rows], inverse[:, rows].T) / diagonal
        weights[np.arange(len(rows)), rows] = 0
        parts.append(_largest(weights, k))
    return stacked(parts)


def _largest(weights: Floats, k: int) -> sparse.csr_array:
    """The k largest positive cells of each row; equals by column."""
    cut = max(weights.shape[1] - k, 0)
    bound = np.partition(weights, cut, axis=1)[:, [cut]]
    row, column = np.nonzero((weights >= bound) & (weights > 0))
    cells = (weights[row, column].astype(np.float32), (row, column))
    return largest_per_row(sparse.csr_array(cells, shape=weights.shape), k)
