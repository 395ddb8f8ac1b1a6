"""Session kNN against the definition, basket by basket."""

from collections import defaultdict
from datetime import date
from math import log1p, sqrt

import numpy as np
import pytest

from forsys.calendar import day_number
from forsys.retrieval import neighbours
from forsys.retrieval.session_knn import SessionKNN
from forsys.tables.history import History

A, B, C, D, E, F = range(6)
NINTH = date(2020, 1, 9)


def slow_scores(source: SessionKNN, history: History, as_of: date) -> np.ndarray:
    """Of all customers, (customers, articles)."""
    baskets: dict[tuple[int, int], list[int]] = defaultdict(list)
    log = history.before(as_of)
    for customer, day, article in zip(log.customer, log.day, log.article, strict=True):
        baskets[int(customer), int(day)].append(int(article))
    sold = np.bincount(log.article, minlength=len(history.articles))
    idf = [log1p(len(baskets) / count) if count else 0.0 for count in sold.tolist()]
    several = [(day, basket) for (_, day), basket in sorted(baskets.items()) if len(basket) > 1]
    scores = np.zeros((len(history.customers), len(idf)))
    for customer in range(len(scores)):
        days = {day: basket for (who, day), basket in baskets.items() if who == customer}
        query: dict[int, float] = defaultdict(float)
        for day, basket in days.items():
            weight = 1 if day == max(days) else source.earlier_weight * 2 ** ((day - max(days)) / source.half_life)
            for article in basket:
                query[article] += weight * idf[article]
        length = sqrt(sum(value**2 for value in query.values()))
        similar = []
        for i, (day, basket) in enumerate(several):
            product = sum(query.get(article, 0) * idf[article] for article in basket)
            recency = 2 ** (-(day_number(as_of) - day) / source.basket_half_life)
            if product:
                similar.append((recency * product / length / sqrt(sum(idf[a] ** 2 for a in basket)), -i))
        for value, minus_i in sorted(similar, reverse=True)[: source.num_neighbours]:
            for article in several[-minus_i][1]:
                scores[customer, article] += value * idf[article] ** source.idf_power
    return scores


@pytest.mark.parametrize("idf_power", [0.0, 1.0])
@pytest.mark.parametrize("num_neighbours", [3, 1_000])
def test_scores_are_those_of_the_definition(
    idf_power: float, num_neighbours: int, world: History, world_as_of: date
) -> None:
    source = SessionKNN(num_neighbours=num_neighbours, idf_power=idf_power).fit(world, world_as_of)
    found = source.scores(world.profiles(np.arange(300), world_as_of)).toarray()
    expected = slow_scores(source, world, world_as_of)
    np.testing.assert_allclose(found, expected[:, source.catalogue_], rtol=1e-4, atol=1e-6)


def test_by_hand(tiny_history: History) -> None:
    """The only basket of two articles is that of b and c on the 3rd. Customer 1, whose last purchase is b, gets c.

    b itself was bought the day before, so it has a score; what is in today's basket has none.
    """
    source = SessionKNN().fit(tiny_history, NINTH)
    assert source.baskets_.toarray().tolist() == [[0, 1, 1, 0, 0]]
    assert source.scores(tiny_history.profiles(np.array([1]), NINTH)).toarray()[0].nonzero()[0].tolist() == [B, C]
    in_basket = tiny_history.event_profiles(np.array([2]))  # customer 0 on the 3rd: a before, c today
    assert source.scores(in_basket).toarray()[0].nonzero()[0].tolist() == [B]


def test_without_a_basket_of_two_there_is_nothing(tiny_history: History) -> None:
    source = SessionKNN().fit(tiny_history, date(2020, 1, 3))
    assert source.scores(tiny_history.profiles(np.arange(5), date(2020, 1, 3))).nnz == 0


def test_blocks_change_nothing(world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SessionKNN(num_neighbours=5).fit(world, world_as_of)
    profiles = world.profiles(np.arange(300), world_as_of)
    whole = source.scores(profiles).toarray()
    monkeypatch.setattr(neighbours, "PAIRS_PER_BLOCK", 500)
    np.testing.assert_array_equal(source.scores(profiles).toarray(), whole)
