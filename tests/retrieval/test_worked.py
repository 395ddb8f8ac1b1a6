"""Five sources, worked out by hand on the 13 rows of tests/conftest.py.

Articles a..f are 0..5. What was bought before the 8th and the 9th of January 2020, by customer:

    0 (22 years)    1st a, 3rd c (2 units), 3rd b, 7th a
    1 (22 years)    1st c, 5th a, 8th b
    2 (no age)      4th a, 7th d
    3 (55 years)    5th e, 8th e
    4 (30 years)    nothing
"""

from datetime import date
from math import log, sqrt

import numpy as np
import polars as pl
import pytest

from forsys.arrays import decay
from forsys.retrieval.best_sellers import BestSellers, age_buckets
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.neighbours import largest_cells
from forsys.retrieval.repurchase import Repurchase
from forsys.retrieval.same_attributes import SameAttributes
from forsys.retrieval.same_product import SameProduct
from forsys.retrieval.source import Source
from forsys.tables.history import History

A, B, C, D, E, F = range(6)
EIGHTH, NINTH = date(2020, 1, 8), date(2020, 1, 9)
Lists = dict[int, list[tuple[int, float]]]


def lists_of(source: Source, history: History, as_of: date, k: int = 6) -> Lists:
    """Customer -> (article, score), best first."""
    found = source.recommend(history.profiles(np.arange(5), as_of), k)
    return {
        int(customer): list(zip(part["article"].to_list(), part["score"].to_list(), strict=True))
        for (customer,), part in found.group_by("customer", maintain_order=True)
    }


def assert_lists(found: Lists, expected: Lists) -> None:
    assert {c: [a for a, _ in pairs] for c, pairs in found.items()} == {
        c: [a for a, _ in pairs] for c, pairs in expected.items()
    }
    for customer, pairs in expected.items():
        assert [score for _, score in found[customer]] == pytest.approx([score for _, score in pairs], rel=1e-5)


def test_decay_halves() -> None:
    assert decay(np.array([0, 3, 6, 30]), 3.0).tolist() == [1, 0.5, 0.25, 2.0**-10]


def test_best_sellers(tiny_history: History) -> None:
    """With a half-life of a day, a purchase on day d before the 8th counts 2 ** -(8 - d); units don't.

    a: 1st, 4th, 5th, 7th = 1/128 + 1/16 + 1/8 + 1/2 = 89/128     b: 3rd = 1/32 = 4/128
    c: 1st, 3rd = 1/128 + 1/32 = 5/128    d: 7th = 64/128    e: 5th = 16/128    all: 178/128
    178/128 prior purchases add these sums to those of every bucket.
    """
    source = BestSellers(half_life=1, prior_purchases=178 / 128).fit(tiny_history, EIGHTH)
    found = lists_of(source, tiny_history, EIGHTH)
    twenties = [(A, 89 + 81), (D, 64), (E, 16), (C, 5 + 5), (B, 4 + 4)]  # customers 0 and 1: a without the 4th
    no_age = [(D, 64 + 64), (A, 89 + 8), (E, 16), (C, 5), (B, 4)]  # customer 2: a on the 4th, d
    fifties = [(A, 89), (D, 64), (E, 16 + 16), (C, 5), (B, 4)]  # customer 3: e
    thirties = [(A, 89), (D, 64), (E, 16), (C, 5), (B, 4)]  # nobody of this age has bought: the whole shop
    in_128ths = {0: twenties, 1: twenties, 2: no_age, 3: fifties, 4: thirties}
    assert_lists(found, {c: [(a, n / 128) for a, n in pairs] for c, pairs in in_128ths.items()})


def test_age_buckets(tiny_history: History) -> None:
    ages = pl.Series([None, 16, 19, 20, 24, 25, 29.5, 30, 40, 50, 59, 60, 99], dtype=pl.Float32)
    people = pl.DataFrame({"age": ages})
    of = History.of(
        pl.LazyFrame(schema={"t_dat": pl.Date, "customer": pl.Int32, "article": pl.Int32}).with_columns(
            price=pl.lit(0.0), channel=pl.lit(1)
        ),
        tiny_history.articles,
        people,
    )
    assert age_buckets(of.customer_values("age"), BestSellers().age_bounds).tolist() == [
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        5,
        6,
        6,
        7,
        7,
    ]


def test_repurchase(tiny_history: History) -> None:
    """Half-life 2 days, asked on the 9th: the 1st counts 2**-4, the 3rd 2**-3, ... the 8th 2**-0.5."""
    source = Repurchase(half_life=2).fit(tiny_history, NINTH)
    found = lists_of(source, tiny_history, NINTH)
    expected: Lists = {
        0: [(A, 1 / 16 + 1 / 2), (B, 1 / 8), (C, 1 / 8)],  # equal scores by article; two units of c count once
        1: [(B, 2**-0.5), (A, 1 / 4), (C, 1 / 16)],
        2: [(D, 1 / 2), (A, 2**-2.5)],
        3: [(E, 1 / 4 + 2**-0.5)],
    }
    assert_lists(found, expected)
    assert_lists(
        lists_of(source, tiny_history, NINTH, k=1), {customer: pairs[:1] for customer, pairs in expected.items()}
    )


