"""Content: how near the article's colours, shape and words are to what the customer bought lately."""

from datetime import date

import numpy as np
import polars as pl
from scipy import sparse

from forsys.ranking.features.group import Columns, feature_group
from forsys.ranking.pairs import Pairs
from forsys.retrieval.source import decayed_purchases, inner_products
from forsys.tables.history import Floats, History

VECTORS = {"colour": "colours", "shape": "shape", "words": "words"}  # column of the articles -> what it holds
HALF_LIFE = 30.0

MEANINGS = {
    f"{column}_likeness": f"cosine between the article's {what} and the mean of the customer's purchases, each "
    f"halved every {HALF_LIFE:.0f} days; only where any article has such a vector"
    for column, what in VECTORS.items()
}


@feature_group("content", MEANINGS)
def content_features(pairs: Pairs, history: History, _as_of: date) -> Columns:
    """One likeness a kind of content that the articles have; none where they have none."""
    bought = decayed_purchases(pairs.profiles, HALF_LIFE)
    needed = np.flatnonzero(np.bincount(np.concatenate([pairs.article, bought.indices])))
    bought, place = bought[:, needed], np.searchsorted(needed, pairs.article)
    columns: Columns = {}
    for column in VECTORS:
        if column in history.articles.columns and history.articles[column].count():
            vectors = unit_vectors(history.articles[column].gather(needed))
            mean = mean_vectors(bought, vectors)
            columns[f"{column}_likeness"] = inner_products(mean, pairs.row, vectors, place)
    return columns


def mean_vectors(bought: sparse.csr_array, vectors: Floats) -> Floats:
    """Direction of what each row of bought (rows, articles) holds, (rows, width); NaN where none has a vector."""
    mean = np.asarray(bought @ np.nan_to_num(vectors), np.float32)
    with np.errstate(invalid="ignore"):
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def unit_vectors(column: pl.Series) -> Floats:
    """A column of arrays as (articles, width) float32 of length 1; NaN where it is null or 0."""
    width = column.dtype.size  # type: ignore[attr-defined]
    empty = [float("nan")] * width
    values = column.fill_null(pl.Series([empty], dtype=column.dtype)).to_numpy().astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), np.float32)
