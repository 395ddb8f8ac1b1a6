"""Where a CSV file is broken. The exact search is slow: it runs only where a fast check has found that it is."""

import contextlib
import csv
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forsys.arrays import Ints
from forsys.errors import DataError
from forsys.tables.limits import MAX_LINE

BLOCK = 1 << 20
MAX_FIELD = 1 << 24  # characters: a quote without its pair must not read the rest of the file as one field
NEWLINE, QUOTE = b'\n"'
CUT_OFF = "The file ends in the middle of this line: it was cut off. Fetch it again."
TOO_MANY_OR_FEW = "Fix the line (a text with a comma needs quotes), or fetch the file again if it is cut short."
CUT_LENGTH, CUT_ROWS = 16, 20  # last fields of one length, at least so long, in at least so many rows: ids, hashes


@dataclass(frozen=True)
class Text:
    """A CSV file: `path` as the user knows it, its unpacked copy, and how that is written."""

    path: Path
    unpacked: Path
    width: int  # columns
    skipped: int = 0  # lines before the header
    delimiter: str = ","

    def explain(self, error: Exception) -> DataError:
        """The error to raise for a file that the reader refused with `error`."""
        fault = _bad_byte(self.unpacked) or self._bad_row() or _unpaired_quote(self.unpacked)
        return DataError(f"{self.path}: {fault or f'cannot be read as CSV: {without_values(error)}'}")

    def check_widths(self) -> None:
        """DataError if a row has fewer fields than the header, for which polars fills in nulls without an error.

        For a file that polars has read: it refuses broken quoting and rows with more fields than the header.
        """
        if _may_have_short_row(self.unpacked, self.width, ord(self.delimiter)) and (fault := self._bad_row()):
            raise DataError(f"{self.path}: {fault}")

    def check_ending(self) -> None:
        """DataError where the last line was cut within its last field.

        Such a row has as many fields as the others. What tells is that the file ends without a line break and that
        the last field is shorter than those of all rows before, which have one length.
        """
        if ends_with_line_break(self.unpacked):
            return
        with self.unpacked.open("rb") as file:
            file.seek(max(0, self.unpacked.stat().st_size - BLOCK))
            lines = file.read().splitlines()[-100:]
        *lengths, last = [len(line.rpartition(self.delimiter.encode())[2]) for line in lines]
        is_plain = len(lengths) >= CUT_ROWS and not any(b'"' in line for line in lines)
        if is_plain and len(set(lengths[1:])) == 1 and last < lengths[1] >= CUT_LENGTH:
            raise DataError(f"{self.path}: line {count_lines(self.unpacked)}: {CUT_OFF}")

    def line_starts(self, rows: set[int]) -> dict[int, int]:
        """The 1-based line on which each of `rows` (0-based, no header) begins; line breaks in quotes count."""
        starts: dict[int, int] = {}
        with contextlib.suppress(csv.Error):  # a field too long for Python's reader: the rest stays unknown
            records = enumerate(self._records(), start=-1)
            starts |= {row: line for row, (line, _) in records if row in rows}
        return starts

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record of the file with the line on which it begins."""
        with self.unpacked.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for _ in range(self.skipped):
                file.readline()
            csv.field_size_limit(MAX_FIELD)
            reader = csv.reader(file, strict=True, delimiter=self.delimiter)
            line = 1
            for record in reader:
                yield line + self.skipped, record
                line = reader.line_num + 1

    def _bad_row(self) -> str | None:
        """The first record with another number of fields or broken quoting, as a message."""
        line, is_cut = 1, not ends_with_line_break(self.unpacked)
        try:
            records = self._records()
            for line, record in records:
                if record and len(record) != self.width:
                    is_last = is_cut and len(record) < self.width and next(records, None) is None
                    advice = CUT_OFF if is_last else TOO_MANY_OR_FEW
                    return f"line {line}: {len(record)} fields, expected {self.width} as in the header. {advice}"
        except csv.Error as error:
            advice = "Fix the quotes or fetch the file again."
            if is_cut and "unexpected end of data" in str(error):
                advice = "The file ends within quotes and without a line break: it was cut off. Fetch it again."
            return f"after line {line}: broken quoting ({error}). {advice}"
        return None


def check_line_lengths(path: Path, unpacked: Path) -> None:
    """DataError if a line is longer than MAX_LINE. Looks only for the last line break of each MAX_LINE bytes."""
    with unpacked.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = 0
        while start + MAX_LINE < len(content):
            found = content.rfind(b"\n", start, start + MAX_LINE)
            if found < 0:
                raise DataError(
                    f"{path}: a line is longer than {MAX_LINE:,} bytes, the most allowed; it begins at byte "
                    f"{start} of the file. This is no table; fetch the file again."
                )
            start = found + 1


def ends_with_line_break(unpacked: Path) -> bool:
    """Whether the file's last line is complete."""
    with unpacked.open("rb") as file:
        file.seek(-1, 2)
        return file.read() in b"\r\n"


