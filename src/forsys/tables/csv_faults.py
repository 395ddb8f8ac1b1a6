"""Where a CSV file is broken. The exact search is slow: it runs only where a fast check has found that it is."""

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from forsys.errors import DataError

BLOCK = 1 << 20
MAX_FIELD = 1 << 24  # characters: a quote without its pair must not read the rest of the file as one field
COMMA, NEWLINE = b",\n"


def explain(path: Path, unpacked: Path, width: int, error: Exception) -> DataError:
    """The error to raise for a file that the reader refused with `error`.

    `path` is the file as the user knows it, `unpacked` its unpacked copy, `width` the number of its columns.
    """
    fault = _bad_byte(unpacked) or _bad_row(unpacked, width) or _unpaired_quote(unpacked)
    return DataError(f"{path}: {fault or f'cannot be read as CSV: {error}'}")


def check_widths(path: Path, unpacked: Path, width: int) -> None:
    """DataError if a row has fewer fields than the header, for which polars fills in nulls without an error.

    For a file that polars has read: it refuses broken quoting and rows with more fields than the header.
    """
    if _may_have_short_row(unpacked, width) and (fault := _bad_row(unpacked, width)):
        raise DataError(f"{path}: {fault}")


def line_starts(unpacked: Path, rows: set[int]) -> dict[int, int]:
    """The 1-based line on which each of `rows` (0-based, without header) begins; line breaks in quotes count."""
    starts: dict[int, int] = {}
    with contextlib.suppress(csv.Error):  # a field too long for Python's reader: the rest stays unknown
        starts |= {row: line for row, (line, _) in enumerate(_records(unpacked), start=-1) if row in rows}
    return starts


def count_lines(unpacked: Path) -> int:
    """Lines of a file, the last one counted whether or not it ends with a line break."""
    return sum(block.count(b"\n") for block in _lines(unpacked))


def _may_have_short_row(unpacked: Path, width: int) -> bool:
    """Whether there are fewer commas than the lines that are not empty need, or quotes, which may hide commas."""
    missing = 0
    for block in _lines(unpacked):
        if b'"' in block:
            return True
        values = np.frombuffer(block.replace(b"\r", b"\n"), np.uint8)
        lengths = np.diff(np.flatnonzero(values == NEWLINE), prepend=-1)
        missing += (width - 1) * int((lengths > 1).sum()) - int(np.count_nonzero(values == COMMA))
    return missing > 0


def _lines(unpacked: Path) -> Iterator[bytes]:
    """The file in blocks of complete lines, with a line break at its end."""
    with unpacked.open("rb") as file:
        while block := file.read(BLOCK) + file.readline():
            yield block if block.endswith(b"\n") else block + b"\n"


def _records(unpacked: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record of the file with the line on which it begins."""
    with unpacked.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader(file, strict=True)
        line = 1
        for record in reader:
            yield line, record
            line = reader.line_num + 1


def _bad_byte(unpacked: Path) -> str | None:
    """The first byte that is not UTF-8, as a message."""
    offset = 0
    with unpacked.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte, at = line[error.start], offset + error.start
                return (
                    f"line {number}: the byte 0x{byte:02x} at offset {at} of the file is not UTF-8. Save the file "
                    "as UTF-8, for example: iconv -f latin1 -t utf-8 OLD > NEW"
                )
            offset += len(line)
    return None


def _bad_row(unpacked: Path, width: int) -> str | None:
    """The first record with another number of fields or broken quoting, as a message."""
    line = 1
    try:
        for line, record in _records(unpacked):
            if record and len(record) != width:
                return (
                    f"line {line}: {len(record)} fields, expected {width} as in the header. Fix the line "
                    "(a text with a comma needs quotes), or fetch the file again if it is cut short."
                )
    except csv.Error as error:
        return f"after line {line}: broken quoting ({error}). Fix the quotes or fetch the file again."
    return None


def _unpaired_quote(unpacked: Path) -> str | None:
    """The first line with an odd number of quotes, as a message."""
    with unpacked.open("rb") as file:
        odd = next((n for n, line in enumerate(file, start=1) if line.count(b'"') % 2), None)
    if odd is None:
        return None
    return f'line {odd}: a quote (") without its pair. Fix the quotes or fetch the file again.'
