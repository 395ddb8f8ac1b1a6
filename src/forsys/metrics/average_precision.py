"""Average precision at k, by the rule of Kaggle's H&M competition. The one place where it is computed."""

import numpy as np

from forsys.arrays import Floats, Ints, position_within, ranks_of


def average_precision_at(k: int, group: Ints, rank: Ints | Floats, relevant: Ints | Floats) -> Floats:
    """AP@k of each group, (groups,), float64, from the ranks of its hits.

    The sum of the precision at each hit's rank, divided by min(k, relevant articles); 0 for a group without a hit.
    Hits beyond rank k count nothing.

    group: (hits,) the group of each hit, counted from 0; rank: (hits,) its rank, 1 is the best; both sorted by
    group, rank. relevant: (groups,) how many articles would have been right, at least 1.
    """
    precision = (position_within(group) + 1) / rank
    total = np.bincount(group, np.where(rank <= k, precision, 0.0), len(relevant))
    return np.asarray(total / np.minimum(relevant, k))


def average_precision_by_score(k: int, score: Floats, hit: Ints, group: Ints, relevant: Ints | Floats) -> Floats:
    """The same, (groups,), where the rows of each group are ordered by score, equal ones in the order of the rows.

    score, group: (rows,), the groups counted from 0 and sorted; hit: (hits,) which rows are hits, sorted.
    """
    rank = ranks_of(hit, score, group)
    order = np.lexsort((rank, group[hit]))
    return average_precision_at(k, group[hit[order]], rank[order], relevant)
