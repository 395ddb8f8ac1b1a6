"""Rankers of the holdout and the submission, and the candidates in their order."""

from typing import TYPE_CHECKING

import polars as pl

from forsys.calendar import Fold
from forsys.progress import progress
from forsys.ranking.ranker import Ranker
from forsys.ranking.training import choose_for, fit_for
from forsys.ranking.training_set import LabelledWeeks, pairs_of
from forsys.retrieval.tuning import Tuned
from forsys.store import is_current, set_current, write_json, write_parquet

if TYPE_CHECKING:
    from forsys.run import Run

KEPT = 100  # places of each customer's list that are kept, for recall at 100


def rankers_for(run: "Run", tuned: Tuned, mark: str) -> dict[Fold, Ranker]:
    """The rankers of the holdout and the submission: trained, or read back where they are current.

    Size and blend are chosen before the holdout; the submission's ranker learns from the holdout's week too. Both
    are trained before anything is ordered, so that the labelled weeks are out of memory then.
    """
    weeks, choice, rankers = LabelledWeeks(run), None, {}
    for fold in (run.calendar.holdout, run.calendar.submission):
        folder = run.out / "rankers" / str(fold.as_of)
        if not is_current(folder / "ranker.json", mark):
            choice = choice or choose_for(weeks, tuned, run.calendar.holdout)
            fit_for(weeks, tuned, fold, choice).save(folder)
            set_current(folder / "ranker.json", mark)
        rankers[fold] = Ranker.load(folder)
    return rankers


def ranked_buyers(weeks: LabelledWeeks, tuned: Tuned, fold: Fold) -> pl.DataFrame:
    """The candidates of a labelled fold's buyers, made already, in the order of a ranker trained for the fold."""
    run = weeks.run
    ranker = fit_for(weeks, tuned, fold, choose_for(weeks, tuned, fold))
    pairs = (pairs_of(run, tuned.sources, fold, i) for i in range(len(run.shards(fold))))
    return pl.concat(ranker.order(each, run.history, fold.as_of) for each in pairs)


def order_shards(run: "Run", tuned: Tuned, fold: Fold, ranker: Ranker, mark: str) -> None:
    """Order the candidates of a fold, shard by shard; shards that are current stay."""
    folder, shards = run.ranked(fold), run.shards(fold)
    for i in progress(range(len(shards)), f"rank {fold.as_of}", unit="shard"):
        part = folder / f"part-{i:05d}.parquet"
        if not is_current(part, mark):
            ordered = ranker.order(pairs_of(run, tuned.sources, fold, i), run.history, fold.as_of)
            write_parquet(ordered.filter(pl.col("rank") <= KEPT), part)
            set_current(part, mark)
    write_json({"shards": len(shards)}, folder / "ranked.json")
    set_current(folder / "ranked.json", mark)
