"""MAP@12 of 1.37 million customers' lists, against the loop over customers that Kaggle notebooks use.

Twice: where everybody bought, and as in a week of the shop, where 1 customer in 20 did. Ours takes tables of
predictions and purchases. So does the loop, which first makes lists by pandas' groupby, as notebooks do; a second
loop gets precomputed lists. Loops run on the first SLICE customers, and their times are scaled to all customers.
All ways run in turn, and the best of RUNS counts.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from benchmarks._compared import compared, fewest_seconds
from forsys.metrics.lists import average_precision

CUSTOMERS, ARTICLES, K, SLICE, RUNS = 1_370_000, 30_000, 12, 50_000, 2
SHARES = {"everybody bought": 1.0, "1 in 20 bought": 0.05}


def run(data: Path | None) -> pd.DataFrame:
    """One row per share of buyers and alternative."""
    del data
    return pd.concat([compare(name, share) for name, share in SHARES.items()])


def compare(name: str, share: float) -> pd.DataFrame:
    """Customers with a list per second, of all ways."""
    predictions, purchases = made_lists(share)
    part = [frame.filter(pl.col("customer") < SLICE).to_pandas() for frame in (predictions, purchases)]
    lists = as_lists(*part)
    ways = {
        "forsys": lambda: average_precision(predictions, purchases, K),
        "Python loop": lambda: mapk(*as_lists(*part), K),
        "Python loop, lists precomputed": lambda: mapk(*lists, K),
    }
    whole, *parts = fewest_seconds(ways, RUNS).values()
    seconds = [whole, *(each * CUSTOMERS / min(SLICE, CUSTOMERS) for each in parts)]
    return compared(f"MAP@{K}, {name}", "customers", CUSTOMERS, dict(zip(ways, seconds, strict=True)))


def made_lists(share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Predictions (customer, article, rank) and purchases (customer, article), 1 to 6 per buyer, with some hits."""
    rng = np.random.default_rng(1)
    # Steps of 7 from a random start, so that no article is twice in a list.
    article = (rng.integers(ARTICLES, size=(CUSTOMERS, 1)) + 7 * np.arange(K)) % ARTICLES
    predictions = pl.DataFrame(
        {
            "customer": np.repeat(np.arange(CUSTOMERS, dtype=np.int32), K),
            "article": article.astype(np.int32).ravel(),
            "rank": np.tile(np.arange(1, K + 1, dtype=np.uint16), CUSTOMERS),
        }
    )
    buyers = np.flatnonzero(rng.random(CUSTOMERS) < share)
    customer = np.repeat(buyers, rng.integers(1, 7, len(buyers)))
    predicted = article[customer, rng.integers(K, size=len(customer))]
    other = rng.integers(ARTICLES, size=len(customer))
    bought = np.where(rng.random(len(customer)) < 0.1, predicted, other)
    purchases = pl.DataFrame({"customer": customer, "article": bought}).cast(pl.Int32)
    return predictions, purchases.unique(maintain_order=True)


def as_lists(predictions: pd.DataFrame, purchases: pd.DataFrame) -> tuple[list[list[int]], list[list[int]]]:
    """What each buyer bought, and what was predicted; buyers sorted."""
    buyers = predictions[predictions["customer"].isin(purchases["customer"])]
    actual, predicted = (frame.groupby("customer")["article"].agg(list) for frame in (purchases, buyers))
    return actual.to_list(), predicted.to_list()


def apk(actual: Sequence[int], predicted: Sequence[int], k: int) -> float:
    """Average precision of one list."""
    score, hits = 0.0, 0
    for i, article in enumerate(predicted[:k]):
        if article in actual and article not in predicted[:i]:
            hits += 1
            score += hits / (i + 1)
    return score / min(len(actual), k) if actual else 0.0


def mapk(actual: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]], k: int) -> float:
    """Mean over the lists."""
    return float(np.mean([apk(a, p, k) for a, p in zip(actual, predicted, strict=True)]))
