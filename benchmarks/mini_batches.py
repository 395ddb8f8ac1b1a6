"""Mini-batches: events a second of `forsys.recurrent.minibatches` against plain Python loops.

session_parallel is the loop of GRU4Rec (Hidasi and others 2016): one customer per lane, until the next takes over;
sliding takes each customer's windows one by one. All fill NumPy batches of 96 rows of 8 steps with the rows that
are read and predicted and where the state is reset, from the same history. Each counts with the best of RUNS runs.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import get_args

import numpy as np
import pandas as pd

from benchmarks.throughput import made_history
from forsys.recurrent.minibatches import Batching, batches
from forsys.tables.history import History

BATCH_SIZE, WINDOW_SIZE, RUNS = 96, 8, 3
Batches = Iterator[tuple[np.ndarray, ...]]


def run(data: Path | None) -> pd.DataFrame:
    """One row per way of batching."""
    del data
    history = made_history(1_000_000)
    loops = {"session_parallel": session_parallel_loop, "sliding": sliding_loop}
    rows = []
    for batching in get_args(Batching):
        own = speed(history, partial(batches, history, batching, BATCH_SIZE, WINDOW_SIZE))
        loop = speed(history, partial(loops[batching], history))
        rows.append({"batching": batching, "events/s": own, "loop events/s": loop, "ratio": own / loop})
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
    return (
        np.full((BATCH_SIZE, WINDOW_SIZE), -1),
        np.full((BATCH_SIZE, WINDOW_SIZE), -1),
        np.ones((BATCH_SIZE, WINDOW_SIZE), bool),
    )


def session_parallel_loop(history: History) -> Batches:
    """A lane holds its customer's next purchase and where his purchases end."""
    customers = iter(np.flatnonzero(np.diff(history.first)).tolist())
    first = history.first.tolist()
    position, end, begins = [0] * BATCH_SIZE, [0] * BATCH_SIZE, [False] * BATCH_SIZE
    while True:
        read, predict, reset = empty()
        for step in range(WINDOW_SIZE):
            for lane in range(BATCH_SIZE):
                if position[lane] == end[lane]:
                    customer = next(customers, None)
                    if customer is None:
                        continue
                    position[lane], end[lane], begins[lane] = first[customer], first[customer + 1], True
                read[lane, step] = -1 if begins[lane] else position[lane] - 1
                predict[lane, step], reset[lane, step] = position[lane], begins[lane]
                position[lane], begins[lane] = position[lane] + 1, False
        if predict.max() < 0:
            return
        yield read, predict, reset


def sliding_loop(history: History) -> Batches:
    """A row is a window of one customer."""
    first, row = history.first.tolist(), 0
    read, predict, reset = empty()
    for customer in range(len(first) - 1):
        for begin in range(first[customer], first[customer + 1], WINDOW_SIZE):
            for step in range(min(WINDOW_SIZE, first[customer + 1] - begin)):
                starts = begin + step == first[customer]
                read[row, step] = -1 if starts else begin + step - 1
                predict[row, step], reset[row, step] = begin + step, step == 0
            row += 1
            if row == BATCH_SIZE:
                yield read, predict, reset
                read, predict, reset = empty()
                row = 0
    if row:
        yield read, predict, reset
