"""ALS, BPR and LMF: that they learn tastes, and that their vectors have the layout of implicit's."""

from datetime import date
from itertools import count
from typing import Any

import numpy as np
import polars as pl
import pytest
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.cpu.lmf import LogisticMatrixFactorization
from scipy import sparse
from threadpoolctl import threadpool_limits

from forsys.arrays import Floats
from forsys.calendar import Fold
from forsys.metrics.lists import recall_at
from forsys.progress import stage_line
from forsys.retrieval import als
from forsys.retrieval.als import ALS, gram, solved
from forsys.retrieval.best_sellers import BestSellers
from forsys.retrieval.bpr import BPR
from forsys.retrieval.factorization import Factorization, weighted_mean
from forsys.retrieval.lmf import LMF
from forsys.retrieval.source import Source
from forsys.tables.history import History

LEARNERS = ("als", "bpr", "lmf")
WARM = np.flatnonzero(np.arange(300) % 10 != 9)


def make_learner(name: str) -> Factorization:
    sources = {
        "als": ALS(factors=16, iterations=8),
        "bpr": BPR(factors=16, iterations=60, learning_rate=0.05, regularization=0.01),
        "lmf": LMF(factors=16, iterations=30, regularization=0.6),
    }
    return sources[name]


@pytest.fixture(scope="module")
def learned(world: History, world_as_of: date) -> dict[str, Factorization]:
    return {name: make_learner(name).fit(world, world_as_of) for name in LEARNERS}


def recall_of_the_new(source: Source, world: History, as_of: date) -> float:
    """Recall@20 of articles that customers bought after as_of but never before, though others did."""
    labels = world.labels(Fold(as_of, date(2020, 4, 30)))
    bought = set(zip(world.before(as_of).customer.tolist(), world.before(as_of).article.tolist(), strict=True))
    keep = [pair not in bought and pair[1] % 20 < 18 for pair in labels.rows()]
    return recall_at(source.recommend(world.profiles(WARM, as_of), 20), labels.filter(keep), 20)


@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns_tastes(name: str, learned: dict[str, Factorization], world: History, world_as_of: date) -> None:
    """Best sellers find one purchase in four; 9 in 10 purchases are among the 18 articles of one's taste."""
    popular = recall_of_the_new(BestSellers().fit(world, world_as_of), world, world_as_of)
    assert popular < 0.35
    assert recall_of_the_new(learned[name], world, world_as_of) > 0.6


@pytest.mark.parametrize("name", LEARNERS)
def test_most_of_the_list_matches_the_customers_taste(
    name: str, learned: dict[str, Factorization], world: History, world_as_of: date
) -> None:
    found = learned[name].recommend(world.profiles(WARM, world_as_of), 10)
    right = found["article"].to_numpy() // 20 == found["customer"].to_numpy() % 6
    assert right.mean() > 0.8


@pytest.mark.parametrize("name", LEARNERS)
def test_purchases_after_the_fit_move_the_vector(
    name: str, learned: dict[str, Factorization], world: History, world_as_of: date
) -> None:
    late, early = (world.profiles(WARM[:50], day) for day in (date(2020, 4, 30), world_as_of))
    moved = (learned[name].fold_in(late)[0] != learned[name].fold_in(early)[0]).any(axis=1)
    bought = late.stop > early.stop
    assert bought.any()
    assert moved[bought].all()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_customer_unseen_in_training_is_scored_like_any_other(
    name: str, world_log: pl.DataFrame, world: History, world_as_of: date
) -> None:
    without = History.of(world_log.lazy().filter(pl.col("customer") > 30), world.articles, world.customers)
    source = make_learner(name).fit(without, world_as_of)
    found = source.recommend(world.profiles(np.arange(31), world_as_of), 10)
    right = found["article"].to_numpy() // 20 == found["customer"].to_numpy() % 6
    assert len(found) == 28 * 10
    assert right.mean() > 0.8


