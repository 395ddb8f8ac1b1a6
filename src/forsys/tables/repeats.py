"""Rows that stand in two files of one table, as where exports overlap: each counts twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

MAX_COMPARED = 2_000_000  # rows; of more, those with every n-th hash stand for all
MIN_REPEATED = 10  # rows: fewer may be alike by chance
MIN_SHARE = 0.5  # of a file's rows on shared days; of a log cut into files at random, about a tenth are alike
FILE, KEY, IS_ELSEWHERE = "__file__", "__key__", "__elsewhere__"


@dataclass(frozen=True)
class Repeats:
    """`count` of the `rows` of a file stand in another one too; files: how many hold such rows."""

    file: int
    other: int
    count: int
    rows: int
    files: int

    def text(self, names: Sequence[str]) -> str:
        """For a message, with the names of all files."""
        more = f" ({self.files} files hold rows of others)" if self.files > 2 else ""
        file, other = names[self.file], names[self.other]
        return f"{self.count:,} of the {self.rows:,} rows of {file} stand in {other} too{more}"


def repeated_rows(files: Sequence[pl.DataFrame], day: str) -> Repeats | None:
    """The file that repeats most rows of another one; None where none does so with MIN_SHARE of its shared days.

    files: the rows of each, with all columns that are compared. Only days that several files have are looked at, so
    that files of different months cost nothing.
    """
    days = pl.concat([rows.select(pl.col(day).unique()) for rows in files]).drop_nulls()
    shared = days.filter(pl.col(day).is_duplicated()).unique().to_series().implode()
    if shared.list.len().item() == 0:
        return None
    found = _compared([rows.filter(pl.col(day).is_in(shared)) for rows in files])
    counts = found.group_by(FILE).agg(pl.len(), pl.col(IS_ELSEWHERE).sum(), share=pl.col(IS_ELSEWHERE).mean())
    repeating = counts.filter((pl.col("share") >= MIN_SHARE) & (pl.col(IS_ELSEWHERE) >= MIN_REPEATED))
    if repeating.is_empty():
        return None
    file = int(repeating.sort("share", IS_ELSEWHERE, FILE, descending=[True, True, False])[FILE][0])
    theirs = found.filter(pl.col(FILE) != file).join(found.filter(pl.col(FILE) == file), on=KEY, how="semi")
    other = int(theirs[FILE].value_counts().sort("count", FILE, descending=[True, False])[FILE][0])
    count = int(files[file].hash_rows().is_in(files[other].hash_rows().implode()).sum())
    return Repeats(file, other, count, files[file].height, int((counts[IS_ELSEWHERE] > 0).sum()))


def _compared(files: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Of a sample of the rows: FILE, KEY (a hash) and IS_ELSEWHERE (whether another file has the row too)."""
    every = 1 + sum(rows.height for rows in files) // MAX_COMPARED
    is_elsewhere = pl.col(FILE).min().over(KEY) != pl.col(FILE).max().over(KEY)
    keys = [
        pl.DataFrame({KEY: rows.hash_rows()})
        .select(pl.lit(number).alias(FILE), KEY)
        .filter(pl.col(KEY) % every == 0)
        for number, rows in enumerate(files)
    ]
    return pl.concat(keys).with_columns(is_elsewhere.alias(IS_ELSEWHERE))
