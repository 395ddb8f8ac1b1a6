"""The ranker's features: pairs per second of `forsys.ranking.features.build`, all groups together and each alone.

The pairs are those of all customers of a generated shop at its submission. The table of all articles is computed
once per cut-off and kept, so no time here contains it. `purchase_history` is compared with the same columns by
pandas: at each level, the log grouped by customer and value, and merged to the pairs. The best of RUNS counts, the
two in turn.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks._compared import compared, fewest_seconds
from benchmarks._made import everyones_pairs, made_run
from forsys.calendar import day_number
from forsys.ranking.features import build
from forsys.ranking.features.purchase_history import HALF_LIVES
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

CUSTOMERS, RUNS = 2_000, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row for all groups, and one per group."""
    del data
    with TemporaryDirectory() as folder:
        home = made_run(Path(folder), CUSTOMERS)
        groups, pairs = home.settings.ranking.features, everyones_pairs(home)
        make = partial(build, pairs)
        make(groups)  # and with it the table of all articles
        tables = []
        for name, chosen in {"all groups": groups, **{group: [group] for group in groups}}.items():
            ways: dict[str, Callable[[], object]] = {"forsys": partial(make, chosen)}
            if name == "purchase_history":
                ways["pandas groupby, merge"] = partial(merged, *frames(pairs))
            tables.append(compared(f"features, {name}", "pairs", len(pairs), fewest_seconds(ways, RUNS)))
    return pd.concat(tables)


def levels(history: History) -> tuple[str, ...]:
    """What `purchase_history` counts."""
    return ("article", *history.roles.counted)


def frames(pairs: Pairs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs, and the log before their cut-off, with the code of each level; the log's ages in days."""
    log = pairs.history.before(pairs.as_of)
    codes = {level: pairs.history.codes(level) for level in levels(pairs.history)}
    wanted = {level: code[pairs.article] for level, code in codes.items()}
    bought = {level: code[log.article] for level, code in codes.items()}
    age = day_number(pairs.as_of) - log.day
    return (
        pd.DataFrame({"customer": pairs.customer, **wanted}),
        pd.DataFrame({"customer": log.customer, "age": age, **bought}),
    )


def merged(pairs: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """The columns of `purchase_history`, where every code is known."""
    visits = log.groupby("customer")["age"].agg(visits="nunique", last="min").reset_index()
    found = pairs.merge(visits, on="customer", how="left")
    for level in log.columns.drop(["customer", "age"]):
        counts = log.groupby(["customer", level])["age"].agg(visits="nunique", days_since_last="min", oldest="max")
        found = found.merge(counts.add_prefix(f"{level}_").reset_index(), on=["customer", level], how="left")
        times, newest = found[f"{level}_visits"].fillna(0), found[f"{level}_days_since_last"]
        found[f"{level}_visits"] = times
        if level == "article":
            between = ((found["article_oldest"] - newest) / (times - 1)).where(times > 1)
            found["article_mean_days_between"] = between
            found["article_log_recency_ratio"] = np.log1p(newest) - np.log1p(between)
            found = found.merge(decayed(log), on=["customer", "article"], how="left")
            found = found.fillna({f"article_decayed_{half_life}": 0 for half_life in HALF_LIVES})
        else:
            found[f"{level}_visit_share"] = times / found["visits"]
        if level in ("article", "product_code"):
            found[f"{level}_in_last_visit"] = (newest == found["last"]).astype(float)
    return found


def decayed(log: pd.DataFrame) -> pd.DataFrame:
    """The days of each customer and article, worth half after each of HALF_LIVES."""
    days = log[["customer", "article", "age"]].drop_duplicates()
    weights = {f"article_decayed_{half_life}": 0.5 ** (days["age"] / half_life) for half_life in HALF_LIVES}
    return days.drop(columns="age").assign(**weights).groupby(["customer", "article"]).sum().reset_index()
