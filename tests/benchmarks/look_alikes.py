"""Look-alikes on articles that never sold before the cut-off: who finds them?

Next-item recall@100 on the purchases of the holdout whose article never sold before it, by customers with an
earlier purchase, for every source of the settings (with the settings' own parameters) and for a random order of
look_alikes' candidates. Two ways, since on some data only articles of the holdout have a picture:

    words       without colour and shape, among all candidates
    pictured    with colour and shape (and once without), among candidates with a picture: all others are taken
                out of the list

Needs the stages `tables` and `content`, which it runs.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from forsys.cli import PROJECT
from forsys.evaluation.next_item import next_item_events, next_item_ranks
from forsys.pipeline import find_data, make_content, make_tables
from forsys.retrieval.look_alikes import LookAlikes
from forsys.retrieval.registry import class_of, make_source
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.settings import load_settings
from forsys.tables.history import History, Ints

AT = 100
DEPTH = 5_000  # of a list, before articles without a picture are taken out of it
HOLDOUT_DAYS = 2


def run(data: Path | None) -> pd.DataFrame:
    """One row a model: recall@100 both ways; nan where there are no pictures."""
    home = Run(find_data(data, PROJECT), load_settings(overrides=[f"holdout_days={HOLDOUT_DAYS}"]), PROJECT)
    make_tables(home)
    make_content(home)
    history, fold = home.history, home.calendar.holdout
    events = next_item_events(history, fold)
    never = events[(history.before(fold.as_of).sales() == 0)[history.article[events]]]
    print(f"{len(events):,} events, {len(never):,} of articles never sold before {fold.as_of}")
    pictured = history.articles["colour"].is_not_null().to_numpy()
    rows = []
    for name, line in home.settings.retrieval.sources.items():
        blind = line | ({"colour": 0, "shape": 0} if class_of(name, line) is LookAlikes else {})
        source = make_source(name, blind).fit(history, fold.as_of)
        row = {"model": name, "words": float((next_item_ranks(source, history, never) <= AT).mean())}
        if blind == line:  # knows no article that never sold: neither way can find one
            rows.append(row | {"pictured": row["words"]})
            continue
        seeing = make_source(name, line).fit(history, fold.as_of)
        row |= {"pictured, words only": recall_among(source, pictured, history, never)}
        rows.append(row | {"pictured": recall_among(seeing, pictured, history, never)})
        shown = np.flatnonzero(pictured[source.catalogue_])
        chances = (
            chance(candidates, history, never) for candidates in (source.catalogue_, source.catalogue_[shown])
        )
        rows.append(
            {"model": f"random order of {name}'s", **dict(zip(("words", "pictured"), chances, strict=True))}
        )
    return pd.DataFrame(rows)


def recall_among(source: Source, allowed: npt.NDArray[np.bool_], history: History, events: Ints) -> float:
    """Recall@AT where only the allowed articles stand in the source's lists."""
    article, _ = source.top(history.event_profiles(events), DEPTH)
    kept = (article >= 0) & allowed[article]
    place = np.cumsum(kept, axis=1)
    hit = kept & (place <= AT) & (article == history.article[events][:, None])
    return float(hit.any(axis=1).mean())


def chance(candidates: Ints, history: History, events: Ints) -> float:
    """What a random order of the candidates finds."""
    return float(np.isin(history.article[events], candidates).mean()) * min(AT / max(len(candidates), 1), 1)
