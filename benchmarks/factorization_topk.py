"""The 100 best articles of many customers by a fitted ALS, against implicit's own `recommend` and the bare product.

Ours folds every customer's vector in from the purchases, and orders ties by article. implicit folds in too with
`recalculate_user`, and otherwise uses the vectors that it has stored. The bare product is NumPy's customers ×
articles of the same sizes, block by block, without a selection: the limit in floating point. The purchases are
generated, as for `throughput`; what `recommend` needs beforehand is not timed. The best of RUNS runs counts.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from benchmarks._compared import compared, fewest_seconds
from benchmarks.throughput import AS_OF, made_history
from forsys.arrays import Floats
from forsys.retrieval.als import ALS
from forsys.retrieval.source import CELLS_PER_BLOCK

PURCHASES, ITERATIONS, K, RUNS = 100_000, 1, 100, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row per alternative."""
    del data
    history = made_history(PURCHASES)
    source = ALS(iterations=ITERATIONS).fit(history, AS_OF)
    customers = np.arange(len(history.customers), dtype=np.int32)
    profiles = history.profiles(customers, AS_OF)
    bought = csr_matrix(source.confidence(profiles))
    model = own_model(source, bought)

    def recommend(**options: bool) -> object:
        return model.recommend(customers, bought, K, filter_already_liked_items=False, **options)

    ways = {
        "forsys": lambda: source.top(profiles, K),
        "implicit recommend, folded in": lambda: recommend(recalculate_user=True),
        "implicit recommend, stored vectors": lambda: recommend(),
        "bare product, numpy": lambda: product(model.user_factors, source.article_vectors_),
    }
    return compared(f"ALS top {K}", "customers", len(customers), fewest_seconds(ways, RUNS))


def own_model(source: ALS, bought: csr_matrix) -> Any:
    """implicit's model with the article vectors of `source` and customer vectors to match."""
    model = source.model()
    model.item_factors = source.article_vectors_
    model.user_factors = model.recalculate_user(np.arange(bought.shape[0]), bought)
    return model


def product(customers: Floats, articles: Floats) -> float:
    """All scores, in blocks that fit into memory; returns the sum of each block's last, so that all are used."""
    size = max(CELLS_PER_BLOCK // len(articles), 1)
    blocks = (customers[start : start + size] @ articles.T for start in range(0, len(customers), size))
    return float(sum(block[-1, -1] for block in blocks))
