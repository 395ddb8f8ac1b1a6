"""Worker processes for what takes long a piece: pictures and descriptions."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits


@contextmanager
def workers(processes: int, chunk: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over worker processes, `chunk` pieces at a time, in order; over none where one would do."""
    if processes <= 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")  # a fork copies the locks of other libraries' threads
    pool = ProcessPoolExecutor(processes, context, initializer=_start_worker)
    try:
        yield partial(pool.map, chunksize=chunk)
    finally:
        pool.shutdown(cancel_futures=True)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    threadpool_limits(1)
    threading.Thread(target=_end_with_main_process, daemon=True).start()


def _end_with_main_process() -> None:
    """A killed main process leaves no worker behind."""
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)
