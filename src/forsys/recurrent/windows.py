"""Mini-batches of purchases: each purchase is predicted once, from the one before it and the state so far.

A step reads one purchase of a customer and predicts the next; a customer's first purchase is predicted from a
start step that reads none. Two ways to lay customers out, behind one interface:

sliding            a customer's steps are cut into windows of `length`, each a row of a batch from a fresh state
session_parallel   customers side by side in `rows` lanes; where one ends, the next one takes the place and the
                   state is reset; the lanes are cut into batches of `length` steps, over which the state is
                   carried (Hidasi and others 2016)
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from forsys.tables.history import History, Ints

Layout = Literal["sliding", "session_parallel"]
BLOCK = 64  # batches laid out at a time: a call of NumPy takes longer than laying out one


class Batch(NamedTuple):
    """Steps of several customers, (rows, length) each; places past the end of the data hold -1, -1, True."""

    read: Ints  # row of the history that the step reads, -1 for the start step
    predict: Ints  # row of the history that the step predicts, -1 where there is none
    reset: npt.NDArray[np.bool_]  # whether the state is cleared before the step

    def part(self, rows: slice, columns: slice) -> "Batch":
        """Some of the rows and steps."""
        return Batch(self.read[rows, columns], self.predict[rows, columns], self.reset[rows, columns])


def batches(
    history: History, layout: Layout, rows: int, length: int, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """All purchases of `history` as batches of (rows, length): each is predicted exactly once.

    With `rng`, customers (or windows) come in a random order, and purchases of one day too: the order within a
    day is that of the file, and says nothing. Without it, everything stays in the order of the history.
    """
    if not len(history):
        return
    order, begins = _order(history, rng)
    predict = np.append(order, np.int32(-1))  # an empty step behind the others
    read = np.roll(predict, 1)
    reset = np.zeros(len(predict), bool)
    read[begins], reset[begins] = -1, True
    cut = _sliding if layout == "sliding" else _session_parallel
    yield from cut(Batch(read, predict, reset), begins, rows, length, rng)


def _order(history: History, rng: np.random.Generator | None) -> tuple[Ints, Ints]:
    """The rows of the history in the order of the steps; where each customer's begin, and at last where all end."""
    begins = history.first[np.append(np.diff(history.first) > 0, True)]  # of those who bought anything
    if rng is None:
        return np.arange(len(history), dtype=np.int32), begins
    customers = rng.permutation(len(begins) - 1)
    count = np.diff(begins)[customers]
    ends = np.cumsum(count)
    moved = np.repeat(begins[:-1][customers] - (ends - count), count) + np.arange(len(history))
    new_day = (np.diff(history.day) != 0) | (np.diff(history.customer) != 0)
    day = np.cumsum(np.append(False, new_day))  # of each customer, counted over all
    within = np.argsort(day + rng.random(len(history)), kind="stable")
    return within[moved].astype(np.int32), np.append(0, ends)


def _sliding(
    steps: Batch, begins: Ints, rows: int, length: int, rng: np.random.Generator | None
) -> Iterator[Batch]:
    count = np.diff(begins)
    windows = -(-count // length)  # of each customer
    nth = np.arange(windows.sum()) - np.repeat(np.cumsum(windows) - windows, windows)
    begin = np.repeat(begins[:-1], windows) + nth * length
    end = np.minimum(begin + length, np.repeat(begins[1:], windows))
    order = rng.permutation(len(begin)) if rng else np.arange(len(begin))
    for first in range(0, len(order), rows * BLOCK):
        some = order[first : first + rows * BLOCK]
        missing = np.zeros(-len(some) % rows, np.int64)  # windows of the last batch, all empty
        block = _laid(steps, np.append(begin[some], missing), np.append(end[some], missing), length)
        block.reset[:, 0] = True
        for row in range(0, len(block.read), rows):
            yield block.part(slice(row, row + rows), slice(None))


def _session_parallel(
    steps: Batch, begins: Ints, rows: int, length: int, rng: np.random.Generator | None
) -> Iterator[Batch]:
    del rng  # the customers are in a random order already
    # A customer goes to the lane in which he would begin, were the steps cut into equal lanes.
    lane = begins * rows // begins[-1]
    edges = begins[np.searchsorted(lane, np.arange(rows + 1))]
    longest = int(np.diff(edges).max())
    for column in range(0, longest, length * BLOCK):
        width = min(length * BLOCK, -(-(longest - column) // length) * length)
        block = _laid(steps, edges[:-1] + column, edges[1:], width)
        for first in range(0, width, length):
            yield block.part(slice(None), slice(first, first + length))


def _laid(steps: Batch, begin: Ints, end: Ints, width: int) -> Batch:
    """`width` steps a row, from `begin` on; empty from `end` on. The last of `steps` is an empty one."""
    place = begin[:, None] + np.arange(width)
    np.copyto(place, len(steps.reset) - 1, where=place >= end[:, None])
    return Batch(steps.read.take(place), steps.predict.take(place), steps.reset.take(place))
