"""What was computed of each picture before, kept by the file's size and time: only what changed is done again."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forsys.store import fingerprint, write_parquet

KEY = ("article_id", "bytes", "mtime_ns")  # a picture file as it was when it was looked at
ALL = "all.parquet"


@dataclass(frozen=True)
class PictureCache:
    """One kind of features. The folder's name holds the fingerprint of the settings and code that they depend on.

    A run adds its pictures part by part, so that a stopped one goes on, and makes one file of the parts at its end.
    """

    folder: Path

    def read(self) -> pl.DataFrame | None:
        """All rows kept so far: KEY and the features, one row a picture; None where there are none."""
        files = sorted(self.folder.glob("*.parquet"))
        # A run killed while it compacted leaves rows both in ALL and in parts.
        return pl.concat(map(pl.read_parquet, files)).unique(KEY, maintain_order=True) if files else None

    def lacks(self, pictures: pl.DataFrame) -> pl.Series:
        """Whether each of `pictures`, which has KEY, is not kept as it is now: Boolean, in their order."""
        files = sorted(self.folder.glob("*.parquet"))
        if not files:
            return pl.repeat(True, len(pictures), eager=True)
        kept = pl.concat(pl.scan_parquet(file).select(KEY) for file in files).unique().collect()
        found = pictures.select(KEY).join(kept.with_columns(kept=True), on=KEY, how="left", maintain_order="left")
        return found["kept"].is_null()

    def add(self, part: pl.DataFrame) -> None:
        """Keep the rows of one part."""
        if part.is_empty():
            return
        write_parquet(part, self.folder / f"part-{fingerprint(part.select(KEY).rows())}.parquet")

    def compact(self, pictures: pl.DataFrame) -> pl.DataFrame | None:
        """Put what belongs to `pictures` into one file and forget the rest; returns it."""
        kept = self.read()
        parts = sorted(self.folder.glob("part-*.parquet"))
        if kept is not None and parts:
            kept = kept.join(pictures.select(KEY), on=KEY, how="semi", maintain_order="left").sort("article_id")
            write_parquet(kept, self.folder / ALL)
            for part in parts:
                part.unlink()
        return kept


def forget_all_but(caches: Iterable[PictureCache], folder: Path) -> None:
    """Delete what other settings or older code left."""
    for other in set(folder.glob("*-*")) - {cache.folder for cache in caches}:
        shutil.rmtree(other, ignore_errors=True)
