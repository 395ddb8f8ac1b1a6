"""What the network knows of articles: standardised content, and no pictures that tell what will sell."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from forsys.arrays import Floats
from forsys.content.vectors import with_fair_pictures
from forsys.errors import DataError
from forsys.recurrent.article_inputs import ArticleValues, article_inputs
from forsys.tables.history import History

FIRST_DAY = date(2020, 3, 1)  # of the world's purchases


def standardised(column: pl.Series) -> Floats:
    """0 where it is null; the mean of the others is 0, their rows have a norm of about 1."""
    width = column.dtype.shape[0]  # type: ignore[attr-defined]
    known, values = column.is_not_null().to_numpy(), np.zeros((len(column), width))
    rows = column.drop_nulls().to_numpy().astype(np.float64)
    values[known] = (rows - rows.mean(axis=0)) / rows.std(axis=0) / np.sqrt(width)
    return values


@pytest.mark.parametrize("names", [("words",), ("colour",), ("colour", "shape", "words")])
def test_content_is_standardised_anew_at_each_cut_off(
    names: tuple[str, ...], world: History, world_as_of: date
) -> None:
    """Also when another cut-off was asked for before, at which fewer pictures were fair."""
    for as_of in (FIRST_DAY, world_as_of, FIRST_DAY):
        articles = with_fair_pictures(world.articles, world.never_sold(as_of))
        codes, found = article_inputs(world, as_of, names)
        values = found[:]
        assert codes.shape == (120, 0)
        assert values.dtype == np.float32
        expected = np.hstack([standardised(articles[name]) for name in names if articles[name].count()])
        np.testing.assert_allclose(values[:, values.any(axis=0)], expected, atol=1e-4)


def test_no_picture_is_used_of_what_never_sold(world: History, world_as_of: date) -> None:
    """Where half of these have none."""
    never = world.never_sold(world_as_of)
    hidden = pl.Series(never & (np.cumsum(never) % 2 == 0))
    shown = [pl.when(~hidden).then(pl.col(name)).alias(name) for name in ("colour", "shape")]
    half = world.with_articles(world.articles.with_columns(shown))
    _, pictures = article_inputs(half, world_as_of, ("colour", "shape"))
    assert not pictures[np.flatnonzero(never)].any()
    assert pictures[np.flatnonzero(~never)].any(axis=1).mean() > 0.8
    assert article_inputs(half, world_as_of, ("words",))[1][np.flatnonzero(never)].any()


def test_values_of_some_articles_are_those_among_all() -> None:
    """In any order; the second block has none of the last articles, the third none at all."""
    blocks = [
        (np.arange(5), np.arange(10, dtype=np.float32).reshape(5, 2)),
        (np.array([0, 2]), np.ones((2, 1), np.float32)),
        (np.zeros(0, int), np.zeros((0, 3), np.float32)),
    ]
    values = ArticleValues(5, blocks)
    assert values.width == values[:].shape[1] == 6
    assert values[np.array([4, 2])].tolist() == [[8, 9, 0, 0, 0, 0], [4, 5, 1, 0, 0, 0]]
    assert values[1:3].tolist() == values[:][1:3].tolist()


def test_missing_content_names_the_stage(world: History, world_as_of: date) -> None:
    bare = world.with_articles(world.articles.drop("words"))
    with pytest.raises(DataError, match=r"The articles lack words\. Run the stage `content` first"):
        article_inputs(bare, world_as_of, ("attributes", "words"))


def test_an_encoding_is_read_where_there_is_one(world: History, world_as_of: date) -> None:
    """As a picture: not of articles that never sold, where half of these have none."""
    assert not article_inputs(world, world_as_of, ("encoding",))[1].width
    never = world.never_sold(world_as_of)
    encoding = [None if never[i] and i % 2 else [float(i), 1.0 / (i + 1)] for i in range(120)]
    column = pl.Series("encoding", encoding, pl.Array(pl.Float32, 2))
    articles = world.articles.drop("colour", "shape").with_columns(column)
    _, values = article_inputs(world.with_articles(articles), world_as_of, ("encoding",))
    assert values.width == 2
    assert not values[np.flatnonzero(never)].any()
    assert values[np.flatnonzero(~never)].all(axis=1).all()
