"""One product code with all articles, one customer with all purchases: bounded, and unchanged below the bounds."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from conftest import articles_of, customers_of
from forsys import schema
from forsys.retrieval import als, item_knn, neighbours, same_product
from forsys.retrieval.als import gram, solved
from forsys.retrieval.item_knn import ItemKNN, blocks_of_articles, newest_articles
from forsys.retrieval.nearest_content import same_product_pairs
from forsys.retrieval.same_product import MAX_SAME_PRODUCT, SameProduct, same_product_links
from forsys.tables.history import History


def pairs(matrix: sparse.csr_array) -> set[tuple[int, int]]:
    row, column = sparse.coo_array(matrix).coords
    return set(zip(row.tolist(), column.tolist(), strict=True))


def shop(purchases: list[tuple[int, int, int]], codes: list[int]) -> History:
    """From (day of January 2020, customer, article)."""
    rows = [(date(2019, 12, 31) + timedelta(day), c, a, 0.1, 2) for day, c, a in sorted(purchases)]
    log = pl.DataFrame(rows, schema=schema.TRANSACTIONS, orient="row")
    return History.of(log.lazy(), articles_of(codes), customers_of([None] * 3))


@pytest.mark.parametrize("members", [MAX_SAME_PRODUCT, MAX_SAME_PRODUCT + 1, 3_000])
def test_an_article_is_linked_to_itself_and_the_best_sellers_of_its_code(
    members: int, tiny_history: History
) -> None:
    history = replace(tiny_history, articles=articles_of([7] * members + [8, 8]))
    catalogue, sales = np.arange(members + 2), np.arange(members + 2) % 1_000
    links = same_product_links(history, catalogue, np.full(members + 2, 0.5, np.float32), sales)
    best = set(np.lexsort((np.arange(members), -sales[:members]))[:MAX_SAME_PRODUCT].tolist())
    wanted = {(row, other) for row in range(members) for other in best | {row}}
    assert pairs(links) == wanted | {(members + i, members + j) for i in (0, 1) for j in (0, 1)}
    assert (links.diagonal() == 1).all()
    assert set(links.data.tolist()) == {0.5, 1.0}


def test_50000_articles_of_one_code_are_bounded(tiny_history: History) -> None:
    history = replace(tiny_history, articles=articles_of([7] * 50_000))
    catalogue, weight = np.arange(50_000), np.full(50_000, 0.1, np.float32)
    assert same_product_links(history, catalogue, weight, catalogue).nnz <= 50_000 * (MAX_SAME_PRODUCT + 1)
    vectors = np.ones((50_000, 2), np.float32)
    row, column, similarity = same_product_pairs(np.full(50_000, 7), vectors, weight)
    assert len(row) == len(column) == len(similarity) == 50_000 * MAX_SAME_PRODUCT


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_bound_keeps_the_best_sellers_of_each_code(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    code = np.array([0, 1, 0, 0, 1, 0])
    vectors = np.eye(6, dtype=np.float32)
    everything = set(zip(*(end.tolist() for end in same_product_pairs(code, vectors, code)[:2]), strict=True))
    monkeypatch.setattr(same_product, "MAX_SAME_PRODUCT", limit)
    sales = np.array([5.0, 2.0, 9.0, 5.0, 3.0, 1.0])
    row, column, _ = same_product_pairs(code, vectors, sales)
    first = {0: [2, 0, 3, 5][:limit], 1: [4, 1][:limit]}  # of equal sales the first article
    wanted = {(i, j) for i, j in everything if j in first[code[i]]}
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == wanted


def test_a_list_of_a_large_code_holds_what_sells_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_product, "MAX_SAME_PRODUCT", 2)
    bought = [(1, 0, 0), *((2, 1, article) for article in (1, 2, 3)), (3, 2, 2), (4, 2, 3)]
    history = shop(bought, [7] * 4)
    source = SameProduct().fit(history, date(2020, 1, 5))
    article, _ = source.top(history.profiles(np.array([0]), date(2020, 1, 5)), 4)
    assert article[0].tolist() == [0, 2, 3, -1]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (9, [(0, 1), (0, 2), (0, 3), (1, 1)]),
        (2, [(0, 1), (0, 3), (1, 1)]),  # 1 was bought again at the end
        (1, [(0, 1), (1, 1)]),
    ],
)
def test_of_a_large_basket_only_the_newest_articles_are_paired(
    limit: int, kept: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_knn, "MAX_ARTICLES", limit)
    customer, column = newest_articles(np.array([0, 0, 0, 0, 1, 1]), np.array([1, 2, 3, 1, 1, 1]))
    assert sorted(zip(customer.tolist(), column.tolist(), strict=True)) == kept


def test_a_basket_of_12000_makes_a_bounded_number_of_pairs() -> None:
    _, column = newest_articles(np.zeros(12_000, np.int32), np.arange(12_000))
    assert column.tolist() == list(range(10_000, 12_000))


@pytest.mark.parametrize("per_block", [1, 100, 5_000])
def test_blocks_of_articles_change_nothing(
    per_block: int, world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ItemKNN(num_neighbours=7).fit(world, world_as_of).similar_
    monkeypatch.setattr(neighbours, "PAIRS_PER_BLOCK", per_block)
    found = ItemKNN(num_neighbours=7).fit(world, world_as_of).similar_
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


@pytest.mark.parametrize("articles", [0, 1, 4])
def test_blocks_cover_every_article_once(articles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "PAIRS_PER_BLOCK", 2)
    bought = sparse.csr_array(np.ones((3, articles), np.float32))
    rows = [np.arange(articles)[block] for block in blocks_of_articles(bought)]
    assert np.concatenate(rows).tolist() == list(range(articles))


def test_item_knn_without_a_purchase_in_its_days(tiny_history: History) -> None:
    source = ItemKNN().fit(tiny_history, date(2019, 1, 1))
    assert source.similar_.shape == (0, 0)


@pytest.mark.parametrize("size", [1, 5, 40])
def test_a_large_profile_is_solved_with_as_many_unknowns_as_factors(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    articles = rng.normal(size=(60, 8)).astype(np.float32)
    bought = np.zeros((3, 60), np.float32)
    bought[1, rng.choice(60, size, replace=False)] = 10 * rng.random(size, np.float32)
    confidence = sparse.csr_array(bought)
    usual = solved(confidence, articles, *gram(articles, 0.1))
    monkeypatch.setattr(als, "MAX_UNKNOWNS", 0)
    np.testing.assert_allclose(solved(confidence, articles, *gram(articles, 0.1)), usual, rtol=1e-3, atol=1e-4)


def test_a_profile_of_12000_articles_is_solved_at_once() -> None:
    """With as many unknowns as articles it took a minute and 3 GiB."""
    articles = np.random.default_rng(3).normal(size=(12_000, 16)).astype(np.float32)
    confidence = sparse.csr_array(np.ones((1, 12_000), np.float32) * 5)
    (vector,) = solved(confidence, articles, *gram(articles, 0.1))
    assert np.isfinite(vector).all()
