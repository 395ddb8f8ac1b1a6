"""What each feature group and each source is worth: the ranker without it, on the weeks before the holdout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import polars as pl

from forsys.calendar import Fold
from forsys.candidates import labelled_candidates, make_candidates
from forsys.errors import DataError
from forsys.evaluation.kept_runs import Score
from forsys.evaluation.text import generated_label, table_text
from forsys.metrics.lists import average_precision, found_at
from forsys.progress import progress, say_below, terminal_width
from forsys.ranking.features import GROUPS
from forsys.ranking.ordering import rank_buyers
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned, folds_to_score, tune_for
from forsys.retrieval.fusion import Fusion
from forsys.run import Run

ALL = "everything"
RECALL_AT = 100


@dataclass(frozen=True)
class Ablation:
    """The loss without each feature group or source.

    lists: one row per group or source left out, the ranker's MAP@k without it. candidates: one row per source left
    out, the share of purchases that the others have among their RECALL_AT best each. Both have the paired
    difference to everything, and whether its interval excludes zero. everything: the score with all of them.
    """

    lists: pd.DataFrame
    candidates: pd.DataFrame
    folds: int
    customer_weeks: int
    everything: Score


def ablate(run: Run, weeks: int, names: Sequence[str] = ()) -> Ablation:
    """Leave out each of the feature groups and sources `names`, or each there is, on the folds before the holdout.

    For each the ranker's size and blend are chosen and its models trained anew. Sources are tuned once per fold,
    with all of them. Intervals sample whole customers. Raises DataError for an unknown name, and where no fold can
    be scored.
    """
    groups, sources = _chosen(run, names)
    folds = folds_to_score(run, weeks)
    tuned = _tuned(run, folds)
    without = {
        f"source {name}": {fold: _without_source(choice, name) for fold, choice in tuned.items()}
        for name in sources
    }
    variants = {
        ALL: (run, tuned),
        **{f"features {name}": (_without_group(run, name), tuned) for name in groups},
        **{name: (run, choices) for name, choices in without.items()},
    }
    found = {name: _found(run, choices) for name, choices in ({ALL: tuned} | without).items()}
    scores: dict[str, pl.DataFrame] = {}
    for name, each in progress(variants.items(), "score", unit="ranker"):
        scores[name] = _scores(*each)
        say_below(f"{len(scores)} of {len(variants)}: {name} {scores[name]['value'].to_numpy().mean():.4f}")
    lists, candidates = _table(run, scores, f"MAP@{run.settings.k}"), _table(run, found, f"recall@{RECALL_AT}")
    everything = Score.of(run, scores[ALL]["value"].to_numpy(), scores[ALL]["customer"].to_numpy())
    return Ablation(lists, candidates, len(folds), len(scores[ALL]), everything)


def _tuned(run: Run, folds: Sequence[Fold]) -> dict[Fold, Tuned]:
    tuned = {}
    for fold in progress(folds, "tune", unit="fold"):
        tuned[fold] = tune_for(run, fold)
        say_below(f"{fold.as_of}: tuned {tuned[fold].summary()}")
    return tuned


def _table(run: Run, values: dict[str, pl.DataFrame], metric: str) -> pd.DataFrame:
    """From name -> (customer, value), all with the same rows: means, and paired differences to ALL."""
    full, groups = values[ALL]["value"].to_numpy(), values[ALL]["customer"].to_numpy()
    rows = []
    for name, found in values.items():
        own = found["value"].to_numpy()
        change = run.bootstrap.paired(own, full, groups)
        clear = "yes" if change.is_clear else ""
        ends = {"difference": change.mean, "low": change.low, "high": change.high, "clear": clear}
        rows.append({"without": name, metric: float(own.mean()), **ends})
    return pd.DataFrame(rows)


def ablation_text(run: Run, found: Ablation) -> str:
    """The tables as they are printed, what is worth most first, and which differences are within noise."""
    lists, candidates = (
        table_text(table.sort_values("difference", kind="stable"), terminal_width())
        for table in (found.lists, found.candidates)
    )
    within = (found.lists["clear"] == "") & (found.lists["without"] != ALL)
    noise = ", ".join(found.lists["without"][within]) or "none"
    return (
        f"{generated_label(run)}The ranker without each of these, on {found.folds} period(s) before the "
        f"holdout, {found.customer_weeks:,} customer-weeks; the difference is to everything, paired, with "
        f"a 95 % interval by customer.\n\n{lists}\n\nWithin noise: {noise}.\n\n"
        f"Share of all purchases that are among the {RECALL_AT} best candidates of any source, without each source:"
        f"\n\n{candidates}"
    )


def _chosen(run: Run, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The feature groups and the sources among `names`, or all of them, in the order of the settings.

    All of them are those with a feature of the shop. An only one is left out of neither: there would be nothing
    without it.
    """
    groups, sources = list(run.settings.ranking.features), list(run.settings.retrieval.sources)
    unknown = sorted(set(names) - {*groups, *sources})
    if unknown:
        raise DataError(
            f"ablate: {', '.join(unknown)} is neither a feature group ({', '.join(groups)}) nor a source "
            f"({', '.join(sources)}) of these settings."
        )
    if alone := [each[0] for each in (groups, sources) if len(each) == 1 and each[0] in names]:
        raise DataError(
            f"ablate: {alone[0]} is the only feature group or the only source of these settings, so nothing is "
            "left without it. Name others."
        )
    groups = [name for name in groups if name in names or GROUPS[name].meanings(run.roles)]
    several = (each if len(each) > 1 else [] for each in (groups, sources))
    groups, sources = ([name for name in each if not names or name in names] for each in several)
    return groups, sources


def _without_group(run: Run, group: str) -> Run:
    kept = [name for name in run.settings.ranking.features if name != group]
    ranking = run.settings.ranking.model_copy(update={"features": kept})
    return run.with_settings(run.settings.model_copy(update={"ranking": ranking}))


def _without_source(tuned: Tuned, source: str) -> Tuned:
    configs = {name: config for name, config in tuned.sources.items() if name != source}
    if not configs:
        raise DataError(
            f"ablate: at one of the folds only the source {source} is in use, so nothing is left without it. Name "
            "what else to leave out."
        )
    weights = {name: weight for name, weight in tuned.fusion.weights.items() if name != source}
    return replace(tuned, sources=configs, fusion=Fusion(weights, tuned.fusion.constant))


def _scores(run: Run, choices: dict[Fold, Tuned]) -> pl.DataFrame:
    """customer, value: the average precision of the ranker's lists for the buyers of the folds."""
    labelled, scores = LabelledFolds(run), []  # of one variant only: those of all took 9 GiB on the sample
    for fold, tuned in choices.items():
        make_candidates(run, [fold], tuned.sources)
        scores.append(average_precision(rank_buyers(labelled, tuned, fold), run.labels(fold), run.settings.k))
    return pl.concat(scores).rename({"average_precision": "value"})


def _found(run: Run, choices: dict[Fold, Tuned]) -> pl.DataFrame:
    """customer, value: whether each purchase of the folds' buyers is a candidate."""
    found = []
    for fold, tuned in choices.items():
        candidates, labels = labelled_candidates(run, fold, tuned.sources)
        hit = found_at(candidates.collect(), labels, RECALL_AT)
        found.append(labels.select("customer").with_columns(value=pl.Series(hit).cast(pl.Float64)))
    return pl.concat(found)
