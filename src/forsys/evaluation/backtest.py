"""Rolling backtest: the same pipeline at many weekly cut-offs, pooled, against the repurchase baseline.

At each cut-off every source is fitted anew on what came before, and parameters and weights are chosen on the
folds before it, just as for the submission. Nothing is carried back from a later week.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation.baselines import BASELINES
from forsys.evaluation.bootstrap import interval, paired
from forsys.evaluation.evaluate import FINAL, FUSION, perfect, share_of_perfect, show
from forsys.evaluation.metrics import average_precision
from forsys.progress import progress
from forsys.ranking.ordering import ranked_buyers
from forsys.ranking.training_set import LabelledWeeks
from forsys.retrieval.tuning import earlier_folds, tune_for
from forsys.schema import LIST_LENGTH

if TYPE_CHECKING:
    from forsys.run import Run

ORACLE = "perfect order of the candidates"
REFERENCE = "bought in 90 days + best sellers"


def backtest(run: "Run", weeks: int) -> pd.DataFrame:
    """One row a list: pooled MAP@12 with its interval, and two paired differences with theirs.

    They are the list's gain over REFERENCE, and the final list's gain over the list. Intervals draw whole
    customers, who may come in several weeks.
    """
    labelled = [fold for fold in run.calendar.weekly(weeks) if len(run.labels(fold))]
    folds = [fold for fold in labelled if earlier_folds(run, fold)]
    if not folds:
        raise DataError(f"None of the last {weeks} periods of the log has buyers, and earlier ones to tune on.")
    earlier = LabelledWeeks(run)
    scores = pl.concat(_score_fold(run, earlier, fold) for fold in progress(folds, "backtest", unit="fold"))
    groups = scores["customer"].to_numpy()
    draws, seed = run.settings.evaluation.draws, run.settings.seed
    reference, final = scores[REFERENCE].to_numpy(), scores[FINAL].to_numpy()
    rows = []
    for name in [column for column in scores.columns if column not in ("customer", "fold", ORACLE)]:
        own = scores[name].to_numpy()
        value = interval(own, draws=draws, seed=seed, groups=groups)
        gain = paired(own, reference, draws=draws, seed=seed, groups=groups)
        beaten = paired(final, own, draws=draws, seed=seed, groups=groups)
        rows.append(
            {
                "list": name,
                "MAP@12": value.mean,
                "low": value.low,
                "high": value.high,
                "difference": gain.mean,
                "difference low": gain.low,
                "difference high": gain.high,
                "ranker's gain": beaten.mean,
                "gain low": beaten.low,
                "gain high": beaten.high,
            }
        )
    table = pd.DataFrame(rows)
    table.attrs = {
        "folds": len(folds),
        "customer-weeks": len(scores),
        "oracle": float(scores[ORACLE].to_numpy().mean()),
        "first": folds[-1].as_of,
        "last": folds[0].until,
    }
    return table


def backtest_text(run: "Run", table: pd.DataFrame) -> str:
    """The table as it is printed."""
    facts = table.attrs
    label = "GENERATED DATA. " if run.dataset.generated else ""
    return (
        f"{label}Backtest of {run.dataset.name}: {facts['folds']} cut-offs, {facts['first']} up to {facts['last']} "
        f"(not included), {facts['customer-weeks']:,} customer-weeks.\n"
        f'The difference is to "{REFERENCE}"; the gain is that of the ranker over each list. Both are paired by '
        f"customer-week, with a 95 % interval by customer.\n\n"
        f"{show(table)}\n\n{share_of_perfect(table.set_index('list')['MAP@12'][FINAL], facts['oracle'])}"
    )


def _score_fold(run: "Run", earlier: LabelledWeeks, fold: Fold) -> pl.DataFrame:
    """AP@12 of every list for every buyer of a fold: customer, fold, one column a list."""
    tuned = tune_for(run, fold, str(fold.as_of))
    candidates, labels = run.labelled_candidates(fold, tuned.sources)
    profiles = run.history.profiles(run.listed(fold), fold.as_of)
    lists = {
        name: source.fit(run.history, fold.as_of).recommend(profiles, LIST_LENGTH)
        for name, source in BASELINES.items()
    }
    found = candidates.collect()
    lists |= {name: found.filter(pl.col("source") == name) for name in tuned.sources}
    lists[FUSION] = tuned.fusion.fuse(found.lazy(), LIST_LENGTH)
    lists[FINAL] = ranked_buyers(earlier, tuned, fold)
    lists[ORACLE] = perfect(found, labels)
    columns = {
        name: average_precision(top, labels, LIST_LENGTH)["average_precision"] for name, top in lists.items()
    }
    customers = run.listed(fold)
    return pl.DataFrame({"customer": customers, "fold": np.full(len(customers), str(fold.as_of)), **columns})
