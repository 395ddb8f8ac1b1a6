"""One table file of any format, opened as rows of strings, with error messages that say where it is broken."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.tables import csv_faults
from forsys.tables.columns import REQUIRED
from forsys.tables.unpacking import unpack

ROW = "__row__"  # 0-based row of the file, its header not counted
TAIL_MISSING = "__tail_missing__"  # the row's last field is empty or absent

# Not every PolarsError: one about a column or a type would be a bug of this program.
READ_ERRORS = (pl.exceptions.ComputeError, pl.exceptions.NoDataError)


@dataclass(frozen=True)
class Table:
    """An opened table that has its required columns."""

    stem: str
    path: Path  # as the user knows it
    unpacked: Path  # the same, or its unpacked copy
    columns: tuple[str, ...]

    @property
    def is_parquet(self) -> bool:
        return self.unpacked.suffix == ".parquet"

    def scan(self) -> pl.LazyFrame:
        """All rows in the order of the file, every column a string, empty ones null; ROW comes first."""
        if self.is_parquet:
            return _parquet_strings(self.unpacked).with_row_index(ROW)
        return pl.scan_csv(self.unpacked, infer_schema=False, null_values="", row_index_name=ROW, glob=False)

    def rows(self, names: Sequence[str]) -> pl.LazyFrame:
        """As `scan`, only the columns `names` (null where the file lacks one) and TAIL_MISSING."""
        columns = [pl.col(n) if n in self.columns else pl.lit(None, pl.String).alias(n) for n in names]
        tail = pl.lit(False) if self.is_parquet else pl.nth(len(self.columns)).is_null()
        return self.scan().select(*columns, tail.alias(TAIL_MISSING))

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """Run a query over this table; DataError with the line at which the file is broken.

        One chunk per column: the streaming engine's own chunks differ from run to run, and the row groups
        of a Parquet file follow them.
        """
        try:
            return query.collect(engine="streaming").rechunk()
        except READ_ERRORS as error:
            raise self._broken(error) from error

    def check_widths(self) -> None:
        """DataError if a row has fewer fields than the header."""
        csv_faults.check_widths(self.path, self.unpacked, len(self.columns))

    def line_numbers(self, rows: pl.Series, total: int) -> pl.Series:
        """The 1-based line of each 0-based row; the header is line 1 (also for Parquet, which has none)."""
        if self.is_parquet or csv_faults.count_lines(self.unpacked) == total + 1:
            return rows.cast(pl.Int64) + 2
        starts = csv_faults.line_starts(self.unpacked, set(rows))  # texts contain line breaks
        return pl.Series([starts.get(row) for row in rows], dtype=pl.Int64)

    def _broken(self, error: Exception) -> DataError:
        if self.is_parquet:
            return DataError(f"{self.path}: damaged Parquet file ({_first_line(error)}). Fetch it again.")
        return csv_faults.explain(self.path, self.unpacked, len(self.columns), error)


def open_table(path: Path, stem: str, scratch: Path) -> Table:
    """Check the header of `path`, which is unpacked into `scratch` where it is packed.

    DataError: empty, damaged, wrong delimiter, not UTF-8, or without a required column.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes). Fetch it again.")
    try:
        unpacked = unpack(path, scratch)
        columns = _parquet_columns(path) if unpacked.suffix == ".parquet" else _csv_columns(path, unpacked)
    except OSError as error:
        raise DataError(f"{path}: {error}. Check the file's permissions and the free disk space.") from error
    _check_columns(path, columns, REQUIRED[stem])
    return Table(stem, path, unpacked, tuple(columns))


def _parquet_columns(path: Path) -> list[str]:
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except READ_ERRORS as error:
        raise DataError(f"{path}: not a complete Parquet file ({_first_line(error)}). Fetch it again.") from error


def _parquet_strings(path: Path) -> pl.LazyFrame:
    """Each column as the text that a CSV file would have."""
    scan = pl.scan_parquet(path, glob=False)
    texts = []
    for name, dtype in scan.collect_schema().items():
        # midnight as 00:00:00 without a fraction, whatever the unit
        is_time = isinstance(dtype, pl.Datetime)
        text = pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S%.f") if is_time else pl.col(name).cast(pl.String)
        texts.append(pl.when(text != "").then(text).alias(name))
    return scan.select(texts)


def _csv_columns(path: Path, unpacked: Path) -> list[str]:
    try:
        with unpacked.open(encoding="utf-8-sig", newline="") as file:
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
        raise DataError(
            f"{path}: line 1 separates its columns with {names[found]} ({columns[0]!r}). Expected are "
            "commas; save the file as comma-separated CSV."
        )


def _check_columns(path: Path, columns: list[str], required: Sequence[str]) -> None:
    for name in required:
        if columns.count(name) == 1:
            continue
        found = f"found are: {', '.join(map(repr, columns)) or 'none'}"
        if name in columns:
            raise DataError(f"{path}: column {name!r} occurs {columns.count(name)} times ({found}). Keep one.")
        raise DataError(f"{path}: column {name!r} is missing; {found}.{_advice(name, columns)}")


def _advice(name: str, columns: list[str]) -> str:
    folded = {column.casefold().strip(): column for column in columns}
    close = difflib.get_close_matches(name, folded, n=1, cutoff=0.6)
    advice = f" Rename {folded[close[0]]!r} to {name!r}" if close else f" Add a column {name!r}"
    return f"{advice} in the file's first line, or take Kaggle's own file."


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
