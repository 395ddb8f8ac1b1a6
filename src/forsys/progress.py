"""What a person sees while a stage runs: a progress bar, or lines in a log, and one line at its end."""

import math
import resource
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 30.0  # in a log; also before the first, so that quick runs print none
_quiet = ContextVar("quiet", default=False)
_log_lines: ContextVar["LogLines | None"] = ContextVar("log_lines", default=None)  # of the stage that runs


@contextmanager
def quiet(wanted: bool = True) -> Iterator[None]:
    """Print nothing and show no bar while the block runs, as Python's users expect of a library."""
    before = _quiet.set(wanted)
    try:
        yield
    finally:
        _quiet.reset(before)


def progress(items: Iterable[T], what: str, unit: str, total: int | None = None) -> Iterable[T]:
    """Iterate with a bar that shows rate and time left; in a log, with a line now and then.

    Both are for standard error. unit: the singular of what the items are, since a line says "what, unit 2 of 3".
    """
    if _quiet.get() or sys.stderr is None:  # closed, as by 2>&-
        return items
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not sys.stderr.isatty():
        lines = _log_lines.get() or LogLines("", time.perf_counter)
        return lines.follow(items, what, unit, total)
    bar: Iterable[T] = tqdm(items, desc=what, unit=unit, total=total, leave=False)
    return bar


def step_callback(steps: int, what: str, unit: str) -> Callable[..., None]:
    """`progress` of a loop inside a library, which calls this after each of its steps."""
    loop = iter(progress(range(steps), what, unit))
    next(loop, None)  # the first step begins

    def step_is_done(*_: object) -> None:
        next(loop, None)

    return step_is_done


class LogLines:
    """Lines on standard error that say how far the loops of a stage are, where there is no terminal for a bar.

    A loop can print one between two items only. It names the loops around that one too, and the next one comes
    SECONDS_BETWEEN_LINES later, whichever loop prints it: nested loops do not flood the log.
    """

    def __init__(self, stage: str, clock: Callable[[], float]) -> None:
        self.stage, self.clock = stage, clock
        self.loops: list[_Loop] = []  # those that run, the outermost first
        self.last = -math.inf  # when a line was printed

    def follow(self, items: Iterable[T], what: str, unit: str, total: int | None) -> Iterator[T]:
        """Iterate, with a line now and then."""
        loop = _Loop(what, unit, total, self.clock())
        self.loops.append(loop)
        try:
            for item in items:
                yield item
                loop.number += 1
                if total is None or loop.number <= total:
                    self._print_if_due()
        finally:
            self.loops.remove(loop)

    def _print_if_due(self) -> None:
        now, start = self.clock(), self.loops[0].start
        if now - max(start, self.last) >= SECONDS_BETWEEN_LINES:
            self.last = now
            where = "; ".join(map(str, self.loops))
            print(f"{self.stage:<10} {where} [{now - start:.0f} s so far]", file=sys.stderr, flush=True)


@dataclass(eq=False)
class _Loop:
    """A loop that runs, and the number of the item that it is at."""

    what: str
    unit: str
    total: int | None  # None where it is not known
    start: float
    number: int = 1

    def __str__(self) -> str:
        if self.total == 1:
            return self.what
        return f"{self.what}, {self.unit} {self.number:,}" + (f" of {self.total:,}" if self.total else "")


@contextmanager
def stage_line(name: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[list[str]]:
    """Time a stage. The block appends what it made to the yielded list; the line is printed at the end."""
    made: list[str] = []
    start, before = clock(), _log_lines.set(LogLines(name, clock))
    try:
        yield made
    finally:
        _log_lines.reset(before)
    say(f"{name:<10} {'; '.join(made)} [{clock() - start:.1f} s, peak {peak_memory_gib():.2f} GiB]")


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
