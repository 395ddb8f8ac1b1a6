"""Vectors whose inner products are the similarity of articles."""

import numpy as np
import polars as pl
import pytest

from forsys.content.vectors import content_vectors, embed
from forsys.errors import DataError

WORDS = pl.Series("words", [[1.0, 0.0], [0.0, 1.0], None, [1.0, 0.0]], pl.Array(pl.Float32, 2))
CODES = pl.Series("attributes", [[1, 2], [1, 1], [0, 1], [1, 2]], pl.Array(pl.Int32, 2))


def test_products_are_weighted_cosines() -> None:
    vectors = content_vectors(pl.DataFrame([WORDS]), {"words": 2.0})
    np.testing.assert_allclose(
        vectors @ vectors.T, [[2, -2, 0, 2], [-2, 2, 0, -2], [0, 0, 0, 0], [2, -2, 0, 2]], atol=1e-5
    )
    assert vectors.dtype == np.float32


def test_blocks_add_up() -> None:
    articles = pl.DataFrame([WORDS, CODES])
    parts = [content_vectors(articles, {name: 0.5}) for name in ("words", "attributes")]
    both = content_vectors(articles, {"words": 0.5, "attributes": 0.5})
    np.testing.assert_allclose(both @ both.T, sum(part @ part.T for part in parts), atol=1e-5)


def test_a_feature_that_no_article_has() -> None:
    empty = pl.Series("shape", [None] * 4, pl.Array(pl.Float32, 3))
    assert not content_vectors(pl.DataFrame([empty]), {"shape": 1.0}).any()


def test_equal_codes_are_equal_vectors() -> None:
    vectors = embed(np.array([[1, 2], [1, 1], [0, 1], [1, 2]], np.int32))
    np.testing.assert_allclose(
        vectors @ vectors.T, [[2, 1, 0, 2], [1, 2, 1, 1], [0, 1, 2, 0], [2, 1, 0, 2]], atol=1e-5
    )


def test_absent_features_name_the_stage() -> None:
    with pytest.raises(DataError, match=r"shape.*stage `content`"):
        content_vectors(pl.DataFrame([WORDS]), {"words": 1.0, "shape": 1.0})
