"""Tasks that make files, and where they run: in this process, or on a cluster. No stage knows which.

Files are the truth: a task whose files are there, with its stamp, is not run again, whoever made them and where.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forsys.progress import progress
from forsys.store import is_current, write_stamp


@dataclass(frozen=True, eq=False)
class Task:
    """A call that makes files.

    function: writes each of `files`; it and its arguments can be pickled, and are small. made_from: the fingerprint
    of what the files are made from, which becomes their stamp. needs: tasks to be done before. reads: the files
    (with their stamps) and folders that it reads; where they lie at a URL, a worker fetches them first.
    """

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    files: tuple[Path, ...]
    made_from: str
    needs: tuple["Task", ...] = ()
    reads: tuple[Path, ...] = ()

    def is_done(self) -> bool:
        """Whether its files are there, undamaged and made from the same."""
        return all(is_current(file, self.made_from) for file in self.files)

    def do(self) -> None:
        """Make the files and stamp them, unless that is done."""
        if not self.is_done():
            self.function(*self.arguments)
            for file in self.files:
                write_stamp(file, self.made_from)


Engine = Callable[[Sequence[Task]], Iterable[Task]]
"""Does tasks, each after those it needs, and gives each back as it is finished.

It raises what a task raises. Tasks that have not begun by then, or by Ctrl-C, are left out."""


def run_tasks(tasks: Iterable[Task], what: str, unit: str = "shard") -> None:
    """Do the tasks that are not done, in the engine that was chosen with `engine`.

    A task stands behind those that it needs. what, unit: as of `progress`.
    """
    missing = [task for task in tasks if not task.is_done()]
    if not missing:
        return
    for _ in progress(_engine.get()(missing), what, unit=unit, total=len(missing)):
        pass


def here(tasks: Sequence[Task]) -> Iterator[Task]:
    """The engine that does one task after the other in this process."""
    for task in tasks:
        task.do()
        yield task


@contextmanager
def engine(chosen: Engine) -> Iterator[None]:
    """Run tasks in another engine while the block runs."""
    before = _engine.set(chosen)
    try:
        yield
    finally:
        _engine.reset(before)


_engine: ContextVar[Engine] = ContextVar("engine", default=here)
