"""What Dask's workers load in tests: it ends a worker, once each, at the renames that KILLS lists.

Each line there: "before" or "after", and a pattern of the path of a file that is about to appear. Each stamp that
appears, which is what finishes a task, becomes a line in the file "stamped" beside that list.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

LIST = Path(os.environ["KILLS"])
KILLS = [line.split(" ") for line in LIST.read_text(encoding="utf-8").splitlines()]
rename: Callable[[Path, Path], Path] = vars(Path).get(
    "rename_of_python", Path.replace
)  # Dask imports this file, and then again


def replace(self: Path, target: Path) -> Path:
    """As Path.replace, and perhaps the last thing that this worker does."""
    if sys._getframe(1).f_code.co_name == "_download":  # what another worker has made, out of an object store
        return rename(self, target)
    due = [(i, moment) for i, (moment, pattern) in enumerate(KILLS) if Path(target).match(pattern)]
    for i, moment in due:
        if moment == "before" and is_first(i):
            os.truncate(self, self.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
    made = rename(self, target)
    if Path(target).suffix == ".made-from":
        with LIST.with_name("stamped").open("a", encoding="utf-8") as file:
            file.write(f"{target}\n")
    for i, moment in due:
        if moment == "after" and is_first(i):
            os.kill(os.getpid(), signal.SIGKILL)
    return made


def is_first(i: int) -> bool:
    """Whether no worker has been killed at place i of the list yet; this one will be."""
    try:
        LIST.with_name(f"killed-{i}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


Path.rename_of_python = rename  # type: ignore[attr-defined]
Path.replace = replace  # type: ignore[method-assign, assignment]
