"""One table of any format, opened as rows of strings, with error messages that say where it is broken."""

import csv
import difflib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.schema import ARTICLES, CUSTOMERS
from forsys.tables import csv_faults
from forsys.tables.file_kinds import HEAD, foreign_kind
from forsys.tables.files import find, parquet_parts
from forsys.tables.limits import MAX_COLUMNS, MAX_LINE, MAX_ROWS
from forsys.tables.plain_text import SEPARATORS, as_plain_text, first_bytes, refuse_foreign, separator_line
from forsys.tables.shop_file import ShopFile, TableSection, without_endings
from forsys.tables.unpacking import unpack

ROW = "__row__"  # 0-based row of the table, headers not counted
TAIL_MISSING = "__tail_missing__"  # the row's last field is empty or absent
SHOWN_ID = 8  # characters of a value that a message shows: it may be a customer's id, wherever it stands
SHOWN_NAMES = 30  # column names
PLAIN_NAME = re.compile("[A-Za-z]+(_[A-Za-z]+)+")  # such as order_date: no id or name of a customer
OURS = re.compile("__(row|tail_missing|reason|position|day|article|amount|channel|units|zero|id)__")
FEW = 1000  # rows that tell whether bytes are a text
WHOLE = 2.0**53  # floats below are exact integers

