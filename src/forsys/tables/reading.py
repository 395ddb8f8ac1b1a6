"""One table of any format, opened as rows of strings, with error messages that say where it is broken."""

import csv
import difflib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.schema import ARTICLES, CUSTOMERS
from forsys.tables import csv_faults
from forsys.tables.columns import REQUIRED, UNUSED
from forsys.tables.dataset import parquet_parts
from forsys.tables.file_kinds import HEAD, foreign_kind
from forsys.tables.limits import MAX_COLUMNS, MAX_LINE, MAX_ROWS
from forsys.tables.plain_text import as_plain_text, first_bytes, lines_before_header, refuse_foreign
from forsys.tables.unpacking import unpack

ROW = "__row__"  # 0-based row of the file, its header not counted
TAIL_MISSING = "__tail_missing__"  # the row's last field is empty or absent
SHOWN_ID = 8  # characters of a value that a message shows: it may be a customer's id, wherever it stands
SHOWN_NAMES = 30  # column names
KNOWN_NAMES = {*ARTICLES, *CUSTOMERS, *(name for names in (*REQUIRED.values(), *UNUSED.values()) for name in names)}

# Not every PolarsError: one about a column or a type would be a bug of this program.
READ_ERRORS = (pl.exceptions.ComputeError, pl.exceptions.NoDataError)
# Of a Parquet file any: its own description of its columns may be damaged.
PARQUET_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Table:
    """An opened table that has its required columns."""

    stem: str
    path: Path  # as the user knows it
    unpacked: Path  # the same, or its unpacked copy
    columns: tuple[str, ...]
    skipped_lines: int = 0  # before the header
    parts: tuple[Path, ...] = ()  # the Parquet files; none for CSV

    @property
    def is_parquet(self) -> bool:
        return bool(self.parts)

    def scan(self) -> pl.LazyFrame:
        """All rows in the order of the file, every column a string, empty ones null; ROW comes first."""
        if self.is_parquet:
            parts = [_parquet_strings(part).select(self.columns) for part in self.parts]
            return pl.concat(parts).with_row_index(ROW)
        return pl.scan_csv(
            self.unpacked,
            infer_schema=False,
            null_values="",
            row_index_name=ROW,
            glob=False,
            skip_lines=self.skipped_lines,
        )

    def rows(self, names: Sequence[str]) -> pl.LazyFrame:
        """As `scan`, only the columns `names` (null where the file lacks one) and TAIL_MISSING.

        polars refuses a row with too many fields only where it reads every column, so each is looked at.
        """
        columns = [pl.col(n) if n in self.columns else pl.lit(None, pl.String).alias(n) for n in names]
        tail = pl.lit(False)
        if not self.is_parquet:
            tail = pl.nth(len(self.columns)).is_null()
            for index in [i for i, name in enumerate(self.columns, start=1) if name not in names]:
                tail &= pl.nth(index).hash().is_not_null()  # always true
        return self.scan().select(*columns, tail.alias(TAIL_MISSING))

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query over this table; DataError with the line at which the file is broken.

        One chunk per column: the streaming engine's own chunks differ from run to run, and the row groups
        of a Parquet file follow them.
        """
        if self.is_parquet:
            with _damage_named(self.path):
                return query.collect(engine="streaming").rechunk()
        try:
            return query.collect(engine="streaming").rechunk()
        except READ_ERRORS as error:
            width, skipped = len(self.columns), self.skipped_lines
            raise csv_faults.explain(self.path, self.unpacked, width, error, skipped) from error

    def first(self, is_wanted: pl.Expr, column: str) -> tuple[int | None, str]:
        """The line of the first row for which `is_wanted` holds for `scan`, and its value of a column.

        There is one. A slow search, for error messages.
        """
        row, value = self.collect(self.scan().filter(is_wanted).select(ROW, column).head(1)).row(0)
        if self.is_parquet:
            return row + 2, value
        return csv_faults.line_starts(self.unpacked, {row}, self.skipped_lines).get(row), value

    def check_widths(self) -> None:
        """DataError if a row has fewer fields than the header."""
        csv_faults.check_widths(self.path, self.unpacked, len(self.columns), self.skipped_lines)

    def is_cut(self) -> bool:
        """Whether the file ends in the middle of a line, as far as a missing line break tells."""
        return not self.is_parquet and not csv_faults.ends_with_line_break(self.unpacked)

    def line_numbers(self, rows: pl.Series, total: int) -> pl.Series:
        """The 1-based line of each 0-based row; the header is line 1 (also for Parquet, which has none)."""
        skipped = self.skipped_lines
        if self.is_parquet or csv_faults.count_lines(self.unpacked) == total + 1 + skipped:
            return rows.cast(pl.Int64) + 2 + skipped
        starts = csv_faults.line_starts(self.unpacked, set(rows), skipped)  # texts contain line breaks
        return pl.Series([starts.get(row) for row in rows], dtype=pl.Int64)

    def line(self, row: int, total: int) -> int | None:
        """The 1-based line of a 0-based row; `total` is the number of rows."""
        line: int | None = self.line_numbers(pl.Series([row]), total)[0]
        return line


def open_table(path: Path, stem: str, scratch: Path) -> Table:
    """Check the header of `path`, which is unpacked and made plain text in `scratch` where it needs that.

    DataError: empty, damaged, of another kind, too large, wrong delimiter, not UTF-8, a column twice, or without a
    required column.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes). Fetch it again.")
    try:
        table = _open_parquet(path, stem) if path.suffix == ".parquet" else _open_csv(path, stem, scratch)
    except OSError as error:
        raise DataError(f"{path}: {error}. Check the file's permissions and the free disk space.") from error
    _check_columns(path, list(table.columns), REQUIRED[stem])
    if not table.is_parquet and table.scan().collect_schema().names()[1:] != list(table.columns):
        raise DataError(
            f"{path}: line 1 holds a stray quote or line break (CR). Write the names of its columns anew."
        )
    return table


