"""What a person sees while a stage runs: a progress bar, and one line at its end."""

import resource
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_quiet = ContextVar("quiet", default=False)


@contextmanager
def quiet(wanted: bool = True) -> Iterator[None]:
    """Print nothing and show no bar while the block runs, as Python's users expect of a library."""
    before = _quiet.set(wanted)
    try:
        yield
    finally:
        _quiet.reset(before)


def progress(items: Iterable[T], what: str, unit: str = "it", total: int | None = None) -> Iterable[T]:
    """Iterate with a bar that shows rate and time left; quiet when standard error is not a terminal."""
    bar: Iterable[T] = tqdm(items, desc=what, unit=unit, total=total, disable=_quiet.get() or None, leave=False)
    return bar


def shows_progress() -> bool:
    """Whether there is a terminal for a library's own progress bar."""
    return sys.stderr.isatty() and not _quiet.get()


@contextmanager
def stage_line(name: str) -> Iterator[list[str]]:
    """Time a stage. The block appends what it made to the yielded list; the line is printed at the end."""
    made: list[str] = []
    start = time.perf_counter()
    yield made
    seconds = time.perf_counter() - start
    say(f"{name:<10} {'; '.join(made)} [{seconds:.1f} s, peak {peak_memory_gib():.2f} GiB]")


def terminal_width() -> int:
    """Columns of the terminal; so many that nothing is cut or wrapped where there is none, as in a file."""
    return shutil.get_terminal_size((10_000, 24)).columns


def say_below(line: str) -> None:
    """Print a line that belongs to a stage, set in like what follows the stage's name, in as many as it takes."""
    margin = " " * 11
    wrapper = textwrap.TextWrapper(
        max(terminal_width() - 1, 40), margin, f"{margin}  ", break_long_words=False, break_on_hyphens=False
    )
    say(wrapper.fill(line))


def peak_memory_gib() -> float:
    """Largest resident memory of this process so far, in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def say(line: str) -> None:
    """Print a line at once, so that a log shows it while the next stage still runs."""
    if not _quiet.get():
        with tqdm.external_write_mode():  # a bar makes way
            print(line, flush=True)
