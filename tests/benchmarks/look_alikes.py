"""Look-alikes on articles that never sold before the cut-off: who finds them?

Next-item recall@100 on the purchases of the holdout whose article never sold before it, by customers with an
earlier purchase, for every source of the settings (with the settings' own parameters) and for a random order of
look_alikes' candidates. Two ways, since on some data only articles of the holdout have a picture:

    words       without colour and shape, among all candidates
    pictured    with colour and shape, among candidates with a picture (all others are taken out of every list)

Needs the stages `tables` and `content`, which it runs.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from forsys.cli import PROJECT
from forsys.evaluation.next_item import next_item_events, next_item_ranks
from forsys.pipeline import find_data, make_content, make_tables
from forsys.retrieval.registry import class_of, make_source
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.settings import load_settings
from forsys.tables.history import Floats, History, Ints

AT = 100
HOLDOUT_DAYS = 2
NAME = "look_alikes"


def run(data: Path | None) -> pd.DataFrame:
    """One row a model: recall@100 both ways, and its factor above random."""
    home = Run(find_data(data, PROJECT), load_settings(overrides=[f"holdout_days={HOLDOUT_DAYS}"]), PROJECT)
    make_tables(home)
    make_content(home)
    history, fold = home.history, home.calendar.holdout
    events = next_item_events(history, fold)
    sold = history.before(fold.as_of).sales() > 0
    never = events[~sold[history.article[events]]]
    pictured = (pl.read_parquet(home.content / "features.parquet")["picture"] == "ok").to_numpy()
    rows: dict[str, dict[str, object]] = {}
    for name, line in home.settings.retrieval.sources.items():
        blocks = {"colour": 0, "shape": 0} if class_of(name, line).uses_content else {}
        plain = make_source(name, line | blocks).fit(history, fold.as_of)
        rows[name] = {"words": recall(next_item_ranks(plain, history, never))}
        if name == NAME:
            rows["random"] = {"words": chance(plain.catalogue_, history, never)}
    rows |= among_pictured(home, history, never, pictured, rows)
    table = pd.DataFrame([{"model": name, **row} for name, row in rows.items()])
    print(f"{len(events):,} events, {len(never):,} of articles never sold before {fold.as_of}")
    return table


def recall(ranks: Floats) -> float:
    """Share of events whose article is among the AT first."""
    return float((ranks <= AT).mean())


def chance(candidates: Ints, history: History, events: Ints) -> float:
    """What a random order of the candidates finds."""
    return float(np.isin(history.article[events], candidates).mean()) * min(AT / max(len(candidates), 1), 1)