def test_repurchase_counts_from_the_day_of_the_profile(tiny_history: History) -> None:
    """Fitted on the 9th, and asked on the 7th: what was bought since is not seen, and ages are shorter."""
    source = Repurchase(half_life=2).fit(tiny_history, NINTH)
    found = lists_of(source, tiny_history, date(2020, 1, 7))
    assert found[0] == [(B, 1 / 4), (C, 1 / 4), (A, 1 / 8)]
    assert_lists({2: found[2]}, {2: [(A, 2**-1.5)]})


def test_same_product(tiny_history: History) -> None:
    """Purchases by customer and day, 2nd to 8th: a 3, b 2, c 1, d 1, e 2. a-b and c-d are of one product.

    So a purchase of a counts 1 for a and 0.1 * log(1 + 2) for b, one of b 0.1 * log(1 + 3) for a, one of c or d
    0.1 * log(1 + 1) for the other. The weights of the purchases are those of test_repurchase.
    """
    source = SameProduct(half_life=2, sales_days=7, sales_weight=0.1).fit(tiny_history, NINTH)
    assert source.catalogue_.tolist() == [A, B, C, D, E]
    a, b, cd = 0.1 * log(4), 0.1 * log(3), 0.1 * log(2)
    own_0, own_1 = 1 / 16 + 1 / 2, 2**-0.5  # a of customer 0, b of customer 1
    expected: Lists = {
        0: [(A, own_0 + a / 8), (B, 1 / 8 + b * own_0), (C, 1 / 8), (D, cd / 8)],
        1: [(B, own_1 + b / 4), (A, 1 / 4 + a * own_1), (C, 1 / 16), (D, cd / 16)],
        2: [(D, 1 / 2), (A, 2**-2.5), (C, cd / 2), (B, b * 2**-2.5)],
        3: [(E, 1 / 4 + 2**-0.5)],  # f, of the same product, never sold; 4 bought nothing
    }
    assert_lists(lists_of(source, tiny_history, NINTH), expected)


def test_same_product_of_what_sold_lately(tiny_history: History) -> None:
    """On the 7th and 8th sold a, d, b, e: c is known, so only those who bought it get it again."""
    source = SameProduct(half_life=2, sales_days=2, sales_weight=0.1).fit(tiny_history, NINTH)
    assert source.catalogue_.tolist() == [A, B, C, D, E]
    found = lists_of(source, tiny_history, NINTH)
    assert C in dict(found[0])
    assert C not in dict(found[2])


def test_same_product_without_the_others_is_repurchase(tiny_history: History) -> None:
    alone = SameProduct(half_life=2, sales_weight=0).fit(tiny_history, NINTH)
    repurchase = Repurchase(half_life=2).fit(tiny_history, NINTH)
    assert lists_of(alone, tiny_history, NINTH) == lists_of(repurchase, tiny_history, NINTH)


# Baskets of the 2nd to the 8th: 0 has a b c, 1 has a b, 2 has a d, 3 has e. Buyers: a 3, b 2, c 1, d 1, e 1.
# Together: ab 2, ac 1, ad 1, bc 1. similarity(i, j) = together / sqrt((buyers(i) + 1) * (buyers(j) + 3)).
SIMILAR = {
    (A, B): 2 / sqrt(4 * 5),
    (A, C): 1 / sqrt(4 * 4),
    (A, D): 1 / sqrt(4 * 4),
    (B, A): 2 / sqrt(3 * 6),
    (B, C): 1 / sqrt(3 * 4),
    (C, A): 1 / sqrt(2 * 6),
    (C, B): 1 / sqrt(2 * 5),
    (D, A): 1 / sqrt(2 * 6),
}


def fitted_item_knn(history: History, num_neighbours: int = 200) -> ItemKNN:
    weights = {"shrinkage_bought": 1, "shrinkage_candidate": 3, "earlier_weight": 0.5}
    return ItemKNN(days=7, half_life=2, num_neighbours=num_neighbours, **weights).fit(history, NINTH)


def test_item_knn_similarity(tiny_history: History) -> None:
    expected = np.zeros((5, 5))
    for (bought, candidate), value in SIMILAR.items():
        expected[bought, candidate] = value
    source = fitted_item_knn(tiny_history)
    np.testing.assert_allclose(source.similar_.toarray(), expected, rtol=1e-6)


def test_item_knn_counts_a_customer_once(tiny_history: History) -> None:
    """With the 1st, customer 0 has bought a twice, and 1 has c too: a still has 3 buyers, a-b and a-c 2 each."""
    source = ItemKNN(days=8, shrinkage_bought=1, shrinkage_candidate=3).fit(tiny_history, NINTH)
    similar = source.similar_.toarray()
    assert similar[A].tolist() == pytest.approx([0, 2 / sqrt(4 * 5), 2 / sqrt(4 * 5), 1 / sqrt(4 * 4), 0])
    assert similar[D].tolist() == pytest.approx([1 / sqrt(2 * 6), 0, 0, 0, 0])


