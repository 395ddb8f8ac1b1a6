"""Content kNN, worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from conftest import articles_of, customers_of
from forsys import schema
from forsys.content.vectors import content_vectors
from forsys.errors import DataError
from forsys.retrieval import nearest_content
from forsys.retrieval.nearest_content import NearestContent, chance_on_sale
from forsys.tables.history import History

AS_OF = date(2020, 1, 10)
# Articles 0, 1, 2 and 5 have equal content, 3 and 4 too. 2 and 5 never sold: the ids near 2 sell, near 5 none.
CONTENT = [0, 0, 0, 1, 1, 0]
CODES = [1, 2, 3, 4, 5, 6]
IDS = [100, 101, 102, 103, 104, 900]
ONLY_WORDS = {"attributes_weight": 0, "colour_weight": 0, "shape_weight": 0}


def shop(codes: list[int] = CODES) -> History:
    rows = [(date(2020, 1, 8), customer, article, 0.1, 2) for customer, article in [(0, 0), (1, 1), (2, 3), (2, 4)]]
    log = pl.DataFrame(rows, schema=schema.TRANSACTIONS, orient="row")
    words = np.eye(2, dtype=np.float32)[CONTENT]
    columns = [
        pl.Series("article_id", [f"{number:010d}" for number in IDS]),
        pl.Series("attributes", np.array(CONTENT, np.int32)[:, None] + 1, pl.Array(pl.Int32, 1)),
        *(pl.Series(name, words, pl.Array(pl.Float32, 2)) for name in ("words", "colour", "shape")),
    ]
    return History.of(log.lazy(), articles_of(codes).with_columns(columns), customers_of([None] * 3))


def found(source: NearestContent, history: History, customer: int) -> list[int]:
    article, _ = source.top(history.profiles(np.array([customer]), AS_OF), 6)
    return [a for a in article[0].tolist() if a >= 0]


def test_recommends_what_is_similar_and_never_sold() -> None:
    history = shop()
    source = NearestContent(catalogue_window=3, min_on_sale=0.5).fit(history, AS_OF)
    assert source.catalogue_.tolist() == [0, 1, 2, 3, 4]  # nobody near 5 sells
    assert found(source, history, 0) == [2, 1]
    assert found(source, history, 2) == [3, 4]


def test_an_article_that_never_sold_counts_as_much_as_those_with_near_ids_sell() -> None:
    history = shop()
    source = NearestContent(catalogue_window=3, product_weight=0, sales_weight=0.5, **ONLY_WORDS).fit(
        history, AS_OF
    )
    scores = source.score(history.profiles(np.array([0]), date(2020, 1, 8)), np.array([0]), np.array([2]))
    assert np.isneginf(scores).all()  # nothing bought yet on that day
    profile = history.profiles(np.array([0, 0]), date(2020, 1, 15))  # a half-life after the purchase
    scores = source.score(profile, np.array([0, 0, 0]), np.array([1, 2, 3]))
    np.testing.assert_allclose(scores, [0.5 * 0.5 * np.log(2), 0.5 * 2 / 3, -np.inf], rtol=1e-5)


def test_the_same_product_counts_more() -> None:
    history = shop([1, 2, 3, 1, 5, 6])  # 0 and 3 are of one product, with different content
    assert 3 not in found(
        NearestContent(product_weight=0.5, words_weight=1, **ONLY_WORDS).fit(history, AS_OF), history, 0
    )
    assert 3 in found(
        NearestContent(product_weight=1.5, words_weight=1, **ONLY_WORDS).fit(history, AS_OF), history, 0
    )


def test_a_missing_picture_changes_no_score() -> None:
    history = shop()
    colour = pl.Series("colour", [[1.0, 0.0]] * 2 + [None] + [[0.0, 1.0]] * 3, pl.Array(pl.Float32, 2))
    blind = replace(history, articles=history.articles.with_columns(colour))
    profiles = history.profiles(np.array([0]), AS_OF)
    pair = np.array([0]), np.array([2])
    without = (
        NearestContent(attributes_weight=0, colour_weight=0, shape_weight=0)
        .fit(blind, AS_OF)
        .score(profiles, *pair)
    )
    with_colour = (
        NearestContent(attributes_weight=0, colour_weight=1, shape_weight=0)
        .fit(blind, AS_OF)
        .score(profiles, *pair)
    )
    np.testing.assert_allclose(with_colour, without, rtol=1e-5)


def test_a_picture_says_nothing_of_a_new_article_where_others_have_none() -> None:
    """A shop may keep pictures of just what it sells. Articles 2 and 5 never sold, and 5 has no picture."""
    history, scores = shop(), []
    for new in ([1.0, 0.0], [0.0, 1.0], None):
        colours = [[1.0, 0.0]] * 2 + [new] + [[0.0, 1.0]] * 2 + [None]
        colour = pl.Series("colour", colours, pl.Array(pl.Float32, 2))
        articles = history.articles.with_columns(colour, colour.alias("shape"))
        source = NearestContent().fit(history.with_articles(articles), AS_OF)
        scores.append(source.score(history.profiles(np.array([0]), AS_OF), np.zeros(6, int), np.arange(6)).tolist())
    assert scores[0] == scores[1] == scores[2]


def test_without_content_the_stage_is_named(world: History, world_as_of: date) -> None:
    bare = replace(world, articles=world.articles.drop("words"))
    with pytest.raises(DataError, match=r"words.*stage `content`"):
        NearestContent().fit(bare, world_as_of)


def test_chance_on_sale() -> None:
    ids = pl.Series("article_id", ["30", "10", "20", "40"])
    history = replace(shop(), articles=articles_of([1] * 4).with_columns(ids), article=np.array([0, 1, 3, 2]))
    sells = np.array([False, True, True, False])
    np.testing.assert_allclose(chance_on_sale(history, AS_OF, sells, 3), [1 / 3, 1, 2 / 3, 0])
    # Articles 2 and 3, which the shop does not list, were first bought on the 8th: before, nobody knew of them.
    unlisted = replace(history, listed=2)
    np.testing.assert_allclose(chance_on_sale(unlisted, AS_OF, sells, 3), [1 / 3, 1, 2 / 3, 0])
    assert chance_on_sale(unlisted, date(2020, 1, 8), sells, 1).tolist() == [0, 1, 0, 0]
    nothing_known = replace(history, listed=0)
    assert chance_on_sale(nothing_known, date(2020, 1, 8), sells, 3).tolist() == [0] * 4


def test_vectors_are_made_once_for_all_cut_offs_of_a_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for other weights or other articles, of which they are others."""
    made: list[dict[str, float]] = []

    def counted(articles: pl.DataFrame, weights: dict[str, float]) -> np.ndarray:
        made.append(dict(weights))
        return content_vectors(articles, weights)

    monkeypatch.setattr(nearest_content, "content_vectors", counted)
    history, words_alone = shop(), NearestContent(**ONLY_WORDS)
    first = words_alone.fit(history, AS_OF).similar_.toarray()
    again = words_alone.fit(history.before(AS_OF), AS_OF + timedelta(days=1)).similar_.toarray()
    assert len(made) == 1
    np.testing.assert_array_equal(first, again)
    replace(words_alone, words_weight=2.0).fit(history, AS_OF)
    others = history.articles.with_columns(words=pl.Series(np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]))
    other = words_alone.fit(history.with_articles(others), AS_OF).similar_.toarray()
    assert [weights["words"] for weights in made] == [1.0, 2.0, 1.0]
    assert not np.array_equal(other, first)
