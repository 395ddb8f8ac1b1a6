"""Both ways of batching: by hand on the 13 rows of tests/conftest.py, and against what a state must have read."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys.arrays import Ints
from forsys.recurrent import minibatches
from forsys.recurrent.minibatches import Batch, Batching, batches
from forsys.tables.history import History

BATCHINGS: tuple[Batching, ...] = ("sliding", "session_parallel")
T, F = True, False
every_batching = pytest.mark.parametrize("batching", BATCHINGS)


def history_of(purchases: list[tuple[int, int, int]], customers: int) -> History:
    """From (customer, day, article)."""
    rows = np.array(sorted(purchases, key=lambda row: row[:2]), np.int32).reshape(-1, 3)
    customer, one = rows[:, 0], np.ones(len(rows), np.int32)
    first = np.searchsorted(customer, np.arange(customers + 1))
    shop = pl.DataFrame({"article": range(9)}), pl.DataFrame({"customer": range(customers)})
    return History(customer, rows[:, 2], rows[:, 1], one / 8, one.astype(np.int8), one, first, *shop)


def parts(batch: Batch) -> tuple[list[Any], ...]:
    return batch.read.tolist(), batch.predict.tolist(), batch.reset.tolist()


def steps(made: Iterable[Batch]) -> Iterator[tuple[int, list[int], int]]:
    """Each step that predicts something: its column, what the state of its row has read, what it predicts."""
    states: dict[int, list[int]] = {}
    for batch in made:
        for row, column in np.ndindex(batch.read.shape):
            if batch.reset[row, column]:
                states[row] = []
            if batch.read[row, column] >= 0:
                states[row].append(int(batch.read[row, column]))
            if batch.predict[row, column] >= 0:
                yield column, states[row].copy(), int(batch.predict[row, column])


def read_before(made: Iterable[Batch], purchases: int) -> Ints:
    """The row that is read where each purchase is predicted, -1 for none: (purchases,)."""
    before = np.full(purchases, -2)
    for batch in made:
        used = batch.predict >= 0
        before[batch.predict[used]] = batch.read[used]
    return before


@every_batching
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 6])
def test_of_a_customer_with_many_purchases_the_newest_are_predicted(
    batching: Batching, shuffled: bool, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customer 0 has 6 purchases on 6 days, 1 has none, 2 has 2: as if the older ones were not in the log."""
    days = [(0, day, day) for day in range(6)]
    history = history_of([*days, (2, 1, 7), (2, 2, 8)], 3)
    monkeypatch.setattr(minibatches, "MAX_STEPS", limit)
    made = list(batches(history, batching, 2, 2, np.random.default_rng(1) if shuffled else None))
    predicted = sorted(predict for _, _, predict in steps(made))
    assert predicted == [*range(6 - limit, 6), *range(max(6, 8 - limit), 8)]
    assert read_before(made, len(history))[6 - limit] == -1  # the first of the kept ones begins afresh


def assert_each_predicted_once(history: History, made: Iterable[Batch]) -> None:
    assert sorted(predict for _, _, predict in steps(made)) == list(range(len(history)))


def assert_states_hold_the_customer_so_far(history: History, made: Iterable[Batch]) -> None:
    """The state has read all earlier purchases of the customer, by day, and nothing else."""
    earlier: dict[int, list[int]] = {}
    for _, state, predict in steps(made):
        bought = earlier.setdefault(int(history.customer[predict]), [])
        assert state == bought
        assert not bought or history.day[bought[-1]] <= history.day[predict]
        bought.append(predict)


# --- by hand ---


def test_session_parallel(tiny_history: History) -> None:
    """Customers 0 and 1 share the first of two lanes, 2 and 3 the second."""
    first, second, third = batches(tiny_history, "session_parallel", batch_size=2, window_size=3)
    assert parts(first) == ([[-1, 0, 1], [-1, 8, -1]], [[0, 1, 2], [8, 9, 10]], [[T, F, F], [T, F, T]])
    assert parts(second) == ([[2, 3, -1], [10, -1, -1]], [[3, 4, 5], [11, -1, -1]], [[F, F, T], [F, T, T]])
    assert parts(third) == ([[5, 6, -1], [-1, -1, -1]], [[6, 7, -1], [-1, -1, -1]], [[F, F, T], [T, T, T]])


def test_sliding(tiny_history: History) -> None:
    """Customer 0 takes two windows; the second continues where the first ended."""
    first, second, third = batches(tiny_history, "sliding", batch_size=2, window_size=3)
    assert parts(first) == ([[-1, 0, 1], [2, 3, -1]], [[0, 1, 2], [3, 4, -1]], [[T, F, F], [T, F, T]])
    assert parts(second) == ([[-1, 5, 6], [-1, 8, -1]], [[5, 6, 7], [8, 9, -1]], [[T, F, F], [T, F, T]])
    assert parts(third) == ([[-1, 10, -1], [-1, -1, -1]], [[10, 11, -1], [-1, -1, -1]], [[T, F, T], [T, T, T]])


