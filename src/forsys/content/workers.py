"""Worker processes for slow work on many items: pictures and descriptions."""

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
    """A `map` over worker processes, `chunk` items at a time, in order; the built-in one for 1 process or none."""
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
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process handles Ctrl-C
    threadpool_limits(1)
    threading.Thread(target=_end_with_main_process, daemon=True).start()


def _end_with_main_process() -> None:
    """End this worker where the main process is killed."""
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)