# Not every PolarsError: one about a column or a type would be a bug of this program.
READ_ERRORS = (pl.exceptions.ComputeError, pl.exceptions.NoDataError)
# Of a Parquet file any: its own description of its columns may be damaged.
PARQUET_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Part:
    """One opened file of a table."""

    path: Path  # as the user knows it
    unpacked: Path  # the same, or its unpacked copy in UTF-8
    columns: tuple[str, ...]
    is_parquet: bool = False
    delimiter: str = ","
    skipped: int = 0  # lines before the header

    @cached_property
    def typed_numbers(self) -> frozenset[str]:
        """The columns that a Parquet file holds as numbers: as texts they have a dot, whatever is named."""
        schema = pl.scan_parquet(self.unpacked, glob=False).collect_schema() if self.is_parquet else {}
        return frozenset(name for name, kind in schema.items() if kind.is_numeric())

    def scan(self, row_index: str | None = None) -> pl.LazyFrame:
        """All rows in the order of the file, every column a string, empty ones null."""
        if self.is_parquet:
            frame = _parquet_strings(self.unpacked)
            return frame if row_index is None else frame.with_row_index(row_index)
        return pl.scan_csv(
            self.unpacked,
            infer_schema=False,
            null_values="",
            row_index_name=row_index,
            glob=False,
            skip_lines=self.skipped,
            separator=self.delimiter,
        )

    @cached_property
    def height(self) -> int:
        """Rows; empty lines count."""
        return int(self.collect(self.scan().select(pl.len())).item())

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query over this file; DataError with the line at which it is broken.

        One chunk per column: the streaming engine's own chunks differ from run to run, and the row groups
        of a Parquet file follow them.
        """
        if self.is_parquet:
            with _damage_named(self.path):
                return query.collect(engine="streaming").rechunk()
        try:
            return query.collect(engine="streaming").rechunk()
        except READ_ERRORS as error:
            text = csv_faults.Text(self.path, self.unpacked, len(self.columns), self.skipped, self.delimiter)
            raise text.explain(error) from error

    def check_widths(self) -> None:
        """DataError if a row has fewer fields than the header."""
        if not self.is_parquet:
            csv_faults.Text(
                self.path, self.unpacked, len(self.columns), self.skipped, self.delimiter
            ).check_widths()

    def is_cut(self) -> bool:
        """Whether the file ends in the middle of a line, as far as a missing line break tells."""
        return not self.is_parquet and not csv_faults.ends_with_line_break(self.unpacked)

    def lines(self, rows: list[int], total: int) -> list[int | None]:
        """The 1-based line of each 0-based row; the header is line 1 (also for Parquet, which has none)."""
        if self.is_parquet or csv_faults.count_lines(self.unpacked) == total + 1 + self.skipped:
            return [row + 2 + self.skipped for row in rows]
        text = csv_faults.Text(self.path, self.unpacked, len(self.columns), self.skipped, self.delimiter)
        starts = text.line_starts(set(rows))  # texts contain line breaks
        return [starts.get(row) for row in rows]


@dataclass(frozen=True)
class Table:
    """An opened table that has its needed columns: one or several files with the same columns."""

    section: TableSection
    path: Path  # of its file, or what the shop file says of several
    parts: tuple[Part, ...]
    is_shipped: bool = False  # whether its shop file ships with this program: then its ids go to Kaggle

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def label(self) -> str:
        """What the table is called in messages."""
        return self.section.label

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return self.parts[0].columns

    @property
    def part_names(self) -> list[str]:
        """The names of its files, with their folders where two have the same name."""
        names = [part.path.name for part in self.parts]
        return names if len({*names}) == len(names) else [str(part.path) for part in self.parts]

    def named_decimal(self, column: str) -> str | None:
        """The sign before the fraction, where the shop file names one or the column holds numbers and no texts."""
        is_typed = all(column in part.typed_numbers for part in self.parts)
        return "." if is_typed else self.section.decimal

    def scan(self) -> pl.LazyFrame:
        """All rows in the order of the files, every column a string, empty ones null; ROW comes first."""
        if len(self.parts) == 1:
            return self.parts[0].scan(ROW)
        return pl.concat([part.scan().select(self.columns) for part in self.parts]).with_row_index(ROW)

    def rows(self, names: Sequence[str]) -> pl.LazyFrame:
        """As `scan`, only the columns `names` (null where the table lacks one) and TAIL_MISSING.

        polars refuses a row with too many fields only where it reads every column, so each is looked at.
        """
        if len(self.parts) == 1:
            return self.parts[0].scan(ROW).select(*self._named(names), _tail(self.parts[0], names, 1))
        frames = [part.scan().select(*self._named(names), _tail(part, names, 0)) for part in self.parts]
        return pl.concat(frames)

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query over this table; DataError with the line at which a file is broken."""
        if len(self.parts) == 1:
            return self.parts[0].collect(query)
        try:
            with _damage_named(self.path):
                return query.collect(engine="streaming").rechunk()
        except DataError:
            for part in self.parts:  # which one is it?
                part.collect(part.scan().select(pl.all().hash().max()))
            raise

    def first(self, is_wanted: pl.Expr, column: str) -> tuple[str, str]:
        """Where the first row is for which `is_wanted` holds for `scan` (for messages), and its value of a column.

        At least one row must match. A slow search, for error messages.
        """
        row, value = self.collect(self.scan().filter(is_wanted).select(ROW, column).head(1)).row(0)
        name, line = self.places([row], self.height()).row(0)
        return (f"{self.path}: line {line}" if len(self.parts) == 1 else f"{name}: line {line}"), value

    def height(self) -> int:
        """Rows, counted anew."""
        return sum(part.height for part in self.parts)

    def check_widths(self) -> None:
        """DataError if a row has fewer fields than the header."""
        for part in self.parts:
            part.check_widths()

    def places(self, rows: Sequence[int], total: int) -> pl.DataFrame:
        """Of rows in rising order: file (its name) and line, 1-based; `total` is the number of all rows."""
        heights = [total] if len(self.parts) == 1 else [part.height for part in self.parts]
        starts = np.cumsum([0, *heights])
        cuts = np.searchsorted(rows, starts).tolist()
        files, lines = [], list[int | None]()
        for number, part in enumerate(self.parts):
            inside = [row - int(starts[number]) for row in rows[cuts[number] : cuts[number + 1]]]
            files += [self.name if len(self.parts) == 1 else part.path.name] * len(inside)
            lines += part.lines(inside, heights[number]) if inside else []
        return pl.DataFrame({"file": files, "line": lines}, schema={"file": pl.String, "line": pl.Int64})

    def line(self, row: int, total: int) -> str:
        """The line of a row, with its file where there are several; `total` is the number of rows."""
        name, line = self.places([row], total).row(0)
        return f"{line}" if len(self.parts) == 1 else f"{line} of {name}"

    def _named(self, names: Sequence[str]) -> list[pl.Expr]:
        return [pl.col(n) if n in self.columns else pl.lit(None, pl.String).alias(n) for n in names]


def open_table(section: TableSection, shop: ShopFile, scratch: Path) -> Table:
    """Check the files of a table, which are unpacked and made plain text in `scratch` where they need that.

    DataError: empty, damaged, of another kind, too large, another delimiter than named, not UTF-8, a column twice,
    or without a needed column.
    """
    paths = find(section, shop.folder)
    _refuse_twins(paths)
    parts = [part for number, path in enumerate(paths) for part in open_parts(path, section, scratch / str(number))]
    table = Table(section, paths[0] if len(paths) == 1 else _common(section, shop), tuple(parts), shop.is_shipped)
    first = parts[0]
    other = next((part for part in parts if set(part.columns) != set(first.columns)), None)
    if other is not None:
        raise DataError(
            f"{table.path}: {other.path.name} has other columns than {first.path.name}. Keep one table per folder "
            "or glob, and the same columns in all its files."
        )
    _check_rows(table)
    _check_columns(table, shop)
    _check_decimal_commas(table)
    for part in parts:
        if not part.is_parquet and part.scan().collect_schema().names() != list(part.columns):
            raise DataError(
                f"{part.path}: line 1 holds a stray quote or line break (CR). Write the names of its columns anew."
            )
    return table


