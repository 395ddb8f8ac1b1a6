"""Mini-batches: events a second of `forsys.recurrent.windows` against the loops that people write.

session_parallel is the loop of GRU4Rec (Hidasi and others 2016): a lane a customer, who is replaced where he ends;
sliding takes each customer's windows one by one. All fill NumPy batches of 96 rows of 8 steps with what is read,
what is predicted and where the state is reset, from the same history. The best of RUNS counts for each.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import get_args

import numpy as np
import pandas as pd

from benchmarks.throughput import made_history
from forsys.recurrent.windows import Layout, batches
from forsys.tables.history import History

ROWS, LENGTH, RUNS = 96, 8, 3
Batches = Iterator[tuple[np.ndarray, ...]]


def run(data: Path | None) -> pd.DataFrame:
    """One row a layout."""
    del data
    history = made_history(1_000_000)
    loops = {"session_parallel": session_parallel_loop, "sliding": sliding_loop}
    rows = []
    for layout in get_args(Layout):
        own = speed(history, partial(batches, history, layout, ROWS, LENGTH))
        loop = speed(history, partial(loops[layout], history))
        rows.append({"layout": layout, "events/s": own, "loop events/s": loop, "ratio": own / loop})
    return pd.DataFrame(rows)


def speed(history: History, make: Callable[[], Iterator[object]]) -> float:
    """Events a second."""
    times = []
    for _ in range(RUNS):
        begin = perf_counter()
        for _batch in make():
            pass
        times.append(perf_counter() - begin)
    return len(history) / min(times)


def empty() -> tuple[np.ndarray, ...]:
    """Read, predict, reset."""
    return np.full((ROWS, LENGTH), -1), np.full((ROWS, LENGTH), -1), np.ones((ROWS, LENGTH), bool)


def session_parallel_loop(history: History) -> Batches:
    """A lane holds the next purchase of its customer and where he ends."""
    customers = iter(np.flatnonzero(np.diff(history.first)).tolist())
    first = history.first.tolist()
    place, end, begins = [0] * ROWS, [0] * ROWS, [False] * ROWS
    while True:
        read, predict, reset = empty()
        for step in range(LENGTH):
            for lane in range(ROWS):
                if place[lane] == end[lane]:
                    customer = next(customers, None)
                    if customer is None:
                        continue
                    place[lane], end[lane], begins[lane] = first[customer], first[customer + 1], True
                read[lane, step] = -1 if begins[lane] else place[lane] - 1
                predict[lane, step], reset[lane, step] = place[lane], begins[lane]
                place[lane], begins[lane] = place[lane] + 1, False
        if predict.max() < 0:
            return
        yield read, predict, reset


def sliding_loop(history: History) -> Batches:
    """A row is a window of one customer."""
    first, row = history.first.tolist(), 0
    read, predict, reset = empty()
    for customer in range(len(first) - 1):
        for begin in range(first[customer], first[customer + 1], LENGTH):
            for step in range(min(LENGTH, first[customer + 1] - begin)):
                starts = begin + step == first[customer]
                read[row, step] = -1 if starts else begin + step - 1
                predict[row, step], reset[row, step] = begin + step, step == 0
            row += 1
            if row == ROWS:
                yield read, predict, reset
                read, predict, reset = empty()
                row = 0
    if row:
        yield read, predict, reset
