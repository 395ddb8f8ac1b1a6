"""What each feature group and each source is worth: the ranker without it, on the weeks before the holdout."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation.bootstrap import paired
from forsys.evaluation.evaluate import show
from forsys.evaluation.metrics import average_precision
from forsys.progress import progress
from forsys.ranking.everyone import ranked_buyers
from forsys.ranking.training_set import LabelledWeeks
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.tuning import Tuned, earlier_folds, tune_for
from forsys.schema import LIST_LENGTH

if TYPE_CHECKING:
    from forsys.run import Run

ALL = "everything"


def ablate(run: "Run", weeks: int) -> pd.DataFrame:
    """One row a thing left out: MAP@12 without it, and the paired difference to the ranker with everything.

    On the `weeks` folds before the holdout; size, blend and models are made anew for each. Sources are tuned once
    a fold, with all of them. Intervals draw whole customers.
    """
    holdout = run.calendar.holdout
    folds = [fold for fold in map(holdout.earlier, range(1, weeks + 1)) if earlier_folds(run, fold)]
    folds = [fold for fold in folds if len(run.history.labels(fold))]
    if not folds:
        raise DataError(
            f"None of the {weeks} periods before the holdout has buyers, and earlier ones to learn from."
        )
    tuned = {fold: tune_for(run, fold, str(fold.as_of)) for fold in progress(folds, "ablate: tune", unit="fold")}
    scores = {
        name: pl.concat(_scores(other, fold, lines) for fold, lines in choices)
        for name, other, choices in progress(list(_variants(run, tuned)), "ablate", unit="ranker")
    }
    whole = scores[ALL]["average_precision"].to_numpy()
    groups = scores[ALL]["customer"].to_numpy()
    rows = []
    for name, found in scores.items():
        values = found["average_precision"].to_numpy()
        draws, seed = run.settings.evaluation.draws, run.settings.seed
        change = paired(values, whole, draws=draws, seed=seed, groups=groups)
        rows.append(
            {
                "without": name,
                "MAP@12": float(values.mean()),
                "difference": change.mean,
                "low": change.low,
                "high": change.high,
                "clear": "" if change.low <= 0 <= change.high else "yes",
            }
        )
    table = pd.DataFrame(rows)
    table.attrs = {"folds": len(folds), "customer-weeks": len(whole)}
    return table


def ablation_text(run: "Run", table: pd.DataFrame) -> str:
    """The table as it is printed, and what is within noise."""
    noise = table["without"][(table["clear"] == "") & (table["without"] != ALL)]
    label = "GENERATED DATA. " if run.dataset.generated else ""
    return (
        f"{label}The ranker without each feature group and source, on {table.attrs['folds']} fold(s) before the "
        f"holdout, {table.attrs['customer-weeks']:,} customer-weeks; the difference is to everything, paired, with "
        f"a 95 % interval by customer.\n\n{show(table)}\n\nWithin noise: {', '.join(noise) or 'none'}."
    )


def _variants(
    run: "Run", tuned: dict[Fold, Tuned]
) -> Iterator[tuple[str, LabelledWeeks, list[tuple[Fold, Tuned]]]]:
    """What is left out, the labelled weeks without it, and for each fold the choice without it."""
    everything = LabelledWeeks(run)
    yield ALL, everything, list(tuned.items())
    groups = run.settings.ranking.features
    for group in groups:
        yield f"features {group}", LabelledWeeks(_without_group(run, group)), list(tuned.items())
    for source in run.settings.retrieval.sources:
        yield (
            f"source {source}",
            everything,
            [(fold, _without_source(choice, source)) for fold, choice in tuned.items()],
        )


def _without_group(run: "Run", group: str) -> "Run":
    kept = [name for name in run.settings.ranking.features if name != group]
    ranking = run.settings.ranking.model_copy(update={"features": kept})
    other = replace(run, settings=run.settings.model_copy(update={"ranking": ranking}))
    vars(other)["history"] = run.history  # the same log, in memory once
    return other


def _without_source(tuned: Tuned, source: str) -> Tuned:
    lines = {name: line for name, line in tuned.sources.items() if name != source}
    weights = {name: weight for name, weight in tuned.fusion.weights.items() if name != source}
    return replace(tuned, sources=lines, fusion=Fusion(weights, tuned.fusion.constant))


def _scores(weeks: LabelledWeeks, fold: Fold, tuned: Tuned) -> pl.DataFrame:
    """customer, average_precision of the ranker's lists for a fold's buyers."""
    _, labels = weeks.run.labelled_candidates(fold, tuned.sources)
    return average_precision(ranked_buyers(weeks, tuned, fold), labels, LIST_LENGTH)
