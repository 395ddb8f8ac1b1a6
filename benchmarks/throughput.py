"""Training: events a second of the recurrent network against a plain Keras `fit` with the same cell.

The plain one is an `Embedding`, `keras.layers.<Cell>(return_sequences=True)` and a `Dense` output over as many
articles as ours has negatives, by sparse categorical cross-entropy with Adam. Both have 30,000 articles, or as many
as Kaggle's shop, width 128, batches of 96 rows of 8 steps, 2,048 negatives and no dropout. An event is a purchase
that is predicted. Each of RUNS runs trains both in turn; tracing is not timed, and the best run counts.
"""

from datetime import date
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import pandas as pd
import polars as pl

from forsys.calendar import day_number
from forsys.recurrent.cells import CELLS
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.training import Trainer, encode_features
from forsys.tables.history import History

ARTICLES, PURCHASES, RUNS = (30_000, 105_542), 8 * 96 * 120, 3
AS_OF = date(2020, 3, 1)
NETWORK: dict[str, Any] = {
    "features": (),
    "embedding_dim": 128,
    "half_life": 60,
    "num_negatives": 2048,
    "dropout": 0,
}


def run(data: Path | None) -> pd.DataFrame:
    """One row per number of articles and cell."""
    del data  # the log is generated, so that the number of articles is the same everywhere
    rows = []
    for articles, cell in product(ARTICLES, CELLS):
        history, config = made_history(PURCHASES, articles), NetworkConfig(cell=cell, **NETWORK)
        speeds = [(ours(history, config), plain(articles, config)) for _ in range(RUNS)]
        own, keras_fit = (max(each) for each in zip(*speeds, strict=True))
        speed = {"events/s": own, "keras fit events/s": keras_fit, "ratio": own / keras_fit}
        rows.append({"cell": f"{cell}, {articles:,} articles", **speed})
    return pd.DataFrame(rows)


def made_history(purchases: int, articles: int = ARTICLES[0]) -> History:
    """Customers with 1 to 24 purchases in 60 days; every article sells, with a popularity like Zipf's law."""
    rng = np.random.default_rng(1)
    customer = np.repeat(np.arange(purchases, dtype=np.int32), rng.integers(1, 25, purchases))[:purchases]
    day = np.int32(day_number(AS_OF)) - rng.integers(1, 61, purchases, np.int32)
    popularity = np.arange(1, articles + 1) ** -0.8
    article = rng.choice(articles, purchases, p=popularity / popularity.sum()).astype(np.int32)
    sold = min(articles, purchases)
    article[:sold] = np.arange(sold)
    ones, count = np.ones(purchases, np.int32), int(customer[-1]) + 1
    return History(
        customer=customer,
        article=article,
        day=day[np.lexsort((day, customer))],
        price=ones / np.float32(40),
        channel=ones.astype(np.int8),
        units=ones,
        first=np.searchsorted(customer, np.arange(count + 1)),
        articles=pl.DataFrame({"article": range(articles)}),
        customers=pl.DataFrame({"customer": range(count)}),
    )


def ours(history: History, config: NetworkConfig) -> float:
    """Events a second of the trainer, batching included: of two more epochs, so that tracing does not count."""
    features = encode_features(history, AS_OF, config)
    seconds = []
    for epochs in (1, 3):
        trainer = Trainer(history, AS_OF, features, config, seed=1)
        begin = perf_counter()
        trainer.fit(epochs)
        seconds.append(perf_counter() - begin)
    return 2 * len(history) / (seconds[1] - seconds[0])


def plain(articles: int, config: NetworkConfig) -> float:
    """Events a second of Keras's own `fit`, where every cell of every batch is an event."""
    kind = getattr(keras.layers, CELLS[config.cell].layer.removesuffix("Cell"))
    layers = [
        keras.layers.Embedding(articles, config.embedding_dim),
        kind(config.embedding_dim, return_sequences=True),
        keras.layers.Dense(config.num_negatives),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(config.learning_rate), loss)
    rng = np.random.default_rng(1)
    shape = (PURCHASES // config.window_size, config.window_size)
    read, target = rng.integers(articles, size=shape), rng.integers(config.num_negatives, size=shape)
    model.fit(read[: config.batch_size], target[: config.batch_size], config.batch_size, verbose=0)
    begin = perf_counter()
    model.fit(read, target, config.batch_size, verbose=0)
    return PURCHASES / (perf_counter() - begin)
