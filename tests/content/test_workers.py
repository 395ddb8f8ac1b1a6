"""Worker processes that die, and Ctrl-C while they start or work."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from forsys.content.workers import workers
from forsys.errors import DataError
from world import PROJECT, environment

ITEMS = list(range(40))


def killed(item: int) -> int:
    """As the system does where the memory is used up."""
    if item == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def exited(item: int) -> int:
    if item == 17:
        os._exit(3)
    return item


def crashed(item: int) -> int:
    if item == 17:
        os.kill(os.getpid(), signal.SIGSEGV)
    return item


def failing(item: int) -> int:
    if item == 17:
        raise ZeroDivisionError("a bug")
    return item


def memory_used_up(item: int) -> int:
    raise MemoryError(item)


def slow(item: int) -> int:
    time.sleep(0.5)
    return item


@pytest.mark.parametrize("work", [killed, exited, crashed])
def test_a_worker_that_dies_is_one_line(work: object) -> None:
    with (
        pytest.raises(DataError, match=r"^pictures: a worker process died .* fewer cores.* goes on from here"),
        workers("pictures", 2, 5) as map_items,
    ):
        list(map_items(work, ITEMS))


@pytest.mark.parametrize(("work", "error"), [(failing, ZeroDivisionError), (memory_used_up, MemoryError)])
def test_what_a_worker_raises_is_raised_here(work: object, error: type[Exception]) -> None:
    with pytest.raises(error), workers("pictures", 2, 5) as map_items:
        list(map_items(work, ITEMS))


@pytest.mark.parametrize(
    "error", [OSError(11, "no more processes"), OSError(12, "no memory"), RuntimeError("can't start new thread")]
)
def test_no_room_for_a_worker_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: object) -> None:
        raise error

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with pytest.raises(DataError, match="could not be started"), workers("pictures", 2, 5) as map_items:
        map_items(slow, ITEMS)


SCRIPT = """
import polars  # whose signal handler lets waits go on
from forsys.content.workers import workers
from test_workers import ITEMS, slow

if __name__ == "__main__":
    try:
        with workers("pictures", 2, 20) as map_items:
            found = map_items(slow, ITEMS)
            print("asked", flush=True)
            list(found)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.5])
def test_ctrl_c_ends_the_workers_quickly_and_without_tracebacks(seconds: float, tmp_path: Path) -> None:
    """`seconds` after the workers were asked for: they start, import, work. The first result takes 10 seconds."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    path = os.pathsep.join(map(str, (PROJECT / "src", PROJECT / "tests", PROJECT / "tests" / "content")))
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        env=environment(PYTHONPATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    time.sleep(seconds)
    start = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    said, _ = process.communicate(timeout=60)
    assert said == "interrupted\n"
    assert time.perf_counter() - start < 5
