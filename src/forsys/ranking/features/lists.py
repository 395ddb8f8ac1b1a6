"""Features of the pair's ranks in the lists of the candidate sources."""

import numpy as np

from forsys.ranking.features.group import Columns, FeatureGroup
from forsys.ranking.pairs import Pairs

MEANINGS = {
    "<source>_rank": "rank of the article in the source's list for the customer; unknown where it is not in it",
    "sources": "how many sources found the pair",
    "best_rank": "the best of the sources' ranks",
    "fused_rank": "rank in the fusion of all sources with equal weights",
    "fused_score": "score in the fusion of all sources with equal weights",
}


def build(pairs: Pairs) -> Columns:
    """Which sources found the pair, and at which rank."""
    ranks = np.stack([*pairs.rank.values()])  # (sources, pairs)
    columns: Columns = {f"{name}_rank": rank for name, rank in pairs.rank.items()}
    columns["sources"] = np.count_nonzero(~np.isnan(ranks), axis=0).astype(np.float32)
    columns["best_rank"] = np.fmin.reduce(ranks, axis=0)
    columns["fused_rank"] = pairs.fused_rank.astype(np.float32)
    columns["fused_score"] = pairs.fused_score.astype(np.float32)
    return columns


GROUP = FeatureGroup("lists", MEANINGS, build)
