"""Features of what the article looks like and how it is described, against the customer's purchases."""

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Floats, inner_products
from forsys.ranking.features.group import Columns, FeatureGroup
from forsys.ranking.pairs import Pairs

VECTORS = {"colour": "colours", "shape": "shape", "words": "words"}  # column of the articles -> what it holds
HALF_LIFE = 30.0  # days

MEANINGS = {
    f"{column}_similarity": f"cosine between the article's {what} and the mean of the customer's purchases, each "
    f"halved every {HALF_LIFE:.0f} days; only where any article has such a vector"
    for column, what in VECTORS.items()
}


def build(pairs: Pairs) -> Columns:
    """How similar the article's colours, shape and words are to what the customer bought lately."""
    articles, bought = pairs.history.articles, pairs.profiles.decayed_purchases(HALF_LIFE)
    needed = np.flatnonzero(np.bincount(np.concatenate([pairs.article, bought.indices])))
    bought, index = bought[:, needed], np.searchsorted(needed, pairs.article)
    columns: Columns = {}
    for column in VECTORS:
        if column in articles.columns and articles[column].count():
            vectors = unit_vectors(articles[column].gather(needed))
            mean = mean_vectors(bought, vectors)
            columns[f"{column}_similarity"] = inner_products(mean, pairs.row, vectors, index)
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


GROUP = FeatureGroup("content", MEANINGS, build)
