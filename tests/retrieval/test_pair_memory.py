"""Pair memory against counting pair by pair in plain Python."""

from collections import defaultdict
from datetime import date
from itertools import product
from math import log1p, sqrt

import numpy as np
import pytest
from scipy import sparse

from forsys.errors import DataError
from forsys.retrieval import neighbours
from forsys.retrieval.neighbours import largest_cells, largest_per_row
from forsys.retrieval.pair_memory import PairMemory, units
from forsys.tables.history import History
from forsys.tables.roles import Roles

A, B, C, D, E, F = range(6)
NINTH = date(2020, 1, 9)
LEVELS = [("article",), ("product_code",)]
Pairs = dict[tuple[int, int], float]


def baskets_of(history: History, as_of: date) -> dict[int, dict[int, list[int]]]:
    """Customer -> day -> articles."""
    found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    log = history.before(as_of)
    for customer, day, article in zip(log.customer, log.day, log.article, strict=True):
        found[int(customer)][int(day)].append(int(article))
    return found


def slow_similarity(source: PairMemory, history: History, as_of: date, unit: list[int]) -> Pairs:
    """Pair by pair, as the class says."""
    pairs: Pairs = defaultdict(float)
    weight: dict[int, float] = defaultdict(float)
    for days in baskets_of(history, as_of).values():
        for (day, bought), (other_day, others) in product(days.items(), repeat=2):
            mean = sqrt(1 / log1p(len(bought)) / log1p(len(others)))
            apart = source.other_day_weight * 2 ** (-abs(day - other_day) / source.pair_half_life)
            for one, other in product(bought, others):
                pairs[unit[one], unit[other]] += mean * (1 if day == other_day else apart)
        for bought in days.values():
            for basket_unit in {unit[article] for article in bought}:
                times = sum(unit[article] == basket_unit for article in bought)
                weight[basket_unit] += times**2 / log1p(len(bought))
    damped = {u: w + source.shrinkage_bought for u, w in weight.items()}
    damped_candidate = {u: w + source.shrinkage_candidate for u, w in weight.items()}
    return {(u, v): n / sqrt(damped[u] * damped_candidate[v]) for (u, v), n in pairs.items() if n > 0}


