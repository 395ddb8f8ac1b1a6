"""What the columns of a file hold, from its first rows."""

import csv
import gzip
import io
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import polars as pl

from forsys.errors import DataError
from forsys.tables.files import parquet_parts

MAX_BYTES, MAX_ROWS = 1 << 23, 50_000  # of a file that are looked at
DELIMITERS = (";", "\t", "|", ",")
DAY = r"^\d{4}-\d{1,2}-\d{1,2}([ T].*)?$|^\d{8}$|^\d{1,2}[./-]\d{1,2}[./-]\d{4}([ T].*)?$|^\d{4}/\d{1,2}/\d{1,2}"
NUMBER = r"^[+-]?\d+([.,]\d+)?$"
PICTURE = r"(?i)\.(jpe?g|png|webp|gif)$"
SHOWN, SHOWN_LENGTH = 3, 24


@dataclass(frozen=True)
class Column:
    """A column as text; empty values are null."""

    name: str
    values: pl.Series

    @cached_property
    def known(self) -> pl.Series:
        return self.values.drop_nulls()

    @cached_property
    def different(self) -> int:
        return self.known.n_unique()

    @cached_property
    def is_unique(self) -> bool:
        return len(self.known) > 1 and self.different == len(self.values)

    @cached_property
    def numbers(self) -> pl.Series:
        """Its values as numbers, null where they are none; a decimal comma is read."""
        return self.known.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)

    @cached_property
    def length(self) -> float:
        """Mean characters of a value."""
        return float(self.known.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]

    def share(self, pattern: str) -> float:
        """Share of its values that match a pattern."""
        return float(self.known.str.contains(pattern).mean() or 0.0) if len(self.known) else 0.0  # type: ignore[arg-type]

    @cached_property
    def is_day(self) -> bool:
        return self.share(DAY) > 0.9 and self.different > 1

    @cached_property
    def is_number(self) -> bool:
        return self.share(NUMBER) > 0.98

    @cached_property
    def is_whole(self) -> bool:
        return self.is_number and bool((self.numbers.drop_nulls() % 1 == 0).all())

    @cached_property
    def has_decimal_comma(self) -> bool:
        return self.is_number and self.share(r"\d,\d") > 0

    @cached_property
    def shown(self) -> str:
        """A few of its values, shortened: they may be ids of customers."""
        values = self.known.unique(maintain_order=True).head(SHOWN).to_list()
        return ", ".join(v if len(v) <= SHOWN_LENGTH else v[:SHOWN_LENGTH] + "…" for v in values)

    @cached_property
    def kind(self) -> str:
        """In a word."""
        if not len(self.known):
            return "empty"
        if self.is_day:
            return "days"
        if self.is_number:
            return "whole numbers" if self.is_whole else "numbers"
        return "few texts" if self.different <= 20 else "texts"


@dataclass(frozen=True)
class Sample:
    """The first rows of a table: of one file, or of several with the same columns."""

    files: tuple[Path, ...]
    columns: tuple[Column, ...]
    rows: int
    delimiter: str | None  # None for Parquet
    encoding: str | None  # None for UTF-8 and UTF-16 with a byte order mark, which are recognised

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def has_decimal_comma(self) -> bool:
        return any(column.has_decimal_comma for column in self.columns)

    def spec(self, folder: Path) -> str:
        """How a shop file in `folder` names the files: one by its name, several by a glob."""
        first = self.files[0]
        shown = first.relative_to(folder) if first.is_relative_to(folder) else first
        if len(self.files) == 1:
            return shown.as_posix()
        return (shown.parent / re.sub(r"\d[\d_-]*", "*", shown.name)).as_posix()


