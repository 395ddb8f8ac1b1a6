"""Look-alikes: articles that are near in content to what the customer bought, also such as never sold before."""

from datetime import date
from typing import ClassVar, Self

import numpy as np
from implicit.cpu.topk import topk
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse
from scipy.ndimage import uniform_filter1d
from threadpoolctl import threadpool_limits

from forsys.content.similarity import Vectors, content_vectors
from forsys.retrieval.source import STRICT, Source, decayed_purchases
from forsys.tables.history import Floats, History, Ints, Profiles

PAIRS = 100_000  # pairs of articles whose vectors are held at a time


@dataclass(config=STRICT)
class LookAlikes(Source):
    """Likeness of content to each purchase, halved every `half_life` days, times how likely an article sells now.

    Article numbers rise with time, so that an article which never sold is taken to be on sale as likely as the
    `window` articles of the nearest numbers sold in the last `days`; it is a candidate where that is `plausible`.
    For articles that did sell, it is the log of their purchases, times `sold`. Likeness is a weighted sum of
    cosines (see content_vectors), and `code` for the same product code.
    """

    days: PositiveInt = 28
    half_life: PositiveFloat = 7.0
    window: PositiveInt = 20
    plausible: PositiveFloat = 0.2
    sold: NonNegativeFloat = 0.1
    neighbours: PositiveInt = 200
    code: NonNegativeFloat = 1.0
    attributes: NonNegativeFloat = 1.0
    words: NonNegativeFloat = 1.0
    colour: NonNegativeFloat = 0.5
    shape: NonNegativeFloat = 0.5

    uses_content: ClassVar[bool] = True

    def fit(self, history: History, as_of: date) -> Self:
        """Choose the candidates, and keep for each article the `neighbours` nearest of them."""
        recent = history.since(as_of, self.days)
        purchases = np.bincount(recent.article, minlength=len(history.articles))
        never = np.bincount(history.before(as_of).article, minlength=len(purchases)) == 0
        on_sale = nearby_share(history.articles["article_id"].cast(int).to_numpy(), purchases > 0, self.window)
        prior = np.where(never, on_sale, self.sold * np.log1p(purchases)).astype(np.float32)
        chosen = np.where(never, on_sale >= self.plausible, purchases > 0)
        self.catalogue_ = np.flatnonzero(chosen).astype(np.int32)
        self.similar_ = self._similar(history, prior)
        return self

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases, carried to the articles like them."""
        return sparse.csr_array(decayed_purchases(profiles, self.half_life) @ self.similar_)

    def _similar(self, history: History, prior: Floats) -> sparse.csr_array:
        """(articles, catalogue): the candidates nearest to each candidate (as which the lately bought count)."""
        if not len(self.catalogue_):
            return sparse.csr_array(np.zeros((len(history.articles), 0), np.float32))
        weights = {name: getattr(self, name) for name in ("attributes", "words", "colour", "shape")}
        vectors = content_vectors(history.articles, weights)[self.catalogue_]
        scale = np.sqrt(prior[self.catalogue_])
        row, column, likeness = same_product(history.articles["product_code"].to_numpy()[self.catalogue_], vectors)
        near_row, near_column, near = nearest(vectors, vectors * scale[:, None], self.neighbours)
        row, column = np.concatenate([row, near_row]), np.concatenate([column, near_column])
        likeness = np.concatenate([likeness + self.code, near / scale[near_column]])
        first = np.unique(row * len(vectors) + column, return_index=True)[1]  # the same product's before the others
        first = first[(row[first] != column[first]) & (likeness[first] > 0)]
        row, column, value = row[first], column[first], likeness[first] ** 2 * prior[self.catalogue_][column[first]]
        shape = (len(history.articles), len(self.catalogue_))
        return sparse.csr_array((value.astype(np.float32), (self.catalogue_[row], column)), shape=shape)


def nearest(queries: Vectors, vectors: Vectors, k: int) -> tuple[Ints, Ints, Floats]:
    """The k vectors of the largest inner product with each query: rows, columns and products, as coordinates.

    By implicit's blocked product and selection, whose memory is bounded.
    """
    with threadpool_limits(1, "blas"):  # its own loops are parallel
        column, value = topk(vectors, queries, min(k, len(vectors)))
    row = np.repeat(np.arange(len(queries)), column.shape[1])
    return row, column.ravel().astype(np.int64), value.ravel()


def same_product(code: Ints, vectors: Vectors) -> tuple[Ints, Ints, Floats]:
    """All pairs of equal product code, as coordinates, with the inner products of their vectors."""
    group = np.unique(code, return_inverse=True)[1]
    member = sparse.csr_array((np.ones(len(group), np.float32), (np.arange(len(group)), group)))
    row, column = sparse.coo_array(member @ member.T).coords
    likeness = np.concatenate(
        [
            np.einsum("ij,ij->i", vectors[row[pairs]], vectors[column[pairs]])
            for pairs in np.array_split(np.arange(len(row)), len(row) // PAIRS + 1)
        ]
    )
    return row.astype(np.int64), column.astype(np.int64), likeness


def nearby_share(number: Ints, selling: np.ndarray, window: int) -> Floats:
    """Of each article, the share of selling ones among about `window` articles of the nearest numbers."""
    order = np.argsort(number, kind="stable")
    share = np.empty(len(number))
    share[order] = uniform_filter1d(selling[order].astype(np.float64), min(window, len(number)), mode="nearest")
    return share
