"""Offline scores on the holdout: every source, the simple baselines and the final list, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl

from forsys.evaluation.baselines import BASELINES
from forsys.evaluation.bootstrap import interval
from forsys.evaluation.metrics import average_precision, coverage, recall_at, top_k_accuracy
from forsys.evaluation.next_item import fused_ranks, next_item_events, next_item_ranks
from forsys.evaluation.segments import segment_scores
from forsys.progress import progress
from forsys.ranking.explain import importance
from forsys.ranking.ranker import Ranker
from forsys.ranking.training_set import LabelledWeeks
from forsys.retrieval.tuning import Tuned
from forsys.schema import LIST_LENGTH
from forsys.store import whole, write_json
from forsys.tables.history import Floats, Ints

if TYPE_CHECKING:
    from forsys.run import Run

FUSION = "fusion of all sources"
FINAL = "final list (ranker)"
UNION = "all sources together"
RECALL_AT = (12, 50, 100)
IMPORTANCE_SHOWN = 10
NEXT_ITEM_AT = (1, 5, 10, 12, 50, 100)
GENERATED = "GENERATED DATA: these are scores of a made-up shop, not of Kaggle's or anybody's."


def evaluate_holdout(run: "Run", tuned: Tuned, folder: Path) -> str:
    """Score the holdout; write scores, next_item and segments as CSV and JSON; return the tables as text."""
    lists = holdout_lists(run, tuned)
    labels = run.labels(run.calendar.holdout)
    tables = {
        "scores": list_scores(run, lists, labels),
        "next_item": next_item_scores(run, tuned),
        "segments": segment_scores(run, lists[FINAL], labels, LIST_LENGTH),
        "importance": importance_of(run, tuned),
    }
    oracle = mean_average_precision(perfect(lists[UNION], labels), labels, LIST_LENGTH)
    text = as_text(run, tables, labels, oracle)
    (folder / "scores.json").unlink(missing_ok=True)  # it vouches for the others, which change now
    for name, table in tables.items():
        with whole(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with whole(folder / "scores.txt") as part:
        part.write_text(text + "\n", encoding="utf-8")
    facts = {
        "data": run.dataset.name,
        "generated": run.dataset.generated,
        "holdout": [str(run.calendar.holdout.as_of), str(run.calendar.holdout.until)],
        "perfect_order_of_the_candidates": oracle,
        **{name: _records(table) for name, table in tables.items()},
    }
    write_json(facts, folder / "scores.json")
    return text


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows for JSON, which knows null and no NaN."""
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def holdout_lists(run: "Run", tuned: Tuned) -> dict[str, pl.DataFrame]:
    """Lists of the holdout's buyers, as much of them as scores read: baselines, sources, union, the final one.

    That is the first LIST_LENGTH places, and what was bought at any place; of the union only what was bought. With
    all of 57 million candidates in memory it took 15 GiB.
    """
    fold = run.calendar.holdout
    labels = run.labels(fold)
    profiles = run.history.profiles(run.listed(fold), fold.as_of)
    lists = {
        name: read(source.fit(run.history, fold.as_of).recommend(profiles, max(RECALL_AT)).lazy(), labels)
        for name, source in BASELINES.items()
    }
    held = run.candidates(fold, tuned.sources)
    for name in tuned.sources:
        lists[name] = read(held.filter(pl.col("source") == name), labels)
    lists[UNION] = held.join(labels.lazy(), on=["customer", "article"], how="semi").collect(engine="streaming")
    shards = (run.candidates(fold, tuned.sources, [i]) for i in range(len(run.shards(fold))))
    lists[FUSION] = pl.concat(read(tuned.fusion.fuse(each, max(RECALL_AT)).lazy(), labels) for each in shards)
    # The first 12 are exactly those of holdout/submission.csv; the rest show what stands behind them.
    lists[FINAL] = read(run.ranked_candidates(fold), labels)
    return lists