def shown(value: object, length: int = SHOWN_ID) -> str:
    """A value for a message: in quotes, shortened, since messages must not hold whole ids of customers."""
    text = str(value)
    return repr(text if len(text) <= length else text[:length] + "…")


def _refuse_twins(paths: list[Path]) -> None:
    """DataError for two files whose names differ in their endings alone, such as a file and its packed copy."""
    seen: dict[Path, Path] = {}
    for path in paths:
        twin = seen.setdefault(path.with_name(without_endings(path.name)), path)
        if twin is not path:
            raise DataError(
                f"{twin} and {path.name} have the same name but for the ending: if they hold the same rows, each "
                "counts twice. Keep one of them, or rename one."
            )


def _common(section: TableSection, shop: ShopFile) -> Path:
    """What stands for several files in messages."""
    if isinstance(section.file, str):
        return shop.folder / section.file
    return shop.folder / f"{section.file[0]} and {len(section.file) - 1} more"


def open_parts(path: Path, section: TableSection, scratch: Path) -> list[Part]:
    """The files of a CSV file, or of a Parquet file or a folder of them, opened. DataError for what is no table."""
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes). Fetch it again.")
    try:
        if path.suffix == ".parquet":
            used = set(section.read())
            return [Part(part, part, _parquet_columns(path, part, used), True) for part in parquet_parts(path)]
        return [_open_csv(path, section, scratch)]
    except OSError as error:
        raise DataError(f"{path}: {error}. Check the file's permissions and the free disk space.") from error


def _tail(part: Part, names: Sequence[str], before: int) -> pl.Expr:
    """TAIL_MISSING of a file whose columns come after `before` others."""
    tail = pl.lit(False)
    if not part.is_parquet:
        tail = pl.nth(len(part.columns) - 1 + before).is_null()
        for index in [i for i, name in enumerate(part.columns, start=before) if name not in names]:
            tail &= pl.nth(index).hash().is_not_null()  # always true
    return tail.alias(TAIL_MISSING)


def _open_csv(path: Path, section: TableSection, scratch: Path) -> Part:
    scratch.mkdir(parents=True, exist_ok=True)
    unpacked = unpack(path, scratch)
    if unpacked.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. Fetch it again.")
    if not (section.encoding or "").lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
        refuse_foreign(path, unpacked, section.label)
    unpacked = as_plain_text(path, unpacked, scratch, section.encoding)
    csv_faults.check_line_lengths(path, unpacked)
    skipped, told = separator_line(unpacked)
    delimiter = section.delimiter or told or _delimiter(unpacked, skipped)
    skipped = skipped if told == delimiter else 0
    text = csv_faults.Text(path, unpacked, 0, skipped, delimiter)
    columns = _csv_columns(text)
    _check_delimiter(path, columns, delimiter)
    text.check_ending()
    return Part(path, unpacked, tuple(columns), False, delimiter, skipped)


def _delimiter(unpacked: Path, skipped: int) -> str:
    """The delimiter that gives the header the most columns; the comma among equals."""
    with unpacked.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for _ in range(skipped):
            file.readline(MAX_LINE)
        header = file.readline(MAX_LINE).strip("\r\n")
    widths = {delimiter: len(next(csv.reader([header], delimiter=delimiter), [])) for delimiter in SEPARATORS}
    return max(widths, key=lambda delimiter: widths[delimiter])


def _check_rows(table: Table) -> None:
    parquet = [part for part in table.parts if part.is_parquet]
    rows = sum(part.height for part in parquet)
    if rows > MAX_ROWS:
        raise DataError(f"{table.path}: {rows:,} rows, more than the {MAX_ROWS:,} allowed. Leave out the oldest.")


def _parquet_columns(path: Path, part: Path, used: set[str]) -> tuple[str, ...]:
    kind = foreign_kind(head := first_bytes(part, HEAD))
    if kind and not head.startswith(b"PAR1"):
        raise DataError(f"{path}: {part.name} is {kind[0]}, not a Parquet file. Fetch it as Parquet or CSV.")
    with _damage_named(path):
        scan = pl.scan_parquet(part, glob=False)
        schema = scan.collect_schema()
        odd = next((name for name in schema if name in used and _has_no_text(scan, name, schema[name])), None)
    if odd is not None:
        raise DataError(f"{path}: column {odd!r} is of type {schema[odd]}; allowed are text, numbers, days.")
    return tuple(schema.names())


