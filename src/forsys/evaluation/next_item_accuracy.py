"""Next-item accuracy: is the article of a purchase among the k best, given the purchases before it?"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Bools, Floats, Ints, Scores, top_k
from forsys.metrics.lists import mean_rank, top_k_accuracy
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.source import Source, candidate_table
from forsys.tables.events import profiles_of
from forsys.tables.history import History

ACCURACY_AT = (1, 5, 10, 12, 50, 100)  # the k of every table of next-item accuracy
EVENT_CANDIDATES = 4_000_000  # candidates fused at a time


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
        ranks[rows] = _ranks_of(column[rows], scores)
    return ranks


def ranks_and_lists(source: Source, history: History, events: Ints, k: int) -> tuple[Floats, tuple[Ints, Floats]]:
    """`next_item_ranks`, and the k best articles with their scores as of `Source.top`, of the same scores."""
    profiles = profiles_of(history, events)
    column = source.columns(history.article[events])
    ranks = np.full(len(events), np.inf)
    article, score = np.full((len(events), k), -1, np.int32), np.full((len(events), k), -np.inf, np.float32)
    for rows, scores in source.in_blocks(profiles):
        ranks[rows] = _ranks_of(column[rows], scores)
        best, score[rows] = top_k(scores, k)
        article[rows] = source.articles(best)
    return ranks, (article, score)


def _ranks_of(column: Ints, scores: Scores) -> Floats:
    """The mean rank of the given column of each row of the scores; inf for column -1."""
    ranks, known = np.full(len(column), np.inf), np.flatnonzero(column >= 0)
    rank = mean_rank if isinstance(scores, np.ndarray) else sparse_mean_rank
    ranks[known] = rank(scores[known], column[known])  # type: ignore[arg-type]
    return ranks


def sparse_mean_rank(scores: sparse.csr_array, targets: Ints) -> Floats:
    """`metrics.lists.mean_rank` among the stored scores of each row; inf where the target's is not stored."""
    row = np.repeat(np.arange(len(targets)), np.diff(scores.indptr))
    return mean_ranks_within(scores.data, row, scores.indices == targets[row], len(targets))


def mean_ranks_within(score: Floats, row: Ints, hit: Bools, rows: int) -> Floats:
    """Rank of the hit of each row among its candidates, ties sharing their mean rank; inf without a hit: (rows,).

    score, row, hit: of each candidate; at most one hit a row.
    """
    own = np.full(rows, -np.inf)
    own[row[hit]] = score[hit]
    greater = np.bincount(row, weights=score > own[row], minlength=rows)
    equal = np.bincount(row, weights=score == own[row], minlength=rows)  # the hit included
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
