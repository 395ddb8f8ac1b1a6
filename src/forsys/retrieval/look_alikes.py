"""Look-alikes: articles that are near in content to what the customer bought, also such as never sold before."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import ClassVar, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse
from scipy.ndimage import uniform_filter1d

from forsys.content.similarity import Vectors, content_vectors
from forsys.retrieval.source import STRICT, Source, decay, top_dense
from forsys.tables.history import Floats, History, Ints, Profiles

BLOCK = 512  # articles whose likeness to all others is held at a time, in each thread


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
    plausible: PositiveFloat = 0.1
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
        row, purchase = profiles.purchases()
        weights = decay(profiles.ages(row, purchase), self.half_life)
        article = profiles.history.article[purchase]
        bought = profiles.matrix(row, article, weights, len(profiles.history.articles))
        return sparse.csr_array(bought @ self.similar_)

    def _similar(self, history: History, prior: Floats) -> sparse.csr_array:
        """(articles, catalogue): the nearest candidates of each candidate, which are what lately was bought."""
        weights = {name: getattr(self, name) for name in ("attributes", "words", "colour", "shape")}
        vectors = content_vectors(history.articles, weights)
        code = history.articles["product_code"].to_numpy()
        starts = range(0, len(self.catalogue_), BLOCK)

        def nearest(start: int) -> tuple[Ints, Floats]:
            return self._nearest(self.catalogue_[start : start + BLOCK], vectors, code, prior)

        # Threads, since NumPy leaves them free to work; each product is of one thread, which repeats.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(nearest, starts))
        column = np.vstack([columns for columns, _ in found]) if found else np.zeros((0, 1), np.int32)
        value = np.vstack([values for _, values in found]) if found else np.zeros((0, 1), np.float32)
        row = np.broadcast_to(self.catalogue_[:, None], column.shape)
        kept = column >= 0
        shape = (len(history.articles), len(self.catalogue_))
        return sparse.csr_array((value[kept], (row[kept], column[kept])), shape=shape)

    def _nearest(self, articles: Ints, vectors: Vectors, code: Ints, prior: Floats) -> tuple[Ints, Floats]:
        likeness = vectors[articles] @ vectors[self.catalogue_].T
        likeness += self.code * (code[articles, None] == code[self.catalogue_])
        np.maximum(likeness, 0, out=likeness)
        score = (likeness**2 * prior[self.catalogue_]).astype(np.float32)
        score[(articles[:, None] == self.catalogue_) | (score == 0)] = -np.inf
        return top_dense(score, self.neighbours)


def nearby_share(number: Ints, selling: np.ndarray, window: int) -> Floats:
    """Of each article, the share of selling ones among about `window` articles of the nearest numbers."""
    order = np.argsort(number, kind="stable")
    share = np.empty(len(number))
    share[order] = uniform_filter1d(selling[order].astype(np.float64), min(window, len(number)), mode="nearest")
    return share
