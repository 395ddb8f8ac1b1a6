"""Scores of the final list by customer segment and by how well an article had sold."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.metrics.lists import average_precision
from forsys.run import Run
from forsys.tables.history import Profiles

RECENCY = ((0, "bought 1-7 days ago"), (7, "8-30 days ago"), (30, "31-90 days ago"), (90, "longer ago"))
FREQUENCY = ((-1, "no purchase before"), (0, "1-2 purchases"), (2, "3-10"), (10, "11-50"), (50, "more than 50"))
AGE = ((0, "under 25"), (24, "25-34"), (34, "35-49"), (49, "50 and over"))


def segment_scores(run: Run, lists: pl.DataFrame, labels: pl.DataFrame, k: int) -> pd.DataFrame:
    """MAP@k by segment of the customers, and recall@k by segment of the bought articles.

    lists: customer, article, rank; labels: customer, article. Returns segment, value, n (customers, or purchases),
    MAP@k, recall@k; one row per value of a segment.
    """
    customers = labels["customer"].unique().sort()
    profiles = run.history.profiles(customers.to_numpy(), run.calendar.holdout.as_of)
    score = average_precision(lists, labels, k)["average_precision"].to_numpy()
    rows = [
        {"segment": name, "value": value, "n": int((of == value).sum()), f"MAP@{k}": score[of == value].mean()}
        for name, of in customer_segments(profiles).items()
        for value in dict.fromkeys(sorted(of, key=value_order(name)))
    ]
    return pd.DataFrame(rows + _article_rows(run, lists, labels, k))


def customer_segments(profiles: Profiles) -> dict[str, np.ndarray]:
    """Name of a segmentation -> the segment of each profile, as text, (profiles,)."""
    history = profiles.history
    count = profiles.stop - profiles.start
    last = np.maximum(profiles.stop - 1, 0)
    gap = profiles.as_of - history.day[last]
    age = history.customers["age"].fill_null(-1).to_numpy()[profiles.customers]
    code = history.channel[last]
    names = ["unknown", *history.roles.channels]
    names += [f"channel {number}" for number in range(len(names), int(code.max(initial=0)) + 1)]
    channel = np.array(names)[code]
    return {
        "last purchase": np.where(count > 0, _cut(gap, RECENCY), FREQUENCY[0][1]),
        "number of earlier purchases": _cut(count, FREQUENCY),
        "age": np.where(age < 0, "unknown", _cut(np.floor(age), AGE)),
        "channel of the last purchase": np.where(count > 0, channel, FREQUENCY[0][1]),
    }


def _article_rows(run: Run, lists: pl.DataFrame, labels: pl.DataFrame, k: int) -> list[dict[str, object]]:
    sales = run.history.sales_before(run.calendar.holdout.as_of)
    decile = popularity_decile(sales)
    hits = labels.join(
        lists.filter(pl.col("rank") <= k).select("customer", "article", hit=pl.lit(1.0)),
        on=["customer", "article"],
        how="left",
    ).with_columns(pl.col("hit").fill_null(0.0), decile=decile[labels["article"].to_numpy()])
    table = hits.group_by("decile").agg(n=pl.len(), recall=pl.col("hit").mean()).sort("decile")
    segment = "earlier sales of the article"
    return [
        {"segment": segment, "value": decile_name(d), "n": n, f"recall@{k}": value}
        for d, n, value in table.iter_rows()
    ]


def decile_name(decile: int) -> str:
    """A value of `popularity_decile` in words."""
    names = {-1: "never sold before", 0: "best-selling tenth", 9: "least-selling tenth"}
    return names.get(decile, f"tenth {decile + 1}")


def popularity_decile(sales: np.ndarray) -> Ints:
    """Tenth of each article by sales among those sold, (articles,): 0 for the best sellers, -1 for never sold."""
    sold = np.flatnonzero(sales)
    order = sold[np.argsort(-sales[sold], kind="stable")]
    decile = np.full(len(sales), -1)
    decile[order] = np.arange(len(order)) * 10 // max(len(order), 1)
    return decile


def _cut(values: Ints | Floats, bounds: tuple[tuple[int, str], ...]) -> np.ndarray:
    """The name of the last bound that is below each value."""
    names = np.array([name for _, name in bounds])
    return names[np.maximum(np.searchsorted([bound for bound, _ in bounds], values, side="left") - 1, 0)]


def value_order(segment: str) -> Callable[[str], tuple[int, str]]:
    """Sort key of a segmentation's values that keeps the order in which the bounds are written."""
    bounds = {"last purchase": RECENCY, "number of earlier purchases": FREQUENCY, "age": AGE}.get(segment, ())
    names = [name for _, name in bounds]
    return lambda value: (names.index(value) if value in names else len(names), value)
