"""A packed table as an unpacked file, for as long as it is read."""

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from forsys.errors import DataError
from forsys.made_files import UNPACKED
from forsys.progress import progress
from forsys.tables.limits import MAX_BYTES, MAX_RATIO, MIN_FREE_DISK, RATIO_COUNTS_FROM

BLOCK = 1 << 22
UNPACKING_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, deleted afterwards. Its fixed name clears what a killed run left."""
    scratch = out.parent / UNPACKED
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)  # it holds customers' rows
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def unpack(path: Path, scratch: Path) -> Path:
    """`path` itself, or for .gz and .zip its unpacked copy in `scratch`.

    DataError if it is damaged, or as soon as it outgrows the bounds of limits.py or the disk.
    """
    if path.suffix not in (".gz", ".zip"):
        return path
    unpacked, size, packed_size = scratch / path.stem, 0, path.stat().st_size
    _check_disk(path, scratch, packed_size)
    try:
        with path.open("rb") as packed, _open_packed(path, packed) as source, unpacked.open("wb") as target:
            for block in progress(iter(lambda: source.read(BLOCK), b""), f"unpack {path.name}", "block"):
                size += len(block)
                _check_size(path, size, packed_size)
                _check_disk(path, scratch, len(block))
                target.write(block)
    except UNPACKING_ERRORS as error:
        raise DataError(
            f"{path}: cannot be unpacked: {error}. The file is damaged, cut short or not a "
            f"{path.suffix} file; fetch it again."
        ) from error
    return unpacked


def _check_size(path: Path, size: int, packed_size: int) -> None:
    fault = ""
    if size > MAX_BYTES:
        fault = f"more than {MAX_BYTES >> 30} GiB, the most that a table may have"
    elif size > max(RATIO_COUNTS_FROM, MAX_RATIO * packed_size):
        fault = f"more than {MAX_RATIO} times its packed size of {packed_size:,} bytes, which no table does"
    if fault:
        raise DataError(f"{path}: stopped unpacking it: it unpacks to {fault}. Fetch the file again.")


def _check_disk(path: Path, scratch: Path, needed: int) -> None:
    free = shutil.disk_usage(scratch).free
    if free < needed + MIN_FREE_DISK:
        raise DataError(
            f"{path}: stopped unpacking it: {free >> 20:,} MiB are free on the disk of {scratch.parent}, and it "
            "needs more. Make room there."
        )


def _open_packed(path: Path, packed: IO[bytes]) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(packed))
    archive = zipfile.ZipFile(packed)
    tables = [name for name in archive.namelist() if name.endswith((".csv", ".tsv")) and "__MACOSX" not in name]
    if len(tables) != 1:
        raise DataError(
            f"{path}: {len(tables)} .csv files inside ({', '.join(archive.namelist()[:5]) or 'nothing'}), "
            f"expected one. Unpack it and put {path.stem} into the folder."
        )
    return archive.open(tables[0])
