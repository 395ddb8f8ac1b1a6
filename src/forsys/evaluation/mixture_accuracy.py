"""Next-item accuracy of a mixture, and what its candidates hold."""

from typing import Any

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.evaluation.next_item_accuracy import mean_ranks_within
from forsys.retrieval.mixture import Mixture
from forsys.retrieval.mixture_learning import bought_next
from forsys.tables.events import profiles_of
from forsys.tables.history import History

Rows = list[dict[str, Any]]


def mixture_ranks(source: Mixture, history: History, events: Ints) -> tuple[Floats, Rows]:
    """Rank of each event's article, as `next_item_ranks`, and the rows of `held`."""
    profiles, target = profiles_of(history, events), history.article[events]
    ranks, size, proposed, names = np.full(len(events), np.inf), 0, [], []
    for rows in source.blocks(profiles):
        problem = source.problem(profiles[rows])
        candidates = problem.candidates
        hit = bought_next(candidates, target[rows])
        ranks[rows] = mean_ranks_within(source.order(problem), candidates.row, hit, rows.stop - rows.start)
        size += len(candidates)
        proposed.append(candidates.proposed[hit])
        names = candidates.names
    return ranks, held(names, np.concatenate(proposed), size, len(events))


def held(names: list[str], proposed: Floats, size: int, events: int) -> Rows:
    """Recall of the candidates: of all scores together, then of each, and of what only that one proposes.

    proposed: (events' articles found, names), by which scores. size: candidates of all events.
    """
    alone = proposed.sum(axis=1) == 1
    whole = {"candidates of": f"all, {size / events:.0f} per event", "recall": len(proposed) / events}
    return [whole] + [
        {
            "candidates of": name,
            "recall": float(own.sum() / events),
            "of no other": float((own & alone).sum() / events),
        }
        for name, own in zip(names, proposed.T, strict=True)
    ]