def without_values(error: BaseException) -> str:
    """The first line of a reader's message without what it quotes of the file, which may be personal data."""
    return re.sub(r"`[^`]*`", "a value", str(error).split("\n", 1)[0])


def count_lines(unpacked: Path) -> int:
    """Lines of a file, the last one counted whether or not it ends with a line break."""
    return sum(block.count(b"\n") for block in _lines(unpacked))


def _may_have_short_row(unpacked: Path, width: int, delimiter: int) -> bool:
    """Whether there are fewer delimiters than lines that are not empty need; also where quotes are in doubt."""
    missing, is_quoted = 0, False
    for block in _lines(unpacked):
        values = np.frombuffer(block.replace(b"\r", b"\n"), np.uint8)
        breaks, commas = np.flatnonzero(values == NEWLINE), np.flatnonzero(values == delimiter)
        before = -2 if is_quoted else -1  # where the last break was: a line that began in quotes is not empty
        if is_quoted or b'"' in block:
            quotes = np.flatnonzero(values == QUOTE)
            if not _enclose_fields(values, quotes, delimiter, is_quoted):
                return True
            breaks, commas = (at[(np.searchsorted(quotes, at) + is_quoted) % 2 == 0] for at in (breaks, commas))
            is_quoted = (len(quotes) + is_quoted) % 2 == 1
        missing += (width - 1) * int((np.diff(breaks, prepend=before) > 1).sum()) - len(commas)
    return missing > 0


def _enclose_fields(values: Ints, quotes: Ints, delimiter: int, is_quoted: bool) -> bool:
    """Whether each of the quotes in a block begins or ends a field, or is one of two that stand for one.

    `is_quoted`: the block begins in quotes. It begins a line otherwise, and ends with a line break.
    """
    opens = (np.arange(len(quotes)) + is_quoted) % 2 == 0
    before = np.where(quotes > 0, values[quotes - 1], NEWLINE)
    return bool(np.isin(np.where(opens, before, values[quotes + 1]), (delimiter, NEWLINE, QUOTE)).all())


def _lines(unpacked: Path) -> Iterator[bytes]:
    """The file in blocks of complete lines, with a line break at its end."""
    with unpacked.open("rb") as file:
        while block := file.read(BLOCK) + file.readline():
            yield block if block.endswith(b"\n") else block + b"\n"


def _bad_byte(unpacked: Path) -> str | None:
    """The first byte that is not UTF-8, as a message."""
    offset = 0
    with unpacked.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                if error.reason == "unexpected end of data" and error.end == len(line):
                    return f"line {number}: {CUT_OFF}"
                byte, at = line[error.start], offset + error.start
                return (
                    f"line {number}: the byte 0x{byte:02x} at offset {at} of the file is not UTF-8. Save the file "
                    "as UTF-8, for example: iconv -f latin1 -t utf-8 OLD > NEW, or name its encoding in a "
                    "shop file."
                )
            offset += len(line)
    return None


def _unpaired_quote(unpacked: Path) -> str | None:
    """The first line with an odd number of quotes, as a message."""
    with unpacked.open("rb") as file:
        odd = next((n for n, line in enumerate(file, start=1) if line.count(b'"') % 2), None)
    if odd is None:
        return None
    return f'line {odd}: a quote (") without its pair. Fix the quotes or fetch the file again.'