@every_batching
def test_nothing_gives_no_batches(batching: Batching) -> None:
    for rng in (None, np.random.default_rng(1)):
        assert list(batches(history_of([], 3), batching, 2, 3, rng)) == []


# --- on any log ---

purchases = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 8)), max_size=40)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 4))
seeds = st.none() | st.integers(0, 99)
on_any_log = settings(max_examples=40, deadline=None)


def rng_of(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


@every_batching
@on_any_log
@given(purchases, shapes, seeds)
def test_each_purchase_is_predicted_once_from_the_one_before(
    batching: Batching, bought: list[tuple[int, int, int]], shape: tuple[int, int], seed: int | None
) -> None:
    history = history_of(bought, 7)
    made = list(batches(history, batching, *shape, rng_of(seed)))
    assert_each_predicted_once(history, made)
    if batching == "session_parallel":
        assert_states_hold_the_customer_so_far(history, made)
    for batch in made:
        assert batch.read.shape == batch.predict.shape == batch.reset.shape == shape
        empty = batch.predict < 0
        assert (batch.read[empty] == -1).all()
        assert batch.reset[empty].all()
        reads = batch.read >= 0
        read, predict = batch.read[reads], batch.predict[reads]
        assert (history.customer[read] == history.customer[predict]).all()
        assert (history.day[read] <= history.day[predict]).all()
        if seed is None:
            assert (read == predict - 1).all()
        first = ~reads & ~empty
        assert batch.reset[first].all()


@on_any_log
@given(purchases, shapes, seeds)
def test_session_parallel_resets_where_a_customer_begins_and_only_there(
    bought: list[tuple[int, int, int]], shape: tuple[int, int], seed: int | None
) -> None:
    history = history_of(bought, 7)
    for batch in batches(history, "session_parallel", *shape, rng_of(seed)):
        np.testing.assert_array_equal(batch.reset, batch.read < 0)


@on_any_log
@given(purchases, shapes, seeds)
def test_a_sliding_window_reads_one_customer_from_a_fresh_state(
    bought: list[tuple[int, int, int]], shape: tuple[int, int], seed: int | None
) -> None:
    """All but the last window of a customer are full, and each continues where the one before it ended."""
    history, window_size = history_of(bought, 7), shape[1]
    chain: dict[int, int] = {}
    for batch in batches(history, "sliding", *shape, rng_of(seed)):
        assert batch.reset[:, 0].all()
        assert not batch.reset[:, 1:][batch.predict[:, 1:] >= 0].any()
    for column, state, predict in steps(batches(history, "sliding", *shape, rng_of(seed))):
        assert len(state) in (column, column + 1)
        chain[predict] = state[-1] if state else -1
    ends = set(chain) - set(chain.values())
    assert len(ends) == len(set(history.customer.tolist()))
    for end in ends:
        path = [end]
        while chain[path[-1]] >= 0:
            path.append(chain[path[-1]])
        assert sorted(path) == np.flatnonzero(history.customer == history.customer[end]).tolist()
    windows = sum((batch.predict[:, 0] >= 0).sum() for batch in batches(history, "sliding", *shape, rng_of(seed)))
    counts = np.unique(history.customer, return_counts=True)[1]
    assert windows == sum(-(-counts // window_size))


@every_batching
def test_nothing_crosses_the_cut_off(batching: Batching, world: History, world_as_of: date) -> None:
    """Batches of the log before a day are those of a log that ends there."""
    known = world.before(world_as_of)
    end = (world_as_of - date(1970, 1, 1)).days
    made = list(batches(known, batching, 16, 5, np.random.default_rng(1)))
    assert_each_predicted_once(known, made)
    assert (known.day < end).all()
    assert len(known) == (world.day < end).sum()


# --- orders ---


@every_batching
def test_a_day_comes_in_any_order_and_days_stay_in_theirs(batching: Batching, world: History) -> None:
    """Each epoch has another order of customers and of the purchases of a day; the seed decides which."""
    rng = np.random.default_rng(1)
    first, second = (list(batches(world, batching, 16, 5, rng)) for _ in range(2))
    again = list(batches(world, batching, 16, 5, np.random.default_rng(1)))
    assert all(parts(a) == parts(b) for a, b in zip(first, again, strict=True))
    before = np.stack([read_before(made, len(world)) for made in (first, second)])
    _, visit, count = np.unique(world.customer * 10**6 + world.day, return_inverse=True, return_counts=True)
    basket = count[visit] > 1
    assert 0.2 < (before[0] != before[1])[basket].mean() < 0.9
    assert first[0].predict[0, 0] != second[0].predict[0, 0]


@every_batching
def test_a_lost_last_batch_is_caught(batching: Batching, world: History) -> None:
    with pytest.raises(AssertionError):
        assert_each_predicted_once(world, list(batches(world, batching, 16, 5))[:-1])


def test_a_state_that_is_not_reset_is_caught(tiny_history: History) -> None:
    made = list(batches(tiny_history, "session_parallel", 2, 3))
    made[1].reset[0, 2] = False  # where customer 1 takes the place of customer 0
    with pytest.raises(AssertionError):
        assert_states_hold_the_customer_so_far(tiny_history, made)
