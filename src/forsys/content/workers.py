"""Worker processes for slow work on many items: pictures and descriptions."""

import errno
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from typing import Any

from threadpoolctl import threadpool_limits

from forsys.errors import DataError
from forsys.interrupts import interrupt_later

CANNOT_START = (errno.EAGAIN, errno.ENOMEM)


@contextmanager
def workers(what: str, processes: int, chunk: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over worker processes, `chunk` items at a time, in order; the built-in one for 1 process or none.

    Where the block ends with an error, such as Ctrl-C, the workers end at once. Raises DataError, with `what` is
    worked on, where a worker dies or can't be started.
    """
    if processes <= 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")  # a fork copies the locks of other libraries' threads
    pool = ProcessPoolExecutor(processes, context, initializer=_start_worker)

    def map_items(work: Callable[..., Any], items: Sequence[Any]) -> Iterable[Any]:
        parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
        with interrupt_later(), _without_main_script():
            asked = deque(pool.submit(_work_on, work, part) for part in parts)
        # Not by pool.map: it cancels what is left when a worker dies, over which the pool's own thread may trip.
        return chain.from_iterable(asked.popleft().result() for _ in parts)

    try:
        yield map_items
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)  # first, or its thread would trip over cancelled work
        for worker in multiprocessing.active_children():
            worker.terminate()
        if _lost_worker(error):
            raise DataError(
                f"{what}: a worker process died or could not be started, most likely since the memory was used up "
                f"by {processes} of them. Close other programs, or allow fewer cores: `taskset -c 0` before the "
                "command leaves one. The same command goes on from here."
            ) from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _work_on(work: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
    return [work(item) for item in items]


def _lost_worker(error: BaseException) -> bool:
    """Whether the system killed a worker, or had no room for another process or thread."""
    no_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    no_process = isinstance(error, OSError) and error.errno in CANNOT_START
    return isinstance(error, BrokenProcessPool) or no_thread or no_process


@contextmanager
def _without_main_script() -> Iterator[None]:
    """Keep workers that are started from running the user's own script again, which would start all over there.

    Their work is a function of this package, so they need nothing of it.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {name: vars(main).pop(name) for name in ("__spec__", "__file__") if name in vars(main)}
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(hidden)


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    threadpool_limits(1)
    threading.Thread(target=_end_with_main_process, daemon=True).start()


def _end_with_main_process() -> None:
    """End this worker where the main process is killed."""
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)
