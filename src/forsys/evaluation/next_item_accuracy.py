"""Next-item accuracy: is the article of a purchase among the k best, given the purchases before it?"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Floats, Ints, pick
from forsys.calendar import Fold, day_number
from forsys.metrics.lists import mean_rank, top_k_accuracy
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.source import Source, candidate_table
from forsys.tables.history import History, Profiles

ACCURACY_AT = (1, 5, 10, 12, 50, 100)  # the k of every table of next-item accuracy
EVENT_CANDIDATES = 4_000_000  # candidates fused at a time
MAX_PURCHASES = 2_000  # before an event that are read, the newest; Kaggle's largest customer has fewer


def next_item_events(history: History, fold: Fold, max_events: int | None = None, seed: int = 0) -> Ints:
    """Rows of `history` to predict, sorted: purchases in the fold by customers with an earlier purchase.

    Units of one article on a day are one event (History merges them). At most `max_events`, sampled with `seed`.
    """
    in_fold = (history.day >= day_number(fold.as_of)) & (history.day < day_number(fold.until))
    has_earlier = np.arange(len(history)) > history.first[history.customer]
    events = np.flatnonzero(in_fold & has_earlier)
    if max_events is not None and len(events) > max_events:
        events = np.sort(np.random.default_rng(seed).choice(events, max_events, replace=False))
    return events


def profiles_of(history: History, events: Ints) -> Profiles:
    """What the buyer of each event had bought before it, of the newest MAX_PURCHASES.

    All events of a customer are in memory at once: 5,000 of one with 50,000 purchases would take some 10 GiB.
    """
    profiles = history.event_profiles(events)
    return replace(profiles, start=np.maximum(profiles.start, profiles.stop - MAX_PURCHASES))


def accuracies(ranks: Floats) -> dict[str, float]:
    """Columns of a table: "@k" -> share of the events whose rank is at most k."""
    return {f"@{k}": value for k, value in top_k_accuracy(ranks, ACCURACY_AT).items()}


def next_item_ranks(source: Source, history: History, events: Ints) -> Floats:
    """Rank of each event's article among all that the fitted `source` can score, float64, shape (events,).

    Ties count against the model: the mean rank among equals. An article without a score has rank inf.
    """
    profiles = profiles_of(history, events)
    column = source.columns(history.article[events])
    ranks = np.full(len(events), np.inf)
    for rows, scores in source.in_blocks(profiles):
        known = np.flatnonzero(column[rows] >= 0)
        targets = column[rows][known]
        if isinstance(scores, np.ndarray):
            ranks[rows.start + known] = mean_rank(scores[known], targets)
        else:
            ranks[rows.start + known] = sparse_mean_rank(scores[known], targets)
    return ranks


def sparse_mean_rank(scores: sparse.csr_array, targets: Ints) -> Floats:
    """`metrics.lists.mean_rank` among the stored scores of each row; inf where the target's is not stored."""
    own = pick(scores, np.arange(len(targets)), targets)
    row = np.repeat(np.arange(len(targets)), np.diff(scores.indptr))
    greater = np.bincount(row, weights=scores.data > own[row], minlength=len(targets))
    equal = np.bincount(row, weights=scores.data == own[row], minlength=len(targets))  # the target included
    return np.where(np.isneginf(own), np.inf, greater + (equal + 1) / 2)


def fused_ranks(fusion: Fusion, lists: Mapping[str, tuple[Ints, Floats]], history: History, events: Ints) -> Floats:
    """Rank of each event's article in the fusion of the sources' lists; inf where it is in none, (events,).

    lists: source -> what its `Source.top` returned for the events' profiles.
    """
    ranks = np.full(len(events), np.inf)
    length = sum(article.shape[1] for article, _ in lists.values())
    step = max(EVENT_CANDIDATES // length, 1)
    for start in range(0, len(events), step):
        rows = slice(start, min(start + step, len(events)))
        event = np.arange(rows.start, rows.stop, dtype=np.int32)
        candidates = pl.concat(
            candidate_table(event, article[rows], score[rows]).lazy().with_columns(source=pl.lit(name))
            for name, (article, score) in lists.items()
        )
        targets = pl.DataFrame({"customer": event, "article": history.article[events[rows]]})
        fused = fusion.fuse(candidates, length).with_columns(
            mean=pl.col("score").rank("average", descending=True).over("customer")
        )
        found = targets.join(fused, on=["customer", "article"], how="inner")
        ranks[found["customer"].to_numpy()] = found["mean"].to_numpy()
    return ranks
