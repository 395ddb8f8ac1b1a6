"""The ranker's features: pairs a second of `forsys.ranking.features.build`, all groups together and each alone.

The pairs are those of all customers of a generated shop at its submission. What is known of every article is worked
out once a cut-off and kept, so it is in no time here. `bought_before` stands against the same columns by pandas: at
each level of likeness, the log grouped by customer and value, and merged to the pairs. The best of RUNS counts, the
two in turn.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks._compared import compared, fewest_seconds
from benchmarks._made import everyones_pairs, made_run
from forsys.attributes import codes
from forsys.calendar import day_number
from forsys.ranking.features import build
from forsys.ranking.features.pair import LIKE
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

CUSTOMERS, RUNS = 2_000, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row for all groups, and one a group."""
    del data
    with TemporaryDirectory() as folder:
        home = made_run(Path(folder), CUSTOMERS)
        history, fold, groups = home.history, home.calendar.submission, home.settings.ranking.features
        pairs = everyones_pairs(home)
        make = partial(build, pairs, history, fold.as_of)
        make(groups)  # what is worked out once a cut-off
        tables = []
        for name, chosen in {"all groups": groups, **{group: [group] for group in groups}}.items():
            ways: dict[str, Callable[[], object]] = {"forsys": partial(make, chosen)}
            if name == "bought_before":
                ways["pandas groupby, merge"] = partial(merged, *frames(pairs, history, fold.as_of))
            tables.append(compared(f"features, {name}", "pairs", len(pairs), fewest_seconds(ways, RUNS)))
    return pd.concat(tables)


def frames(pairs: Pairs, history: History, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs and the log before `as_of` with the code of each level of likeness; the log's ages in days."""
    log = history.before(as_of)
    levels = {like: codes(history, attribute) for like, attribute in LIKE.items()}
    wanted = {like: code[pairs.article] for like, code in levels.items()}
    bought = {like: code[log.article] for like, code in levels.items()}
    age = day_number(as_of) - log.day
    return (
        pd.DataFrame({"customer": pairs.customer, **wanted}),
        pd.DataFrame({"customer": log.customer, "age": age, **bought}),
    )


def merged(pairs: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """The columns of `bought_before`, where every code is known."""
    visits = log.groupby("customer")["age"].agg(visits="nunique", last="min").reset_index()
    found = pairs.merge(visits, on="customer", how="left")
    for like in LIKE:
        tally = log.groupby(["customer", like])["age"].agg(times="nunique", newest="min", oldest="max")
        found = found.merge(tally.add_prefix(f"{like}_").reset_index(), on=["customer", like], how="left")
        times, newest = found[f"{like}_times"].fillna(0), found[f"{like}_newest"]
        found[f"{like}_times"] = times
        if like == "article":
            rhythm = ((found["article_oldest"] - newest) / (times - 1)).where(times > 1)
            found["article_rhythm"], found["article_due"] = rhythm, np.log1p(newest) - np.log1p(rhythm)
        else:
            found[f"{like}_share"] = times / found["visits"]
        if like in ("article", "code"):
            found[f"{like}_in_last"] = (newest == found["last"]).astype(float)
    return found
