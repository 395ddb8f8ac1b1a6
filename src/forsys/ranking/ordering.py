"""The rankers of the holdout and the submission, and everyone's candidates in their order."""

from pathlib import Path

import polars as pl

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.progress import progress
from forsys.ranking.calibration import FILE as CALIBRATION
from forsys.ranking.calibration import Calibration, calibrate, inputs
from forsys.ranking.features import build
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker, in_order
from forsys.ranking.training import Choice, choose_for, fit_for
from forsys.ranking.training_pairs import LabelledFolds, pairs_of
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.store import is_current, write_parquet, write_stamp

KEPT_RANKS = 100  # of each customer's list: enough for recall at 100


def rank(run: Run) -> list[str]:
    """Train the rankers of both cut-offs and order the candidates there; returns a line for each.

    Rankers and shards that are up to date stay as they are.
    """
    tuned = Tuned.read(run.workspace.tuned)
    made_from = fingerprint(run.fingerprint_of("retrieve"), code_fingerprint(__name__))
    lines = []
    for fold, ranker in _rankers(run, tuned, made_from).items():
        _order_shards(run, tuned, fold, ranker, made_from)
        lines.append(f"{fold.as_of}: {ranker.summary()}")
    return lines


def _rankers(run: Run, tuned: Tuned, made_from: str) -> dict[Fold, Ranker]:
    """The rankers of the holdout and the submission: trained, or read back where they are current.

    Size, blend and calibration are learned before the holdout; the submission's ranker learns from the holdout's
    week too. Both are trained before anything is ordered, so that the labelled pairs are out of memory then.
    """
    labelled, choice, calibration, rankers = LabelledFolds(run), None, None, {}
    for fold in (run.calendar.holdout, run.calendar.submission):
        folder = run.workspace.ranker(fold)
        models = [folder / f"model-{i}.txt" for i in range(run.settings.ranking.num_models)]
        files = [*models, folder / "ranker.json", folder / CALIBRATION]
        if not all(is_current(file, made_from) for file in files):
            choice = choice or choose_for(labelled, tuned, run.calendar.holdout)
            fit_for(labelled, tuned, fold, choice).save(folder)
            calibration = calibration or calibrate(run, tuned, choice)
            calibration.save(folder)
            for file in files:
                write_stamp(file, made_from)
        rankers[fold] = Ranker.load(folder)
    return rankers


def _order_shards(run: Run, tuned: Tuned, fold: Fold, ranker: Ranker, made_from: str) -> None:
    """Order the candidates of a fold, shard by shard; shards that are current stay."""
    calibration = Calibration.load(run.workspace.ranker(fold))
    for i in progress(range(len(run.shards(fold))), f"rank {fold.as_of}", unit="shard"):
        part = run.workspace.ranked(fold) / f"part-{i:05d}.parquet"
        if not is_current(part, made_from):
            ordered = ordered_pairs(ranker, calibration, pairs_of(run, tuned.sources, fold, i))
            write_parquet(ordered.filter(pl.col("rank") <= KEPT_RANKS), part)
            write_stamp(part, made_from)


def ordered_pairs(ranker: Ranker, calibration: Calibration, pairs: Pairs) -> pl.DataFrame:
    """Pairs in the ranker's order: customer, article, rank, score, chance; sorted by customer, rank.

    chance: that the customer buys the article within the period, NaN where it is unknown.
    """
    raw = ranker.predict(build(pairs, ranker.groups), pairs.row)
    rank, score = ranker.ranks(pairs, raw)
    return in_order(pairs, rank, score, chance=calibration.chance(inputs(pairs, raw, rank)))


def read_ranked(run: Run, fold: Fold) -> pl.LazyFrame:
    """The candidates in the ranker's order, as of `ordered_pairs`. Raises DataError for missing ones."""
    return pl.scan_parquet(ranked_parts(run, fold))


def ranked_parts(run: Run, fold: Fold) -> list[Path]:
    """The files of `read_ranked`, one per shard. Raises DataError for missing ones."""
    folder = run.workspace.ranked(fold)
    parts = [folder / f"part-{i:05d}.parquet" for i in range(len(run.shards(fold)))]
    if not all(part.exists() for part in parts):
        raise DataError(f"{run.workspace.shown(folder)} is not complete. Run the stage `rank` first.")
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
    pairs = (pairs_of(run, tuned.sources, fold, i) for i in range(len(run.shards(fold))))
    return pl.concat(ranker.order(each) for each in pairs)
