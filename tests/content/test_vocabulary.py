"""The vocabulary, the matrix and the word vectors, on descriptions that are worked out by hand."""

import numpy as np
import polars as pl
import pytest

from forsys.content.vocabulary import VOCABULARY, WIDTH, build_vocabulary, keyword_matrix, word_vectors

KEYWORDS = pl.DataFrame(
    {"article": [0, 0, 2, 3], "keyword": ["Lace", "top", "lace", "belt"], "score": [0.1, 0.2, 0.1, 0.1]}
)


def test_vocabulary_counts_articles_whatever_the_case() -> None:
    found = build_vocabulary(KEYWORDS)
    assert dict(found.schema) == VOCABULARY
    assert found.rows() == [(0, "belt", 1), (1, "lace", 2), (2, "top", 1)]


def test_matrix() -> None:
    found = keyword_matrix(KEYWORDS, build_vocabulary(KEYWORDS), 5)
    np.testing.assert_array_equal(found.toarray(), [[0, 1, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert found.dtype == np.float32


def test_similar_descriptions_have_similar_vectors() -> None:
    texts = ["lace bra", "lace bra soft", "wool hat", "warm wool hat", "wool hat soft", None, "lace bra", "zzz"]
    found = word_vectors(pl.Series(texts), seed=7)
    assert found.dtype == pl.Array(pl.Float32, WIDTH)
    assert found.is_null().to_list() == [False] * 5 + [True, False, True]  # zzz is in no other description
    vectors = np.array(found.drop_nulls().to_list())
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] > 0.8 > 0.2 > near[0, 2]
    assert near[0, 5] > 0.9999


def test_vectors_repeat() -> None:
    texts = pl.Series([f"{a} {b} top" for a in ("red", "blue", "lace") for b in ("soft", "thin", "warm", "wide")])
    assert word_vectors(texts, seed=7).equals(word_vectors(texts, seed=7))


@pytest.mark.parametrize("words", [1, WIDTH, WIDTH + 1, 120])
def test_one_description(words: int) -> None:
    """Also one of more words than a vector has dimensions."""
    text = " ".join(f"word{i}" for i in range(words))
    found = word_vectors(pl.Series([None, text, text]), seed=7)
    assert found.dtype == pl.Array(pl.Float32, WIDTH) and found.is_null().to_list() == [True, False, False]
    np.testing.assert_allclose(np.linalg.norm(found.drop_nulls().to_list(), axis=1), 1, rtol=1e-5)


def test_no_descriptions() -> None:
    found = word_vectors(pl.Series([None, None, "", "..."], dtype=pl.String), seed=7)
    assert (found.dtype, found.null_count()) == (pl.Array(pl.Float32, WIDTH), 4)
    assert len(word_vectors(pl.Series([], dtype=pl.String), seed=7)) == 0
