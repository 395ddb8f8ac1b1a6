"""Content kNN: articles with content near that of what the customer bought, including some that never sold."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Self

import numpy as np
from implicit.cpu.topk import topk
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse
from scipy.ndimage import uniform_filter1d
from threadpoolctl import threadpool_limits

from forsys.arrays import Bools, Floats, Ints, inner_products
from forsys.content.vectors import PICTURE_FEATURES, Vectors, content_vectors, with_fair_pictures
from forsys.retrieval.same_product import pairs_of_equal_code
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class NearestContent(Source):
    """Articles with content near that of the customer's purchases, weighted by how well they sell.

    score = sum over decayed purchases of similarity(bought, candidate)² * sales_factor(candidate).
    similarity: a weighted sum of cosines (see content_vectors), plus `product_weight` for the same product code.
    Pictures of articles that never sold take part where nearly all of these have one (see unfair_pictures).
    sales_factor: sales_weight * log(1 + purchases in the last `days`) for an article that has sold before. For one
    that never sold it is the chance that it is on sale by now: article ids rise with time, so this is the share
    of the `catalogue_window` articles with the nearest ids that sold in the last `days`.
    """

    days: PositiveInt = 28
    """Days before the cut-off whose purchases say which articles sell now."""
    half_life: PositiveFloat = 7.0
    """Days after which a purchase counts half."""
    catalogue_window: PositiveInt = 20
    """Articles with the nearest ids from which it is estimated whether an article that never sold is on sale."""
    min_on_sale: PositiveFloat = 0.2
    """Chance of being on sale, 0 to 1, from which on an article that never sold is a candidate."""
    sales_weight: NonNegativeFloat = 0.1
    """Weight of log(1 + purchases) of articles that sold, against the chance of being on sale of the others."""
    num_neighbours: PositiveInt = 200
    """Nearest candidates that are kept per article, beside those of its product code."""
    product_weight: NonNegativeFloat = 1.0
    """Added to the similarity of two articles of the same product code."""
    attributes_weight: NonNegativeFloat = 1.0
    """Weight of the cosine of the attributes; 0 leaves them out."""
    words_weight: NonNegativeFloat = 1.0
    """Weight of the cosine of the descriptions' words; 0 leaves them out."""
    colour_weight: NonNegativeFloat = 0.5
    """Weight of the cosine of the pictures' colours; 0 leaves them out."""
    shape_weight: NonNegativeFloat = 0.5
    """Weight of the cosine of the pictures' shapes; 0 leaves them out."""

    uses_content: ClassVar[bool] = True

    def fit(self, history: History, as_of: date) -> Self:
        """Choose the candidates, and keep the nearest of them for each article."""
        recent = history.since(as_of, self.days)
        purchases = np.bincount(recent.article, minlength=len(history.articles))
        never = ~history.sold_before(as_of)
        on_sale = chance_on_sale(history, as_of, purchases > 0, self.catalogue_window)
        factor = np.where(never, on_sale, self.sales_weight * np.log1p(purchases)).astype(np.float32)
        chosen = np.where(never, on_sale >= self.min_on_sale, purchases > 0)
        self.catalogue_ = np.flatnonzero(chosen).astype(np.int32)
        self.similar_ = self._similar(history, as_of, factor[self.catalogue_])
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried to similar articles."""
        return sparse.csr_array(profiles.decayed_purchases(self.half_life) @ self.similar_)

    def links(self, article: Ints) -> sparse.csr_array:
        """What one purchase of each article adds to the scores, (articles, catalogue)."""
        return self.similar_[article]

    def _similar(self, history: History, as_of: date, factor: Floats) -> sparse.csr_array:
        """similarity² * factor of the nearest candidates: (articles, catalogue), filled for articles in it."""
        shape = (len(history.articles), len(self.catalogue_))
        if not len(self.catalogue_):
            return sparse.csr_array(np.zeros(shape, np.float32))
        weights = {name: getattr(self, f"{name}_weight") for name in ("attributes", "words", "colour", "shape")}
        vectors = kept_vectors(history, as_of, weights, self.catalogue_)
        scale = np.sqrt(factor)
        code = history.articles["product_code"].to_numpy()[self.catalogue_]
        row, column, similarity = same_product_pairs(code, vectors, factor)
        near_row, near_column, near = largest_products(vectors, vectors * scale[:, None], self.num_neighbours)
        row, column = np.concatenate([row, near_row]), np.concatenate([column, near_column])
        similarity = np.concatenate([similarity + self.product_weight, near / scale[near_column]])
        # A pair that is in both is taken from the same product's, which come first.
        first = np.unique(row * len(vectors) + column, return_index=True)[1]
        first = first[(row[first] != column[first]) & (similarity[first] > 0)]
        row, column, value = row[first], column[first], similarity[first] ** 2 * factor[column[first]]
        return sparse.csr_array((value.astype(np.float32), (self.catalogue_[row], column)), shape=shape)


def kept_vectors(history: History, as_of: date, weights: Mapping[str, float], wanted: Ints) -> Vectors:
    """`content_vectors`, with fair pictures, of the wanted articles (wanted, dimensions).

    What no cut-off changes is made once for all articles: on H&M's 105,542 that is most of a fit.
    """
    articles, pictures = history.articles, {name: weights[name] for name in PICTURE_FEATURES if name in weights}
    shown = with_fair_pictures(articles, history.never_sold(as_of)) if pictures else articles
    changing = pictures if shown is not articles else {}
    same = {name: weight for name, weight in weights.items() if name not in changing}
    kept = history.of_articles(f"content_vectors {same}", lambda: content_vectors(articles, same))
    return np.hstack([kept[wanted], content_vectors(shown, changing)[wanted]]) if changing else kept[wanted]


def largest_products(queries: Vectors, vectors: Vectors, k: int) -> tuple[Ints, Ints, Floats]:
    """The k vectors with the largest inner product with each query: rows, columns and products, as coordinates.

    By implicit's blocked product and selection, whose memory is bounded.
    """
    with threadpool_limits(1, "blas"):  # topk's own loops are parallel
        column, value = topk(vectors, queries, min(k, len(vectors)))
    row = np.repeat(np.arange(len(queries)), column.shape[1])
    return row, column.ravel().astype(np.int64), value.ravel()


def same_product_pairs(code: Ints, vectors: Vectors, sales: Floats) -> tuple[Ints, Ints, Floats]:
    """The pairs with equal product code, as coordinates, with the inner products of their vectors.

    Of a large product code only those whose second article is among its best sellers, see `pairs_of_equal_code`.
    """
    group = np.unique(code, return_inverse=True)[1]
    row, column = pairs_of_equal_code(group, group, sales)
    return row.astype(np.int64), column.astype(np.int64), inner_products(vectors, row, vectors, column)


def chance_on_sale(history: History, as_of: date, sells: Bools, window: int) -> Floats:
    """Chance that each article is on sale, (articles,) float64: that of those launched nearest to it which sell.

    Among about `window` of the articles that were known before `as_of`; 0 for the others.
    """
    known = history.by_launch(as_of)
    chance = np.zeros(len(sells))
    if len(known):
        chance[known] = uniform_filter1d(sells[known].astype(np.float64), min(window, len(known)), mode="nearest")
    return chance