def shown(value: object, length: int = SHOWN_ID) -> str:
    """A value for a message: in quotes, shortened, since messages must not hold whole ids of customers."""
    text = str(value)
    return repr(text if len(text) <= length else text[:length] + "…")


def _open_csv(path: Path, stem: str, scratch: Path) -> Table:
    unpacked = unpack(path, scratch)
    if unpacked.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. Fetch it again.")
    refuse_foreign(path, unpacked, stem)
    unpacked = as_plain_text(path, unpacked, scratch)
    csv_faults.check_line_lengths(path, unpacked)
    skipped = lines_before_header(unpacked)
    columns = _csv_columns(path, unpacked, skipped)
    csv_faults.check_ending(path, unpacked)
    return Table(stem, path, unpacked, tuple(columns), skipped)


def _open_parquet(path: Path, stem: str) -> Table:
    parts = parquet_parts(path)
    names = [_parquet_columns(path, part) for part in parts]
    other = next((part for part, columns in zip(parts, names, strict=True) if set(columns) != set(names[0])), None)
    if other is not None:
        raise DataError(f"{path}: {other.name} has other columns than {parts[0].name}. Keep one table per folder.")
    with _damage_named(path):
        rows = sum(pl.scan_parquet(part, glob=False).select(pl.len()).collect().item() for part in parts)
    if rows > MAX_ROWS:
        raise DataError(f"{path}: {rows:,} rows, more than the {MAX_ROWS:,} allowed. Leave out the oldest.")
    return Table(stem, path, path, tuple(names[0]), parts=tuple(parts))


