"""A CSV file as the reader takes it: UTF-8, lines that end with a line feed, no line before the header."""

import codecs
from pathlib import Path

from forsys.errors import DataError
from forsys.tables.file_kinds import HEAD, encoding_of, foreign_kind
from forsys.tables.limits import MAX_LINE

BLOCK = 1 << 22
SEPARATOR_LINE = "sep="  # Excel's own first line; it names the delimiter
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def refuse_foreign(path: Path, unpacked: Path, stem: str) -> None:
    """DataError where the first bytes of `unpacked` say that it is something else than a CSV table."""
    if kind := foreign_kind(first_bytes(unpacked, HEAD)):
        what, advice = kind
        raise DataError(
            f"{path}: this is {what}, not a CSV table. Expected is the table {stem} as text. "
            + advice.format(name=f"{stem}.csv")
        )


def as_plain_text(path: Path, unpacked: Path, scratch: Path, named: str | None) -> Path:
    """`unpacked` itself, or its copy in `scratch` where it is no UTF-8 or has lines that end with CR alone.

    `named`: its encoding, where no byte order mark tells another.
    """
    head = first_bytes(unpacked, MAX_LINE)
    encoding = encoding_of(head)
    if encoding == "utf-8" and named is not None:
        encoding = codecs.lookup(named).name
    if encoding == "utf-8" and (b"\n" in head or b"\r" not in head):
        return unpacked
    copy = scratch / f"{unpacked.name}.plain"
    errors = "surrogateescape" if encoding == "utf-8" else "strict"  # a bad byte is named by its line later
    try:
        with (
            unpacked.open(encoding=encoding, errors=errors, newline=None) as source,
            copy.open("w", encoding="utf-8", errors=errors, newline="\n") as target,
        ):
            while block := source.read(BLOCK):
                target.write(block)
    except UnicodeError as error:
        raise DataError(
            f"{path}: not readable as {encoding.upper()} ({error}). "
            "Save the file as UTF-8, or fetch it again if it is cut short."
        ) from error
    return copy


def separator_line(unpacked: Path) -> tuple[int, str | None]:
    """1 and the delimiter where the first line is Excel's `sep=`, else 0 and None."""
    first = first_bytes(unpacked, 64).removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
    text = first.decode("latin-1").strip('"')
    if text[:-1].lower() == SEPARATOR_LINE and text[-1] in SEPARATORS:
        return 1, text[-1]
    return 0, None


def first_bytes(path: Path, size: int) -> bytes:
    """Up to `size` bytes from the beginning of a file."""
    with path.open("rb") as file:
        return file.read(size)
