"""New arrivals: articles that never sold and are likely on sale by now, near in content to what was bought."""

from datetime import date
from typing import ClassVar, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats, Ints
from forsys.retrieval.nearest_content import chance_on_sale, kept_vectors, largest_products
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class NewArrivals(Source):
    """Content kNN from the customer's purchases to the articles that never sold before.

    score = sum over decayed purchases of similarity(bought, candidate)² * chance that the candidate is on sale.
    similarity: a weighted sum of the cosines of attributes and words, plus product_weight for equal product codes.
    The chance is the share of articles launched about the same time that sold in the last `days` (see
    nearest_content). Pictures are not compared: whether an article has one may tell that it will sell.
    """

    days: PositiveInt = 28
    """Days before the cut-off whose purchases say which articles sell now."""
    half_life: PositiveFloat = 7.0
    """Days after which a purchase counts half."""
    catalogue_window: PositiveInt = 20
    """Articles with the nearest ids from which it is estimated whether an article is on sale."""
    min_on_sale: PositiveFloat = 0.1
    """Chance of being on sale, 0 to 1, from which on an article is a candidate."""
    num_neighbours: PositiveInt = 200
    """Nearest candidates that are kept per article."""
    product_weight: NonNegativeFloat = 1.0
    """Added to the similarity of two articles of the same product code."""
    attributes_weight: NonNegativeFloat = 1.0
    """Weight of the cosine of the attributes; 0 leaves them out."""
    words_weight: NonNegativeFloat = 1.0
    """Weight of the cosine of the descriptions' words; 0 leaves them out."""

    uses_content: ClassVar[bool] = True

    def fit(self, history: History, as_of: date) -> Self:
        """Choose the candidates, and keep the nearest of them for each article that sold."""
        sells = np.bincount(history.since(as_of, self.days).article, minlength=len(history.articles)) > 0
        never = ~history.sold_before(as_of)
        on_sale = chance_on_sale(history, as_of, sells, self.catalogue_window)
        self.catalogue_ = np.flatnonzero(never & (on_sale >= self.min_on_sale)).astype(np.int32)
        self.similar_ = self._similar(
            history, as_of, np.flatnonzero(~never), on_sale[self.catalogue_].astype(np.float32)
        )
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried to similar new articles."""
        return sparse.csr_array(profiles.decayed_purchases(self.half_life) @ self.similar_)

    def _similar(self, history: History, as_of: date, sold: Ints, on_sale: Floats) -> sparse.csr_array:
        """similarity² * on_sale of the nearest candidates: (articles, catalogue), filled for those in `sold`."""
        shape = (len(history.articles), len(self.catalogue_))
        if not len(self.catalogue_):
            return sparse.csr_array(np.zeros(shape, np.float32))
        weights = {"attributes": self.attributes_weight, "words": self.words_weight}
        scale = np.sqrt(on_sale)
        candidates = kept_vectors(history, as_of, weights, self.catalogue_) * scale[:, None]
        queries = kept_vectors(history, as_of, weights, sold)
        row, column, near = largest_products(queries, candidates, self.num_neighbours)
        code = history.articles["product_code"].to_numpy()
        is_same = code[sold[row]] == code[self.catalogue_[column]]
        similarity = near / scale[column] + self.product_weight * is_same
        kept = similarity > 0
        row, column, value = row[kept], column[kept], similarity[kept] ** 2 * on_sale[column[kept]]
        return sparse.csr_array((value.astype(np.float32), (sold[row], column)), shape=shape)
