"""One run: its data, settings and folders, and the shelves on which sources keep models and candidates."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forsys.calendar import Calendar, Fold, day_number
from forsys.errors import DataError
from forsys.retrieval.registry import class_of, code_of, make_source
from forsys.retrieval.source import Source
from forsys.settings import Settings
from forsys.store import code_fingerprint, fingerprint, read_json, stamp_path, write_parquet
from forsys.tables.history import History, Ints
from forsys.tables.source import DataSet

Line = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """What every stage gets."""

    dataset: DataSet
    settings: Settings
    project: Path
    max_rejected: float = 0.01

    @property
    def out(self) -> Path:
        """Where everything of this data set goes."""
        return self.project / "output" / self.dataset.name

    @property
    def tables(self) -> Path:
        """The checked tables."""
        return self.out / "tables"

    @property
    def content(self) -> Path:
        """The content features of the articles."""
        return self.out / "content"

    @property
    def submissions(self) -> Path:
        """Where the submission goes."""
        return self.project / "submissions"

    def shown(self, path: Path) -> str:
        """A path as it is printed."""
        return str(path.relative_to(self.project))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the tables stage found."""
        facts: dict[str, Any] | None = read_json(self.tables / "tables.json")
        if facts is None:
            raise DataError(f"{self.shown(self.tables)} holds no tables yet. Run the stage `tables` first.")
        return facts

    @cached_property
    def calendar(self) -> Calendar:
        """The period of the data, in folds."""
        first, last = (date.fromisoformat(self.facts[key]) for key in ("first_day", "last_day"))
        return Calendar(first, last, self.settings.holdout_days)

    @cached_property
    def history(self) -> History:
        """The whole log. Its articles carry the content features where the stage `content` has made them."""
        history = History.read(self.tables)
        if not self.content_is_current:
            return history
        features = pl.read_parquet(self.content / "features.parquet").drop("picture")
        return replace(history, articles=history.articles.join(features, on="article", maintain_order="left"))

    @cached_property
    def tables_mark(self) -> str:
        """What the tables were made from. Raises DataError where they are not finished."""
        stamp = stamp_path(self.tables / "tables.json")
        if not stamp.exists():
            raise DataError(f"{self.shown(self.tables)} is not finished. Run the stage `tables` first.")
        return stamp.read_text(encoding="utf-8")

    @cached_property
    def content_basis(self) -> str:
        """Fingerprint of what the content features are made from, but the pictures."""
        settings = (self.settings.content.model_dump(mode="json"), self.settings.seed)
        return fingerprint(self.tables_mark, *settings, code_fingerprint("content"))

    @cached_property
    def content_is_current(self) -> bool:
        """Whether the content features there are belong to these tables and settings."""
        basis = self.content_basis  # first, since it asks for finished tables
        facts = read_json(self.content / "content.json")
        return facts is not None and facts["basis"] == basis

    @cached_property
    def content_mark(self) -> str:
        """What the content features were made from. Raises DataError where they are not there yet."""
        stamp = stamp_path(self.content / "content.json")
        if not self.content_is_current or not stamp.exists():
            raise DataError(
                f"{self.shown(self.content)} holds no features of these tables and settings. "
                f"Run the stage `content` first."
            )
        return stamp.read_text(encoding="utf-8")

    def content_marks(self, lines: dict[str, Line]) -> list[str]:
        """The mark of the content features where one of these sources reads them; otherwise nothing."""
        return [self.content_mark] if any(class_of(*item).uses_content for item in lines.items()) else []

    def mark(self) -> str:
        """Fingerprint of the tables, the settings and, where a source uses it, the content."""
        content = self.content_marks(self.settings.retrieval.sources)
        return fingerprint(self.tables_mark, self.settings.model_dump(mode="json"), *content)

    @cached_property
    def everyone(self) -> Ints:
        """The customers of the submission, sorted."""
        path = self.tables / "submission_customers.parquet"
        return np.sort(pl.read_parquet(path)["customer"].to_numpy())

    def listed(self, fold: Fold) -> Ints:
        """Who gets a list at a fold, sorted: everyone at the submission, else the buyers, who alone are scored."""
        if fold == self.calendar.submission:
            return self.everyone
        return self.labels(fold)["customer"].unique().sort().to_numpy()

    def labels(self, fold: Fold) -> pl.DataFrame:
        """What a fold's buyers bought: customer, article; sorted by both.

        Of the holdout they are all there; of another fold those that are `drawn`.
        """
        if fold not in self._labels:
            labels = self.history.labels(fold)
            self._labels[fold] = labels if fold == self.calendar.holdout else self.drawn(labels, fold)
        return self._labels[fold]

    @cached_property
    def _labels(self) -> dict[Fold, pl.DataFrame]:
        """Kept, for every shard asks for them."""
        return {}

    def drawn(self, labels: pl.DataFrame, fold: Fold) -> pl.DataFrame:
        """The labels of at most `settings.buyers` of a fold's buyers, drawn by their hash."""
        buyers = labels["customer"].unique()
        if len(buyers) <= self.settings.buyers:
            return labels
        luck = buyers.hash(self.settings.seed + day_number(fold.as_of))  # each week another draw
        drawn = buyers.gather(luck.arg_sort()[: self.settings.buyers])
        return labels.filter(pl.col("customer").is_in(drawn.implode()))

    def shards(self, fold: Fold) -> list[Ints]:
        """The customers of `listed` in units of work."""
        customers, size = self.listed(fold), self.settings.shard
        return [customers[start : start + size] for start in range(0, len(customers), size)]

    def shelf(self, fold: Fold, name: str, line: Line) -> "Shelf":
        """Where a source keeps what it made at a cut-off."""
        files = (code_of(line), *class_of(name, line).builds_on)
        code = code_fingerprint(*files, "retrieval/source.py", "tables/history.py", "calendar.py")
        sizes = (self.settings.retrieval.candidates, self.settings.shard)
        # Who gets candidates: the buyers up to the fold's end, all of them or some.
        content = self.content_marks({name: line})
        drawn = (fold == self.calendar.holdout, self.settings.buyers, self.settings.seed)
        mark = fingerprint(self.tables_mark, code, line, str(fold.until), drawn, sizes, *content)
        return Shelf(self, fold, name, line, self.out / "folds" / str(fold.as_of) / f"{name}-{mark[:8]}")

    def candidates(self, fold: Fold, lines: dict[str, Line], parts: Sequence[int] | None = None) -> pl.LazyFrame:
        """Candidates that several sources made already, in some shards or all: schema.CANDIDATES, unordered."""
        parts = range(len(self.shards(fold))) if parts is None else parts
        kinds = pl.Enum(list(lines))
        found = {}
        for name, line in lines.items():
            shelf = self.shelf(fold, name, line)
            found[name] = [shelf.part(i) for i in parts]
            if not all(part.exists() for part in found[name]):
                raise DataError(
                    f"{self.shown(shelf.folder)} lacks candidates of {name} at {fold.as_of}. "
                    f"Run the stage `retrieve` first, with the same settings."
                )
        return pl.concat(
            pl.scan_parquet(paths).with_columns(source=pl.lit(name, dtype=kinds)) for name, paths in found.items()
        )

    def ranked(self, fold: Fold) -> Path:
        """Where the ranker's order of everyone's candidates goes, shard by shard."""
        return self.out / "ranked" / str(fold.as_of)

    def ranked_candidates(self, fold: Fold) -> pl.LazyFrame:
        """Everyone's candidates in the ranker's order: customer, article, rank, score."""
        parts = [self.ranked(fold) / f"part-{i:05d}.parquet" for i in range(len(self.shards(fold)))]
        if not all(part.exists() for part in parts):
            raise DataError(f"{self.shown(self.ranked(fold))} is not complete. Run the stage `rank` first.")
        return pl.scan_parquet(parts)

    def labelled_candidates(self, fold: Fold, lines: dict[str, Line]) -> tuple[pl.LazyFrame, pl.DataFrame]:
        """The candidates of a labelled fold's buyers, made where missing, and what they bought."""
        shards = self.shards(fold)
        for name, line in lines.items():
            shelf = self.shelf(fold, name, line)
            for i, shard in enumerate(shards):
                if not shelf.part(i).exists():
                    shelf.make_part(i, shard)
        return self.candidates(fold, lines, range(len(shards))), self.labels(fold)

    def forget_all_but(self, shelves: Iterable["Shelf"]) -> None:
        """Delete what other settings or older data left at these cut-offs."""
        kept = {shelf.folder for shelf in shelves}
        for fold in {folder.parent for folder in kept}:
            for folder in set(fold.iterdir()) - kept:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class Shelf:
    """One source at one cut-off: its fitted model and its candidates, shard by shard.

    The folder's name is the fingerprint of all that they were made from, so a file that exists is current.
    """

    run: Run
    fold: Fold
    name: str
    line: Line
    folder: Path

    def part(self, i: int) -> Path:
        """The candidates of shard i of the fold's customers."""
        return self.folder / f"part-{i:05d}.parquet"

    def make_part(self, i: int, customers: Ints) -> None:
        """Recommend to one shard and write the candidates."""
        profiles = self.run.history.profiles(customers, self.fold.as_of)
        found = self.source.recommend(profiles, self.run.settings.retrieval.candidates)
        write_parquet(found, self.part(i))

    @property
    def source(self) -> Source:
        """The fitted source: read back, or fitted now and kept."""
        key = str(self.folder)
        if key not in _fitted:
            source, model = make_source(self.name, self.line), self.folder / "model.npz"
            if model.exists():
                source.load(model)
            else:
                source.fit(self.run.history, self.fold.as_of).save(model)
            _fitted.clear()  # one at a time: models of the full data are large
            _fitted[key] = source
        return _fitted[key]


_fitted: dict[str, Source] = {}
