"""Offline scores on the holdout: every source, the simple baselines and the final list, side by side."""

import numpy as np
import pandas as pd
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.candidates import SourceArtifacts, read_candidates
from forsys.evaluation.calibration import calibration_text, holdout_calibration
from forsys.evaluation.list_names import FINAL, FUSION, GENERATED, UNION
from forsys.evaluation.next_item_accuracy import (
    accuracies,
    fused_ranks,
    next_item_events,
    next_item_ranks,
    profiles_of,
)
from forsys.evaluation.popularity import popularity
from forsys.evaluation.segments import segment_scores
from forsys.evaluation.source_recall import source_recall
from forsys.evaluation.text import ceiling_text, few_buyers_text, table_text
from forsys.evaluation.verdict import Verdict, verdict
from forsys.metrics.bootstrap import interval
from forsys.metrics.lists import LIST_METRICS, coverage, metric_name, recall_at
from forsys.progress import progress
from forsys.ranking.explain import importance
from forsys.ranking.ordering import read_ranked
from forsys.ranking.ranker import Ranker
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.store import atomic_write, write_json

SCORED_AT = {"MAP": (1, 5, 10)}  # of LIST_METRICS, what scores.csv has beside MAP at settings.k, and at which k
RECALL_AT = (50, 100)  # beside settings.k
IMPORTANCE_SHOWN = 10


