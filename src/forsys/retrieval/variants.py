"""Variants: other colours of what the customer bought lately (articles of the same product code)."""

from datetime import date
from typing import Self

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.retrieval.source import STRICT, Source, decay
from forsys.tables.history import History, Profiles


@dataclass(config=STRICT)
class Variants(Source):
    """Recency of the purchases of a product code, times the sales of its other articles in the last `days`."""

    half_life: PositiveFloat = 30.0
    days: PositiveInt = 14

    def fit(self, history: History, as_of: date) -> Self:
        """Link every article to those of its product code that sold lately, by log sales."""
        recent = history.since(as_of, self.days)
        sales = np.bincount(recent.article, minlength=len(history.articles))
        self.catalogue_ = np.flatnonzero(sales).astype(np.int32)
        code = np.unique(history.articles["product_code"].to_numpy(), return_inverse=True)[1]
        articles = np.arange(len(code))
        member = sparse.csr_array((np.ones(len(code), np.float32), (articles, code)))
        weight = np.log1p(sales[self.catalogue_]).astype(np.float32)
        # (articles, codes) @ (codes, catalogue): article a reaches the sold articles of its code.
        links = (member @ (member[self.catalogue_].T.tocsr() * weight[None, :])).tocoo()
        other = self.catalogue_[links.col] != links.row
        self.links_ = sparse.csr_array((links.data[other], (links.row[other], links.col[other])), shape=links.shape)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried along the links."""
        row, purchase = profiles.purchases()
        weights = decay(profiles.ages(row, purchase), self.half_life)
        bought = profiles.matrix(row, profiles.history.article[purchase], weights, len(profiles.history.articles))
        return sparse.csr_array(bought @ self.links_)