def test_item_knn_keeps_the_nearest(tiny_history: History) -> None:
    """One neighbour: a's is b (0.45), b's a (0.47), c's b (0.32, before a's 0.29), d's a."""
    nearest_only = fitted_item_knn(tiny_history, num_neighbours=1).similar_.toarray()
    assert np.argwhere(nearest_only).tolist() == [[A, B], [B, A], [C, B], [D, A]]


def test_largest_cells_orders_equal_values_by_column() -> None:
    row, col = np.array([0, 0, 0, 1, 1]), np.array([3, 1, 2, 0, 2])
    value = np.array([5.0, 5.0, 5.0, 1.0, 2.0])
    kept = largest_cells(row, col, value, (2, 4), 2).toarray()
    assert kept.tolist() == [[0, 5, 5, 0], [1, 0, 2, 0]]


@pytest.mark.parametrize("seed", range(40))
def test_largest_cells_are_those_of_a_plain_sort(seed: int) -> None:
    """Also of negative values, of zeros of both signs, and of values that are equal as float32 only."""
    rng = np.random.default_rng(seed)
    shape, k = (int(rng.integers(1, 20)), int(rng.integers(1, 30))), int(rng.integers(1, 9))
    row, col = np.nonzero(rng.random(shape) < rng.random())
    order = rng.permutation(len(row))
    row, col = row[order], col[order]
    value = rng.choice([-3e30, -1.0, -0.0, 0.0, 1e-30, 0.5, 0.5 + 1e-12, 2.0], len(row))
    expected = np.full(shape, np.nan)
    for number in range(shape[0]):
        own = np.flatnonzero(row == number)
        best = sorted(own, key=lambda cell: (-value[cell], col[cell]))[:k]
        expected[number, col[best]] = value[best]
    found = largest_cells(row, col, value, shape, k).tocoo()
    kept = np.full(shape, np.nan)
    kept[found.coords] = found.data
    np.testing.assert_array_equal(kept, expected.astype(np.float32))


def test_item_knn_scores(tiny_history: History) -> None:
    """Customer 0 last shopped on the 7th: a counts 1 for that day, and 0.5 * 2**-3 for the 1st, 6 days before;
    b and c count 0.5 * 2**-2 for the 3rd. Customer 1: b 1 for the 8th, a 0.5 * 2**-1.5; c 0.5 * 2**-3.5.
    """
    found = lists_of(fitted_item_knn(tiny_history), tiny_history, NINTH)

    def expected(**bought_weights: float) -> dict[int, float]:
        weights = {"abcdef".index(name): weight for name, weight in bought_weights.items()}
        sums: dict[int, float] = {}
        for (bought, candidate), value in SIMILAR.items():
            if bought in weights:
                sums[candidate] = sums.get(candidate, 0) + weights[bought] * value
        return sums

    by_hand = {
        0: expected(a=1 + 1 / 16, b=1 / 8, c=1 / 8),
        1: expected(a=0.5 * 2**-1.5, b=1, c=0.5 * 2**-3.5),
        2: expected(a=0.5 * 2**-1.5, d=1),
    }
    assert by_hand[0][B] == pytest.approx(1.0625 * 0.4472136 + 0.125 * 0.3162278)  # the numbers once in full
    assert found.keys() == by_hand.keys()  # 3 bought e, which nobody bought with anything
    for customer, sums in by_hand.items():
        assert dict(found[customer]) == pytest.approx(sums, rel=1e-5)


def test_same_attributes(tiny_history: History) -> None:
    """Half-lives so long that every purchase counts 1. Known here are only the article and its product code.

    Before the 8th sold: a 4, b 1, c 3 (2 units on the 3rd), d 1, e 1, together 10. Six articles and three codes:
    with one sale added to each, article a has 5/16, b 2/16, c 4/16, e 2/16; code ab 6/13, cd 5/13, ef 2/13.
    Customer 3 bought e: its article counts log(1 + 1 / (1 * 2/16)) = log 9, its code log(1 + 13/2) = log 7.5.
    """
    source = SameAttributes(half_life=1e9, days=90, profile_half_life=1e9, prior_purchases=1.0, strength=1.0).fit(
        tiny_history, EIGHTH
    )
    assert source.catalogue_.tolist() == [A, B, C, D, E]
    found = dict(lists_of(source, tiny_history, EIGHTH)[3])
    assert found == pytest.approx(
        {E: log(1) + log(9) + log(7.5), A: log(4), C: log(3), B: log(1), D: log(1)}, abs=1e-5
    )
    nobody = dict(lists_of(source, tiny_history, EIGHTH)[4])
    assert nobody == pytest.approx({A: log(4), C: log(3), B: 0, D: 0, E: 0}, abs=1e-5)
