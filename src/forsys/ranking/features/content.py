"""Content: how near the article's colours, shape and words are to what the customer bought lately."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl

from forsys.ranking.features.group import Columns, feature_group
from forsys.ranking.pairs import Pairs
from forsys.retrieval.source import decay
from forsys.tables.history import Floats, History

VECTORS = {"colour": "colours", "shape": "shape", "words": "words"}  # column of the articles -> what it holds
HALF_LIFE = 30.0

MEANINGS = {
    f"{column}_likeness": f"cosine between the article's {what} and the mean of the customer's purchases, each "
    f"halved every {HALF_LIFE:.0f} days; only where the articles have the column `{column}`"
    for column, what in VECTORS.items()
}


@feature_group("content", MEANINGS)
def content_features(pairs: Pairs, history: History, _as_of: date) -> Columns:
    """One likeness a kind of content that the articles have; none where they have none."""
    return {
        f"{column}_likeness": likeness(pairs, unit_vectors(history.articles[column]))
        for column in VECTORS
        if column in history.articles.columns
    }


def likeness(pairs: Pairs, vectors: Floats) -> Floats:
    """Cosine of each pair between vectors (articles, width) and the profile's mean; NaN where one is unknown."""
    profiles = pairs.profiles
    row, purchase = profiles.purchases()
    article = profiles.history.article[purchase]
    known = ~np.isnan(vectors[:, 0])
    weights = np.where(known[article], decay(profiles.ages(row, purchase), HALF_LIFE), 0).astype(np.float32)
    bought = profiles.matrix(row, article, weights, len(vectors))
    mean = np.asarray(bought @ np.nan_to_num(vectors), np.float32)
    with np.errstate(invalid="ignore"):
        mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    return np.concatenate(
        [np.einsum("ij,ij->i", mean[pairs.row[part]], vectors[pairs.article[part]]) for part in blocks(len(pairs))]
        or [np.zeros(0, np.float32)]
    )


def unit_vectors(column: pl.Series) -> Floats:
    """A column of arrays as (articles, width) float32 of length 1; NaN where it is null or 0."""
    width = column.dtype.size  # type: ignore[attr-defined]
    empty = [float("nan")] * width
    values = column.fill_null(pl.Series([empty], dtype=column.dtype)).to_numpy().astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), np.float32)


def blocks(length: int, size: int = 1 << 18) -> Iterator[slice]:
    """Slices of at most `size` rows, so that vectors of pairs stay small in memory."""
    for start in range(0, length, size):
        yield slice(start, start + size)
