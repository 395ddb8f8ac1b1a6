"""Tasks that make files: done once, after those they need, in whichever engine was chosen."""

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from forsys.engine import Task, engine, here, run_tasks
from forsys.store import is_current, write_stamp


def write(text: str, *files: Path) -> None:
    for file in files:
        file.write_text(text)


def append(text: str, file: Path) -> None:
    with file.open("a") as opened:
        opened.write(text)


def fail() -> None:
    raise OSError("no space")


def task(file: Path, text: str = "x") -> Task:
    return Task(append, (text, file), (file,), "made from")


def test_makes_and_stamps_what_is_missing(tmp_path: Path) -> None:
    done, missing = task(tmp_path / "done"), task(tmp_path / "missing")
    run_tasks([done], "test")
    run_tasks([done, missing], "test")
    assert [each.is_done() for each in (done, missing)] == [True, True]
    assert (tmp_path / "done").read_text() == "x"  # and not "xx": it was not done again
    assert is_current(tmp_path / "missing", "made from")


@pytest.mark.parametrize("fault", ["missing", "changed", "of another stamp"])
def test_is_done_again_where_a_file_is(fault: str, tmp_path: Path) -> None:
    files = (tmp_path / "a", tmp_path / "b")
    two = Task(write, ("x", *files), files, "made from")
    two.do()
    if fault == "missing":
        files[1].unlink()
    elif fault == "changed":
        files[1].write_text("y")
    else:
        write_stamp(files[1], "something else")
    assert not two.is_done()
    run_tasks([two], "test")
    assert two.is_done()
    assert files[1].read_text() == "x"


def test_a_task_that_fails_leaves_no_stamp_and_ends_the_rest(tmp_path: Path) -> None:
    first, last = task(tmp_path / "first"), task(tmp_path / "last")
    failing = Task(fail, (), (tmp_path / "none",), "made from")
    with pytest.raises(OSError, match="no space"):
        run_tasks([first, failing, last], "test")
    assert [each.is_done() for each in (first, failing, last)] == [True, False, False]


def test_runs_in_the_engine_that_was_chosen(tmp_path: Path) -> None:
    seen: list[Task] = []

    def noting(tasks: Sequence[Task]) -> Iterator[Task]:
        seen.extend(tasks)
        return here(tasks)

    done, missing, later = (task(tmp_path / name) for name in ("done", "missing", "later"))
    done.do()
    with engine(noting):
        run_tasks([done, missing], "test")
    assert seen == [missing]
    run_tasks([later], "test")
    assert seen == [missing]
    assert later.is_done()


def test_can_be_sent(tmp_path: Path) -> None:
    """With what it needs, so that a worker that gets it alone can tell."""
    first = task(tmp_path / "first")
    second = Task(append, ("y", tmp_path / "second"), (tmp_path / "second",), "made from", (first,))
    arrived: Task = pickle.loads(pickle.dumps(second))
    arrived.do()
    assert second.is_done()
    assert not first.is_done()
