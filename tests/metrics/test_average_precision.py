"""Average precision has one kernel: its three users agree with each other and with plain Python."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys import schema
from forsys.metrics.average_precision import average_precision_at
from forsys.metrics.lists import average_precision
from forsys.ranking import ranker
from forsys.ranking.training_pairs import TrainingPairs
from forsys.retrieval.fusion import Fusion, FusionProblem

Lists = list[list[int]]


def plain_average_precision(ids: list[int], bought: set[int], k: int) -> float:
    precisions = [
        len(bought.intersection(ids[:rank])) / rank
        for rank in range(1, min(k, len(ids)) + 1)
        if ids[rank - 1] in bought
    ]
    return sum(precisions) / min(k, len(bought))


def by_lists(lists: Lists, purchases: list[set[int]], k: int) -> list[float]:
    """forsys.metrics.lists."""
    rows = [(customer, article, rank) for customer, ids in enumerate(lists) for rank, article in enumerate(ids, 1)]
    predictions = pl.DataFrame(rows, schema=schema.PREDICTIONS, orient="row")
    found: list[float] = average_precision(predictions, labels_of(purchases), k)["average_precision"].to_list()
    return found


def by_fusion(lists: Lists, purchases: list[set[int]], k: int) -> list[float]:
    """FusionProblem with one source, which keeps only customers with a hit: the others have 0."""
    rows = [(c, article, "a", rank, 0.0) for c, ids in enumerate(lists) for rank, article in enumerate(ids, 1)]
    kinds = schema.CANDIDATES | {"source": pl.Enum(["a"])}
    candidates = pl.DataFrame(rows, schema=kinds, orient="row").lazy()
    problem = FusionProblem.of([(candidates, labels_of(purchases))], ["a"])
    kept = [bool(bought.intersection(ids)) for ids, bought in zip(lists, purchases, strict=True)]
    values = np.zeros(len(lists))
    values[kept] = problem.average_precision(Fusion({"a": 1.0}), k)
    assert problem.customers == len(lists)
    return values.tolist()


def by_ranker(lists: Lists, purchases: list[set[int]], k: int) -> list[float]:
    """forsys.ranking.ranker, with scores that decrease along the list; it is given no empty list."""
    group = np.repeat(np.arange(len(lists)), [len(ids) for ids in lists])
    hit = [article in bought for ids, bought in zip(lists, purchases, strict=True) for article in ids]
    score = np.concatenate([-np.arange(len(ids), dtype=float) for ids in lists])
    bought = np.array([len(each) for each in purchases])
    pairs = TrainingPairs(pl.DataFrame(), np.array(hit, bool), group, bought, {}, len(lists), int(bought.sum()), 0)
    found: list[float] = ranker.average_precision(score, pairs, k).tolist()
    return found


def labels_of(purchases: list[set[int]]) -> pl.DataFrame:
    rows = [(customer, article) for customer, bought in enumerate(purchases) for article in sorted(bought)]
    return pl.DataFrame(rows, schema={"customer": pl.Int32, "article": pl.Int32}, orient="row")


# Few articles, so that hits are common, and lists longer than k.
articles = st.integers(0, 19)
customers = st.tuples(st.lists(articles, min_size=1, max_size=20, unique=True), st.sets(articles, min_size=1))


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(customers, min_size=1, max_size=6), st.integers(1, 13))
def test_all_users_of_the_kernel_agree(given_customers: list[tuple[list[int], set[int]]], k: int) -> None:
    lists, purchases = [ids for ids, _ in given_customers], [bought for _, bought in given_customers]
    expected = [plain_average_precision(ids, bought, k) for ids, bought in given_customers]
    for found in (by_lists, by_fusion, by_ranker):
        assert found(lists, purchases, k) == pytest.approx(expected, abs=1e-12), found.__doc__


def test_average_precision_by_hand() -> None:
    """k = 3. Group 0 has hits at 1 and 3 of 2; group 1 none; group 2 at 2 and, too late, at 4 of 5."""
    group, rank = np.array([0, 0, 2, 2]), np.array([1, 3, 2, 4])
    found = average_precision_at(3, group, rank, np.array([2, 1, 5]))
    assert found.tolist() == [(1 / 1 + 2 / 3) / 2, 0.0, (1 / 2) / 3]
