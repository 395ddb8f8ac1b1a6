"""The vocabulary of the keywords, a matrix of articles and keywords, and a dense vector per description."""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from forsys.content.vectors import project

WIDTH = 96  # of a word vector
MIN_DESCRIPTIONS = 2  # a word of fewer distinct descriptions is left out of the vectors

VOCABULARY: dict[str, pl.DataType] = {"code": pl.Int32(), "keyword": pl.String(), "documents": pl.Int32()}


def build_vocabulary(keywords: pl.DataFrame) -> pl.DataFrame:
    """Each keyword in lower case and the number of its articles: VOCABULARY, sorted by keyword.

    `code` is the row number.
    """
    return (
        keywords.group_by(keyword=pl.col("keyword").str.to_lowercase())
        .agg(documents=pl.col("article").n_unique())
        .sort("keyword")
        .with_row_index("code")
        .select(pl.col(name).cast(kind) for name, kind in VOCABULARY.items())
    )


def keyword_matrix(keywords: pl.DataFrame, vocabulary: pl.DataFrame, articles: int) -> sparse.csr_array:
    """1 where an article has a keyword: (articles, vocabulary), float32, indices sorted."""
    cells = keywords.select("article", keyword=pl.col("keyword").str.to_lowercase()).unique()
    cells = cells.join(vocabulary, on="keyword").sort("article", "code")
    ones = np.ones(len(cells), np.float32)
    indices = (cells["article"].to_numpy(), cells["code"].to_numpy())
    return sparse.coo_array((ones, indices), shape=(articles, len(vocabulary))).tocsr()


def word_vectors(descriptions: pl.Series, seed: int) -> pl.Series:
    """Latent semantic analysis (Deerwester and others 1990): Array(Float32, WIDTH), one row per description.

    TF-IDF with logarithmic term frequencies over the distinct descriptions, projected by a truncated SVD and
    scaled to length 1. Null without a description, or where it shares no word with another one. With fewer
    words or descriptions than WIDTH, the last dimensions are 0.
    """
    distinct = descriptions.drop_nulls().unique().sort()
    vectors = pl.DataFrame({"text": distinct, "words": pl.Series(_project(distinct.to_list(), seed))})
    known = vectors.filter(pl.col("words").arr.sum() != 0)
    return pl.DataFrame({"text": descriptions}).join(known, on="text", how="left", maintain_order="left")["words"]


def _project(texts: list[str], seed: int) -> npt.NDArray[np.float32]:
    vectors = np.zeros((len(texts), WIDTH), np.float32)
    min_df = min(MIN_DESCRIPTIONS, len(texts))
    tf_idf = TfidfVectorizer(sublinear_tf=True, min_df=min_df, dtype=np.float32)
    try:
        weights = tf_idf.fit_transform(texts)
    except ValueError:  # scikit-learn: no word is left
        return vectors
    projected = project(weights, WIDTH, seed)
    vectors[:, : projected.shape[1]] = normalize(projected)
    return vectors