@pytest.mark.parametrize("name", LEARNERS)
def test_a_log_says_how_far_it_is(
    name: str, few_purchases: sparse.csr_array, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_learner(name)
    with stage_line("retrieve", count(0, 40).__next__):  # 40 s pass whenever it is asked
        source.learn(few_purchases)
    lines = capsys.readouterr().err.splitlines()
    steps = source.iterations
    assert lines[-1] == f"retrieve   {name.upper()}, iteration {steps} of {steps} [{40 * (steps - 1)} s so far]"


def test_weighted_mean() -> None:
    vectors = np.array([[1, 0], [0, 2], [4, 4]], np.float32)
    weights = sparse.csr_array(np.array([[1, 3, 0], [0, 0, 0], [0, 0, 0.5]], np.float32))
    assert weighted_mean(weights, vectors).tolist() == [[0.25, 1.5], [0, 0], [4, 4]]


@pytest.fixture(scope="module")
def few_purchases() -> sparse.csr_array:
    """(60 customers, 30 articles), article 0 being bought by nearly all."""
    random = np.random.default_rng(0).random((60, 30)) < np.linspace(0.9, 0.1, 30)
    return sparse.csr_array(random.astype(np.float32))


def fitted_by_implicit(source: Factorization, purchases: sparse.csr_array) -> Any:
    """implicit's own model, with the same parameters."""
    shared = {
        "factors": source.factors,
        "iterations": source.iterations,
        "regularization": source.regularization,
        "num_threads": 1,
        "random_state": source.seed,
    }
    model: Any
    if isinstance(source, LMF):
        model = LogisticMatrixFactorization(learning_rate=source.learning_rate, neg_prop=source.neg_prop, **shared)
    else:
        assert isinstance(source, BPR)
        model = BayesianPersonalizedRanking(learning_rate=source.learning_rate, **shared)
    with threadpool_limits(1, "blas"):
        model.fit(sparse.csr_matrix(purchases), show_progress=False)
    return model


@pytest.mark.parametrize(
    ("source", "ones_of_customers", "ones_of_articles"),
    [
        # BPR: score = <x, y> + the article's bias: the customer's last column is 1, the article's the bias.
        pytest.param(BPR(factors=4, iterations=5, learning_rate=0.05, regularization=0.01), [4], [], id="bpr"),
        # LMF: + both biases: (1, the customer's bias) times (the article's bias, 1).
        pytest.param(LMF(factors=4, iterations=5, regularization=0.6), [4], [5], id="lmf"),
    ],
)
def test_biases_are_where_implicit_has_them(
    source: Factorization,
    ones_of_customers: list[int],
    ones_of_articles: list[int],
    few_purchases: sparse.csr_array,
) -> None:
    model = fitted_by_implicit(source, few_purchases)

    def constant_ones(factors: Floats) -> list[int]:
        return np.flatnonzero((factors == 1).all(axis=0)).tolist()

    assert constant_ones(model.user_factors) == ones_of_customers
    assert constant_ones(model.item_factors) == ones_of_articles
    with threadpool_limits(1, "blas"):
        source.article_vectors_ = source.learn(few_purchases)
    np.testing.assert_array_equal(source.article_vectors_, model.item_factors)
    folded = source.profile_vectors(few_purchases)
    assert folded.shape == model.user_factors.shape
    assert (folded[:, ones_of_customers] == 1).all()
    if ones_of_articles:  # the customer's bias is unknown, and does not change the order
        assert (folded[:, ones_of_articles] == 0).all()
    mean = weighted_mean(few_purchases, source.article_vectors_)
    np.testing.assert_array_equal(folded[:, : source.factors], mean[:, : source.factors])
    bias = source.article_vectors_[:, ones_of_customers[0]]
    assert bias[:10].mean() > bias[20:].mean(), "articles that sell more have a greater bias"


@pytest.mark.parametrize(
    "purchase", [0.25, 0.01], ids=["confidence above that of no purchase", "confidence below it"]
)
def test_als_folds_in_by_least_squares(few_purchases: sparse.csr_array, purchase: float) -> None:
    """x = (Y'Y + Y'(C - I)Y + reg I)^-1 Y'C p with confidence alpha * r: Hu, Koren, Volinsky, equation 4."""
    source = ALS(factors=4, iterations=3, alpha=10, regularization=0.5)
    purchases = few_purchases * np.float32(purchase)
    with threadpool_limits(1, "blas"):
        source.article_vectors_ = source.learn(purchases)
        folded = source.profile_vectors(purchases)
    items = source.article_vectors_.astype(np.float64)
    for row, vector in zip(purchases.toarray(), folded, strict=True):
        confidence = np.where(row > 0, 10 * row, 1.0)
        weighted = (items * confidence[:, None]).T @ items + 0.5 * np.eye(4)
        np.testing.assert_allclose(vector, np.linalg.solve(weighted, items.T @ (10 * row)), rtol=1e-4, atol=1e-6)


def test_no_vector_depends_on_the_other_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit, for profiles with 0 to 30 purchases and 8 factors, also in small blocks."""
    rng = np.random.default_rng(3)
    bought = np.where(rng.random((40, 30)) < 0.2, rng.random((40, 30)), 0).astype(np.float32)
    bought[0], bought[1] = 0, 1
    confidence, articles = sparse.csr_array(bought), rng.normal(size=(30, 8)).astype(np.float32)
    products = gram(articles, 0.1)
    together = solved(confidence, articles, *products)
    assert (together[0] == 0).all()
    monkeypatch.setattr(als, "CELLS_PER_SOLVE", 100)
    alone = [solved(confidence[[row]], articles, *products)[0] for row in range(40)]
    np.testing.assert_array_equal(together, alone)


def test_ties_are_ordered_by_article(world: History, world_as_of: date) -> None:
    """implicit's own selection puts the last of tied articles first."""
    source = BPR(factors=4, iterations=1).fit(world, world_as_of)
    width = len(source.catalogue_)
    source.article_vectors_ = np.repeat(np.arange(width, 0, -4, dtype=np.float32), 4)[:width, None] * np.ones(
        (1, 5), np.float32
    )
    article, score = source.top(world.profiles(WARM[:3], world_as_of), 12)
    assert article.tolist() == [source.catalogue_[:12].tolist()] * 3
    assert (score[:, 0] == score[:, 3]).all()
    assert (score[:, 3] > score[:, 4]).all()
