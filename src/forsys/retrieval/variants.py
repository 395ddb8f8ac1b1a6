"""Variants: what the customer bought lately, and the other colours of it (articles of the same product code)."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.retrieval.source import STRICT, Source, decayed_purchases
from forsys.tables.history import History, Ints, Profiles


@dataclass(config=STRICT)
class Variants(Source):
    """Each purchase, halved every `half_life` days, counts for its article and for those of its product code.

    It counts 1 for the article itself, and for the others `other` times the log of their purchases in the last
    `days`, so that a list goes from what was bought last to its colours that sell now, purchase by purchase.
    """

    half_life: PositiveFloat = 14.0
    days: PositiveInt = 28
    other: NonNegativeFloat = 0.1

    def fit(self, history: History, as_of: date) -> Self:
        """Link every article to itself and to those of its product code that sold lately."""
        self.catalogue_ = np.unique(history.before(as_of).article).astype(np.int32)
        recent = history.since(as_of, self.days)
        purchases = np.bincount(recent.article, minlength=len(history.articles))[self.catalogue_]
        self.links_ = same_code(history, self.catalogue_, (self.other * np.log1p(purchases)).astype(np.float32))
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried along the links."""
        return sparse.csr_array(decayed_purchases(profiles, self.half_life) @ self.links_)


def same_code(history: History, catalogue: Ints, weight: np.ndarray) -> sparse.csr_array:
    """Links (articles, catalogue): 1 from an article to itself, `weight` to the others of its product code."""
    code = np.unique(history.articles["product_code"].to_numpy(), return_inverse=True)[1]
    member = sparse.csr_array((np.ones(len(code), np.float32), (np.arange(len(code)), code)))
    links = sparse.coo_array(member @ member[catalogue].T)
    row, col = links.coords
    value = np.where(catalogue[col] == row, np.float32(1), weight[col])
    kept = value > 0
    return sparse.csr_array((value[kept], (row[kept], col[kept])), shape=links.shape)
