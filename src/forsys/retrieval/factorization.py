"""Matrix factorization: the base of ALS, BPR and LMF (library implicit).

A profile's vector is always folded in from its purchases. So customers unseen in training, or with new purchases,
are scored like any other, and no customer vectors are kept. Profiles without a known purchase get no scores.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse
from threadpoolctl import ThreadpoolController

from forsys.arrays import Bools, Floats, Ints, inner_products, top_k
from forsys.progress import step_callback
from forsys.retrieval.baskets import decayed_counts
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

CELLS_PER_PRODUCT = 1 << 24  # scores of a block of `top`: 64 MiB


@dataclass(config=PARAMETERS)
class Factorization(Source):
    """Scores are inner products of profile and article vectors; see the subclasses for how these are learned."""

    factors: PositiveInt
    """Length of the vectors, without biases."""
    iterations: PositiveInt
    """Passes over the purchases."""
    regularization: NonNegativeFloat
    """Weight of the L2 penalty on the vectors."""
    days: PositiveInt = 365
    """Days before the cut-off whose purchases are learned from."""
    max_purchases: PositiveInt = 2_000_000
    """Most purchases to learn from; where the days hold more, only the newest days are used."""
    half_life: PositiveFloat = 60.0
    """Days after which the confidence in a purchase is halved."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Seed of the initial vectors and of the sampling."""

    fits_slowly: ClassVar[bool] = True
    biases: ClassVar[tuple[int, ...]] = ()  # the values of a profile's vector that meet the articles' biases

    @abstractmethod
    def model(self) -> Any:
        """An unfitted model of implicit with these parameters."""

    def profile_vectors(self, confidence: sparse.csr_array) -> Floats:
        """Fold in profiles by (profiles, catalogue): means of article vectors, ending with `biases`."""
        vectors = weighted_mean(confidence, self.article_vectors_)
        vectors[:, vectors.shape[1] - len(self.biases) :] = self.biases
        return vectors

    def fit(self, history: History, as_of: date) -> Self:
        """Factorise the matrix of customers and articles with a purchase in the days that count."""
        log = history.since(as_of, self.days, self.max_purchases)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        customers = np.unique(log.customer)
        confidence = self.confidence(log.profiles(customers, as_of))
        # implicit's own loops are parallel already; a second pool inside them makes both slow.
        with thread_pools().limit(limits=1, user_api="blas"):
            self.article_vectors_ = self.learn(confidence)
        return self

    def learn(self, confidence: sparse.csr_array) -> Floats:
        """Fit to (customers, catalogue) and return the article vectors (catalogue, width), float32."""
        model = self.model()
        callback = step_callback(self.iterations, type(self).__name__, "iteration")
        model.fit(sparse.csr_matrix(confidence), show_progress=False, callback=callback)
        return np.asarray(model.item_factors, np.float32)

    def options(self) -> dict[str, Any]:
        """The arguments that implicit's models have in common."""
        names = ("factors", "iterations", "regularization")
        return {name: getattr(self, name) for name in names} | {"random_state": self.seed}

    def confidence(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases (profiles, catalogue), by their age on the day of the profile."""
        return decayed_counts(self, profiles, self.half_life)

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Inner products; -inf for profiles without a known purchase."""
        return self._products(*self.fold_in(profiles))

    def in_blocks(self, profiles: Profiles) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """Profiles are folded in together, since ALS begins with a product of all article vectors."""
        vectors, known = self.fold_in(profiles)
        for rows in self.blocks(profiles):
            yield rows, self._products(vectors[rows], known[rows])

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """As for every source; scored again, as the last bit in a matrix product depends on the number of rows."""
        vectors, known = self.fold_in(profiles)
        column = np.full((len(profiles), k), -1, np.int32)
        # One buffer for all products, so that it can be large: 3/4 of the time of new, smaller ones.
        size = max(CELLS_PER_PRODUCT // max(len(self.catalogue_), 1), 1)
        buffer = np.empty((min(size, len(profiles)), len(self.catalogue_)), np.float32)
        for start in range(0, len(profiles), size):
            rows = slice(start, start + size)
            column[rows], _ = top_k(self._products(vectors[rows], known[rows], buffer), k)
        score = np.full(column.shape, -np.inf, np.float32)
        row, rank = np.nonzero(column >= 0)
        score[row, rank] = inner_products(vectors, row, self.article_vectors_, column[row, rank])
        order = np.argsort(-score, axis=1, kind="stable")
        return self.articles(np.take_along_axis(column, order, axis=1)), np.take_along_axis(score, order, axis=1)

    def _products(self, vectors: Floats, known: Bools, buffer: Floats | None = None) -> npt.NDArray[np.float32]:
        out = None if buffer is None else buffer[: len(vectors)]
        scores = np.asarray(np.matmul(vectors, self.article_vectors_.T, out=out), np.float32)
        scores[~known] = -np.inf
        return scores

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """Inner products of these pairs only."""
        vectors, known = self.fold_in(profiles)
        column = self.columns(article)
        scored = known[row] & (column >= 0)
        result = np.full(len(row), -np.inf, np.float32)
        result[scored] = inner_products(vectors, row[scored], self.article_vectors_, column[scored])
        return result

    def fold_in(self, profiles: Profiles) -> tuple[Floats, Bools]:
        """Vectors of profiles (profiles, width), and which profiles have a known purchase."""
        confidence = self.confidence(profiles)
        with thread_pools().limit(limits=1, user_api="blas"):
            vectors = self.profile_vectors(confidence).astype(np.float32)
        return vectors, np.diff(confidence.indptr) > 0


@cache
def thread_pools() -> ThreadpoolController:
    """The thread pools of the libraries at work. Found once: that takes as long as to score a profile."""
    return ThreadpoolController()


def weighted_mean(weights: sparse.csr_array, vectors: Floats) -> Floats:
    """Mean of vectors (catalogue, width) weighted by each row of weights: (rows, width), 0 for an empty row."""
    total = np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    mean: Floats = (weights @ vectors) / total[:, None]
    return mean.astype(np.float32)
