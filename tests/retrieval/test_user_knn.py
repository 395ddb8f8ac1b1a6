"""User kNN against the definition, customer by customer."""

from datetime import date, timedelta
from math import log, sqrt

import numpy as np
import pytest

from forsys.retrieval import neighbours
from forsys.retrieval.user_knn import UserKNN
from forsys.tables.history import History, Profiles

A, B, C, D, E, F = range(6)
NINTH = date(2020, 1, 9)
Counts = dict[int, float]


def counts_of(profiles: Profiles, half_life: float) -> list[Counts]:
    """Decayed counts of each profile, article by article."""
    found: list[Counts] = []
    log = profiles.history
    for start, stop, as_of in zip(profiles.start, profiles.stop, profiles.as_of, strict=True):
        counts: Counts = {}
        for row in range(start, stop):
            counts[int(log.article[row])] = counts.get(int(log.article[row]), 0) + 2 ** (
                -float(as_of - log.day[row]) / half_life
            )
        found.append(counts)
    return found


def cosine(one: Counts, other: Counts, idf: Counts) -> float:
    products = sum(one[a] * other[a] * idf[a] ** 2 for a in one.keys() & other.keys())
    length = sqrt(sum((one[a] * idf[a]) ** 2 for a in one) * sum((other[a] * idf[a]) ** 2 for a in other))
    return products / length if length else 0.0


def slow_scores(source: UserKNN, history: History, as_of: date, articles: int) -> np.ndarray:
    """Of all customers, (customers, articles)."""
    everyone = history.profiles(np.arange(len(history.customers)), as_of)
    own, counts = counts_of(everyone, source.own_half_life), counts_of(everyone, source.half_life)
    buyers = [sum(article in each for each in counts) for article in range(articles)]
    active = sum(bool(each) for each in counts)
    idf = {article: log(active / count) for article, count in enumerate(buyers) if count}
    scores = np.zeros((len(counts), articles))
    for i, mine in enumerate(counts):
        for article, count in own[i].items():
            scores[i, article] += source.own_weight * count
        similar = [(cosine(mine, other, idf), -j) for j, other in enumerate(counts) if j != i]
        near = sorted([pair for pair in similar if pair[0] > 0], reverse=True)[: source.num_neighbours]
        total = sum(value**source.power for value, _ in near)
        for value, j in near:
            for article, count in counts[-j].items():
                scores[i, article] += value**source.power / total * count
    return scores


@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("num_neighbours", [1, 7])
def test_scores_are_those_of_the_definition(
    power: float, num_neighbours: int, world: History, world_as_of: date
) -> None:
    source = UserKNN(num_neighbours=num_neighbours, power=power).fit(world, world_as_of)
    found = source.scores(world.profiles(np.arange(300), world_as_of)).toarray()
    expected = slow_scores(source, world, world_as_of, 120)
    np.testing.assert_allclose(found, expected[:, source.catalogue_], rtol=1e-4, atol=1e-6)


def test_by_hand(tiny_history: History) -> None:
    """Half-lives so long that every purchase counts 1. Nearest to customer 0 (a twice, b, c) is 1 (a, b, c).

    Customer 2 has a in common; customer 3 nothing, so that only e, bought twice, is left.
    """
    source = UserKNN(own_half_life=1e9, half_life=1e9, num_neighbours=1).fit(tiny_history, NINTH)
    scores = source.scores(tiny_history.profiles(np.arange(5), NINTH)).toarray()
    assert source.catalogue_.tolist() == [A, B, C, D, E]
    assert scores[0].tolist() == pytest.approx([3, 2, 2, 0, 0])
    assert scores[1].tolist() == pytest.approx([3, 2, 2, 0, 0])
    assert scores[3].tolist() == pytest.approx([0, 0, 0, 0, 2])
    assert scores[4].tolist() == [0] * 5


def test_customers_are_no_neighbours_of_themselves(tiny_history: History) -> None:
    """Without own counts, customer 3, whom nobody is like, gets nothing."""
    source = UserKNN(own_weight=0).fit(tiny_history, NINTH)
    assert source.scores(tiny_history.profiles(np.array([3]), NINTH)).nnz == 0


def test_a_customer_who_is_new_since_the_fit(world: History, world_as_of: date) -> None:
    """Customer 0 again under another number: now 0 is the nearest neighbour."""
    source = UserKNN().fit(world, world_as_of)
    known = world.profiles(np.array([0]), world_as_of)
    stranger = Profiles(world, np.array([10_000]), known.start, known.stop, known.as_of)
    assert source.scores(stranger).toarray().max() > source.scores(known).toarray().max()


def test_blocks_change_nothing(world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch) -> None:
    source = UserKNN(num_neighbours=5, power=1).fit(world, world_as_of)
    profiles = world.profiles(np.arange(300), world_as_of + timedelta(days=1))
    whole = source.scores(profiles).toarray()
    monkeypatch.setattr(neighbours, "PAIRS_PER_BLOCK", 500)
    np.testing.assert_array_equal(source.scores(profiles).toarray(), whole)