def _parquet_columns(path: Path, part: Path) -> list[str]:
    kind = foreign_kind(head := first_bytes(part, HEAD))
    if kind and not head.startswith(b"PAR1"):
        raise DataError(f"{path}: {part.name} is {kind[0]}, not a Parquet file. Fetch it as Parquet or CSV.")
    with _damage_named(path):
        schema = pl.scan_parquet(part, glob=False).collect_schema()
    nested = next((name for name, dtype in schema.items() if dtype.is_nested() or dtype == pl.Object), None)
    if nested is not None:
        raise DataError(f"{path}: column {nested!r} is of type {schema[nested]}; allowed are text, numbers, days.")
    return schema.names()


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """DataError for whatever the reader says of a damaged Parquet file.

    Its threads also print it, with a stack, on file descriptor 2, which goes nowhere meanwhile.
    """
    sys.stderr.flush()
    before = os.dup(2)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    except PARQUET_ERRORS as error:
        fault = csv_faults.without_values(error)
        raise DataError(f"{path}: not a complete Parquet file ({fault}). Fetch it again.") from error
    finally:
        os.dup2(before, 2)
        os.close(before)


def _parquet_strings(path: Path) -> pl.LazyFrame:
    """Each column as the text that a CSV file would have; of a point in time the day, as it is written there."""
    scan = pl.scan_parquet(path, glob=False)
    texts = []
    for name, dtype in scan.collect_schema().items():
        is_time = isinstance(dtype, pl.Datetime)
        text = pl.col(name).dt.to_string("%Y-%m-%d") if is_time else pl.col(name).cast(pl.String)
        texts.append(pl.when(text != "").then(text).alias(name))
    return scan.select(texts)


def _csv_columns(path: Path, unpacked: Path, skipped: int) -> list[str]:
    try:
        with unpacked.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(skipped):
                file.readline(MAX_LINE)
            columns = next(csv.reader(file, strict=True), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise csv_faults.explain(path, unpacked, 0, error) from error
    if columns is None:
        raise DataError(f"{path}: the file is empty. Fetch it again.")
    _check_delimiter(path, columns)
    return columns


def _check_delimiter(path: Path, columns: list[str]) -> None:
    names = {";": "semicolons", "\t": "tabs", "|": "bars"}
    found = next((delimiter for delimiter in names if len(columns) == 1 and delimiter in columns[0]), None)
    if found:
        first = _name(columns[0].split(found)[0])
        raise DataError(
            f"{path}: line 1 separates its columns with {names[found]} (after {first}). Expected are "
            "commas; save the file as comma-separated CSV."
        )


def _check_columns(path: Path, columns: list[str], required: Sequence[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{path}: {len(columns):,} columns; at most {MAX_COLUMNS:,} are allowed.")
    names = ", ".join(map(_name, columns[:SHOWN_NAMES])) + ", …" * (len(columns) > SHOWN_NAMES)
    found = f"found are: {names or 'none'}"
    twice = [name for name, count in Counter(columns).items() if count > 1]
    missing = [name for name in required if name not in columns]
    if missing and not set(twice) & set(required):
        raise DataError(f"{path}: column {missing[0]!r} is missing; {found}.{_advice(missing[0], columns)}")
    if twice:
        name = next((name for name in required if name in twice), twice[0])
        raise DataError(f"{path}: column {_name(name)} occurs {columns.count(name)} times ({found}). Keep one.")


def _name(column: str) -> str:
    """A column's name for a message, whole if it is about one that the tables have.

    A file without a header has a row of a customer there, which is not shown.
    """
    is_known = difflib.get_close_matches(column.casefold().strip(), KNOWN_NAMES, n=1, cutoff=0.6)
    return repr(column) if is_known else shown(column)


def _advice(name: str, columns: list[str]) -> str:
    folded = {column.casefold().strip(): column for column in columns}
    close = difflib.get_close_matches(name, folded, n=1, cutoff=0.6)
    advice = f" Rename {folded[close[0]]!r} to {name!r}" if close else f" Add a column {name!r}"
    return f"{advice} in the file's first line, or take Kaggle's own file."
