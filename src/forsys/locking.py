"""One run at a time on one output folder, here or at a URL."""

import fcntl
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from forsys.errors import DataError
from forsys.lease import leased
from forsys.made_files import LOCK, upload_list
from forsys.remote import remote_of

_held: set[Path] = set()  # by this process: a command may run several stages


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder` while the block runs; the lock of a process that died is released.

    Raises DataError, with who holds it, where another process has it.
    """
    folder = folder.resolve()
    if folder in _held:
        yield
        return
    with _locked_file(folder) as file:
        file.truncate(0)
        command = Path(sys.argv[0]).name + " " + " ".join(sys.argv[1:2])
        holder = f"process {os.getpid()} ({command.strip()}, since {datetime.now():%Y-%m-%d %H:%M})"
        file.write(holder)
        file.flush()
        with _leased(folder, holder):
            _held.add(folder)
            try:
                yield
            finally:
                _held.remove(folder)


def _locked_file(folder: Path) -> IO[str]:
    """The lock file of a folder, open and locked. Raises DataError where another process has it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with file:
                holder = _holder(file) or "another process"
            raise DataError(f"{folder} is in use by {holder}. Wait until it has finished, or stop it.") from error
        if _is_at(folder / LOCK, file):
            return file
        file.close()  # `clean` has deleted it since it was opened: the next process would lock another one


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextmanager
def _leased(folder: Path, holder: str) -> Iterator[None]:
    """Keep out clients on other machines too, where the folder is the copy of one at a URL."""
    remote = remote_of(folder)
    if remote is None:
        yield
        return
    with leased(remote, folder, f"{holder} on {platform.node()}"):
        yield
        upload_list(folder)


def _holder(file: IO[str]) -> str:
    """Who holds the lock: written a moment after it was taken."""
    for _ in range(20):
        file.seek(0)
        if holder := file.read().strip():
            return holder
        time.sleep(0.05)
    return ""