def evaluate_holdout(run: Run) -> None:
    """Score the holdout and write its tables as CSV, all of them as JSON and as text.

    Raises DataError where nothing is tuned yet, or where candidates or ranked lists are missing.
    """
    tuned, k = Tuned.read(run.workspace.tuned), run.settings.k
    lists = holdout_lists(run, tuned)
    labels = run.labels(run.calendar.holdout)
    tables = {
        "scores": list_scores(run, lists, labels),
        "next_item": next_item_scores(run, tuned),
        "segments": segment_scores(run, lists[FINAL], labels, k),
        "importance": holdout_importance(run, tuned),
        "calibration": holdout_calibration(run, tuned),
        "sources": source_recall(lists[UNION], labels, list(tuned.sources)),
    }
    judged = verdict(lists, labels, k, run.settings.evaluation.bootstrap_samples, run.settings.seed)
    shown = {name: lists[name] for name in (FINAL, judged.baseline)}
    tables["popularity"] = popularity(run, shown, labels)
    oracle = mean_score("MAP", oracle_order(lists[UNION], labels), labels, k)
    folder = run.workspace.evaluation
    (folder / "scores.json").unlink(missing_ok=True)  # written last: where it exists, the others belong to it
    for name, table in tables.items():
        with atomic_write(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with atomic_write(folder / "scores.txt") as part:
        part.write_text(scores_text(run, tables, labels, judged, oracle) + "\n", encoding="utf-8")
    summary = {
        "data": run.dataset.name,
        "generated": run.dataset.generated,
        "holdout": [str(run.calendar.holdout.as_of), str(run.calendar.holdout.until)],
        "verdict": judged.as_json(),
        "oracle_order_of_the_candidates": oracle,
        **{name: _records(table) for name, table in tables.items()},
    }
    write_json(summary, folder / "scores.json")


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows for JSON, which has null instead of NaN."""
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def holdout_lists(run: Run, tuned: Tuned) -> dict[str, pl.DataFrame]:
    """Name -> list of the holdout's buyers: baselines, sources, their union, the fusion and the final list.

    Only what the scores need: the first `settings.k` ranks and all hits, of the union the hits alone. With all of
    57 million candidates in memory it took 15 GiB.
    """
    fold, k = run.calendar.holdout, run.settings.k
    labels, length = run.labels(fold), max(k, *RECALL_AT)
    profiles = run.history.profiles(run.target_customers(fold), fold.as_of)
    lists = {
        name: top_and_hits(source.fit(run.history, fold.as_of).recommend(profiles, length).lazy(), labels, k)
        for name, source in BASELINES.items()
    }
    candidates = read_candidates(run, fold, tuned.sources)
    for name in tuned.sources:
        lists[name] = top_and_hits(candidates.filter(pl.col("source") == name), labels, k)
    hits = candidates.join(labels.lazy(), on=["customer", "article"], how="semi")
    lists[UNION] = hits.collect(engine="streaming")
    shards = (read_candidates(run, fold, tuned.sources, [i]) for i in range(len(run.shards(fold))))
    lists[FUSION] = pl.concat(top_and_hits(tuned.fusion.fuse(each, length).lazy(), labels, k) for each in shards)
    # The first k are exactly those of holdout/submission.csv; the ranks after them are for recall.
    lists[FINAL] = top_and_hits(read_ranked(run, fold), labels, k)
    return lists


def top_and_hits(lists: pl.LazyFrame, labels: pl.DataFrame, k: int) -> pl.DataFrame:
    """Of lists (customer, article, rank) the first k ranks, and the hits at any rank; unordered."""
    bought = labels.lazy().with_columns(hit=True)
    with_hits = lists.join(bought, on=["customer", "article"], how="left")
    return with_hits.filter((pl.col("rank") <= k) | pl.col("hit")).drop("hit").collect(engine="streaming")


def oracle_order(candidates: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The bought candidates alone, ranked 1, 2… per customer, which no order can beat: customer, article, rank."""
    hits = candidates.select("customer", "article").unique().join(labels, on=["customer", "article"], how="semi")
    return hits.sort("customer", "article").with_columns(rank=pl.int_range(1, pl.len() + 1).over("customer"))


def holdout_importance(run: Run, tuned: Tuned) -> pd.DataFrame:
    """Importance of the features of the holdout's ranker, on some of the holdout's buyers."""
    fold = run.calendar.holdout
    pairs = LabelledFolds(run).complete(tuned.sources, fold)
    return importance(Ranker.load(run.workspace.ranker(fold)), pairs, run.settings.k, run.settings.seed)


def list_scores(run: Run, lists: dict[str, pl.DataFrame], labels: pl.DataFrame) -> pd.DataFrame:
    """One row per list: MAP@k with its interval, the metrics of SCORED_AT, coverage of the catalogue, recall.

    Recall is pooled over all purchases, at k and RECALL_AT. The union has no order, so it has recall alone.
    """
    k, evaluation = run.settings.k, run.settings.evaluation
    rows = []
    for name, found in lists.items():
        row: dict[str, object] = {"list": name}
        if name != UNION:
            values = LIST_METRICS["MAP"](found, labels, k)["value"].to_numpy()
            ends = interval(values, draws=evaluation.bootstrap_samples, seed=run.settings.seed)
            row |= {metric_name("MAP", k): ends.mean, "low": ends.low, "high": ends.high}
            for metric, depths in SCORED_AT.items():
                row |= {metric_name(metric, n): mean_score(metric, found, labels, n) for n in depths}
            row[f"coverage@{k}"] = coverage(found, len(run.history.articles), k)
        row |= {f"recall@{n}": recall_at(found, labels, n) for n in (k, *RECALL_AT)}
        rows.append(row)
    return pd.DataFrame(rows)


def mean_score(metric: str, found: pl.DataFrame, labels: pl.DataFrame, k: int) -> float:
    """The mean over customers of a metric of LIST_METRICS, such as MAP@k."""
    return float(LIST_METRICS[metric](found, labels, k)["value"].to_numpy().mean())


def next_item_scores(run: Run, tuned: Tuned) -> pd.DataFrame:
    """One row per model: next-item accuracy at k, its interval at 10, and how many events it cannot score.

    Without events an empty table.
    """
    fold, settings = run.calendar.holdout, run.settings
    events = next_item_events(run.history, fold, settings.evaluation.max_events, settings.seed)
    if not len(events):
        return pd.DataFrame({"model": [], "events": []})
    groups, samples = run.history.customer[events], settings.evaluation.bootstrap_samples
    rows = []
    for name, rank in _ranks_by_model(run, tuned, events).items():
        ends = interval(rank <= 10, groups=groups, draws=samples, seed=settings.seed)
        scope = {"low@10": ends.low, "high@10": ends.high, "events": len(events)}
        rows.append({"model": name, **accuracies(rank), **scope, "without score": int(np.isinf(rank).sum())})
    return pd.DataFrame(rows)


def _ranks_by_model(run: Run, tuned: Tuned, events: Ints) -> dict[str, Floats]:
    """Name -> ranks of the events' articles (events,): baselines, sources and their fusion."""
    fold, profiles = run.calendar.holdout, profiles_of(run.history, events)
    ranks: dict[str, Floats] = {}
    for name, source in BASELINES.items():
        ranks[name] = next_item_ranks(source.fit(run.history, fold.as_of), run.history, events)
    lists: dict[str, tuple[Ints, Floats]] = {}
    for name, config in progress(tuned.sources.items(), "next item", unit="source"):
        source = SourceArtifacts.of(run, fold, name, config).fitted()
        ranks[name] = next_item_ranks(source, run.history, events)
        lists[name] = source.top(profiles, run.settings.retrieval.candidates_per_source)
    ranks[FUSION] = fused_ranks(tuned.fusion, lists, run.history, events)
    return ranks


def scores_text(
    run: Run, tables: dict[str, pd.DataFrame], labels: pl.DataFrame, judged: Verdict, oracle: float
) -> str:
    """The tables as they are printed."""
    fold, k, buyers = run.calendar.holdout, run.settings.k, labels["customer"].n_unique()
    scores, few = tables["scores"].set_index("list")[f"MAP@{k}"], few_buyers_text(buyers)
    parts = [
        *([GENERATED] if run.dataset.generated else []),
        str(judged),
        f"Offline scores on the holdout, {fold.as_of} up to {fold.until} (not included): "
        f"{buyers:,} customers who bought {len(labels):,} articles.",
        *([few] if few else []),
        f"MAP@{k} (Kaggle's rule, with a 95 % interval by customer), recall and coverage:",
        table_text(tables["scores"]),
        ceiling_text(scores[FINAL], oracle, k),
    ]
    if len(tables["next_item"]):
        events = tables["next_item"]["events"].iloc[0]
        parts.append(f"Next-item accuracy at k over {events:,} purchases (models fixed at {fold.as_of}):")
        parts.append(table_text(tables["next_item"].drop(columns="events")))
    parts += [
        "The final list by segment:",
        table_text(tables["segments"]),
        f"Importance of the ranker's features (share of the trees' gain; MAP@{k} lost when a feature is shuffled):",
        table_text(tables["importance"].head(IMPORTANCE_SHOWN)),
        calibration_text(tables["calibration"], run.settings.holdout_days),
    ]
    return "\n\n".join(parts)
