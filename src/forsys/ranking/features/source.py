"""The candidate sources: which of them found the pair, at which place of their list and with which score."""

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
    "<source>_score": "the source's own score of the pair; unknown where it is not in its list",
    "<source>_behind": "by how much that is below the head of the source's list for the customer",
}


@feature_group("scores", SCORE_MEANINGS)
def score_features(pairs: Pairs, _history: History, _as_of: date) -> Columns:
    """The scores in the lists.

    To ask every source about every pair took more than half of the ranker's time, and MAP@12 was lower by .0011
    (-.0009 to .0032 on the 6 weeks before the generated sample's holdout).
    """
    columns: Columns = {}
    for name, score in pairs.score.items():
        columns[f"{name}_score"] = score
        columns[f"{name}_behind"] = pairs.best[name][pairs.row] - score
    return columns