def _has_no_text(scan: pl.LazyFrame, name: str, dtype: pl.DataType) -> bool:
    """Whether a column holds lists, spans of time, or bytes that are no text, such as pictures."""
    if dtype != pl.Binary:
        return dtype.is_nested() or dtype in (pl.Object, pl.Duration)
    try:
        scan.select(pl.col(name).head(FEW).cast(pl.String)).collect()
    except pl.exceptions.PolarsError:
        return True
    return False


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
    """Each column as the text that a CSV file would have.

    Of a point in time it is the day, as it is written there; of a whole float the integer; of nan, lists and
    structures nothing.
    """
    scan = pl.scan_parquet(path, glob=False)
    texts = []
    for name, dtype in scan.collect_schema().items():
        if _has_no_text(scan, name, dtype):
            texts.append(pl.lit(None, pl.String).alias(name))
            continue
        text = pl.col(name).cast(pl.String)
        if isinstance(dtype, pl.Datetime):
            text = pl.col(name).dt.to_string("%Y-%m-%d")
        elif dtype.is_float():
            number = pl.col(name).fill_nan(None)
            is_whole = (number == number.floor()) & (number.abs() < WHOLE)
            whole = pl.when(is_whole).then(number).cast(pl.Int64).cast(pl.String)
            text = pl.when(is_whole).then(whole).otherwise(number.cast(pl.String))
        texts.append(pl.when(text != "").then(text).alias(name))
    return scan.select(texts)


def _csv_columns(text: csv_faults.Text) -> list[str]:
    try:
        with text.unpacked.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(text.skipped):
                file.readline(MAX_LINE)
            columns = next(csv.reader(file, strict=True, delimiter=text.delimiter), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise text.explain(error) from error
    if columns is None:
        raise DataError(f"{text.path}: the file is empty. Fetch it again.")
    return columns


def _check_delimiter(path: Path, columns: list[str], delimiter: str) -> None:
    """DataError where another delimiter than the named one stands in the header."""
    found = next((d for d in SEPARATORS if d != delimiter and len(columns) == 1 and d in columns[0]), None)
    if found:
        first = _name(columns[0].split(found)[0], set())
        raise DataError(
            f"{path}: line 1 separates its columns with {SEPARATORS[found]} (after {first}). Expected are "
            f"{SEPARATORS[delimiter]}; save the file so, or name its delimiter in a shop file."
        )


def _check_columns(table: Table, shop: ShopFile) -> None:
    path, columns, needed = table.path, list(table.columns), shop.needed(table.section)
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{path}: {len(columns):,} columns; at most {MAX_COLUMNS:,} are allowed.")
    known = {*ARTICLES, *CUSTOMERS, *table.section.read(), *table.section.ignore}
    names = ", ".join(_name(column, known) for column in columns[:SHOWN_NAMES])
    found = f"found are: {names or 'none'}" + ", …" * (len(columns) > SHOWN_NAMES)
    twice = [name for name, count in Counter(columns).items() if count > 1]
    missing = [name for name in needed if name not in columns]
    if missing and not set(twice) & set(needed):
        advice = _advice(missing[0], needed[missing[0]], columns, shop)
        raise DataError(f"{path}: column {missing[0]!r} is missing; {found}.{advice}")
    if ours := next((name for name in columns if OURS.fullmatch(name)), None):
        raise DataError(f"{path}: a column is called {ours!r}, as one of this program. Rename it.")
    if twice:
        name = next((name for name in needed if name in twice), twice[0])
        raise DataError(
            f"{path}: column {_name(name, known)} occurs {columns.count(name)} times ({found}). Keep one."
        )


def _check_decimal_commas(table: Table) -> None:
    """Numbers in some files and texts with a named decimal comma in others would be read as one or the other."""
    if table.section.decimal != ",":
        return
    first, *others = table.parts
    for other in others:
        for column in sorted({*table.section.read()} & (first.typed_numbers ^ other.typed_numbers)):
            numbers, texts = (first, other) if column in first.typed_numbers else (other, first)
            raise DataError(
                f"{table.path}: {column} holds numbers in {numbers.path.name} and texts in {texts.path.name}, so "
                'decimal = "," is right for one of them only. Write all files as CSV, or all as Parquet.'
            )


def _name(column: str, known: set[str]) -> str:
    """A column's name for a message, whole if it is about one that the tables have.

    A file without a header has a row of a customer there, which is not shown.
    """
    close = difflib.get_close_matches(column.casefold().strip(), known, n=1, cutoff=0.6)
    return repr(column) if close or PLAIN_NAME.fullmatch(column) else shown(column)


def _advice(name: str, key: str, columns: list[str], shop: ShopFile) -> str:
    folded = {column.casefold().strip(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if not shop.is_shipped:
        wanted = f"{key} = {folded[close[0]]!r}" if close and key else "the column's own name"
        return f" Write {wanted} in {shop.path}."
    advice = f" Rename {folded[close[0]]!r} to {name!r}" if close else f" Add a column {name!r}"
    return f"{advice} in the file's first line, or take Kaggle's own file."
