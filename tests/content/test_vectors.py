"""Vectors whose inner products are the similarity of articles."""

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from forsys.content.vectors import (
    EMBEDDING,
    content_vectors,
    embed,
    narrowed,
    project,
    unfair_pictures,
    with_fair_pictures,
)
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


def test_articles_without_any_attribute_do_not_count() -> None:
    """Such as those that are known by their purchases alone: they resemble nothing, also not each other."""
    codes = pl.Series("attributes", [[1, 2], [0, 0], [1, 1], [0, 1], [0, 0], [1, 2]], pl.Array(pl.Int32, 2))
    vectors = content_vectors(pl.DataFrame([codes]), {"attributes": 1.0})
    assert not vectors[[1, 4]].any()
    np.testing.assert_array_equal(
        vectors[[0, 2, 3, 5]], content_vectors(pl.DataFrame([CODES]), {"attributes": 1.0})
    )


@pytest.mark.parametrize("width", [3, EMBEDDING, 211, 446])
def test_a_feature_that_one_article_has(width: int) -> None:
    """Such as the only picture of a shop: there is no other one that it could resemble."""
    rows: list[list[float] | None] = [None, [1.0] * width, None]
    articles = pl.DataFrame([pl.Series("colour", rows, pl.Array(pl.Float32, width))])
    vectors = content_vectors(articles, {"colour": 1.0})
    assert vectors.shape == (3, EMBEDDING) and not vectors.any()


def test_the_attributes_of_a_single_article() -> None:
    codes = pl.Series("attributes", [[70, 80, 2]], pl.Array(pl.Int32, 3))
    assert content_vectors(pl.DataFrame([codes]), {"attributes": 1.0}).shape == (1, EMBEDDING)


@pytest.mark.parametrize("shape", [(1, 10), (10, 1), (1, 1), (5, 10), (10, 5)])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_projection_is_never_wider_than_asked(shape: tuple[int, int], is_sparse: bool) -> None:
    rows = np.random.default_rng(1).random(shape).astype(np.float32)
    found = project(sparse.csr_array(rows) if is_sparse else rows, 4, seed=7)
    assert found.dtype == np.float32 and len(found) == shape[0] and found.shape[1] <= 4


def test_equal_codes_are_equal_vectors() -> None:
    vectors = embed(np.array([[1, 2], [1, 1], [0, 1], [1, 2]], np.int32))
    np.testing.assert_allclose(
        vectors @ vectors.T, [[2, 1, 0, 2], [1, 2, 1, 1], [0, 1, 2, 0], [2, 1, 0, 2]], atol=1e-5
    )


def test_absent_features_name_the_stage() -> None:
    with pytest.raises(DataError, match=r"shape.*stage `content`"):
        content_vectors(pl.DataFrame([WORDS]), {"words": 1.0, "shape": 1.0})


@pytest.mark.parametrize(("pictured", "fair"), [(20, True), (19, True), (18, False), (0, False)])
def test_pictures_of_new_articles_are_used_where_nearly_all_have_one(pictured: int, fair: bool) -> None:
    """Of 30 articles the last 20 never sold. What a shop pictures of these it may be going to sell."""
    vectors = [[1.0, 0.0]] * (10 + pictured) + [None] * (20 - pictured)
    column = pl.Series("colour", vectors, pl.Array(pl.Float32, 2))
    articles, never_sold = pl.DataFrame([pl.Series("article", range(30)), column]), np.arange(30) >= 10
    assert unfair_pictures(articles, never_sold).tolist() == ([False] * 30 if fair else never_sold.tolist())
    found = with_fair_pictures(articles, never_sold)
    assert found["colour"].count() == (10 + pictured if fair else 10)
    assert found.schema == articles.schema


def test_a_wide_column_is_narrowed_and_stays_null_where_it_was() -> None:
    """Its differences are those of the first components; one that is narrow enough is left as it is."""
    rng = np.random.default_rng(5)
    rows = rng.random((9, 2)) @ rng.random((2, 20)) + 7
    values = [None if i in (0, 4) else rows[i].tolist() for i in range(9)]
    column = pl.Series("encoding", values, pl.Array(pl.Float32, 20))
    found = narrowed(column, 3, seed=7)
    assert found.name == "encoding" and found.dtype == pl.Array(pl.Float32, 3)
    assert found.is_null().to_list() == column.is_null().to_list()
    components = found.drop_nulls().to_numpy()
    distance = np.linalg.norm(rows[2] - rows[1])
    assert np.linalg.norm(components[1] - components[0]) == pytest.approx(distance, rel=1e-4)
    for same in (found, pl.Series("encoding", [None, None], pl.Array(pl.Float32, 20))):
        assert narrowed(same, 3, seed=7) is same
