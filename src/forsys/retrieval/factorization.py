"""ALS, BPR and LMF: customers and articles as vectors (library implicit).

A profile's vector is always folded in from what it holds, so that a customer unseen in training, or one who
just bought something, is scored like any other, and no customer's vector needs to be kept. Profiles without a
known purchase have no vector and are left to the other sources.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from implicit.cpu import als, bpr, lmf
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse
from threadpoolctl import threadpool_limits

from forsys.progress import shows_progress
from forsys.retrieval.source import STRICT, Source, decay, inner_products, top_of
from forsys.tables.history import Floats, History, Ints, Profiles

PRODUCT_CELLS = 1 << 24  # scores of a block of products: 64 MiB
SOLVED_CELLS = 1 << 20  # numbers that a block of least squares holds: 4 MiB


@dataclass(config=STRICT)
class Factorization(Source):
    """What the three have in common.

    They learn from the last `days` days, or fewer, so that these hold at most `purchases`; confidence in a purchase
    is halved every `half_life` days.
    """

    factors: PositiveInt = 64
    iterations: PositiveInt = 15
    regularization: NonNegativeFloat = 0.01
    days: PositiveInt = 365
    purchases: PositiveInt = 2_000_000
    half_life: PositiveFloat = 60.0
    seed: int = 7

    @abstractmethod
    def learn(self, confidence: sparse.csr_array) -> Floats:
        """Fit to (customers, catalogue) and return the article vectors (catalogue, width), float32."""

    @abstractmethod
    def vectors(self, confidence: sparse.csr_array) -> Floats:
        """Fold in profiles (profiles, catalogue): their vectors (profiles, width)."""

    def fit(self, history: History, as_of: date) -> Self:
        """Factorise; customers who bought nothing in the days that count take no part."""
        log = history.since(as_of, self.days, self.purchases)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        customers = np.unique(log.customer)
        confidence = self.confidence(log.profiles(customers, as_of))
        # implicit's own loops are parallel already; a second pool inside them makes both slow.
        with threadpool_limits(1, "blas"):
            self.article_vectors_ = self.learn(confidence)
        return self

    def confidence(self, profiles: Profiles) -> sparse.csr_array:
        """Decayed purchases (profiles, catalogue), by their age on the day of the profile."""
        row, purchase = profiles.purchases()
        weights = decay(profiles.ages(row, purchase), self.half_life)
        column = self.columns(profiles.history.article[purchase])
        return profiles.matrix(row, column, weights, len(self.catalogue_))

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Inner products; -inf where a profile holds nothing known."""
        return self._products(*self.fold_in(profiles))

    def in_blocks(self, profiles: Profiles) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """All are folded in before the first block, for ALS begins with the product of all article vectors."""
        vectors, known = self.fold_in(profiles)
        for rows in self.blocks(profiles):
            yield rows, self._products(vectors[rows], known[rows])

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """As of every source. The last bit of a large product depends on its rows, so the scores are taken anew."""
        vectors, known = self.fold_in(profiles)
        column = np.full((len(profiles), k), -1, np.int32)
        # One block of memory for all products, so that it can be large: 3/4 of the time of new, smaller ones.
        size = max(PRODUCT_CELLS // max(len(self.catalogue_), 1), 1)
        memory = np.empty((min(size, len(profiles)), len(self.catalogue_)), np.float32)
        for start in range(0, len(profiles), size):
            rows = slice(start, start + size)
            column[rows], _ = top_of(self._products(vectors[rows], known[rows], memory), k)
        score = np.full(column.shape, -np.inf, np.float32)
        row, place = np.nonzero(column >= 0)
        score[row, place] = inner_products(vectors, row, self.article_vectors_, column[row, place])
        order = np.argsort(-score, axis=1, kind="stable")
        return self.articles(np.take_along_axis(column, order, axis=1)), np.take_along_axis(score, order, axis=1)

    def _products(
        self, vectors: Floats, known: npt.NDArray[np.bool_], memory: Floats | None = None
    ) -> npt.NDArray[np.float32]:
        out = None if memory is None else memory[: len(vectors)]
        scores = np.asarray(np.matmul(vectors, self.article_vectors_.T, out=out), np.float32)
        scores[~known] = -np.inf
        return scores

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """Inner products of just the pairs."""
        vectors, known = self.fold_in(profiles)
        column = self.columns(article)
        able = known[row] & (column >= 0)
        result = np.full(len(row), -np.inf, np.float32)
        result[able] = inner_products(vectors, row[able], self.article_vectors_, column[able])
        return result

    def fold_in(self, profiles: Profiles) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Vectors of profiles (profiles, width), and which of them hold anything known."""
        confidence = self.confidence(profiles)
        with threadpool_limits(1, "blas"):
            vectors = self.vectors(confidence).astype(np.float32)
        return vectors, np.diff(confidence.indptr) > 0


@dataclass(config=STRICT)
class ALS(Factorization):
    """Alternating least squares (Hu, Koren, Volinsky 2008)."""

    factors: PositiveInt = 128
    regularization: NonNegativeFloat = 0.05
    alpha: PositiveFloat = 10.0

    def learn(self, confidence: sparse.csr_array) -> Floats:
        """Fit with conjugate gradients."""
        model = self._model()
        model.fit(sparse.csr_matrix(confidence), show_progress=shows_progress())
        return np.asarray(model.item_factors, np.float32)

    def vectors(self, confidence: sparse.csr_array) -> Floats:
        """ALS's own step: least squares against the article vectors."""
        return least_squares(confidence * self.alpha, self.article_vectors_, self.regularization)

    def _model(self) -> Any:
        return als.AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularization,
            alpha=self.alpha,
            iterations=self.iterations,
            random_state=self.seed,
        )


