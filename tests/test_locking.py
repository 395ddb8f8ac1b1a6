"""One run at a time on one folder; who holds it is named, and a dead process holds nothing."""

import fcntl
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forsys.errors import DataError
from forsys.locking import locked
from world import PROJECT, environment

HOLD = "import sys, time\nfrom pathlib import Path\nfrom forsys.locking import locked\n"
HOLD += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Another process that has locked `folder`."""
    env = environment(PYTHONPATH=str(PROJECT / "src"))
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_another_process_is_named_until_it_ends(end: signal.Signals, tmp_path: Path) -> None:
    process = hold(tmp_path / "out")
    with process:
        with (
            pytest.raises(DataError, match=rf"out is in use by process {process.pid} \("),
            locked(tmp_path / "out"),
        ):
            pass
        with locked(tmp_path / "beside"):
            pass
        process.send_signal(end)
    with locked(tmp_path / "out"):
        assert (tmp_path / "out" / ".lock").exists()


def test_a_process_may_lock_again_what_it_holds(tmp_path: Path) -> None:
    with locked(tmp_path), locked(tmp_path / "." / ""):
        pass
    with locked(tmp_path):
        pass


def test_an_error_releases(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), locked(tmp_path):
        raise ValueError("x")
    process = hold(tmp_path)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("deleted", ["file", "folder"])
def test_a_lock_that_is_cleaned_away_when_it_is_opened(
    deleted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the opening and the locking: what was opened then keeps nobody out."""
    folder = tmp_path / "out"
    right = fcntl.flock
    calls: list[int] = []

    def flock(file: Any, how: int) -> None:
        if not calls:
            (folder / ".lock").unlink()
            if deleted == "folder":
                folder.rmdir()
        calls.append(how)
        right(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(folder):
        monkeypatch.undo()
        assert len(calls) == 2
        with (folder / ".lock").open("a+") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
