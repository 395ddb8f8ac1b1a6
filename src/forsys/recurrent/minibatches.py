"""Mini-batches of purchases: each purchase is predicted once, from the one before it and the state so far.

A step reads one purchase of a customer and predicts the next; a customer's first purchase is predicted from a
start step that reads none. There are two ways to arrange the customers:

sliding            a customer's steps are cut into windows of `window_size`; each is a row that starts afresh
session_parallel   `batch_size` customers side by side; where one ends, the next takes over and the state is
                   reset; batches are `window_size` steps long, and the state is carried from one to the next
                   (Hidasi and others 2016)
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from forsys.arrays import Bools, Ints
from forsys.tables.history import History

Batching = Literal["sliding", "session_parallel"]
MAX_STEPS = 2_000  # of a customer; Kaggle's largest one has fewer purchases
BATCHES_PER_BLOCK = 64  # arranged at a time: a call of NumPy takes longer than arranging one


class Batch(NamedTuple):
    """Steps of several customers, (rows, steps) each; unused cells hold -1, -1, True."""

    read: Ints  # row of the history that the step reads, -1 for the start step
    predict: Ints  # row of the history that the step predicts, -1 where there is none
    reset: Bools  # whether the state is cleared before the step

    def part(self, rows: slice, columns: slice) -> "Batch":
        """Some of the rows and steps."""
        return Batch(self.read[rows, columns], self.predict[rows, columns], self.reset[rows, columns])


def batches(
    history: History, batching: Batching, batch_size: int, window_size: int, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """All purchases of `history` as batches of (batch_size, window_size): each is predicted exactly once.

    Of a customer with over MAX_STEPS purchases, only the newest: one customer's steps can't run side by side.
    With `rng`, customers (or windows) come in random order, and so do purchases of the same day, whose order in
    the file carries no information. Without it, everything stays in the order of the history.
    """
    if not len(history):
        return
    order, first = _order(history, rng)
    predict = np.append(order, np.int32(-1))  # the last step is an empty one
    read = np.roll(predict, 1)
    reset = np.zeros(len(predict), bool)
    read[first], reset[first] = -1, True
    arrange = _sliding if batching == "sliding" else _session_parallel
    yield from arrange(Batch(read, predict, reset), first, batch_size, window_size, rng)


def _order(history: History, rng: np.random.Generator | None) -> tuple[Ints, Ints]:
    """The history's rows in the order of the steps; each buyer's first step, followed by the number of steps."""
    first = history.first[np.append(np.diff(history.first) > 0, True)]
    start = np.maximum(first[:-1], first[1:] - MAX_STEPS)
    customers = np.arange(len(start)) if rng is None else rng.permutation(len(start))
    count = (first[1:] - start)[customers]
    ends = np.cumsum(count)
    moved = np.repeat(start[customers] - (ends - count), count) + np.arange(ends[-1])
    if rng is None:
        return moved.astype(np.int32), np.append(0, ends)
    new_day = (np.diff(history.day) != 0) | (np.diff(history.customer) != 0)
    visit = np.cumsum(np.append(False, new_day))  # number of the customer's day, over all customers
    shuffled = np.argsort(visit + rng.random(len(history)), kind="stable")
    return shuffled[moved].astype(np.int32), np.append(0, ends)


def _sliding(
    steps: Batch, first: Ints, batch_size: int, window_size: int, rng: np.random.Generator | None
) -> Iterator[Batch]:
    count = np.diff(first)
    windows = -(-count // window_size)  # of each customer
    nth = np.arange(windows.sum()) - np.repeat(np.cumsum(windows) - windows, windows)
    begin = np.repeat(first[:-1], windows) + nth * window_size
    end = np.minimum(begin + window_size, np.repeat(first[1:], windows))
    order = rng.permutation(len(begin)) if rng else np.arange(len(begin))
    for start in range(0, len(order), batch_size * BATCHES_PER_BLOCK):
        chosen = order[start : start + batch_size * BATCHES_PER_BLOCK]
        missing = np.zeros(-len(chosen) % batch_size, np.int64)  # empty windows that fill the last batch
        block = _take(steps, np.append(begin[chosen], missing), np.append(end[chosen], missing), window_size)
        block.reset[:, 0] = True
        for row in range(0, len(block.read), batch_size):
            yield block.part(slice(row, row + batch_size), slice(None))


def _session_parallel(
    steps: Batch, first: Ints, batch_size: int, window_size: int, rng: np.random.Generator | None
) -> Iterator[Batch]:
    del rng  # the customers are in random order already
    # A customer goes to the lane in which he would begin if the steps were cut into equal lanes.
    lane = first * batch_size // first[-1]
    edges = first[np.searchsorted(lane, np.arange(batch_size + 1))]
    longest = int(np.diff(edges).max())
    for column in range(0, longest, window_size * BATCHES_PER_BLOCK):
        width = min(window_size * BATCHES_PER_BLOCK, -(-(longest - column) // window_size) * window_size)
        block = _take(steps, edges[:-1] + column, edges[1:], width)
        for start in range(0, width, window_size):
            yield block.part(slice(None), slice(start, start + window_size))


def _take(steps: Batch, begin: Ints, end: Ints, width: int) -> Batch:
    """`width` steps per row from `begin` on; from `end` on the empty step, which is the last of `steps`."""
    index = begin[:, None] + np.arange(width)
    np.copyto(index, len(steps.reset) - 1, where=index >= end[:, None])
    return Batch(steps.read.take(index), steps.predict.take(index), steps.reset.take(index))
