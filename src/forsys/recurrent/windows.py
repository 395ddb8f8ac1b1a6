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

    def __getitem__(self, place: tuple[slice, slice]) -> "Batch":
        return Batch(self.read[place], self.predict[place], self.reset[place])


def batches(
    history: History, layout: Layout, rows: int, length: int, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """All purchases of `history` as batches of (rows, length): each is predicted exactly once.

    With `rng`, customers (or windows) come in a random order, and purchases of one day too: the order within a
    day is that of the file, and says nothing. Without it, everything stays in the order of the history.
    """
    predict = _shuffled(history, rng) if rng else np.arange(len(history))
    first = np.r_[True, history.customer[predict][1:] != history.customer[predict][:-1]][: len(predict)]
    read = np.where(first, -1, np.r_[-1, predict[:-1]][: len(predict)])
    cut = _sliding if layout == "sliding" else _session_parallel
    yield from cut(Batch(read, predict, first), rows, length, rng)


def _shuffled(history: History, rng: np.random.Generator) -> Ints:
    """Rows by customer in a random order, then by day, then at random."""
    customers = rng.permutation(len(history.first) - 1)
    return np.lexsort((rng.random(len(history)), history.day, customers[history.customer]))


def _sliding(steps: Batch, rows: int, length: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    place = _place_in_run(steps.reset)
    begins = np.flatnonzero(place % length == 0)
    window = np.cumsum(place % length == 0) - 1
    column = place % length
    order = rng.permutation(len(begins)) if rng else np.arange(len(begins))
    row = np.argsort(order)[window]
    total = -(-len(begins) // rows) * rows
    laid = _laid(steps, row, column, total, length)
    laid.reset[:, 0] = True
    for start in range(0, total, rows):
        yield laid[start : start + rows, :]


def _session_parallel(steps: Batch, rows: int, length: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    del rng  # the customers are in a random order already
    begins = np.flatnonzero(steps.reset)
    # A customer goes to the lane in which he would begin, were the steps cut into equal lanes.
    lane = np.repeat(begins * rows // max(len(steps.reset), 1), np.diff(np.r_[begins, len(steps.reset)]))
    column = np.arange(len(lane)) - np.searchsorted(lane, np.arange(rows))[lane]
    total = -(-int(column.max(initial=-1) + 1) // length) * length
    laid = _laid(steps, lane, column, rows, total)
    for start in range(0, total, length):
        yield laid[:, start : start + length]


def _place_in_run(first: npt.NDArray[np.bool_]) -> Ints:
    """How many steps before it each step's customer has."""
    begins = np.flatnonzero(first)
    return np.arange(len(first)) - np.repeat(begins, np.diff(np.r_[begins, len(first)]))


def _laid(steps: Batch, row: Ints, column: Ints, rows: int, columns: int) -> Batch:
    """The steps at (row, column) of a table of (rows, columns), the rest empty."""
    empty = np.full((rows, columns), -1, np.int64)
    laid = Batch(empty, empty.copy(), np.ones((rows, columns), np.bool_))
    laid.read[row, column], laid.predict[row, column] = steps.read, steps.predict
    laid.reset[row, column] = steps.reset
    return laid
