"""Mini-batches of purchases: each purchase is predicted once, from the one before it and the state so far.

A step reads one purchase of a customer and predicts the next; a customer's first purchase is predicted from a
start step that reads none. Two ways to lay customers out, behind one interface:

sliding            a customer's steps are cut into windows of `length`, each a row of a batch from a fresh state
session_parallel   customers side by side in `rows` lanes; where one ends, the next one takes the place and the
                   state is reset; the lanes are cut into batches of `length` steps, over which the state is
                   carried (Hidasi and others 2016)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from forsys.tables.history import History, Ints

Layout = Literal["sliding", "session_parallel"]


@dataclass(frozen=True)
class Batch:
    """Steps of several customers, (rows, length) each; places past the end of the data hold -1, -1, True."""

    read: Ints  # row of the history that the step reads, -1 for the start step
    predict: Ints  # row of the history that the step predicts, -1 where there is none
    reset: npt.NDArray[np.bool_]  # whether the state is cleared before the step


def batches(
    history: History, layout: Layout, rows: int, length: int, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """All purchases of `history` as batches of (rows, length): each is predicted exactly once.

    With `rng`, customers (or windows) come in a random order, and purchases of one day too: the order within a
    day is that of the file, and says nothing. Without it, everything stays in the order of the history.
    """
    if not len(history):
        return
    order = _shuffled(history, rng) if rng else np.arange(len(history))
    customer = history.customer[order]
    first = np.r_[True, customer[1:] != customer[:-1], True]
    predict = np.append(order, -1)  # an empty step behind the others
    read = np.where(first, -1, np.roll(predict, 1))
    cut = _sliding if layout == "sliding" else _session_parallel
    yield from cut(Batch(read, predict, first), rows, length, rng)


def _shuffled(history: History, rng: np.random.Generator) -> Ints:
    """Rows by customer in a random order, then by day, then at random."""
    customers = rng.permutation(len(history.first) - 1)
    return np.lexsort((rng.random(len(history)), history.day, customers[history.customer]))


def _sliding(steps: Batch, rows: int, length: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    edges = np.flatnonzero(_place_in_run(steps.reset) % length == 0)
    order = rng.permutation(len(edges) - 1) if rng else np.arange(len(edges) - 1)
    missing = np.zeros(-len(order) % rows, np.int64)  # windows of the last batch, all empty
    begin, end = np.r_[edges[:-1][order], missing], np.r_[edges[1:][order], missing]
    for row in range(0, len(begin), rows):
        batch = _laid(steps, begin[row : row + rows], end[row : row + rows], length)
        batch.reset[:, 0] = True
        yield batch


def _session_parallel(steps: Batch, rows: int, length: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    del rng  # the customers are in a random order already
    edges = np.flatnonzero(steps.reset)
    # A customer goes to the lane in which he would begin, were the steps cut into equal lanes.
    lane = edges * rows // edges[-1]
    edges = edges[np.searchsorted(lane, np.arange(rows + 1))]
    begin, end = edges[:-1], edges[1:]
    for column in range(0, int((end - begin).max()), length):
        yield _laid(steps, begin + column, end, length)


def _place_in_run(first: npt.NDArray[np.bool_]) -> Ints:
    """How many steps of its customer stand before each step."""
    begins = np.flatnonzero(first)
    return np.arange(len(first)) - np.repeat(begins, np.diff(np.r_[begins, len(first)]))


def _laid(steps: Batch, begin: Ints, end: Ints, length: int) -> Batch:
    """`length` steps a row, from `begin` on; empty from `end` on. The last of `steps` is an empty one."""
    place = begin[:, None] + np.arange(length)
    place = np.where(place < end[:, None], place, len(steps.reset) - 1)
    return Batch(steps.read[place], steps.predict[place], steps.reset[place])
