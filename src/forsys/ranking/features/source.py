"""The candidate sources: which of them found the pair, at which place, and what every one of them says of it."""

from datetime import date

import numpy as np

from forsys.ranking.features.group import Columns, feature_group
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

LIST_MEANINGS = {
    "<source>_rank": "rank of the article in the source's list for the customer; unknown where it is not in it",
    "sources": "how many sources found the pair",
    "best_rank": "the best of those ranks",
    "fused_rank": "rank in the fusion of all sources with equal weights",
    "fused_score": "score in that fusion",
}


@feature_group("lists", LIST_MEANINGS)
def list_features(pairs: Pairs, _history: History, _as_of: date) -> Columns:
    """What the lists of candidates say."""
    ranks = np.stack([*pairs.rank.values()])  # (sources, pairs)
    columns: Columns = {f"{name}_rank": rank for name, rank in pairs.rank.items()}
    columns["sources"] = np.count_nonzero(~np.isnan(ranks), axis=0).astype(np.float32)
    columns["best_rank"] = np.fmin.reduce(ranks, axis=0)
    columns["fused_rank"] = pairs.fused_rank.astype(np.float32)
    columns["fused_score"] = pairs.fused_score.astype(np.float32)
    return columns


SCORE_MEANINGS = {
    "<source>_score": "the source's own score of the pair, whether or not it is in its list",
    "<source>_behind": "by how much that is below the head of the source's list for the customer",
}


@feature_group("scores", SCORE_MEANINGS)
def score_features(pairs: Pairs, _history: History, _as_of: date) -> Columns:
    """Every source scores every pair; NaN where it has no opinion."""
    columns: Columns = {}
    for name in pairs.rank:
        score = pairs.source(name).score(pairs.profiles, pairs.row, pairs.article).astype(np.float32)
        score[np.isneginf(score)] = np.nan
        columns[f"{name}_score"] = score
        columns[f"{name}_behind"] = pairs.best[name][pairs.row] - score
    return columns
