"""The 500 nearest articles of every article, against implicit's cosine model, from the same purchases.

As at a grocer's, customers buy several hundred different articles, so that an article has thousands of others that
somebody bought with it. implicit counts on all cores, ours on one; it knows no shrinkage, and an article is its own
nearest. The purchases are generated. The best of RUNS runs counts.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from implicit.nearest_neighbours import CosineRecommender
from implicit.utils import ParameterWarning
from scipy.sparse import csr_matrix

from benchmarks._compared import compared, fewest_seconds
from benchmarks.throughput import AS_OF, made_history
from forsys.retrieval.item_knn import ItemKNN
from forsys.tables.history import History

PURCHASES, ARTICLES, CUSTOMERS, RUNS = 300_000, 20_000, 1_500, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row."""
    del data
    history = purchases_of_few(made_history(PURCHASES, ARTICLES))
    source = ItemKNN()
    ones = np.ones(len(history.article), np.float32)
    bought = csr_matrix((ones, (history.customer, history.article)), shape=(CUSTOMERS, ARTICLES))
    bought.data[:] = 1  # several purchases of an article are one
    ways = {
        "forsys": lambda: source.fit(history, AS_OF),
        "implicit, all cores": lambda: CosineRecommender(source.num_neighbours + 1).fit(
            bought, show_progress=False
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # implicit's model hands itself what it warns of
        seconds = fewest_seconds(ways, RUNS)
    return compared(f"{source.num_neighbours} neighbours", "articles", ARTICLES, seconds)


def purchases_of_few(history: History) -> History:
    """The same purchases by CUSTOMERS customers, sorted by customer and day."""
    customer = np.random.default_rng(2).integers(0, CUSTOMERS, len(history), np.int32)
    order = np.lexsort((history.day, customer))
    customer, first = customer[order], np.searchsorted(customer[order], np.arange(CUSTOMERS + 1))
    rows = {name: getattr(history, name)[order] for name in ("article", "day", "price", "channel", "units")}
    customers = pl.DataFrame({"customer": range(CUSTOMERS)})
    return replace(history, customer=customer, first=first, customers=customers, **rows)
