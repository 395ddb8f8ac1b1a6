"""Faults of the machine in one line: what, where, why, and what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forsys.errors import DataError

ADVICE = {
    errno.ENOSPC: "Free some space on that disk",
    errno.EDQUOT: "Free some space, or ask for a larger quota",
    errno.EROFS: "Name a folder that can be written to: FORSYS_HOME=DIR",
    errno.EACCES: "Check the permissions, or name another folder: FORSYS_HOME=DIR",
    errno.EPERM: "Check the permissions, or name another folder: FORSYS_HOME=DIR",
    errno.ELOOP: "Remove the link that points to itself",
    errno.ENAMETOOLONG: "Use a shorter path",
    errno.EEXIST: "A file stands where a folder is needed: move it away",
    errno.ENOTDIR: "A file stands where a folder is needed: move it away",
    errno.EISDIR: "A folder stands where a file is needed: move it away",
    errno.EMFILE: "Allow more open files: ulimit -n 4096",
    errno.EFBIG: "Allow larger files: ulimit -f unlimited",
    errno.EIO: "Check the disk",
}
GOES_ON = "The same command goes on from here."
OUT_OF_MEMORY = (
    "the memory is used up. Close other programs, or make the units of work smaller, such as "
    f"--set shard_size=5000. {GOES_ON}"
)


def machine_fault(error: BaseException, folder: str) -> str | None:
    """One line for what the machine could not do; None for any other error, which is a bug.

    `folder` is named where the error names no file.
    """
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    if isinstance(error, OSError):
        code = error.errno if error.errno is not None else _code_in(str(error))
        if code == errno.ENOMEM:
            return OUT_OF_MEMORY
        if code is None:
            return None
        return _line(code, str(error.filename2 or error.filename or folder))
    if isinstance(error, RuntimeError) and (
        loop := re.match("Symlink loop from '(.*)'", str(error))
    ):  # before 3.13
        return _line(errno.ELOOP, loop[1])
    code = _code_in(str(error)) if type(error).__module__.startswith("polars") else None
    return None if code is None else _line(code, folder)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises DataError, which names `path`, where the block cannot write that file: for one that a user names."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not path.is_relative_to(Path(error.filename).parent):
            raise  # of another file, which the block reads
        reason = error.strerror or str(error).partition(" (os error")[0]  # polars gives no number of its own
        raise DataError(
            f"{path} cannot be written: {reason}. Name a file in a folder that can be written to and has space."
        ) from error


def _code_in(text: str) -> int | None:
    """The error number that a library has put into words."""
    return next((code for code in ADVICE if os.strerror(code) in text or f"os error {code}" in text), None)


def _line(code: int, path: str) -> str:
    advice = ADVICE.get(code, "Look at that file or folder")
    return f"{path}: {os.strerror(code)}. {advice}. {GOES_ON}"
