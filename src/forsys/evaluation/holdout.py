"""Offline scores on the holdout: every source, the simple baselines and the final list, side by side."""

from typing import Any

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
    next_item_ranks,
    ranks_and_lists,
)
from forsys.evaluation.per_customer import customer_scores, event_ranks
from forsys.evaluation.popularity import popularity
from forsys.evaluation.records import records
from forsys.evaluation.segments import segment_scores
from forsys.evaluation.source_recall import source_recall
from forsys.evaluation.text import ceiling_text, few_buyers_text, table_text
from forsys.evaluation.verdict import verdict
from forsys.metrics.lists import average_precision, coverage, recall_at
from forsys.progress import progress, terminal_width
from forsys.ranking.explain import importance
from forsys.ranking.ordering import read_ranked
from forsys.ranking.ranker import Ranker
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned
from forsys.remote import delete
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.store import atomic_write, read_json, write_json, write_parquet, write_text
from forsys.tables.events import next_item_events

SCORED_AT = (1, 5, 10)  # of MAP, beside settings.k
RECALL_AT = (50, 100)  # of recall, beside settings.k
IMPORTANCE_SHOWN = 10


def evaluate_holdout(run: Run) -> None:
    """Score the holdout and write its tables as CSV, all of them as JSON and as text.

    Beside them customers.parquet and next_item_ranks.parquet: what single customers and purchases give. Raises
    DataError where nothing is tuned yet, or where candidates or ranked lists are missing.
    """
    tuned, fold, settings = Tuned.read(run.workspace.tuned), run.calendar.holdout, run.settings
    lists, labels = holdout_lists(run, tuned), run.labels(fold)
    events = next_item_events(run.history, fold, settings.evaluation.max_events, settings.seed)
    ranks = ranks_by_model(run, tuned, events) if len(events) else {}
    tables = {
        "scores": list_scores(run, lists, labels),
        "next_item": next_item_scores(run, events, ranks),
        "segments": segment_scores(run, lists[FINAL], labels, settings.k),
        "importance": holdout_importance(run, tuned),
        "calibration": holdout_calibration(run, tuned),
        "sources": source_recall(lists[UNION], labels, list(tuned.sources)),
    }
    judged = verdict(lists, labels, settings.k, run.bootstrap)
    shown = {name: lists[name] for name in (FINAL, judged.baseline)}
    tables["popularity"] = popularity(run, shown, labels)
    oracle = oracle_order(lists[UNION], labels)
    summary = {
        "data": run.dataset.name,
        "generated": run.dataset.generated,
        "holdout": [str(fold.as_of), str(fold.until)],
        "customers": labels["customer"].n_unique(),
        "purchases": len(labels),
        "verdict": judged.as_json(),
        "oracle_order_of_the_candidates": mean_average_precision(oracle, labels, settings.k),
    }
    folder = run.workspace.evaluation
    delete(folder / "scores.json")  # written last: where it exists, the others belong to it
    for name, table in tables.items():
        with atomic_write(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    write_parquet(customer_scores(run, lists[FINAL], labels), folder / "customers.parquet")
    write_parquet(event_ranks(run, events, ranks), folder / "next_item_ranks.parquet")
    write_text(_text(run, summary, tables) + "\n", folder / "scores.txt")
    write_json(summary | {name: records(table) for name, table in tables.items()}, folder / "scores.json")


def scores_text(run: Run) -> str:
    """What `evaluate` has found, as it is printed: tables fitted to the terminal, the best first."""
    folder, names = run.workspace.evaluation, ("scores", "next_item", "segments", "importance", "calibration")
    tables = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""]) for name in names}
    return _text(run, read_json(folder / "scores.json"), tables, terminal_width())


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
    """One row per list: MAP@k with its interval, MAP at SCORED_AT, coverage of the catalogue, recall.

    Recall is pooled over all purchases, at k and RECALL_AT. The union has no order, so it has recall alone.
    """
    k, rows = run.settings.k, []
    for name, found in lists.items():
        row: dict[str, object] = {"list": name}
        if name != UNION:
            values = average_precision(found, labels, k)["average_precision"].to_numpy()
            ends = run.bootstrap.interval(values)
            row |= {f"MAP@{k}": ends.mean, "low": ends.low, "high": ends.high}
            row |= {f"MAP@{n}": mean_average_precision(found, labels, n) for n in SCORED_AT}
            row[f"coverage@{k}"] = coverage(found, len(run.history.articles), k)
        row |= {f"recall@{n}": recall_at(found, labels, n) for n in (k, *RECALL_AT)}
        rows.append(row)
    return pd.DataFrame(rows)


