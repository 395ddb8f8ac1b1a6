"""What the columns of a file hold, from its first rows."""

import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path, PurePath

import polars as pl

from forsys.errors import DataError
from forsys.tables.day_forms import SLASHED, DayForm
from forsys.tables.files import matches
from forsys.tables.matching import applied, in_any_spelling
from forsys.tables.numbers import UNCLEAR, decimal_sign, plain, with_dot
from forsys.tables.reading import open_parts
from forsys.tables.shop_file import DAY_FORMS, TableSection, without_endings

MAX_ROWS = 50_000  # of a file that are looked at
ENCODINGS = (None, "cp1252", "latin-1")  # tried in turn; UTF-8 and UTF-16 need no name in a shop file
PICTURE = r"(?i)\.(jpe?g|png|webp|gif)$"
YES, YES_OR_NO = r"(?i)^\s*(true|1|1\.0)\s*$", r"(?i)^\s*(true|false|[01]|[01]\.0)\s*$"
SHOWN, SHOWN_LENGTH = 3, 24
MIN_DAYS, MIN_NUMBERS = 0.9, 0.98  # share of the values that are, in a column of days or of numbers


class Unmapped(TableSection):
    """A table of which nothing is known yet but its file."""

    def keys(self) -> dict[str, str]:
        """No column has a key."""
        return {}


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
    def ids(self) -> pl.Series:
        """Its different values."""
        return self.known.unique()

    @cached_property
    def spelled(self) -> pl.Series | None:
        """They in the spelling in which a run compares ids of two tables; None where two would become equal."""
        spelled = applied(in_any_spelling, self.ids)
        return spelled if spelled.n_unique() == len(spelled) else None

    @cached_property
    def is_unique(self) -> bool:
        return len(self.known) > 1 and self.different == len(self.values)

    @cached_property
    def decimal(self) -> str | None:
        """The decimal sign that its values tell."""
        return decimal_sign(self.known, None)

    @cached_property
    def is_unclear(self) -> bool:
        """Whether its numbers look like 1,234, which may be thousands or a fraction, and none tells which."""
        return self.decimal is None and self.share(UNCLEAR) > 0

    @cached_property
    def numbers(self) -> pl.Series:
        """Its values as numbers, null where they are none."""
        sign = self.decimal or "."
        return self._of(with_dot(plain(pl.col("text"), sign), sign).cast(pl.Float64, strict=False))

    @cached_property
    def length(self) -> float:
        """Mean characters of a value."""
        return float(self.known.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]

    def share(self, pattern: str) -> float:
        """Share of its values that match a pattern."""
        return float(self.known.str.contains(pattern).mean() or 0.0) if len(self.known) else 0.0  # type: ignore[arg-type]

    @cached_property
    def is_day(self) -> bool:
        text = pl.col("text")
        days = DayForm().parsed(text, is_tidied=True).is_not_null() | text.str.contains(SLASHED)
        return self.different > 1 and bool(self._of(days.mean() > MIN_DAYS).item())

    @cached_property
    def days(self) -> pl.Series:
        """Its values in the form of days that reads most of them; null where they are none."""
        text = self.values.to_frame("text")
        read = [text.select(DayForm(form).parsed(pl.col("text"), is_tidied=True)).to_series() for form in DAY_FORMS]
        return max(read, key=pl.Series.count)

    @cached_property
    def is_number(self) -> bool:
        return bool(len(self.known)) and self.numbers.null_count() <= (1 - MIN_NUMBERS) * len(self.known)

    @cached_property
    def is_whole(self) -> bool:
        return self.is_number and bool((self.numbers.drop_nulls() % 1 == 0).all())

    @cached_property
    def is_flag(self) -> bool:
        """Whether it says yes or no, as true and false or 1 and 0, and yes of some rows."""
        return self.share(YES_OR_NO) == 1 and self.share(YES) > 0

    def _of(self, values: pl.Expr) -> pl.Series:
        return self.known.to_frame("text").select(values).to_series()

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
    heights: tuple[int, ...]  # rows of each file
    delimiter: str | None  # None for Parquet, and where the files differ: then each file's own is recognised
    encoding: str | None  # None for UTF-8 and UTF-16 with a byte order mark, which are recognised

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> list[str]:
        """Of its columns."""
        return [column.name for column in self.columns]

    @property
    def stem(self) -> str:
        """What the names of its files have in common, whatever their endings."""
        return without_endings(_stem(self.files[0]))

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(self.heights)

    def per_file(self) -> list[pl.DataFrame]:
        """The rows of each file."""
        frame = pl.DataFrame([column.values for column in self.columns])
        return [frame[start:end] for start, end in pairwise(accumulate(self.heights, initial=0))]

    def specs(self, folder: Path) -> list[str]:
        """How a shop file in `folder` names the files: by one glob that finds just them, or else by their names."""
        names = [_path_from(folder, file) for file in self.files]
        glob = PurePath(names[0]).with_name(_stem(self.files[0]))
        if len(names) > 1 and not glob.is_absolute():
            found = matches(glob.as_posix(), folder.absolute())
            return [glob.as_posix()] if found == [file.absolute() for file in self.files] else names
        return names


