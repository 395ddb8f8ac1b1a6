"""One run: its data, settings and folders, and what follows from them: the log, the folds and their customers."""

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forsys.arrays import Ints
from forsys.calendar import Calendar, Fold, day_number
from forsys.engine import Task
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.made_files import made_files
from forsys.metrics.bootstrap import Bootstrap
from forsys.settings import Settings
from forsys.store import read_arrow, read_json
from forsys.tables.dataset import DataSet, is_of_shop
from forsys.tables.history import History
from forsys.tables.log_arrays import COLUMNS, write_log
from forsys.tables.roles import Roles
from forsys.workspace import Workspace

PAGE = "report"  # the stage that shows the others


@dataclass(frozen=True, eq=False)
class Run:
    """What every stage is given.

    Pickled, it is small: what was read from disk is read again where it is unpickled, once per process, since equal
    runs on the same tables become one there.
    """

    dataset: DataSet
    settings: Settings
    workspace: Workspace
    max_rejected: float = 0.01

    def __reduce__(self) -> tuple[Any, ...]:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        place = (str(self.workspace.home), self.workspace.name, self.workspace.places)
        read = [self.stamp_of(stage) for stage in ("tables", "content")]
        key = fingerprint(str(self.dataset), self.settings.model_dump(mode="json"), place, self.max_rejected, read)
        return _in_this_process, (type(self), given, key)

    @property
    def read_by_tasks(self) -> tuple[Path, ...]:
        """What every task reads: tables, log, content features, and stamps, from which fingerprints follow."""
        space = self.workspace
        return space.tables, space.log, space.content / "features.arrow", space.out / "stamps"

    def fingerprint_of(self, stage: str) -> str:
        """What a stage's output was made from. Raises DataError where it has not finished."""
        stamp = self.stamp_of(stage)
        if stamp is None:
            raise DataError(f"{self.workspace.name}: no finished {stage}. Run the stage `{stage}` first.")
        return str(stamp["fingerprint"])

    def stamp_of(self, stage: str) -> dict[str, Any] | None:
        """fingerprint and outputs with their hashes of a finished stage; None where it has not finished.

        And finished (the time), seconds, peak_gib (of the process that ran it), made (what it said of its outputs).
        """
        stamp = read_json(self.workspace.stamp(stage))
        whole = isinstance(stamp, dict) and isinstance(stamp.get("outputs"), dict) and "fingerprint" in stamp
        return stamp if whole else None

    def finished_stages(self) -> dict[str, dict[str, Any]]:
        """Stage -> its stamp, see `stamp_of`, in the order in which they have finished; without the page."""
        names = sorted(path.stem for path in (self.workspace.out / "stamps").glob("*.json"))
        stamps = {name: stamp for name in names if name != PAGE and (stamp := self.stamp_of(name))}
        return dict(sorted(stamps.items(), key=lambda item: str(item[1].get("finished", ""))))

    def with_settings(self, settings: Settings) -> "Run":
        """The same run with other settings. It shares the log, so that it is in memory once."""
        other = replace(self, settings=settings)
        vars(other)["history"] = self.history  # as its cached_property would
        return other

    def refuse_to_replace(self, path: Path) -> None:
        """Raises DataError where `path`, which a user names to be written, is a file of the shop or one of ours."""
        if is_of_shop(path, self.dataset):
            raise DataError(f"{path} belongs to the shop's data. Name another file.")
        out, submissions = self.workspace.out.resolve(), self.workspace.submission.parent.resolve()
        if path.resolve().is_relative_to(out) or path.resolve() in made_files(submissions):
            raise DataError(f"{path} belongs to what forsys keeps. Name a file elsewhere.")

    @property
    def bootstrap(self) -> Bootstrap:
        """What makes the intervals of scores."""
        return Bootstrap(self.settings.evaluation.bootstrap_samples, self.settings.seed)

    @cached_property
    def roles(self) -> Roles:
        """Which attributes of the shop serve where."""
        return Roles.read(self._summary["roles"])

    @cached_property
    def calendar(self) -> Calendar:
        """The period of the data, in folds."""
        first, last = (date.fromisoformat(self._summary[key]) for key in ("first_day", "last_day"))
        return Calendar(first, last, self.settings.holdout_days)

    @property
    def _summary(self) -> dict[str, Any]:
        """What the stage `tables` has counted."""
        summary: dict[str, Any] | None = read_json(self.workspace.tables / "tables.json")
        if summary is None:
            raise DataError(f"{self.workspace.name}: no finished tables. Run the stage `tables` first.")
        return summary

    @cached_property
    def history(self) -> History:
        """The whole log. Its articles carry the content features where the stage `content` has made them.

        It stays on disk, where the first process that wants it writes it; rows are read as they are used.
        """
        tables, log = self.workspace.tables, self.workspace.log
        made_from = fingerprint(self.fingerprint_of("tables"), code_fingerprint("forsys.tables.log_arrays"))
        Task(write_log, (tables, log), tuple(log / name for name in COLUMNS), made_from).do()
        history, features = History.open(tables, log), self.workspace.content / "features.arrow"
        if not features.exists():
            return history
        articles, columns = history.articles, read_arrow(features)
        if not columns["article"].equals(articles["article"]):
            raise DataError(
                f"{self.workspace.shown(features)} is of other articles. Run the stage `content` again."
            )
        return history.with_articles(articles.hstack(columns.drop("article", "picture")))

    @cached_property
    def submission_customers(self) -> Ints:
        """The customers of the submission, sorted."""
        path = self.workspace.tables / "submission_customers.parquet"
        return np.sort(pl.read_parquet(path, glob=False)["customer"].to_numpy())

    def target_customers(self, fold: Fold) -> Ints:
        """Who gets a list at a fold, sorted: all customers of the submission, elsewhere the buyers to score."""
        if fold == self.calendar.submission:
            return self.submission_customers
        return self.labels(fold)["customer"].unique().sort().to_numpy()

    def shards(self, fold: Fold) -> list[Ints]:
        """The customers of `target_customers` in units of work."""
        customers, size = self.target_customers(fold), self.settings.shard_size
        return [customers[start : start + size] for start in range(0, len(customers), size)]

    def labels(self, fold: Fold) -> pl.DataFrame:
        """What a fold's buyers bought: customer, article; sorted by both.

        All buyers of the holdout; of another fold a sample of at most `settings.max_buyers_per_week`.
        """
        if fold not in self._labels:
            labels = self.history.labels(fold)
            self._labels[fold] = labels if fold == self.calendar.holdout else self.sample_buyers(labels, fold)
        return self._labels[fold]

    @cached_property
    def _labels(self) -> dict[Fold, pl.DataFrame]:
        """Kept, since every shard asks for them."""
        return {}

    def sample_buyers(self, labels: pl.DataFrame, fold: Fold) -> pl.DataFrame:
        """The labels of at most `settings.max_buyers_per_week` of a fold's buyers, chosen by their hash."""
        buyers = labels["customer"].unique()
        if len(buyers) <= self.settings.max_buyers_per_week:
            return labels
        sampling_key = buyers.hash(self.settings.seed + day_number(fold.as_of))  # another sample each week
        sampled = buyers.gather(sampling_key.arg_sort()[: self.settings.max_buyers_per_week])
        return labels.filter(pl.col("customer").is_in(sampled.implode()))


def _in_this_process(kind: type[Run], given: dict[str, Any], key: str) -> Run:
    """The unpickled run of this key: the same object until another key is asked for."""
    if key not in _unpickled:
        _unpickled.clear()  # one at a time: it holds the log
        _unpickled[key] = kind(**given)
    return _unpickled[key]


_unpickled: dict[str, Run] = {}
