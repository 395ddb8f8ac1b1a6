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
from forsys.progress import progress

BLOCK = 1 << 22
UNPACKING_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, deleted afterwards. Its fixed name clears what a killed run left."""
    scratch = out.with_name(f".{out.name}.unpacked")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def unpack(path: Path, scratch: Path) -> Path:
    """`path` itself, or for .gz and .zip its unpacked copy in `scratch`; DataError if it is damaged."""
    if path.suffix not in (".gz", ".zip"):
        return path
    unpacked = scratch / path.stem
    try:
        with path.open("rb") as packed, _open_packed(path, packed) as source, unpacked.open("wb") as target:
            for block in progress(iter(lambda: source.read(BLOCK), b""), f"unpack {path.name}", "block"):
                target.write(block)
    except UNPACKING_ERRORS as error:
        raise DataError(
            f"{path}: cannot be unpacked: {error}. The file is damaged, cut short or not a "
            f"{path.suffix} file; fetch it again."
        ) from error
    return unpacked


def _open_packed(path: Path, packed: IO[bytes]) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(packed))
    archive = zipfile.ZipFile(packed)
    tables = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
    if len(tables) != 1:
        raise DataError(
            f"{path}: {len(tables)} .csv files inside ({', '.join(archive.namelist()[:5]) or 'nothing'}), "
            f"expected one. Unpack it and put {path.stem} into the folder."
        )
    return archive.open(tables[0])