def read(lists: pl.LazyFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Of lists (customer, article, rank) the first LIST_LENGTH places, and what was bought at any; unordered."""
    bought = labels.lazy().with_columns(hit=True)
    with_hits = lists.join(bought, on=["customer", "article"], how="left")
    return with_hits.filter((pl.col("rank") <= LIST_LENGTH) | pl.col("hit")).drop("hit").collect(engine="streaming")


def perfect(candidates: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The best order of the candidates that there is, what was bought first: customer, article, rank; only that."""
    hits = candidates.select("customer", "article").unique().join(labels, on=["customer", "article"], how="semi")
    return hits.sort("customer", "article").with_columns(rank=pl.int_range(1, pl.len() + 1).over("customer"))


def share_of_perfect(final: float, oracle: float) -> str:
    """What an order of the candidates could reach, in words."""
    share = f", of which the final list reaches {final / oracle:.0%}" if oracle else ""
    return f"A perfect order of the candidates would give MAP@{LIST_LENGTH} {oracle:.4f}{share}."


def importance_of(run: "Run", tuned: Tuned) -> pd.DataFrame:
    """What the holdout's ranker looks at, and what it loses without it on some of its buyers, see `held`."""
    fold = run.calendar.holdout
    held = LabelledWeeks(run).held(tuned.sources, fold)
    return importance(Ranker.load(run.out / "rankers" / str(fold.as_of)), held, run.settings.seed)


def list_scores(run: "Run", lists: dict[str, pl.DataFrame], labels: pl.DataFrame) -> pd.DataFrame:
    """One row a list: MAP@12 with its interval, MAP@1, 5 and 10, recall@k, coverage of the catalogue."""
    rows = []
    for name, found in lists.items():
        row: dict[str, object] = {"list": name}
        if name != UNION:  # a union has no order
            values = average_precision(found, labels, LIST_LENGTH)["average_precision"].to_numpy()
            spread = interval(values, draws=run.settings.evaluation.draws, seed=run.settings.seed)
            row |= {"MAP@12": spread.mean, "low": spread.low, "high": spread.high}
            row |= {f"MAP@{k}": mean_average_precision(found, labels, k) for k in (1, 5, 10)}
            row["coverage@12"] = coverage(found, len(run.history.articles), LIST_LENGTH)
        row |= {f"recall@{k}": recall_at(found, labels, k) for k in RECALL_AT}
        rows.append(row)
    return pd.DataFrame(rows)


def mean_average_precision(found: pl.DataFrame, labels: pl.DataFrame, k: int) -> float:
    """MAP@k over the customers who bought."""
    return float(average_precision(found, labels, k)["average_precision"].to_numpy().mean())


def next_item_scores(run: "Run", tuned: Tuned) -> pd.DataFrame:
    """One row a model: next-item accuracy at k, its interval at 10, and how many targets it cannot score."""
    fold = run.calendar.holdout
    events = next_item_events(run.history, fold, run.settings.evaluation.events, run.settings.seed)
    if not len(events):
        return pd.DataFrame({"model": [], "events": []})
    ranks: dict[str, Floats] = {}
    for name, source in BASELINES.items():
        ranks[name] = next_item_ranks(source.fit(run.history, fold.as_of), run.history, events)
    lists: dict[str, tuple[Ints, Floats]] = {}
    profiles = run.history.event_profiles(events)
    for name, line in progress(tuned.sources.items(), "next item", unit="source"):
        source = run.shelf(fold, name, line).source
        ranks[name] = next_item_ranks(source, run.history, events)
        lists[name] = source.top(profiles, run.settings.retrieval.candidates)
    ranks[FUSION] = fused_ranks(tuned.fusion, lists, run.history, events)
    groups = run.history.customer[events]
    rows = []
    for name, rank in ranks.items():
        spread = interval(rank <= 10, groups=groups, draws=run.settings.evaluation.draws, seed=run.settings.seed)
        accuracy = {f"@{k}": value for k, value in top_k_accuracy(rank, NEXT_ITEM_AT).items()}
        scope = {"low@10": spread.low, "high@10": spread.high, "events": len(events)}
        rows.append({"model": name, **accuracy, **scope, "without score": int(np.isinf(rank).sum())})
    return pd.DataFrame(rows)


def as_text(run: "Run", tables: dict[str, pd.DataFrame], labels: pl.DataFrame, oracle: float) -> str:
    """The tables as they are printed."""
    fold = run.calendar.holdout
    customers = labels["customer"].n_unique()
    heading = (
        f"Offline scores on the holdout, {fold.as_of} up to {fold.until} (not included): "
        f"{customers:,} customers who bought {len(labels):,} articles."
    )
    parts = [*([GENERATED] if run.dataset.generated else []), heading]
    parts.append("MAP@12 (Kaggle's rule, with a 95 % interval by customer), recall and coverage:")
    parts.append(show(tables["scores"]))
    scores = tables["scores"].set_index("list")[f"MAP@{LIST_LENGTH}"]
    parts.append(share_of_perfect(scores[FINAL], oracle))
    if len(tables["next_item"]):
        events = tables["next_item"]["events"].iloc[0]
        parts.append(f"Next-item accuracy at k over {events:,} purchases (models fixed at {fold.as_of}):")
        parts.append(show(tables["next_item"].drop(columns="events")))
    parts.append("The final list by segment:")
    parts.append(show(tables["segments"]))
    parts.append("What the ranker looks at (share of the trees' gain; MAP@12 lost where it is shuffled):")
    parts.append(show(tables["importance"].head(IMPORTANCE_SHOWN)))
    return "\n\n".join(parts)


def show(table: pd.DataFrame) -> str:
    """A table for a terminal: four decimals, blanks where there is no value."""
    return table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4f}")
