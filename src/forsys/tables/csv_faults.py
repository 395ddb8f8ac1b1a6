"""Where a CSV file is broken. Slow on purpose: it is only read again after the fast reader gave up."""

import codecs
import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from forsys.errors import DataError

BLOCK = 1 << 20


def explain(path: Path, plain: Path, width: int, fault: Exception) -> DataError:
    """The error to raise for a file that the reader refused with `fault`.

    `path` is the file as the user knows it, `plain` the same unpacked, `width` its header's fields.
    """
    place = _bad_byte(plain) or _bad_row(plain, width) or _odd_quote(plain)
    return DataError(f"{path}: {place or f'cannot be read as CSV: {fault}'}")


def check_widths(path: Path, plain: Path, width: int) -> None:
    """DataError if a row has fewer fields than the header. polars fills them with nulls without a word."""
    try:
        reader = arrow_csv.open_csv(
            plain,
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            read_options=arrow_csv.ReadOptions(column_names=[str(i) for i in range(width)]),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=["0"], column_types={"0": pa.string()}, check_utf8=False
            ),
        )
        for _ in reader:
            pass
    except pa.ArrowInvalid as fault:
        raise explain(path, plain, width, fault) from fault


def line_starts(plain: Path, rows: set[int]) -> dict[int, int]:
    """The 1-based line on which each of `rows` (0-based, without header) begins, quoted breaks counted."""
    starts: dict[int, int] = {}
    with contextlib.suppress(csv.Error):  # a field too long for Python's reader: the rest stays unknown
        starts |= {row: line for row, (line, _) in enumerate(_records(plain), start=-1) if row in rows}
    return starts


def count_lines(plain: Path) -> int:
    """Lines of a file, the last one counted whether or not it ends with a line break."""
    lines, last = 0, b"\n"
    with plain.open("rb") as file:
        while block := file.read(BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _records(plain: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record of the file with the line on which it begins."""
    with plain.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, strict=True)
        line = 1
        for record in reader:
            yield line, record
            line = reader.line_num + 1


def _bad_byte(plain: Path) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, offset = 1, 0
    with plain.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            data = decoder.getstate()[0] + block  # the bytes of a character that the last block cut
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as fault:
                line += data[: fault.start].count(b"\n")
                at = offset + len(block) - len(data) + fault.start
                return _bad_byte_text(line, at, data[fault.start])
            if not block:
                return None
            line += block.count(b"\n")
            offset += len(block)


def _bad_byte_text(line: int, offset: int, value: int) -> str:
    return (
        f"line {line}: the byte 0x{value:02x} at offset {offset} of the file is not UTF-8. Save the file as "
        "UTF-8, for example: iconv -f latin1 -t utf-8 OLD > NEW"
    )


def _bad_row(plain: Path, width: int) -> str | None:
    line = 1
    try:
        for line, record in _records(plain):
            if record and len(record) != width:
                return (
                    f"line {line}: {len(record)} fields, expected {width} as in the header. Mend the line "
                    "(a text with a comma needs quotes), or fetch the file again if it is cut short."
                )
    except csv.Error as fault:
        return f"after line {line}: broken quoting ({fault}). Mend the quotes or fetch the file again."
    return None


def _odd_quote(plain: Path) -> str | None:
    with plain.open("rb") as file:
        odd = next((n for n, line in enumerate(file, start=1) if line.count(b'"') % 2), None)
    if odd is None:
        return None
    return f'line {odd}: a quote (") without its pair. Mend the quotes or fetch the file again.'
