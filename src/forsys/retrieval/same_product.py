"""Same product: what the customer bought lately, and other colours of it (articles of the same product code)."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats, Ints, position_within
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

# Others that an article is linked to; the largest product code of H&M has 75 articles.
MAX_SAME_PRODUCT = 200


@dataclass(config=PARAMETERS)
class SameProduct(Source):
    """Each decayed purchase counts for its own article, and for the others of its product code.

    It counts 1 for the article itself, and sales_weight * log(1 + purchases) for each of the others. So a list
    goes through the customer's purchases from the newest on, each followed by the colours of it that sell now.
    """

    half_life: PositiveFloat = 14.0
    """Days after which a purchase counts half."""
    sales_days: PositiveInt = 28
    """Days before the cut-off whose purchases say which articles sell now."""
    sales_weight: NonNegativeFloat = 0.1
    """Weight of log(1 + purchases in `sales_days`) for the other articles; 0 leaves only the article itself."""

    def fit(self, history: History, as_of: date) -> Self:
        """Link every article to itself and to those of its product code that sold lately."""
        self.catalogue_ = np.flatnonzero(history.sold_before(as_of)).astype(np.int32)
        recent = history.since(as_of, self.sales_days)
        purchases = np.bincount(recent.article, minlength=len(history.articles))[self.catalogue_]
        weight = (self.sales_weight * np.log1p(purchases)).astype(np.float32)
        self.links_ = same_product_links(history, self.catalogue_, weight, purchases)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried along the links."""
        return sparse.csr_array(profiles.decayed_purchases(self.half_life) @ self.links_)


def same_product_links(history: History, catalogue: Ints, weight: Floats, sales: Floats | Ints) -> sparse.csr_array:
    """Links (articles, catalogue): 1 from an article to itself, `weight` to the others of its product code.

    catalogue: articles, (n,); weight: of each of them as another article, (n,) float32; sales: (n,), by which the
    others of a product code are chosen that has over MAX_SAME_PRODUCT of them. Weights of 0 store no link.
    """
    code = np.unique(history.articles["product_code"].to_numpy(), return_inverse=True)[1]
    row, col = pairs_of_equal_code(code, code[catalogue], sales)
    itself = catalogue[col] == row
    row, col = np.append(row[~itself], catalogue), np.append(col[~itself], np.arange(len(catalogue)))
    value = np.where(catalogue[col] == row, np.float32(1), weight[col])
    kept = value > 0
    shape = (len(code), len(catalogue))
    return sparse.csr_array((value[kept], (row[kept], col[kept])), shape=shape)


def pairs_of_equal_code(code: Ints, other: Ints, sales: Floats | Ints) -> tuple[Ints, Ints]:
    """All pairs (i, j) with code[i] == other[j], as coordinates.

    For a code that occurs over MAX_SAME_PRODUCT times in `other`, only its best sellers by `sales`, (len(other),):
    50,000 articles of one code would make 2.5 billion pairs.
    """
    order = np.lexsort((-sales, other))  # equal sales by article
    kept = np.sort(order[position_within(other[order]) < MAX_SAME_PRODUCT])
    shape = (max(code.max(initial=-1), other.max(initial=-1)) + 1,)
    rows, columns = (
        sparse.csr_array((np.ones(len(at), np.float32), (at, of)), shape=(length, *shape))
        for at, of, length in ((np.arange(len(code)), code, len(code)), (kept, other[kept], len(other)))
    )
    row, column = sparse.coo_array(rows @ columns.T).coords
    return row, column
