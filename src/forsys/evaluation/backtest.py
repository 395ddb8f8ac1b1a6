"""Rolling backtest: the same pipeline at many weekly cut-offs, pooled, against the repurchase baseline.

At each cut-off every source is fitted anew on what came before, and parameters and weights are chosen on the
folds before it, just as for the submission. Nothing of a later week is used in an earlier one.
"""

from dataclasses import dataclass

import pandas as pd
import polars as pl

from forsys.calendar import Fold
from forsys.candidates import labelled_candidates
from forsys.errors import DataError
from forsys.evaluation.calibration import Chances, calibration_text, pooled
from forsys.evaluation.holdout import oracle_order
from forsys.evaluation.kept_runs import Score
from forsys.evaluation.list_names import FINAL, FUSION, ORACLE, REFERENCE
from forsys.evaluation.per_customer import SCORE
from forsys.evaluation.records import records
from forsys.evaluation.text import ceiling_text, generated_label, left_out_texts, table_text
from forsys.metrics.lists import average_precision
from forsys.progress import progress, say_below, terminal_width
from forsys.ranking.calibration import calibrate
from forsys.ranking.calibration_sample import KeptSamples
from forsys.ranking.ordering import buyers_in_order, train_for
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import tune_for, tuning_folds
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run


@dataclass(frozen=True, eq=False)
class Scored:
    """The pooled scores of some folds, newest first.

    scores: customer, fold, and AP@k of every list, a column each; a row per customer-week. Null for a source at the
    folds where it was left out. chances: of a sample of all customers, per fold.
    """

    folds: list[Fold]
    scores: pl.DataFrame
    chances: list[Chances]

    def of_customers(self, run: Run) -> pl.DataFrame:
        """customer_id, fold, and the average precision of the final list: a row per customer-week."""
        ids = run.history.customers["customer_id"].gather(self.scores["customer"])
        return self.scores.select("fold", pl.col(FINAL).alias(SCORE)).insert_column(0, ids.alias("customer_id"))

    def score(self, run: Run) -> Score:
        """MAP@k of the final list."""
        return Score.of(run, self.scores[FINAL].to_numpy(), self.scores["customer"].to_numpy())


def score_folds(run: Run, weeks: int) -> Scored:
    """Score every list at up to `weeks` cut-offs. Raises DataError where no week can be scored."""
    labelled = [fold for fold in run.calendar.weekly(weeks) if len(run.labels(fold))]
    folds = [fold for fold in labelled if tuning_folds(run, fold)]
    if not folds:
        raise DataError(f"None of the last {weeks} periods of the log has buyers, and earlier ones to tune on.")
    earlier, samples, parts = LabelledFolds(run), KeptSamples(), []
    for number, fold in enumerate(progress(folds, "score", unit="fold"), 1):
        parts.append(_score_fold(run, earlier, samples, fold))
        earlier.forget_since(fold)
        final, reference = (float(parts[-1][0][name].to_numpy().mean()) for name in (FINAL, REFERENCE))
        say_below(f"{number} of {len(folds)}: {fold.as_of}, {FINAL} {final:.4f}, {REFERENCE} {reference:.4f}")
    return Scored(folds, pl.concat(score for score, _ in parts), [chances for _, chances in parts])


def backtest_table(run: Run, scored: Scored) -> pd.DataFrame:
    """One row per list: pooled MAP@k and two paired differences, each with its interval.

    A source that was left out at some folds has the row of the others; "customer-weeks" counts those of a row. The
    differences are the list's gain over REFERENCE and the final list's gain over the list. Intervals sample whole
    customers, who may buy in several weeks. What is said beside the table is in its `attrs`.
    """
    scores, folds = scored.scores, scored.folds
    lists = scores.drop("customer", "fold", ORACLE)
    names = [name for name in lists.columns if lists[name].null_count() < len(lists)]
    left_out = {name: scores.filter(pl.col(name).is_null())["fold"].n_unique() for name in lists.columns}
    table = pd.DataFrame([_row(run, scores, name) for name in names])
    table.attrs = {
        "folds": len(folds),
        "customer-weeks": len(scores),
        "oracle": float(scores[ORACLE].to_numpy().mean()),
        "first": folds[-1].as_of,
        "last": folds[0].until,
        "left_out": {name: number for name, number in left_out.items() if number},
        "calibration": records(pooled(scored.chances)),
    }
    return table


