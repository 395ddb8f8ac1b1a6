"""The k best columns of scores, dense or sparse, and ranks within groups."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from forsys.arrays import dense, position_within, ranks_of, ranks_within, top_k


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from([1, 7, 100, 300]), st.sampled_from([1, 3, 1000])
)
def test_top_of_is_a_sort(seed: int, k: int, columns: int, values: int) -> None:
    """With equal scores, without scores, dense or sparse."""
    random = np.random.default_rng(seed)
    stored = sparse.csr_array((random.random((5, columns)) < random.random()).astype(np.float32))
    stored.data = random.integers(-values, values, len(stored.data)).astype(np.float32)
    cells = dense(stored)
    order = np.argsort(-cells, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(cells, order, axis=1)
    for scores in (stored, cells):
        column, score = top_k(scores, k)
        assert column.shape == score.shape == (5, k)
        np.testing.assert_array_equal(score[:, :columns], best)
        np.testing.assert_array_equal(column[:, :columns], np.where(np.isneginf(best), -1, order))
        assert (column[:, columns:] == -1).all()


def test_top_of_takes_the_first_of_equals_across_the_cut() -> None:
    """argpartition alone keeps any of the equal scores at the k-th position."""
    scores = np.zeros((3, 50), np.float32)
    scores[0, ::3] = 1
    scores[1, 30:] = 2
    scores[2, :48] = -np.inf
    article, score = top_k(scores, 4)
    assert article.tolist() == [[0, 3, 6, 9], [30, 31, 32, 33], [48, 49, -1, -1]]
    assert score.tolist() == [[1] * 4, [2] * 4, [0, 0, -np.inf, -np.inf]]


def test_ranks_within_groups_of_any_size() -> None:
    """Group 1 is empty; equal scores keep their order."""
    group = np.array([0, 0, 0, 0, 2, 3, 3])
    score = np.array([0.5, 2.0, -1.0, 2.0, -np.inf, 1.0, 3.0])
    assert position_within(group).tolist() == [0, 1, 2, 3, 0, 0, 1]
    assert ranks_within(score, group).tolist() == [3, 1, 4, 2, 1, 2, 1]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 30]), st.sampled_from([1, 5, 3_000]))
def test_ranks_of_some_rows_are_those_among_all(seed: int, values: int, rows: int) -> None:
    """With equal and infinite scores, groups without rows, and more rows than are ranked at a time."""
    random = np.random.default_rng(seed)
    group = np.sort(random.integers(0, rows // 3 + 1, rows))
    score = np.where(random.random(rows) < 0.1, -np.inf, random.integers(0, values, rows).astype(float))
    some = np.flatnonzero(random.random(rows) < 0.5)
    assert ranks_of(some, score, group).tolist() == ranks_within(score, group)[some].tolist()


def test_ranks_within_nothing() -> None:
    nothing = np.zeros(0, int)
    assert position_within(nothing).tolist() == ranks_within(nothing.astype(float), nothing).tolist() == []
    assert ranks_of(nothing, nothing.astype(float), nothing).tolist() == []
