"""Ranks of the next purchase: by hand, against `mean_rank`, and against the fused lists."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from forsys.arrays import Floats, Scores
from forsys.calendar import Fold
from forsys.evaluation.next_item_accuracy import (
    fused_ranks,
    next_item_ranks,
    ranks_and_lists,
    sparse_mean_rank,
)
from forsys.metrics.lists import mean_rank
from forsys.retrieval.als import ALS
from forsys.retrieval.best_sellers import BestSellers
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.repurchase import Repurchase
from forsys.retrieval.source import Source, candidate_table
from forsys.tables.events import next_item_events, profiles_of
from forsys.tables.history import History, Profiles

FOLD = Fold(date(2020, 1, 7), date(2020, 1, 9))


class Fixed(Source):
    """The same scores of articles 0 to 4 for every profile; nothing is known of 5."""

    def __init__(self, scores: list[float], is_sparse: bool = False) -> None:
        self.row, self.is_sparse = np.array(scores, np.float32), is_sparse
        self.catalogue_ = np.arange(len(scores), dtype=np.int32)

    def fit(self, history: History, as_of: date) -> "Fixed":
        raise NotImplementedError

    def scores(self, profiles: Profiles) -> Scores:
        full = np.tile(self.row, (len(profiles), 1))
        return sparse.csr_array(full) if self.is_sparse else full


def test_events_have_an_earlier_purchase(tiny_history: History) -> None:
    """Rows 3, 9 (7th), 7, 11 (8th); all their buyers bought before. The 9th is after the fold."""
    assert next_item_events(tiny_history, FOLD).tolist() == [3, 7, 9, 11]
    whole = next_item_events(tiny_history, Fold(date(2020, 1, 1), date(2020, 1, 10)))
    assert whole.tolist() == [1, 2, 3, 4, 6, 7, 9, 11]  # without everybody's first; units of a day are one


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_only_the_newest_purchases_before_an_event_are_read(
    limit: int, tiny_history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forsys.tables.events.MAX_PURCHASES", limit)
    events = np.array([3, 7, 9, 11])
    profiles, whole = profiles_of(tiny_history, events), tiny_history.event_profiles(events)
    assert profiles.stop.tolist() == whole.stop.tolist()
    length = whole.stop - whole.start
    assert (profiles.stop - profiles.start).tolist() == np.minimum(length, limit).tolist()


def test_a_sample_of_events_is_sorted_and_repeats_by_seed(world: History, world_as_of: date) -> None:
    fold = Fold(world_as_of, date(2020, 4, 30))
    everything = next_item_events(world, fold)
    sample = next_item_events(world, fold, max_events=50, seed=3)
    assert len(everything) > 300
    assert len(sample) == 50
    assert set(sample) <= set(everything)
    assert sample.tolist() == sorted(set(sample.tolist()))
    assert sample.tolist() == next_item_events(world, fold, max_events=50, seed=3).tolist()
    assert sample.tolist() != next_item_events(world, fold, max_events=50, seed=4).tolist()
    assert next_item_events(world, fold, max_events=len(everything)).tolist() == everything.tolist()


def test_ranks_by_hand(tiny_history: History) -> None:
    """Events buy articles 0, 1, 3, 4. Scores 0.3, 0.9, 0.1, 0.3, 0.5: ranks (3 + 4) / 2, 1, 3.5, 2."""
    events = next_item_events(tiny_history, FOLD)
    for is_sparse in (False, True):
        source = Fixed([0.3, 0.9, 0.1, 0.3, 0.5], is_sparse)
        assert next_item_ranks(source, tiny_history, events).tolist() == [3.5, 1, 3.5, 2]


def test_a_constant_scorer_lands_in_the_middle(tiny_history: History) -> None:
    events = next_item_events(tiny_history, FOLD)
    assert next_item_ranks(Fixed([1.0] * 5), tiny_history, events).tolist() == [3] * 4
    assert next_item_ranks(Fixed([1.0] * 5, True), tiny_history, events).tolist() == [3] * 4


def test_what_has_no_score_is_never_a_hit(tiny_history: History) -> None:
    events = next_item_events(tiny_history, FOLD)  # articles 0, 1, 3, 4
    ranks = next_item_ranks(Fixed([0.5, -np.inf, 0.7]), tiny_history, events)  # 3 and 4 are not in the catalogue
    assert ranks.tolist() == [2, np.inf, np.inf, np.inf]
    ranks = next_item_ranks(Fixed([0.5, 0.0, 0.7, 0.0, 0.2], True), tiny_history, events)  # sparse: 0 isn't stored
    assert ranks.tolist() == [2, np.inf, np.inf, 3]


def test_never_sold_targets_of_a_real_source(world: History, world_as_of: date) -> None:
    """The twelve articles that are new after as_of."""
    events = next_item_events(world, Fold(world_as_of, date(2020, 4, 30)))
    ranks = next_item_ranks(BestSellers().fit(world, world_as_of), world, events)
    new = world.article[events] % 20 >= 18
    assert new.sum() > 10
    np.testing.assert_array_equal(np.isinf(ranks), new)
    assert ranks[~new].min() >= 1
    assert ranks[~new].max() <= 108


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([2, 5, 1000]), articles=st.integers(1, 30))
def test_sparse_agrees_with_mean_rank(seed: int, levels: int, articles: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(1, levels + 1, (20, articles)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    target = rng.integers(0, articles, 20)
    expected = mean_rank(scores, target)
    row, column = np.nonzero(np.isfinite(scores))
    stored = sparse.csr_array((scores[row, column], (row, column)), shape=scores.shape)
    np.testing.assert_array_equal(sparse_mean_rank(stored, target), expected)


@pytest.fixture(scope="module")
def sources(world: History, world_as_of: date) -> dict[str, Source]:
    made: dict[str, Source] = {
        "best_sellers": BestSellers(),
        "repurchase": Repurchase(),
        "item_knn": ItemKNN(),
    }
    return {name: source.fit(world, world_as_of) for name, source in made.items()}


@pytest.fixture(scope="module")
def events(world: History, world_as_of: date) -> "np.typing.NDArray[np.integer]":
    return next_item_events(world, Fold(world_as_of, date(2020, 4, 30)), max_events=150, seed=1)


@pytest.mark.parametrize("name", ["best_sellers", "repurchase", "item_knn"])
def test_ranks_do_not_depend_on_the_blocks(
    name: str,
    sources: dict[str, Source],
    events: "np.typing.NDArray[np.integer]",
    world: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = next_item_ranks(sources[name], world, events)
    monkeypatch.setattr("forsys.retrieval.source.CELLS_PER_BLOCK", 1000)
    np.testing.assert_array_equal(next_item_ranks(sources[name], world, events), whole)
    assert np.isfinite(whole).any()


@pytest.mark.parametrize("source", [ItemKNN(), BestSellers(), Repurchase(), ALS(factors=8)])
def test_ranks_and_lists_are_those_of_two_passes(source: Source, world: History, world_as_of: date) -> None:
    source.fit(world, world_as_of)
    events = next_item_events(world, Fold(world_as_of, date(2020, 4, 22)))
    ranks, (article, score) = ranks_and_lists(source, world, events, 7)
    np.testing.assert_array_equal(ranks, next_item_ranks(source, world, events))
    expected, expected_score = source.top(profiles_of(world, events), 7)
    np.testing.assert_array_equal(article, expected)
    np.testing.assert_allclose(score, expected_score, rtol=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 0.6, 0.35), (1.0, 1.0, 1.0), (0.0, 1.0, 0.5)])
def test_fused_ranks_are_the_ranks_in_the_fused_list(
    weights: tuple[float, float, float],
    sources: dict[str, Source],
    events: "np.typing.NDArray[np.integer]",
    world: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Event by event; equals share their mean rank."""
    fusion, k = Fusion(dict(zip(sources, weights, strict=True)), 5.0), 20
    expected = []
    for event in events:
        profile = world.event_profiles(np.array([event]))
        lists = [
            candidate_table(np.zeros(1, np.int32), *source.top(profile, k)).with_columns(source=pl.lit(name))
            for name, source in sources.items()
        ]
        fused = fusion.fuse(pl.concat(lists).lazy(), 1000)
        own = fused.filter(pl.col("article") == world.article[event])["score"]
        tied = fused.filter(pl.col("score").is_in(own.implode()))["rank"].to_list()
        expected.append(sum(tied) / len(tied) if tied else np.inf)
    tops = {name: source.top(world.event_profiles(events), k) for name, source in sources.items()}
    found: Floats = fused_ranks(fusion, tops, world, events)
    np.testing.assert_array_equal(found, expected)
    assert 0 < np.isfinite(found).sum() < len(events)
    monkeypatch.setattr("forsys.evaluation.next_item_accuracy.EVENT_CANDIDATES", 7 * k * len(sources))
    np.testing.assert_array_equal(fused_ranks(fusion, tops, world, events), expected)
