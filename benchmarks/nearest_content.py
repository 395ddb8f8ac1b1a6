"""Content kNN on articles that never sold before the cut-off: which source finds them?

Next-item recall@100 on the purchases of the holdout whose article never sold before it, by customers with an
earlier purchase, for every source of the settings and for a random order of the candidates of content kNN.
Measured in two ways, since on some data only articles of the holdout have a picture:

    words       without colour and shape, among all candidates
    pictured    with colour and shape (and once without), among candidates with a picture: all others are removed
                from the list. Where few new articles have one, content kNN does not use these pictures

Runs the stages `tables` and `content`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from forsys.arrays import Ints
from forsys.evaluation.next_item_accuracy import next_item_ranks
from forsys.opening import open_run
from forsys.retrieval.nearest_content import NearestContent
from forsys.retrieval.registry import make_source, source_class
from forsys.retrieval.source import Source
from forsys.stages import run_stage
from forsys.tables.events import next_item_events
from forsys.tables.history import History

AT = 100
DEPTH = 5_000  # of a list, before articles without a picture are removed from it
HOLDOUT_DAYS = 2


def run(data: Path | None) -> pd.DataFrame:
    """One row per model: recall@100 in both ways; NaN where there are no pictures."""
    opened = open_run(data, overrides=[f"holdout_days={HOLDOUT_DAYS}"])
    for stage in ("tables", "content"):
        run_stage(opened, stage)
    history, fold = opened.history, opened.calendar.holdout
    events = next_item_events(history, fold)
    never = events[~history.sold_before(fold.as_of)[history.article[events]]]
    print(f"{len(events):,} events, {len(never):,} of articles never sold before {fold.as_of}")
    pictured = history.articles["colour"].is_not_null().to_numpy()
    rows = []
    for name, config in opened.settings.retrieval.sources.items():
        by_content = source_class(name, config) is NearestContent
        blind = {"colour_weight": 0, "shape_weight": 0} if by_content else {}
        source = make_source(name, config | blind).fit(history, fold.as_of)
        row = {"model": name, "words": float((next_item_ranks(source, history, never) <= AT).mean())}
        if not by_content:  # it scores no article that never sold, with or without a picture
            rows.append(row | {"pictured": row["words"]})
            continue
        with_pictures = make_source(name, config).fit(history, fold.as_of)
        row |= {"pictured, words only": recall_among(source, pictured, history, never)}
        rows.append(row | {"pictured": recall_among(with_pictures, pictured, history, never)})
        shown = np.flatnonzero(pictured[source.catalogue_])
        chances = (
            chance(candidates, history, never) for candidates in (source.catalogue_, source.catalogue_[shown])
        )
        rows.append(
            {"model": f"random order of {name}'s", **dict(zip(("words", "pictured"), chances, strict=True))}
        )
    return pd.DataFrame(rows)


def recall_among(source: Source, allowed: npt.NDArray[np.bool_], history: History, events: Ints) -> float:
    """Recall@AT where the source's lists contain only the allowed articles."""
    article, _ = source.top(history.event_profiles(events), DEPTH)
    kept = (article >= 0) & allowed[article]
    rank = np.cumsum(kept, axis=1)
    hit = kept & (rank <= AT) & (article == history.article[events][:, None])
    return float(hit.any(axis=1).mean())


def chance(candidates: Ints, history: History, events: Ints) -> float:
    """Expected recall@AT of a random order of the candidates."""
    return float(np.isin(history.article[events], candidates).mean()) * min(AT / max(len(candidates), 1), 1)
