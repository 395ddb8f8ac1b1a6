"""The rankers of the holdout and the submission, and everyone's candidates in their order."""

from pathlib import Path

import polars as pl

from forsys.calendar import Fold
from forsys.candidates import candidate_files, make_candidates
from forsys.engine import Task, run_tasks
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.ranking.calibration import FILE as CALIBRATION
from forsys.ranking.calibration import Calibration, calibrate, inputs
from forsys.ranking.features import build
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker, in_order
from forsys.ranking.training import Choice, choose_for, fit_for
from forsys.ranking.training_pairs import LabelledFolds, pairs_of_shard, training_folds
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.store import is_current, write_parquet

KEPT_RANKS = 100  # of each customer's list at least: enough for recall at 100


def rank(run: Run) -> list[str]:
    """Train the rankers of both cut-offs and order the candidates there; returns a line for each.

    Rankers and shards that are up to date stay as they are.
    """
    made_from = fingerprint(run.fingerprint_of("retrieve"), code_fingerprint(__name__))
    folds = (run.calendar.holdout, run.calendar.submission)
    files = tuple(file for fold in folds for file in _ranker_files(run, fold))
    sources = Tuned.read(run.workspace.tuned).sources
    learned_from = dict.fromkeys(earlier for fold in folds for earlier in training_folds(run, fold))
    reads = (*run.read_by_tasks, run.workspace.tuned)
    learned_files = candidate_files(run, learned_from, sources)
    training = Task(_train, (run,), files, made_from, reads=(*reads, *learned_files))
    if not training.is_done():
        make_candidates(run, learned_from, sources)
    run_tasks([training], "train", unit="task")
    for fold in folds:
        tasks = []
        for i, part in enumerate(_parts(run, fold)):
            read = (*reads, run.workspace.ranker(fold), *candidate_files(run, [fold], sources, i))
            tasks.append(Task(_order_shard, (run, fold, i, made_from), (part,), made_from, reads=read))
        run_tasks(tasks, f"{fold.as_of}: order")
    for fold in folds:
        _refuse_replaced(run, fold, made_from)
    return [f"{fold.as_of}: {Ranker.load(run.workspace.ranker(fold)).summary()}" for fold in folds]


def _ranker_files(run: Run, fold: Fold) -> list[Path]:
    folder = run.workspace.ranker(fold)
    models = [folder / f"model-{i}.txt" for i in range(run.settings.ranking.num_models)]
    return [*models, folder / "ranker.json", folder / CALIBRATION]


def _train(run: Run) -> None:
    """Train the rankers of the holdout and the submission.

    Size, blend and calibration are learned before the holdout; the submission's ranker learns from the holdout's
    week too.
    """
    tuned, labelled = Tuned.read(run.workspace.tuned), LabelledFolds(run)
    choice = choose_for(labelled, tuned, run.calendar.holdout)
    labelled.forget_complete()
    for fold in (run.calendar.holdout, run.calendar.submission):
        fit_for(labelled, tuned, fold, choice).save(run.workspace.ranker(fold))
    calibration = calibrate(run, tuned, choice)
    for fold in (run.calendar.holdout, run.calendar.submission):
        calibration.save(run.workspace.ranker(fold))


def _refuse_replaced(run: Run, fold: Fold, made_from: str) -> None:
    """DataError where the ranker is not the one that this command has trained.

    A task that a stopped command has left on a cluster ends by itself, and writes its own ranker then.
    """
    for file in _ranker_files(run, fold):
        if not is_current(file, made_from):
            raise DataError(
                f"{run.workspace.shown(file)} was replaced by a task of another command while this one ran. "
                "Run the same command again."
            )


def _order_shard(run: Run, fold: Fold, i: int, made_from: str) -> None:
    """Order the candidates of shard i of a fold."""
    tuned, folder = Tuned.read(run.workspace.tuned), run.workspace.ranker(fold)
    ranker, calibration = Ranker.load(folder), Calibration.load(folder)
    _refuse_replaced(run, fold, made_from)
    blocks = pairs_of_shard(run, tuned.sources, fold, i)
    kept = max(KEPT_RANKS, run.settings.k)
    ordered = [ordered_pairs(ranker, calibration, pairs).filter(pl.col("rank") <= kept) for pairs in blocks]
    write_parquet(pl.concat(ordered, rechunk=True), _parts(run, fold)[i])


def _parts(run: Run, fold: Fold) -> list[Path]:
    return [run.workspace.ranked(fold) / f"part-{i:05d}.parquet" for i in range(len(run.shards(fold)))]


def ordered_pairs(ranker: Ranker, calibration: Calibration, pairs: Pairs) -> pl.DataFrame:
    """Pairs in the ranker's order: customer, article, rank, score, chance; sorted by customer, rank.

    chance: that the customer buys the article within the period, NaN where it is unknown.
    """
    raw = ranker.predict(build(pairs, ranker.groups), pairs.row)
    rank, score = ranker.ranks(pairs, raw)
    return in_order(pairs, rank, score, chance=calibration.chance(inputs(pairs, raw, rank)))


def read_ranked(run: Run, fold: Fold) -> pl.LazyFrame:
    """The candidates in the ranker's order, as of `ordered_pairs`. Raises DataError for missing ones."""
    return pl.scan_parquet(ranked_parts(run, fold), glob=False)


def ranked_parts(run: Run, fold: Fold) -> list[Path]:
    """The files of `read_ranked`, one per shard. Raises DataError for missing ones."""
    parts = _parts(run, fold)
    if not all(part.exists() for part in parts):
        raise DataError(
            f"{run.workspace.shown(run.workspace.ranked(fold))} is not complete. Run the stage `rank` first."
        )
    return parts


def rank_buyers(labelled: LabelledFolds, tuned: Tuned, fold: Fold) -> pl.DataFrame:
    """The existing candidates of a labelled fold's buyers, ordered by a ranker trained for the fold."""
    return buyers_in_order(labelled.run, tuned, fold, train_for(labelled, tuned, fold)[0])


def train_for(labelled: LabelledFolds, tuned: Tuned, fold: Fold) -> tuple[Ranker, Choice]:
    """A ranker trained for a labelled fold, on what came before it, and how its form was chosen."""
    choice = choose_for(labelled, tuned, fold)
    return fit_for(labelled, tuned, fold, choice), choice


def buyers_in_order(run: Run, tuned: Tuned, fold: Fold, ranker: Ranker) -> pl.DataFrame:
    """The existing candidates of a labelled fold's buyers, as of `Ranker.order`."""
    shards = (pairs_of_shard(run, tuned.sources, fold, i) for i in range(len(run.shards(fold))))
    return pl.concat(ranker.order(pairs) for blocks in shards for pairs in blocks)
