"""The store of fitted sources and their candidates: per cut-off and source a folder, per shard a file.

A folder's name holds the fingerprint of all that its files were made from, so a file that exists is current.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forsys.calendar import Fold
from forsys.engine import Task, run_tasks
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.made_files import delete_made
from forsys.retrieval.registry import make_source, source_class, source_fingerprint
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.settings import SourceConfig
from forsys.store import is_current, write_parquet, write_stamp
from forsys.versions import package_version

SourceConfigs = Mapping[str, SourceConfig]


@dataclass(frozen=True, eq=False)
class SourceArtifacts:
    """The fitted model and the candidates of one source at one cut-off. Small enough to be sent to a worker."""

    run: Run
    fold: Fold
    name: str
    config: SourceConfig
    folder: Path
    code: str  # of the source, see source_fingerprint

    @classmethod
    def of(cls, run: Run, fold: Fold, name: str, config: SourceConfig) -> "SourceArtifacts":
        """Those of a source's config at a fold. Raises DataError where the tables or content are not finished."""
        stages = ["tables", "content"] if source_class(name, config).uses_content else ["tables"]
        made_from = [run.fingerprint_of(stage) for stage in stages]
        settings = run.settings
        # Who gets candidates: all buyers up to the end of these two folds; of others a sample by polars' hash,
        # which another version may change. So a model can be used with another version than it was fitted with.
        is_sampled = fold not in (run.calendar.holdout, run.calendar.submission)
        sampled = (settings.max_buyers_per_week, settings.seed, package_version("polars")) if is_sampled else ()
        customers = (str(fold.until), fold == run.calendar.holdout, *sampled)
        sizes = (settings.retrieval.candidates_per_source, settings.shard_size)
        code = source_fingerprint(name, config)
        key = fingerprint(made_from, (code, code_fingerprint(__name__)), customers, sizes)
        return cls(run, fold, name, config, run.workspace.candidates(fold) / f"{name}-{key[:8]}", code)

    @property
    def model(self) -> Path:
        """What the source has learned."""
        return self.folder / "model.npz"

    def part(self, i: int) -> Path:
        """The candidates of shard i of the fold's customers: schema.CANDIDATES without `source`."""
        return self.folder / f"part-{i:05d}.parquet"

    def has_part(self, i: int) -> bool:
        """Whether the candidates of shard i are made, and undamaged."""
        return is_current(self.part(i), self.folder.name)

    def tasks(self) -> list[Task]:
        """Fitting the source, and making the candidates of each shard."""
        made_from, reads = self.folder.name, self.run.read_by_tasks
        fit = Task(self.fit, (), (self.model,), made_from, reads=reads)
        parts = [(i, self.part(i)) for i in range(len(self.run.shards(self.fold)))]
        reads = (*reads, self.model)
        return [fit, *(Task(self.make_part, (i,), (part,), made_from, (fit,), reads) for i, part in parts)]

    def fit(self) -> None:
        """Fit the source and save it. Raises DataError where this process has loaded other code of it."""
        self._refuse_other_code()
        make_source(self.name, self.config).fit(self.run.history, self.fold.as_of).save(self.model)

    def make_part(self, i: int) -> None:
        """Recommend to the customers of shard i with the fitted source, and write the candidates, as of `fit`."""
        self._refuse_other_code()
        profiles = self.run.history.profiles(self.run.shards(self.fold)[i], self.fold.as_of)
        found = self.fitted().recommend(profiles, self.run.settings.retrieval.candidates_per_source)
        write_parquet(found, self.part(i))

    def fitted(self) -> Source:
        """The fitted source, read back. The last one is kept in memory, no more, since they can be large.

        Raises DataError where it was not fitted with this code, or is damaged.
        """
        key = str(self.folder)
        if key not in _in_memory:
            if not is_current(self.model, self.folder.name):
                raise self._not_fitted()
            source = make_source(self.name, self.config).load(self.model)
            _in_memory.clear()
            _in_memory[key] = source
        return _in_memory[key]

    def _refuse_other_code(self) -> None:
        """A worker keeps the code that it has imported, also after the file of a source was edited."""
        if source_fingerprint(self.name, self.config) != self.code:
            raise DataError(
                f"A worker has other code of the source {self.name}, {self.config['class']}, than this command. "
                "Start the workers again, with the same file on all machines."
            )

    def _not_fitted(self) -> DataError:
        return DataError(
            f"{self.run.workspace.shown(self.model)} is missing, damaged, or of another version of forsys, so the "
            f"source {self.name} is not fitted. Run the stage `retrieve` (in Python: Shop.fit) again."
        )


_in_memory: dict[str, Source] = {}


def make_candidates(run: Run, folds: Iterable[Fold], *sources: SourceConfigs) -> None:
    """Fit every source at every fold and recommend to each shard, where that is missing.

    A source may stand in several `sources`, with different parameters.
    """
    configs = [config for each in sources for config in each.items()]
    artifacts = [SourceArtifacts.of(run, fold, *config) for fold in folds for config in configs]
    run_tasks((task for each in artifacts for task in each.tasks()), "candidates")


def read_candidates(
    run: Run, fold: Fold, sources: SourceConfigs, shards: Iterable[int] | None = None
) -> pl.LazyFrame:
    """Candidates of several sources that are made already, of some shards or of all: schema.CANDIDATES, unordered.

    Raises DataError where some are missing.
    """
    shards = range(len(run.shards(fold))) if shards is None else list(shards)
    names, frames = pl.Enum(list(sources)), []
    for name, config in sources.items():
        artifacts = SourceArtifacts.of(run, fold, name, config)
        parts = [artifacts.part(i) for i in shards]
        if not all(artifacts.has_part(i) for i in shards):
            raise DataError(
                f"{run.workspace.shown(artifacts.folder)} lacks candidates of {name} at {fold.as_of}. "
                f"Run the stage `retrieve` first, with the same settings."
            )
        frames.append(pl.scan_parquet(parts, glob=False).with_columns(source=pl.lit(name, dtype=names)))
    return pl.concat(frames)


def candidate_files(
    run: Run, folds: Iterable[Fold], sources: SourceConfigs, shard: int | None = None
) -> tuple[Path, ...]:
    """What a task reads that uses candidates: the files of a shard; or all of them, and the models."""
    artifacts = (SourceArtifacts.of(run, fold, *source) for fold in folds for source in sources.items())
    return tuple(each.folder if shard is None else each.part(shard) for each in artifacts)


def labelled_candidates(run: Run, fold: Fold, sources: SourceConfigs) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The candidates of a labelled fold's buyers, made where they are missing, and what they bought."""
    make_candidates(run, [fold], sources)
    return read_candidates(run, fold, sources), run.labels(fold)


def delete_other_candidates(run: Run, folds: Iterable[Fold], sources: SourceConfigs) -> None:
    """Delete what other settings left at these folds."""
    for fold in folds:
        kept = {SourceArtifacts.of(run, fold, *source).folder for source in sources.items()}
        for folder in {path for path in run.workspace.candidates(fold).iterdir() if path.is_dir()} - kept:
            delete_made(folder)


def delete_of_other_tables(run: Run, tables: str) -> None:
    """Delete candidates, rankers and orders unless they come from the tables of this fingerprint.

    Nothing reads them again, and a shop that runs every day would leave another set at each cut-off.
    """
    workspace = run.workspace
    if is_current(workspace.folds, tables):
        return
    for folder in (workspace.folds, workspace.rankers, workspace.all_ranked):
        delete_made(folder)
    workspace.folds.mkdir(exist_ok=True)
    write_stamp(workspace.folds, tables)
