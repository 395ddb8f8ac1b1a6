"""Ctrl-C, and the processes that it must not reach."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Hold back Ctrl-C while worker processes are started; they inherit that, and never get one.

    Without it, a worker that is importing its libraries would print a traceback.
    """
    signal.siginterrupt(signal.SIGINT, True)  # polars lets a wait go on after Ctrl-C: until a worker has finished
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
