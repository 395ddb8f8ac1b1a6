"""Cached features of pictures, keyed by the file's size and time: only changed pictures are computed again."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forsys.fingerprints import fingerprint
from forsys.made_files import delete_made
from forsys.remote import delete
from forsys.store import is_current, stamp_path, write_parquet, write_stamp

KEY = ("article_id", "bytes", "mtime_ns")  # a picture file, as it was when its features were computed
ALL = "all.parquet"


@dataclass(frozen=True)
class PictureCache:
    """The cache of one feature. The folder's name has the fingerprint of its settings and code.

    A run adds its pictures in parts, so that a stopped run can resume, and merges them into one file at its end.
    """

    folder: Path

    def read(self) -> pl.DataFrame | None:
        """All cached rows: KEY and the features, one row per picture; None where there are none."""
        files = self._files()
        # A run that was killed within `compact` leaves rows both in ALL and in parts.
        parts = (pl.read_parquet(file, glob=False) for file in files)
        return pl.concat(parts).unique(KEY, maintain_order=True) if files else None

    def lacks(self, pictures: pl.DataFrame) -> pl.Series:
        """Whether each of `pictures`, which has KEY, is not cached as it is now: Boolean, in the same order."""
        files = self._files()
        if not files:
            return pl.repeat(True, len(pictures), eager=True)
        kept = pl.concat(pl.scan_parquet(file, glob=False).select(KEY) for file in files).unique().collect()
        found = pictures.select(KEY).join(kept.with_columns(kept=True), on=KEY, how="left", maintain_order="left")
        return found["kept"].is_null()

    def add(self, part: pl.DataFrame) -> None:
        """Add the rows of one part."""
        if part.is_empty():
            return
        self._write(part, f"part-{fingerprint(part.select(KEY).rows())}.parquet")

    def compact(self, pictures: pl.DataFrame) -> pl.DataFrame | None:
        """Merge the rows of `pictures` into one file, delete all others, and return them."""
        kept = self.read()
        parts = sorted(self.folder.glob("part-*.parquet"))
        if kept is not None and parts:
            kept = kept.join(pictures.select(KEY), on=KEY, how="semi", maintain_order="left").sort("article_id")
            self._write(kept, ALL)
            for part in parts:
                delete(part)
                delete(stamp_path(part))
        return kept

    def _files(self) -> list[Path]:
        """The undamaged files, sorted."""
        return [path for path in sorted(self.folder.glob("*.parquet")) if is_current(path, self.folder.name)]

    def _write(self, rows: pl.DataFrame, name: str) -> None:
        write_parquet(rows, self.folder / name)
        write_stamp(self.folder / name, self.folder.name)


def delete_all_but(caches: Iterable[PictureCache], folder: Path) -> None:
    """Delete the caches of other settings or older code."""
    for other in set(folder.glob("*-*")) - {cache.folder for cache in caches}:
        delete_made(other)
