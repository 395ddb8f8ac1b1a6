"""EASE against ridge regressions, article by article."""

from datetime import date
from math import log1p

import numpy as np
import pytest

from forsys.errors import DataError
from forsys.retrieval import ease
from forsys.retrieval.ease import EASE, positive_weights
from forsys.tables.history import History

NINTH = date(2020, 1, 9)


def slow_weights(rows: np.ndarray, regularization: float) -> np.ndarray:
    """Column j: the ridge regression of column j of `rows` on all others."""
    size = rows.shape[1]
    weights = np.zeros((size, size))
    for j in range(size):
        others = np.delete(np.arange(size), j)
        x, y = rows[:, others], rows[:, j]
        weights[others, j] = np.linalg.solve(x.T @ x + regularization * np.eye(size - 1), x.T @ y)
    return weights


def rows_of(source: EASE, history: History, as_of: date, codes: np.ndarray) -> np.ndarray:
    """Customers, and below them the product codes."""
    log = history.since(as_of, source.days)
    bought = np.zeros((len(history.customers), len(source.catalogue_)))
    bought[log.customer, source.columns(log.article)] = 1
    weight = 1 / np.log1p(np.maximum(bought.sum(axis=1, keepdims=True), 1))
    code = codes[source.catalogue_]
    same = (code == np.unique(code)[:, None]) * np.sqrt(source.attribute_weight)
    return np.vstack([bought * np.sqrt(weight), same])


@pytest.mark.parametrize("attribute_weight", [0.0, 2.0])
def test_weights_are_those_of_a_ridge_regression_per_article(
    attribute_weight: float, world: History, world_as_of: date
) -> None:
    source = EASE(attribute_weight=attribute_weight, num_neighbours=1_000).fit(world, world_as_of)
    rows = rows_of(source, world, world_as_of, np.arange(120) // 2)
    expected = np.maximum(slow_weights(rows, source.regularization), 0)
    np.testing.assert_allclose(source.weights_.toarray(), expected, atol=1e-5)


def test_by_hand(tiny_history: History) -> None:
    """Up to the 3rd customer 0 bought a, b and c, customer 1 c. With weights w = 1/log 4 and v = 1/log 2:

    a on b and c: [[w + 1, w], [w, w + v + 1]] x = [w, w].
    """
    source = EASE(attribute_weight=0, regularization=1).fit(tiny_history, date(2020, 1, 4))
    w, v = 1 / log1p(3), 1 / log1p(1)
    x = np.linalg.solve([[w + 1, w], [w, w + v + 1]], [w, w])
    assert source.weights_.toarray()[1:, 0].tolist() == pytest.approx(x.tolist(), rel=1e-5)


def test_attributes_link_what_was_never_bought_together(tiny_history: History) -> None:
    """d sold with a only; c, of the same product, is linked to it by that."""
    plain, with_attributes = (
        EASE(attribute_weight=weight, regularization=1).fit(tiny_history, NINTH) for weight in (0, 1)
    )
    assert plain.weights_.toarray()[2, 3] == 0
    assert with_attributes.weights_.toarray()[2, 3] > 0.1


def test_only_the_best_sellers_are_learned(tiny_history: History) -> None:
    """a sold on 4 days, b, c and e on 2, of which b and c come first."""
    assert EASE(max_articles=3).fit(tiny_history, NINTH).catalogue_.tolist() == [0, 1, 2]
    assert EASE(max_articles=50).fit(tiny_history, NINTH).catalogue_.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("k", [1, 4, 30])
def test_the_largest_positive_weights_are_kept(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of 7 rows."""
    monkeypatch.setattr(ease, "ROWS_PER_BLOCK", 7)
    rows = np.random.default_rng(k).normal(size=(40, 30)).astype(np.float32)
    gram = rows.T @ rows + np.eye(30, dtype=np.float32)
    inverse = np.linalg.inv(gram.astype(np.float64))
    full = -inverse / np.diag(inverse)
    np.fill_diagonal(full, 0)
    kth = np.sort(full, axis=1)[:, [-k]]
    expected = np.where((full >= kth) & (full > 0), full, 0)
    np.testing.assert_allclose(positive_weights(gram, k).toarray(), expected, atol=1e-4)


def test_too_little_regularization_is_an_error() -> None:
    """Two articles that the same customers bought make the matrix singular."""
    gram = np.full((2, 2), 3, np.float32) + 1e-9 * np.eye(2, dtype=np.float32)
    with pytest.raises(DataError, match=r"cannot be inverted.*Take a larger `regularization`"):
        positive_weights(gram, 1)


def test_an_unknown_attribute_is_an_error(world: History) -> None:
    with pytest.raises(DataError, match=r"EASE, attributes: unknown: shade; name some of article"):
        EASE(attributes=("shade",)).check(world)