def mean_average_precision(found: pl.DataFrame, labels: pl.DataFrame, k: int) -> float:
    """MAP@k: the mean over customers of the average precision."""
    return float(average_precision(found, labels, k)["average_precision"].to_numpy().mean())


def next_item_scores(run: Run, events: Ints, ranks: dict[str, Floats]) -> pd.DataFrame:
    """One row per model: next-item accuracy at k, its interval at 10, and how many events it cannot score.

    ranks: as of `ranks_by_model`. Without events an empty table.
    """
    customers, rows = run.history.customer[events], []
    for name, rank in ranks.items():
        ends = run.bootstrap.interval(rank <= 10, customers)
        scope = {"low@10": ends.low, "high@10": ends.high, "events": len(events)}
        rows.append({"model": name, **accuracies(rank), **scope, "without score": int(np.isinf(rank).sum())})
    return pd.DataFrame(rows) if rows else pd.DataFrame({"model": [], "events": []})


def ranks_by_model(run: Run, tuned: Tuned, events: Ints) -> dict[str, Floats]:
    """Name -> ranks of the events' articles (events,): baselines, sources and their fusion."""
    fold, count = run.calendar.holdout, run.settings.retrieval.candidates_per_source
    ranks: dict[str, Floats] = {}
    for name, source in BASELINES.items():
        ranks[name] = next_item_ranks(source.fit(run.history, fold.as_of), run.history, events)
    lists: dict[str, tuple[Ints, Floats]] = {}
    for name, config in progress(tuned.sources.items(), "next item", unit="source"):
        source = SourceArtifacts.of(run, fold, name, config).fitted()
        ranks[name], lists[name] = ranks_and_lists(source, run.history, events, count)
    ranks[FUSION] = fused_ranks(tuned.fusion, lists, run.history, events)
    return ranks


def _text(run: Run, found: dict[str, Any], tables: dict[str, pd.DataFrame], width: int | None = None) -> str:
    k, customers, (as_of, until) = run.settings.k, found["customers"], found["holdout"]
    scores, next_item = tables["scores"], tables["next_item"]
    few, final = few_buyers_text(customers), scores.set_index("list")[f"MAP@{k}"][FINAL]
    parts = [
        *([GENERATED] if found["generated"] else []),
        found["verdict"]["text"],
        f"Offline scores on the holdout, {as_of} up to {until} (not included): "
        f"{customers:,} customers who bought {found['purchases']:,} articles.",
        *([few] if few else []),
        f"MAP@{k} (Kaggle's rule, with a 95 % interval by customer), recall and coverage:",
        table_text(scores.sort_values(f"MAP@{k}", ascending=False, kind="stable"), width),
        ceiling_text(final, found["oracle_order_of_the_candidates"], k),
    ]
    if len(next_item):
        events = next_item["events"].iloc[0]
        parts.append(f"Next-item accuracy at k over {events:,} purchases (models fixed at {as_of}):")
        shown = next_item.drop(columns="events").sort_values("@12", ascending=False, kind="stable")
        parts.append(table_text(shown, width))
    parts += [
        "The final list by segment:",
        table_text(tables["segments"], width),
        f"Importance of the ranker's features (share of the trees' gain; MAP@{k} that the final list loses when a "
        "feature is shuffled):",
        table_text(tables["importance"].head(IMPORTANCE_SHOWN), width),
        calibration_text(tables["calibration"], run.settings.holdout_days),
    ]
    return "\n\n".join(parts)
