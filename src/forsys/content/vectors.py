"""Similarity of articles in content: vectors whose inner product is the similarity."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from threadpoolctl import threadpool_limits

from forsys.arrays import Bools
from forsys.errors import DataError

EMBEDDING = 64  # dimensions of a block: on H&M the attributes' one-hot codes have some 600, a shape 446
PICTURE_FEATURES = ("colour", "shape", "encoding")  # content features that are taken from pictures
NEARLY_ALL = 0.95  # share of the articles that never sold

Vectors = npt.NDArray[np.float32]


def content_vectors(articles: pl.DataFrame, weights: Mapping[str, float]) -> Vectors:
    """Vectors (articles, dimensions) whose inner products sum the blocks' cosines times their weights.

    `weights`: columns of the content features. Each block is centred and scaled to length 1, so that a missing
    one, the zero vector, is as similar to others as an average article: having no picture does not count.
    Raises DataError where the articles have no such columns.
    """
    missing = sorted(set(weights) - set(articles.columns))
    if missing:
        raise DataError(f"The articles have no {', '.join(missing)} features yet. Run the stage `content` first.")
    blocks = [np.sqrt(np.float32(weight)) * _block(articles[name]) for name, weight in weights.items() if weight]
    return np.hstack(blocks) if blocks else np.zeros((len(articles), 1), np.float32)


def unfair_pictures(articles: pl.DataFrame, never_sold: Bools) -> Bools:
    """Whose pictures are not to be used, (articles,): those that never sold, unless nearly all of them have one.

    A shop may keep pictures of just what it sells. Of what never sold, a picture then says that it will.
    """
    pictured = np.zeros(len(articles), bool)
    for name in set(PICTURE_FEATURES) & set(articles.columns):
        pictured |= articles[name].is_not_null().to_numpy()
    is_fair = not never_sold.any() or pictured[never_sold].mean() >= NEARLY_ALL
    return np.zeros(len(articles), bool) if is_fair else never_sold


def with_fair_pictures(articles: pl.DataFrame, never_sold: Bools) -> pl.DataFrame:
    """The articles, those of `unfair_pictures` as if they had none."""
    unfair = pl.Series(unfair_pictures(articles, never_sold))
    if not unfair.any():
        return articles
    names = [name for name in PICTURE_FEATURES if name in articles.columns]
    return articles.with_columns(pl.when(~unfair).then(pl.col(name)).alias(name) for name in names)


def _block(column: pl.Series) -> Vectors:
    from sklearn.preprocessing import normalize  # a second and more, which not every stage needs

    known, values = np.array(column.is_not_null()), column.drop_nulls().to_numpy()
    if values.dtype == np.int32:  # codes, 0 where unknown: an article of which none is known has no vector either
        known[known] = values.any(axis=1)
        values = values[values.any(axis=1)]
    vectors = np.zeros((len(column), EMBEDDING), np.float32)
    if len(values):
        values = embed(values) if values.dtype == np.int32 else _reduced(values - values.mean(axis=0))
        vectors[known, : values.shape[1]] = normalize(values - values.mean(axis=0))
    return vectors


def _reduced(values: Vectors) -> Vectors:
    """The first EMBEDDING principal components of centred vectors: later steps take time per dimension."""
    return np.asarray(project(values, EMBEDDING, 0), np.float32)


def embed(codes: npt.NDArray[np.int32]) -> Vectors:
    """Project one-hot codes of (articles, attributes) to at most EMBEDDING dimensions by a truncated SVD."""
    first = np.concatenate([[0], np.cumsum(codes.max(axis=0) + 1)])
    shape = (len(codes), int(first[-1]))
    row = np.repeat(np.arange(len(codes)), codes.shape[1])
    one_hot = sparse.csr_array((np.ones(codes.size, np.float32), (row, (codes + first[:-1]).ravel())), shape=shape)
    return np.asarray(project(one_hot, EMBEDDING, 0), np.float32)


def narrowed(column: pl.Series, width: int, seed: int) -> pl.Series:
    """An Array column at most `width` wide: where it is wider, the first principal components; null stays null."""
    if column.dtype.shape[0] <= width or not column.count():  # type: ignore[attr-defined]
        return column
    known = np.flatnonzero(column.is_not_null().to_numpy())
    values = column.gather(known).to_numpy()
    components = pl.DataFrame({"row": known, column.name: project(values - values.mean(axis=0), width, seed)})
    rows = pl.DataFrame({"row": np.arange(len(column))})
    return rows.join(components, on="row", how="left", maintain_order="left")[column.name]


def project(rows: Vectors | sparse.csr_array, width: int, seed: int) -> Vectors:
    """Project rows (n, columns) to at most `width` dimensions by a truncated SVD, float32.

    One row, or one column, is not projected: its first `width` numbers are returned.
    """
    from sklearn.decomposition import TruncatedSVD

    if min(rows.shape) < 2:  # scikit-learn takes no single column
        return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, np.float32)[:, :width]
    # Where all rows are equal, scikit-learn divides 0 by 0 for a share of variance that nobody reads.
    with threadpool_limits(1, "blas"), np.errstate(divide="ignore", invalid="ignore"):
        # One thread: the order of the sums must not depend on the number of cores.
        projected: Vectors = TruncatedSVD(min(width, *rows.shape), random_state=seed).fit_transform(rows)
    return projected