def _path_from(folder: Path, file: Path) -> str:
    """The path of a file as seen from a folder; a whole one where the file is elsewhere."""
    file, folder = file.absolute(), folder.absolute()
    return (file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix()


def _stem(file: Path) -> str:
    """The name of a file with a * for each number, as in sales-*.csv."""
    return re.sub(r"\d[\d_-]*", "*", file.name)


def read_samples(files: list[Path]) -> list[Sample]:
    """The tables among `files`; files whose names differ in numbers alone and have the same columns are one table.

    Raises DataError for a file that is not there, or cannot be read as a table, and for files of one table that no
    encoding reads.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Sample]] = {}
    for file in files:
        sample = _read(file)
        groups.setdefault((_stem(file), tuple(sorted(sample.names))), []).append(sample)
    return [_joined(samples) for samples in groups.values()]


def _joined(samples: list[Sample]) -> Sample:
    first, *rest = samples = sorted(samples, key=lambda sample: sample.files)
    if not rest:
        return first
    encoding = _common_encoding(samples)
    columns = tuple(
        Column(column.name, pl.concat([column.values, *(sample[column.name].values for sample in rest)]))
        for column in first.columns
    )
    files = tuple(file for sample in samples for file in sample.files)
    heights = tuple(height for sample in samples for height in sample.heights)
    delimiter = first.delimiter if len({sample.delimiter for sample in samples}) == 1 else None
    return Sample(files, columns, heights, delimiter, encoding)


def _common_encoding(samples: list[Sample]) -> str | None:
    """The encoding that reads each file as its own does: any reads one of plain ASCII. DataError if none does."""
    first, *others = dict.fromkeys(sample.encoding for sample in samples)
    if not others:
        return first
    for encoding in (first, *others):
        if all(_reads_the_same(sample, encoding) for sample in samples):
            return encoding
    odd = next(sample for sample in samples if sample.encoding != samples[0].encoding)
    one, other = (f"{s.files[0]} is {(s.encoding or 'utf-8').upper()}" for s in (samples[0], odd))
    raise DataError(f"{one} and {other}, but the files of one table need one encoding. Save all of them as UTF-8.")


def _reads_the_same(sample: Sample, encoding: str | None) -> bool:
    if sample.encoding == encoding:
        return True
    try:
        again = _read_as(sample.files[0], encoding)
    except DataError:
        return False
    return again.per_file()[0].equals(sample.per_file()[0])


def _read(file: Path) -> Sample:
    """Its first rows, in the first encoding in which they can be read."""
    if not file.exists():
        raise DataError(f"{file} does not exist. Name the files of the shop's export, or a folder that holds them.")
    faults = []
    for encoding in ENCODINGS:
        try:
            return _read_as(file, encoding)
        except DataError as error:
            faults.append(error)
    raise faults[0]


def _read_as(file: Path, encoding: str | None) -> Sample:
    with tempfile.TemporaryDirectory(prefix="forsys-map-") as scratch:
        parts = open_parts(file, Unmapped(file=file.name, encoding=encoding), Path(scratch))
        rows = pl.concat([part.collect(part.scan().head(MAX_ROWS)) for part in parts])
    is_text = not parts[0].is_parquet
    columns = tuple(Column(name, rows[name]) for name in rows.columns)
    return Sample((file,), columns, (rows.height,), parts[0].delimiter if is_text else None, encoding)
