"""Kaggle's rule, worked out by hand on lists of letters-as-numbers, then against a slow reference."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forsys import schema
from forsys.metrics import lists as metrics

Lists = dict[int, list[int]]


def predicted(lists: Lists) -> pl.DataFrame:
    """The articles of each customer, best first, as schema.PREDICTIONS."""
    rows = [(customer, article, rank) for customer, ids in lists.items() for rank, article in enumerate(ids, 1)]
    return pl.DataFrame(rows, schema=schema.PREDICTIONS, orient="row")


def bought(lists: Lists) -> pl.DataFrame:
    rows = [(customer, article) for customer, ids in lists.items() for article in ids]
    return pl.DataFrame(rows, schema={"customer": pl.Int32, "article": pl.Int32}, orient="row")


@pytest.mark.parametrize(
    ("ids", "purchases", "expected"),
    [
        pytest.param([1, 2, 3], [1], 1.0, id="hit at 1: 1/1 / 1"),
        pytest.param([2, 3, 1], [1], 1 / 3, id="hit at 3: 1/3 / 1"),
        pytest.param([1, 2, 3], [1, 3], (1 / 1 + 2 / 3) / 2, id="hits at 1 and 3 of 2 bought"),
        pytest.param([9, 1, 8, 2], [1, 2, 3, 4], (1 / 2 + 2 / 4) / 4, id="2 of 4 bought"),
        pytest.param([1, 2, 3], [4], 0.0, id="no hit"),
        pytest.param([], [4], 0.0, id="no prediction"),
        pytest.param(list(range(12)), list(range(15)), 1.0, id="12 hits of 15 bought: 12 / min(12, 15)"),
        pytest.param([*range(20, 32), 1], [1], 0.0, id="hit at 13 is too late"),
        # The second 1 is no hit, but takes up position 2, so that 2 is the second hit, at position 3.
        pytest.param([1, 1, 2], [1, 2], (1 / 1 + 2 / 3) / 2, id="repeat in the prediction"),
        pytest.param([1] * 12, [1], 1.0, id="one article 12 times"),
        pytest.param([2, 1], [1, 1, 1, 2], 1.0, id="repeat in the purchases: 2 distinct bought"),
    ],
)
def test_average_precision_of_one_customer(ids: list[int], purchases: list[int], expected: float) -> None:
    scores = metrics.average_precision(predicted({7: ids}), bought({7: purchases}), 12)
    assert scores.rows() == [(7, pytest.approx(expected))]


def test_average_precision_has_a_row_for_each_buyer_and_nobody_else() -> None:
    # Customer 3 has a hit at position 2; 1 has no prediction; 2 bought nothing and is not scored.
    scores = metrics.average_precision(predicted({3: [8, 9], 2: [9]}), bought({3: [9], 1: [9]}), 12)
    assert scores.schema == {"customer": pl.Int32, "average_precision": pl.Float64}
    assert scores.rows() == [(1, 0.0), (3, 0.5)]


def test_average_precision_of_nobody_is_empty() -> None:
    scores = metrics.average_precision(predicted({1: [1]}), bought({}), 12)
    assert scores.schema == {"customer": pl.Int32, "average_precision": pl.Float64}
    assert scores.is_empty()


def test_smaller_k_cuts_the_list_and_the_denominator() -> None:
    # k = 2: the hit at 1 of min(2, 3) articles; the hit at 3 is cut off.
    scores = metrics.average_precision(predicted({1: [5, 9, 6]}), bought({1: [5, 6, 7]}), k=2)
    assert scores["average_precision"].to_list() == [0.5]


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        metrics.average_precision(predicted({1: [5]}), bought({1: [5]}), k)


def test_recall_pools_customers() -> None:
    # 1: 5 and 6 of {5, 6, 7} are found (7 is at position 4); 2: none of {5}; 3 has no prediction. 2 of 5 in all.
    lists, purchases = predicted({1: [6, 9, 5, 7], 2: [9]}), bought({1: [5, 6, 7, 7], 2: [5], 3: [5]})
    counts = metrics.recall(lists, purchases, 3)
    assert counts.columns == ["customer", "hits", "bought"]
    assert counts.rows() == [(1, 2, 3), (2, 0, 1), (3, 0, 1)]
    assert metrics.recall_at(lists, purchases, 3) == 2 / 5


def test_recall_takes_the_union_of_sources_once() -> None:
    # Two sources both give article 5, at positions 9 and 2: it is one hit, from position 2 on.
    rows = [(1, 5, "als", 9, 0.1), (1, 5, "best_sellers", 2, 0.3)]
    candidates = pl.DataFrame(rows, schema=schema.CANDIDATES, orient="row")
    assert [metrics.recall(candidates, bought({1: [5]}), k)["hits"].item() for k in (1, 2, 12)] == [0, 1, 1]


def test_recall_of_no_purchases_is_not_a_number() -> None:
    assert math.isnan(metrics.recall_at(predicted({1: [1]}), bought({}), 12))


def test_coverage_counts_articles_at_the_first_positions() -> None:
    # At the first 2 positions are 1, 2 and 3, of a catalogue of 10; 4 is at position 3.
    lists = predicted({1: [1, 2, 4], 2: [2, 3]})
    assert metrics.coverage(lists, 10, 2) == 0.3
    assert metrics.coverage(lists.clear(), 10, 2) == 0.0
    with pytest.raises(ValueError, match="at least one article"):
        metrics.coverage(lists, 0, 2)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("scores", "target", "rank"),
    [
        ([3, 2, 1], 0, 1.0),
        ([3, 2, 1], 2, 3.0),
        ([0, 0, 0, 0, 0], 3, 3.0),  # all the same: the middle, not the top
        ([5, 1, 1, 0], 1, 2.5),  # one greater, one equal: 1 + 1 + 1/2
        ([NAN, 2, 1], 1, 1.0),  # NaN is not greater
        ([NAN, 2, 1], 0, INF),
        ([-INF, 2, -INF], 2, INF),  # excluded, so not at a shared rank 2.5
        ([INF, 2, INF], 0, 1.5),
    ],
)
def test_mean_rank(scores: list[float], target: int, rank: float) -> None:
    ranks = metrics.mean_rank(np.array([scores], dtype=np.float32), np.array([target]))
    assert ranks.dtype == np.float64
    assert ranks.tolist() == [rank]


def test_mean_rank_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, (7, 5)).astype(np.float32)
    targets = rng.integers(0, 5, 7)
    expected = metrics.mean_rank(scores, targets)
    monkeypatch.setattr(metrics, "SCORES_PER_BLOCK", 11)  # two rows at a time, and a last one
    np.testing.assert_array_equal(metrics.mean_rank(scores, targets), expected)


def test_mean_rank_of_no_rows_is_empty() -> None:
    assert metrics.mean_rank(np.empty((0, 3), np.float32), np.empty(0, np.int64)).shape == (0,)


@pytest.mark.parametrize("targets", [[-1], [3], [0, 1], [[0]]])
def test_mean_rank_refuses_targets_that_do_not_fit(targets: list[int]) -> None:
    with pytest.raises(ValueError, match="targets"):
        metrics.mean_rank(np.zeros((1, 3), np.float32), np.array(targets))


def test_top_k_accuracy() -> None:
    # Ranks 1, 2.5 and one that cannot be scored: 1 of 3 at k = 1 and 2, 2 of 3 from k = 3 on.
    accuracy = metrics.top_k_accuracy(np.array([1, 2.5, np.inf]), [1, 2, 3, 100])
    assert accuracy == {1: 1 / 3, 2: 1 / 3, 3: 2 / 3, 100: 2 / 3}
    assert math.isnan(metrics.top_k_accuracy(np.empty(0), [1])[1])


# Few articles, so that hits and repeats are common.
articles = st.integers(0, 9)
worlds = st.tuples(
    st.dictionaries(st.integers(0, 5), st.lists(articles, max_size=15), max_size=6),
    st.dictionaries(st.integers(0, 5), st.lists(articles, min_size=1, max_size=15), max_size=6),
    st.integers(1, 13),
)


def slow_average_precision(ids: list[int], purchases: set[int], k: int) -> float:
    hits = 0
    total = 0.0
    for position, article in enumerate(ids[:k], 1):
        if article in purchases and article not in ids[: position - 1]:
            hits += 1
            total += hits / position
    return total / min(k, len(purchases))


@settings(deadline=None)  # a busy machine is no failure
@given(worlds)
def test_average_precision_agrees_with_the_reference(world: tuple[Lists, Lists, int]) -> None:
    lists, purchases, k = world
    predictions, bought_rows = predicted(lists), bought(purchases)
    before = predictions.clone(), bought_rows.clone()
    # Neither input needs to be sorted.
    shuffled = predictions.sample(fraction=1, shuffle=True, seed=1)
    scores = metrics.average_precision(shuffled, bought_rows.reverse(), k)

    expected = [
        (one, pytest.approx(slow_average_precision(lists.get(one, []), set(purchases[one]), k)))
        for one in sorted(purchases)
    ]
    assert scores.rows() == expected
    assert scores["average_precision"].is_between(0, 1 + 1e-12).all()
    assert_frame_equal(scores, metrics.average_precision(predictions, bought_rows, k))
    assert_frame_equal(predictions, before[0])
    assert_frame_equal(bought_rows, before[1])


@settings(deadline=None)  # a busy machine is no failure
@given(worlds)
def test_recall_agrees_with_the_reference(world: tuple[Lists, Lists, int]) -> None:
    lists, purchases, k = world
    counts = metrics.recall(predicted(lists), bought(purchases), k)
    assert counts.rows() == [
        (one, len(set(lists.get(one, [])[:k]) & set(purchases[one])), len(set(purchases[one])))
        for one in sorted(purchases)
    ]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(articles, min_size=2, max_size=12, unique=True), st.sets(articles, min_size=1), st.data())
def test_a_hit_that_moves_earlier_never_lowers_the_score(
    ids: list[int], purchases: set[int], data: st.DataObject
) -> None:
    index = data.draw(st.integers(1, len(ids) - 1))
    assume(ids[index] in purchases)
    moved = [*ids[: index - 1], ids[index], ids[index - 1], *ids[index + 1 :]]
    scores = metrics.average_precision(
        predicted({1: ids, 2: moved}), bought({1: [*purchases], 2: [*purchases]}), 12
    )
    before, after = scores["average_precision"]
    assert after >= before - 1e-12


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), max_size=6), st.integers(0, 3))
def test_mean_rank_is_the_mean_over_all_ways_to_break_ties(rows: list[list[int]], target: int) -> None:
    scores = np.array(rows, dtype=np.float32).reshape(-1, 4)
    ranks = metrics.mean_rank(scores, np.full(len(rows), target))
    for row, rank in zip(rows, ranks, strict=True):
        best = 1 + sum(score > row[target] for score in row)
        worst = sum(score >= row[target] for score in row)
        assert rank == (best + worst) / 2