@dataclass(config=STRICT)
class BPR(Factorization):
    """Bayesian personalised ranking (Rendle and others 2009). One thread, as only that repeats."""

    purchases: PositiveInt = 500_000
    iterations: PositiveInt = 100
    learning_rate: PositiveFloat = 0.05

    def learn(self, confidence: sparse.csr_array) -> Floats:
        """Fit; the last column of the vectors is the article's bias."""
        model = bpr.BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        model.fit(sparse.csr_matrix(confidence), show_progress=shows_progress())
        return np.asarray(model.item_factors, np.float32)

    def vectors(self, confidence: sparse.csr_array) -> Floats:
        """Mean of the article vectors, and 1 for the bias."""
        vectors = weighted_mean(confidence, self.article_vectors_)
        vectors[:, -1] = 1
        return vectors


@dataclass(config=STRICT)
class LMF(Factorization):
    """Logistic matrix factorisation (Johnson 2014). One thread, as only that repeats."""

    purchases: PositiveInt = 500_000
    iterations: PositiveInt = 30
    regularization: NonNegativeFloat = 0.6
    learning_rate: PositiveFloat = 1.0
    negatives: PositiveInt = 30
    alpha: PositiveFloat = 1.0

    def learn(self, confidence: sparse.csr_array) -> Floats:
        """Fit; the last two columns of the vectors are the article's bias and a constant 1."""
        model = lmf.LogisticMatrixFactorization(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            neg_prop=self.negatives,
            num_threads=1,
            random_state=self.seed,
        )
        model.fit(sparse.csr_matrix(confidence * self.alpha), show_progress=shows_progress())
        return np.asarray(model.item_factors, np.float32)

    def vectors(self, confidence: sparse.csr_array) -> Floats:
        """Mean of the article vectors, and 1 for the bias."""
        vectors = weighted_mean(confidence, self.article_vectors_)
        vectors[:, -2:] = (1, 0)
        return vectors


def least_squares(confidence: sparse.csr_array, articles: Floats, regularization: float) -> Floats:
    """What ALS takes for a customer's vector, by confidence (profiles, catalogue): (profiles, width), float32.

    For the purchases u of a profile, their confidences c, C = diag(c) and P = (Y'Y + regularization I)^-1 that is
    (P^-1 + Yu'(C - I)Yu)^-1 Yu'c, which by Woodbury's identity is (YuP)'(I + (C - I)YuPYu')^-1 c: as many unknowns
    as purchases, and not as factors. With 128 factors and 12 purchases a profile, a quarter of implicit's time.
    """
    gram = articles.T @ articles + regularization * np.eye(articles.shape[1])
    weighted = (articles @ np.linalg.inv(gram)).astype(np.float32)
    count = np.diff(confidence.indptr)
    vectors = np.zeros((len(count), articles.shape[1]), np.float32)
    # Profiles of one size together: with others' padding, the last bits would depend on who they are.
    for size in np.unique(count[count > 0]):
        every = np.flatnonzero(count == size)
        step = max(SOLVED_CELLS // (size * (size + articles.shape[1])), 1)
        for start in range(0, len(every), step):
            rows = every[start : start + step]
            place = confidence.indptr[rows][:, None] + np.arange(size)
            bought, sure = confidence.indices[place], confidence.data[place][..., None]
            system = (sure - 1) * (articles[bought] @ weighted[bought].transpose(0, 2, 1)) + np.eye(size)
            solved = np.linalg.solve(system.astype(np.float32), sure.astype(np.float32))
            vectors[rows] = (solved.transpose(0, 2, 1) @ weighted[bought])[:, 0]
    return vectors


def weighted_mean(weights: sparse.csr_array, vectors: Floats) -> Floats:
    """Mean of vectors, weighted by each row of weights; 0 for an empty row."""
    total = np.maximum(weights.sum(axis=1), np.finfo(np.float32).tiny)
    mean: Floats = (weights @ vectors) / total[:, None]
    return mean.astype(np.float32)