def _row(run: Run, scores: pl.DataFrame, name: str) -> dict[str, object]:
    """The row of one list, from the scores of all."""
    k, bootstrap = run.settings.k, run.bootstrap
    scores = scores.drop_nulls(name)
    groups = scores["customer"].to_numpy()
    own, reference, final = (scores[each].to_numpy() for each in (name, REFERENCE, FINAL))
    value = bootstrap.interval(own, groups)
    gain = bootstrap.paired(own, reference, groups)
    final_gain = bootstrap.paired(final, own, groups)
    return {
        "list": name,
        "customer-weeks": len(scores),
        f"MAP@{k}": value.mean,
        "low": value.low,
        "high": value.high,
        "difference": gain.mean,
        "difference low": gain.low,
        "difference high": gain.high,
        "ranker's gain": final_gain.mean,
        "gain low": final_gain.low,
        "gain high": final_gain.high,
    }


def backtest_text(run: Run, table: pd.DataFrame) -> str:
    """The table as it is printed, the best list first."""
    about, metric = table.attrs, f"MAP@{run.settings.k}"
    by_score = table.sort_values(metric, ascending=False, kind="stable")
    final = table.set_index("list")[metric][FINAL]
    left_out = "".join(f"{text}\n" for text in left_out_texts(about["left_out"], about["folds"]))
    return (
        f"{generated_label(run)}Backtest of {run.dataset.name}: {about['folds']} cut-offs, {about['first']} up to "
        f"{about['last']} (not included), {about['customer-weeks']:,} customer-weeks.\n"
        f'The difference is to "{REFERENCE}"; the gain is that of the ranker over each list. Both are paired by '
        f"customer-week, with a 95 % interval by customer.\n\n"
        f"{table_text(by_score, terminal_width())}\n\n"
        f"{left_out}{ceiling_text(final, about['oracle'], run.settings.k)}"
        f"\n\n{calibration_text(pd.DataFrame(about['calibration']), run.settings.holdout_days)}"
    )


def _score_fold(run: Run, earlier: LabelledFolds, samples: KeptSamples, fold: Fold) -> tuple[pl.DataFrame, Chances]:
    """AP@k of every list for every buyer of a fold: customer, fold, one column per list; sorted by customer.

    And the predicted chances of a sample of all customers, with what they bought.
    """
    k = run.settings.k
    tuned = tune_for(run, fold)
    candidates, labels = labelled_candidates(run, fold, tuned.sources)
    customers = run.target_customers(fold)
    profiles = run.history.profiles(customers, fold.as_of)
    lists = {name: source.fit(run.history, fold.as_of).recommend(profiles, k) for name, source in BASELINES.items()}
    found = candidates.collect()
    lists |= {name: found.filter(pl.col("source") == name) for name in tuned.sources}
    lists[FUSION] = tuned.fusion.fuse(found.lazy(), k)
    ranker, choice = train_for(earlier, tuned, fold)
    lists[FINAL] = buyers_in_order(run, tuned, fold, ranker)
    lists[ORACLE] = oracle_order(found, labels)
    columns = {name: average_precision(top, labels, k)["average_precision"] for name, top in lists.items()}
    columns |= {name: pl.Series([None] * len(customers), dtype=pl.Float64) for name in tuned.left_out}
    week = {"customer": customers, "fold": [str(fold.as_of)] * len(customers)}
    names = [*week, *BASELINES, *run.settings.retrieval.sources, FUSION, FINAL, ORACLE]
    scores = pl.DataFrame(week | columns).select(names)
    calibration = calibrate(run, tuned, choice, samples)
    return scores, Chances.of(run, tuned, fold, ranker, calibration, samples)