def slow_similar(source: PairMemory, history: History, as_of: date, unit: list[int]) -> np.ndarray:
    """(units, catalogue): first and second hop, carried to the articles; without any cut."""
    size = max(unit) + 1
    first = np.zeros((size, size))
    for pair, value in slow_similarity(source, history, as_of, unit).items():
        first[pair] = value
    both = first + source.second_hop * first @ first
    sales = np.bincount(history.before(as_of).article, minlength=len(unit))
    best = [max(sales[a] for a in range(len(unit)) if unit[a] == u) for u in range(size)]
    columns = [[both[u, unit[a]] * sales[a] / best[unit[a]] for u in range(size)] for a in source.catalogue_]
    return np.array(columns).T


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("second_hop", [0.0, 0.7])
def test_similarity_is_that_of_counting_pair_by_pair(
    level: tuple[str, ...], second_hop: float, tiny_history: History
) -> None:
    source = PairMemory(level=level, second_hop=second_hop, pair_half_life=2, shrinkage_candidate=3)
    source.fit(tiny_history, NINTH)
    unit = list(range(6)) if level == ("article",) else [0, 0, 1, 1, 2, 2]
    assert source.unit_.tolist() == unit
    expected = slow_similar(source, tiny_history, NINTH, unit)
    np.testing.assert_allclose(source.similar_.toarray(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_on_a_larger_log(level: tuple[str, ...], world: History, world_as_of: date) -> None:
    source = PairMemory(level=level, second_hop=0.5, num_neighbours=1_000).fit(world, world_as_of)
    unit = [article if level == ("article",) else article // 2 for article in range(120)]
    one_hop = PairMemory(level=level, num_neighbours=1_000).fit(world, world_as_of)
    expected = slow_similar(one_hop, world, world_as_of, unit)
    np.testing.assert_allclose(one_hop.similar_.toarray(), expected, rtol=1e-4, atol=1e-7)
    assert (source.similar_.toarray() >= one_hop.similar_.toarray() - 1e-7).all()
    assert source.similar_.nnz > one_hop.similar_.nnz


def test_one_pair_by_hand(tiny_history: History) -> None:
    """Up to the 3rd: customer 0 bought a on the 1st, b and c on the 3rd; customer 1 c on the 1st.

    b and c make one pair, 1 / log 3; a and b one of two days, .3 / 2 of the root of (1 / log 2) * (1 / log 3).
    """
    source = PairMemory(pair_half_life=2, shrinkage_bought=0, shrinkage_candidate=0)
    similar = source.fit(tiny_history, date(2020, 1, 4)).similar_.toarray()
    of_a, of_b, of_c = 1 / log1p(1), 1 / log1p(2), 1 / log1p(2) + 1 / log1p(1)
    assert source.catalogue_.tolist() == [A, B, C]
    assert similar[B, C] == pytest.approx(1 / log1p(2) / sqrt(of_b * of_c))
    assert similar[A, B] == pytest.approx(0.15 * sqrt(of_a * of_b) / sqrt(of_a * of_b))
    assert similar[D:].sum() == 0


def test_a_weight_of_0_pairs_one_day_only(tiny_history: History) -> None:
    similar = PairMemory(other_day_weight=0).fit(tiny_history, NINTH).similar_
    found = set(zip(*(end.tolist() for end in sparse.coo_array(similar).coords), strict=True))
    assert found == {(B, C), (C, B), *((article, article) for article in (A, B, C, D, E))}


def test_what_was_bought_on_the_same_day_has_no_score(tiny_history: History) -> None:
    """The event of b by customer 0 on the 3rd: a was bought before, c on that day."""
    source = PairMemory().fit(tiny_history, NINTH)
    basket = tiny_history.event_profiles(np.array([2]))
    assert source.scores(basket).toarray()[0].nonzero()[0].tolist() == [A, B, D]


def test_units_of_several_columns(world: History) -> None:
    """Numbered by values; an article with an unknown value is in no unit."""
    kind, colour = ["dress", "coat", "dress", None], ["red", "red", "red", "red"]
    articles = world.articles.head(4).with_columns(kind=np.array(kind), colour=np.array(colour))
    assert units(world.with_articles(articles), ("kind", "colour")).tolist() == [1, 0, 1, -1]


def test_no_level_is_the_shops_kind(world: History, world_as_of: date) -> None:
    """Without roles of kinds the product code."""
    assert PairMemory(level=()).fit(world, world_as_of).unit_.tolist() == [article // 2 for article in range(120)]
    kinds = History(**vars(world) | {"roles": Roles(kind="product_code", colour="article_id")})
    assert PairMemory(level=()).fit(kinds, world_as_of).unit_.tolist() == list(range(120))


def test_an_unknown_column_is_an_error(world: History) -> None:
    with pytest.raises(DataError, match=r"PairMemory, level: unknown: shape_of_it; name some of article"):
        PairMemory(level=("shape_of_it",)).check(world)


@pytest.mark.parametrize("per_block", [1, 100, 5_000])
def test_blocks_change_nothing(
    per_block: int, world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PairMemory(level=("product_code",), second_hop=1, num_neighbours=7)
    whole = source.fit(world, world_as_of).similar_
    monkeypatch.setattr(neighbours, "PAIRS_PER_BLOCK", per_block)
    found = source.fit(world, world_as_of).similar_
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


@pytest.mark.parametrize("k", [1, 3, 50])
def test_largest_per_row_is_largest_cells(k: int) -> None:
    random = np.random.default_rng(k)
    values = random.integers(1, 10, (30, 40)) * (random.random((30, 40)) < 0.4)  # many equal ones
    cells = sparse.csr_array(values.astype(np.float32))
    row, column = sparse.coo_array(cells).coords
    expected = largest_cells(row, column, cells.data, (30, 40), k)
    np.testing.assert_array_equal(largest_per_row(cells, k).toarray(), expected.toarray())
