"""Features of what the article looks like and how it is described, against the customer's purchases."""

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Bools, Floats, inner_products
from forsys.content.vectors import PICTURE_FEATURES, unfair_pictures
from forsys.ranking.features.group import KEPT_TABLES, Columns, FeatureGroup
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

# Column of the articles -> what it holds.
VECTORS = {"colour": "colours", "shape": "shape", "words": "words", "encoding": "encoded picture"}
HALF_LIFE = 30.0  # days
ROWS_PER_BLOCK = 10_000  # vectors averaged at a time

MEANINGS = {
    f"{column}_similarity": f"cosine between the article's {what} and the mean of the customer's purchases, each "
    f"halved every {HALF_LIFE:.0f} days; only where any article has such a vector"
    + (
        "; where many new ones have no picture, that of an average article for those without"
        if column in PICTURE_FEATURES
        else ""
    )
    for column, what in VECTORS.items()
}


def build(pairs: Pairs) -> Columns:
    """How similar the article's picture and words are to what the customer bought lately."""
    articles, bought = pairs.history.articles, pairs.profiles.decayed_purchases(HALF_LIFE)
    needed = np.flatnonzero(np.bincount(np.concatenate([pairs.article, bought.indices])))
    bought, index = bought[:, needed], np.searchsorted(needed, pairs.article)
    usual, unfair = average_pictures(pairs.history, pairs.as_of)
    columns: Columns = {}
    for column in VECTORS:
        if column in articles.columns and articles[column].count():
            vectors = unit_vectors(articles[column].gather(needed))
            mean = mean_vectors(bought, vectors)
            similarity = inner_products(mean, pairs.row, vectors, index)
            if column in usual:
                blank = np.flatnonzero(np.isnan(vectors[index, 0]) | unfair[pairs.article])
                similarity[blank] = inner_products(
                    mean, pairs.row[blank], usual[column][None], np.zeros_like(blank)
                )
            columns[f"{column}_similarity"] = similarity
    return columns


@lru_cache(maxsize=KEPT_TABLES)
def average_pictures(history: History, as_of: date) -> tuple[dict[str, Floats], Bools]:
    """What stands for the picture of an article without one, and which others count as such, see unfair_pictures.

    A shop may keep pictures of just what it sells: a missing one would say that the article will not sell. Returns
    column of PICTURE_FEATURES -> mean of the unit vectors of what sold before `as_of`, (width,), empty where all
    pictures are fair; and (articles,).
    """
    articles, sold = history.articles, pl.Series(history.sold_before(as_of))
    unfair = unfair_pictures(articles, history.never_sold(as_of))
    there = [name for name in PICTURE_FEATURES if name in articles.columns and unfair.any()]
    return {name: _mean_unit_vector(articles[name].filter(sold)) for name in there}, unfair


def _mean_unit_vector(column: pl.Series) -> Floats:
    """Of a column of arrays, (width,) float32; NaN where all are null or 0."""
    total, count = np.zeros(column.dtype.size), np.int64(0)  # type: ignore[attr-defined]
    for start in range(0, len(column), ROWS_PER_BLOCK):
        vectors = unit_vectors(column[start : start + ROWS_PER_BLOCK])
        found = vectors[np.isfinite(vectors[:, 0])]
        total += found.sum(axis=0, dtype=np.float64)
        count += len(found)
    with np.errstate(invalid="ignore"):
        return (total / count).astype(np.float32)


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