def read_samples(files: list[Path]) -> list[Sample]:
    """The tables among `files`; files whose names differ in numbers alone and have the same columns are one table.

    Raises DataError for a file that is not there, or cannot be read as a table.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Sample]] = {}
    for file in files:
        sample = _read(file)
        stem = re.sub(r"\d[\d_-]*", "*", file.name)
        groups.setdefault((stem, tuple(column.name for column in sample.columns)), []).append(sample)
    return [_joined(samples) for samples in groups.values()]


def _joined(samples: list[Sample]) -> Sample:
    first, *rest = samples
    if not rest:
        return first
    columns = tuple(
        Column(column.name, pl.concat([column.values, *(sample[column.name].values for sample in rest)]))
        for column in first.columns
    )
    files = tuple(sorted(file for sample in samples for file in sample.files))
    return Sample(files, columns, sum(sample.rows for sample in samples), first.delimiter, first.encoding)


def _read(file: Path) -> Sample:
    if not file.exists():
        raise DataError(f"{file} does not exist. Name the files of the shop's export, or a folder that holds them.")
    if parquet_parts(file):
        return _read_parquet(file)
    head, is_cut = _head(file)
    text, encoding = _decoded(file, head, is_cut)
    delimiter = _delimiter(text)
    try:
        frame = pl.read_csv(
            io.StringIO(text), separator=delimiter, infer_schema=False, null_values="", truncate_ragged_lines=True
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{file}: no table could be read from it ({str(error).splitlines()[0][:80]}).") from error
    return _sample(file, frame.head(MAX_ROWS), delimiter, encoding)


def _read_parquet(file: Path) -> Sample:
    parts = parquet_parts(file)
    try:
        frame = pl.concat([pl.scan_parquet(part, glob=False).head(MAX_ROWS).collect() for part in parts[:3]])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{file}: not a complete Parquet file. Fetch it again.") from error
    return _sample(file, frame.select(_as_text(name, dtype) for name, dtype in frame.schema.items()), None, None)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S")
    if dtype.is_nested() or dtype == pl.Object:
        return pl.lit(None, pl.String).alias(name)
    whole = dtype.is_float() and pl.col(name).cast(pl.String).str.replace(r"\.0$", "")
    return pl.col(name).cast(pl.String) if whole is False else whole


def _sample(file: Path, frame: pl.DataFrame, delimiter: str | None, encoding: str | None) -> Sample:
    columns = tuple(Column(name, frame[name]) for name in frame.columns)
    return Sample((file,), columns, frame.height, delimiter, encoding)


def _head(file: Path) -> tuple[bytes, bool]:
    """The first bytes, unpacked, and whether there are more."""
    try:
        with file.open("rb") as packed, _unpacked(file, packed) as source:
            head = source.read(MAX_BYTES + 1)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} cannot be read: {error}.") from error
    return head[:MAX_BYTES], len(head) > MAX_BYTES


def _unpacked(file: Path, packed: IO[bytes]) -> IO[bytes]:
    if file.suffix == ".gz":
        return gzip.open(packed)  # type: ignore[return-value]
    if file.suffix == ".zip":
        archive = zipfile.ZipFile(packed)
        return archive.open(archive.namelist()[0])
    return packed


def _decoded(file: Path, head: bytes, is_cut: bool) -> tuple[str, str | None]:
    """The text without a last line that was cut, and the encoding that a shop file must name."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text, encoding = head[: len(head) // 2 * 2].decode("utf-16", errors="replace"), None
    elif b"\0" in head:
        raise DataError(f"{file}: not a text file. Name CSV or Parquet files.")
    else:
        whole = head.rpartition(b"\n")[0] if is_cut else head
        try:
            text, encoding = whole.decode("utf-8-sig"), None
        except UnicodeDecodeError:
            text, encoding = whole.decode("cp1252", errors="replace"), "cp1252"
    if not text.strip():
        raise DataError(f"{file}: the file is empty. Fetch it again.")
    first, _, rest = text.partition("\n")
    return (rest if re.fullmatch(r"sep=.\r?", first) else text), encoding


def _delimiter(text: str) -> str:
    """That which gives most lines the same number of fields, more than one."""
    lines = text.splitlines()[:200]

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return widths.count(widths[0]) * (widths[0] > 1), widths[0]

    return max(DELIMITERS, key=agreement)
