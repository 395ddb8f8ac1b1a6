"""The final list's scores where it matters to know them apart: kinds of customers and kinds of articles."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl

from forsys.evaluation.metrics import average_precision
from forsys.tables.history import Ints, Profiles

if TYPE_CHECKING:
    from forsys.run import Run

RECENCY = ((0, "bought 1-7 days ago"), (7, "8-30 days ago"), (30, "31-90 days ago"), (90, "longer ago"))
FREQUENCY = (
    (-1, "no purchase before"),
    (0, "1-2 purchases"),
    (2, "3-10"),
    (10, "11-50"),
    (50, "more than 50"),
)
AGE = ((0, "under 25"), (24, "25-34"), (34, "35-49"), (49, "50 and over"))
CHANNEL = {1: "store", 2: "online"}


def segment_scores(run: "Run", found: pl.DataFrame, labels: pl.DataFrame, k: int) -> pd.DataFrame:
    """Customers' segments with MAP@k, and bought articles' segments with recall@k; n is how many of them."""
    customers = labels["customer"].unique().sort()
    profiles = run.history.profiles(customers.to_numpy(), run.calendar.holdout.as_of)
    score = average_precision(found, labels, k)["average_precision"].to_numpy()
    segments = customer_segments(profiles)
    rows = [
        {
            "segment": kind,
            "value": value,
            "n": int((of == value).sum()),
            f"MAP@{k}": score[of == value].mean(),
        }
        for kind, of in segments.items()
        for value in dict.fromkeys(sorted(of, key=_order(kind)))
    ]
    return pd.DataFrame(rows + _article_rows(run, found, labels, k))


def customer_segments(profiles: Profiles) -> dict[str, np.ndarray]:
    """Kind of segment -> the segment of each profile, as text."""
    history = profiles.history
    count = profiles.stop - profiles.start
    last = np.maximum(profiles.stop - 1, 0)
    gap = profiles.as_of - history.day[last]
    age = history.customers["age"].fill_null(-1).to_numpy()[profiles.customers]
    channel = np.vectorize(lambda value: CHANNEL.get(int(value), "unknown"))(history.channel[last])
    return {
        "last purchase": np.where(count > 0, _cut(gap, RECENCY), FREQUENCY[0][1]),
        "purchases": _cut(count, FREQUENCY),
        "age": np.where(age < 0, "unknown", _cut(age, AGE)),
        "channel of the last one": np.where(count > 0, channel, FREQUENCY[0][1]),
    }


def _article_rows(run: "Run", found: pl.DataFrame, labels: pl.DataFrame, k: int) -> list[dict[str, object]]:
    sales = run.history.before(run.calendar.holdout.as_of).sales()
    decile = popularity_decile(sales)
    hits = labels.join(
        found.filter(pl.col("rank") <= k).select("customer", "article", hit=pl.lit(1.0)),
        on=["customer", "article"],
        how="left",
    ).with_columns(pl.col("hit").fill_null(0.0), decile=decile[labels["article"].to_numpy()])
    table = hits.group_by("decile").agg(n=pl.len(), recall=pl.col("hit").mean()).sort("decile")
    names = {-1: "never sold before", 0: "best-selling tenth", 9: "least-selling tenth"}
    return [
        {"segment": "article", "value": names.get(d, f"tenth {d + 1}"), "n": n, f"recall@{k}": value}
        for d, n, value in table.iter_rows()
    ]


def popularity_decile(sales: np.ndarray) -> Ints:
    """Tenth of each article by sales among those sold: 0 for the best sellers, -1 for never sold."""
    sold = np.flatnonzero(sales)
    order = sold[np.argsort(-sales[sold], kind="stable")]
    decile = np.full(len(sales), -1)
    decile[order] = np.arange(len(order)) * 10 // max(len(order), 1)
    return decile


def _cut(values: Ints, bounds: tuple[tuple[int, str], ...]) -> np.ndarray:
    """The name of the last bound that is below each value."""
    names = np.array([name for _, name in bounds])
    return names[np.maximum(np.searchsorted([bound for bound, _ in bounds], values, side="left") - 1, 0)]


def _order(kind: str) -> Callable[[str], tuple[int, str]]:
    """Sort key that keeps the order in which the bounds are written."""
    bounds = {"last purchase": RECENCY, "purchases": FREQUENCY, "age": AGE}.get(kind, ())
    names = [name for _, name in bounds]
    return lambda value: (names.index(value) if value in names else len(names), value)
