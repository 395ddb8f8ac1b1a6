"""New arrivals against all pairs of an article that sold and one that never did."""

from datetime import date

import numpy as np
import pytest

from forsys.content.vectors import content_vectors
from forsys.retrieval.nearest_content import chance_on_sale
from forsys.retrieval.new_arrivals import NewArrivals
from forsys.tables.history import History


def slow_similar(source: NewArrivals, history: History, as_of: date) -> np.ndarray:
    """(articles, articles): similarity² * chance of being on sale, of candidates; without any cut."""
    size = len(history.articles)
    vectors = content_vectors(
        history.articles, {"attributes": source.attributes_weight, "words": source.words_weight}
    )
    recent = np.bincount(history.since(as_of, source.days).article, minlength=size) > 0
    sold = np.bincount(history.before(as_of).article, minlength=size) > 0
    on_sale = chance_on_sale(history, as_of, recent, source.catalogue_window)
    code = history.articles["product_code"].to_list()
    result = np.zeros((size, size))
    for bought in np.flatnonzero(sold):
        for candidate in np.flatnonzero(~sold & (on_sale >= source.min_on_sale)):
            similarity = float(vectors[bought] @ vectors[candidate])
            similarity += source.product_weight * (code[bought] == code[candidate])
            result[bought, candidate] = max(similarity, 0) ** 2 * on_sale[candidate]
    return result


@pytest.mark.parametrize("product_weight", [0.0, 1.0])
def test_similarity_is_that_of_all_pairs(product_weight: float, world: History, world_as_of: date) -> None:
    source = NewArrivals(product_weight=product_weight).fit(world, world_as_of)
    assert source.catalogue_.tolist() == [20 * group + within for group in range(6) for within in (18, 19)]
    expected = slow_similar(source, world, world_as_of)[:, source.catalogue_]
    np.testing.assert_allclose(source.similar_.toarray(), expected, rtol=1e-4, atol=1e-6)


def test_customers_get_new_articles_of_their_taste(world: History, world_as_of: date) -> None:
    """The content tells the groups apart, and a customer's taste is customer % 6."""
    source = NewArrivals().fit(world, world_as_of)
    customers = np.flatnonzero(np.diff(world.first) > 0)
    best, _ = source.top(world.profiles(customers, world_as_of), 1)
    assert (best[:, 0] // 20 == customers % 6).mean() > 0.8


def test_once_everything_has_sold_there_is_nothing_new(world: History) -> None:
    """The whole log: all 120 articles."""
    source = NewArrivals().fit(world, date(2020, 5, 1))
    assert len(source.catalogue_) == 0
    assert len(source.recommend(world.profiles(np.arange(3), date(2020, 5, 1)), 5)) == 0


def test_what_is_long_gone_is_no_arrival(world: History, world_as_of: date) -> None:
    """A window of 1 asks whether the article itself sold lately, which those that never sold did not."""
    assert len(NewArrivals(catalogue_window=1).fit(world, world_as_of).catalogue_) == 0
