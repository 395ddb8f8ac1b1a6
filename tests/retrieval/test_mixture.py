"""The mixture: its candidates and features by hand, what it learns from, and the traps it must not fall into."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import Fold, day_number
from forsys.errors import DataError
from forsys.evaluation.mixture_accuracy import held, mixture_ranks
from forsys.evaluation.next_item_accuracy import next_item_ranks
from forsys.retrieval import mixture, mixture_features, registry
from forsys.retrieval.baskets import basket_weights
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.mixture import Fitted, Mixture, fit_source
from forsys.retrieval.mixture_candidates import Candidates
from forsys.retrieval.mixture_features import Articles, Problem, columns_of, launch_rank
from forsys.retrieval.mixture_learning import sample
from forsys.retrieval.registry import check_sources, without_missing_parts
from forsys.retrieval.source import Source
from forsys.settings import load_settings
from forsys.tables.events import next_item_events, profiles_of
from forsys.tables.history import History, Profiles

SOURCES = load_settings().retrieval.sources
MEMBERS = {name: SOURCES[name] for name in ("item_knn", "same_attributes")}
TAUGHT = date(2020, 4, 15)  # the world's cut-off


def make(**parameters: Any) -> Mixture:
    small: dict[str, Any] = {"members": MEMBERS, "depth": 40, "label_days": 14, "num_iterations": 20}
    return Mixture(**small | parameters)


def events_of(world: History) -> Ints:
    return next_item_events(world, Fold(TAUGHT, date(2020, 4, 30)), max_events=400)


@pytest.fixture(scope="module")
def taught(world: History) -> Mixture:
    return make().fit(world, TAUGHT)


@pytest.fixture(scope="module")
def problem(taught: Mixture, world: History) -> Problem:
    return taught.problem(profiles_of(world, events_of(world)))


# --- candidates ---


def test_candidates_are_the_best_of_each_member_without_the_days_basket(problem: Problem) -> None:
    """Against sets, profile by profile."""
    profiles, depth = problem.candidates.profiles, 40
    best = [member.top(profiles, depth)[0] for member in problem.members.values()]
    history = profiles.history
    for i in range(0, len(profiles), 7):
        own = slice(profiles.start[i], profiles.stop[i])
        basket = set(history.article[own][history.day[own] == profiles.as_of[i]].tolist())
        wanted = set(np.concatenate([articles[i] for articles in best]).tolist()) - {-1} - basket
        of = problem.candidates.row == i
        assert problem.candidates.article[of].tolist() == sorted(wanted)
        for j, articles in enumerate(best):
            proposed = problem.candidates.article[of & problem.candidates.proposed[:, j]]
            assert set(proposed.tolist()) == set(articles[i].tolist()) - {-1} - basket


def test_every_member_scores_every_candidate(problem: Problem) -> None:
    candidates = problem.candidates
    for i, member in enumerate(problem.members.values()):
        wanted = member.score(candidates.profiles, candidates.row, candidates.article)
        np.testing.assert_array_equal(candidates.scores[:, i], wanted)
    assert np.isfinite(candidates.scores[~candidates.proposed]).any()


def test_ranks_are_among_the_candidates_of_the_profile(problem: Problem) -> None:
    ranks, candidates = problem.candidates.ranks(), problem.candidates
    for i in range(0, len(candidates.profiles), 31):
        of = candidates.row == i
        for score, rank in zip(candidates.scores[of].T, ranks[of].T, strict=True):
            known = np.isfinite(score)
            assert (np.isnan(rank) == ~known).all()
            assert sorted(rank[known].tolist()) == list(range(1, known.sum() + 1))
            assert (np.diff(score[known][np.argsort(rank[known])]) <= 0).all()


# --- features ---


def test_similarities_to_the_basket_against_a_loop(problem: Problem) -> None:
    candidates, profiles = problem.candidates, problem.candidates.profiles
    knn = problem.members["item_knn"]
    assert isinstance(knn, ItemKNN)
    columns, history = columns_of(problem, ["pairs"]), profiles.history
    for pair in range(0, len(candidates), 401):
        i = candidates.row[pair]
        rows = np.arange(profiles.start[i], profiles.stop[i])
        ages = profiles.as_of[i] - history.day[rows]
        weights = basket_weights(np.zeros(len(rows), np.int64), ages, 0.5, 30.0)
        rows, weights = rows[::-1][:20], weights[::-1][:20]
        column = knn.columns(candidates.article[[pair]])[0]
        values = [
            float(knn.similar_[row, column]) if row >= 0 else 0.0 for row in knn.columns(history.article[rows])
        ]
        wanted = {"max": max(values), "sum": values @ weights, "last": values[0], "count": np.count_nonzero(values)}
        for kind, value in wanted.items():
            assert columns[f"item_knn_{kind}"][pair] == pytest.approx(value, rel=1e-5)


def test_equal_attributes_against_a_loop(problem: Problem) -> None:
    candidates, profiles = problem.candidates, problem.candidates.profiles
    columns, history = columns_of(problem, ["attributes"]), profiles.history
    codes = mixture_features.attribute_codes(history)
    for pair in range(0, len(candidates), 401):
        i = candidates.row[pair]
        bought = history.article[profiles.start[i] : profiles.stop[i]][::-1][:20]
        ours = codes[candidates.article[pair]]
        equal = [int(((codes[article] == ours) & (ours >= 0)).sum()) for article in bought]
        assert columns["equal_max"][pair] == max(equal)
        assert columns["equal_last"][pair] == equal[0]
        assert columns["bought"][pair] == (bought == candidates.article[pair]).sum()


def test_articles_by_hand(tiny_history: History) -> None:
    """Articles 0 to 5; the rows are in conftest.py."""
    as_of = date(2020, 1, 7)
    known, log = Articles.of(tiny_history, as_of), tiny_history.before(as_of)
    sales = log.sales()
    np.testing.assert_allclose(known["log_sales"], np.log1p(sales), rtol=1e-6)
    first = [day_number(as_of) - log.day[log.article == article].min() for article in np.flatnonzero(sales)]
    np.testing.assert_array_equal(known["days_on_sale"][sales > 0], first)
    assert np.isnan(known["days_on_sale"][sales == 0]).all()
    assert np.isnan(known["log_price"][sales == 0]).all()


# --- learning ---


class Recorder(Source):
    """Scores articles by their number, and notes what it was fitted on."""

    fits: list[tuple[date, int]]

    def __init__(self) -> None:
        self.fits = []

    def fit(self, history: History, as_of: date) -> "Recorder":
        self.catalogue_ = np.unique(history.before(as_of).article).astype(np.int32)
        self.fits.append((as_of, int(history.day.max())))
        return self

    def scores(self, profiles: Profiles) -> Any:
        return np.tile(self.catalogue_.astype(np.float32), (len(profiles), 1))


def test_members_never_saw_the_events_that_are_learned_from(world: History) -> None:
    recorder = Recorder()
    source = make(members={"recorder": {}}, label_days=5)
    source.fit(world, TAUGHT, lambda _, __, history, as_of: recorder.fit(history, as_of))
    assert [as_of for as_of, _ in recorder.fits] == [TAUGHT - timedelta(days=5), TAUGHT]
    assert all(newest < day_number(as_of) for as_of, newest in recorder.fits)


def test_members_are_fitted_once_for_several_mixtures(taught: Mixture, world: History) -> None:
    fitted = Fitted()
    first, second = (make(num_iterations=trees).fit(world, TAUGHT, fitted) for trees in (20, 5))
    assert first._members["item_knn"] is second._members["item_knn"]
    assert first.trees_.tobytes() == taught.trees_.tobytes() != second.trees_.tobytes()


def test_it_beats_each_of_its_members(taught: Mixture, world: History) -> None:
    events = events_of(world)
    hits = {name: (next_item_ranks(source, world, events) <= 10).mean() for name, source in taught._members.items()}
    assert (next_item_ranks(taught, world, events) <= 10).mean() > max(hits.values())


def test_shuffled_labels_leave_chance(world: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any candidate of the event as its label: what is left is the chance of being among 10 of the candidates."""

    def shuffled(candidates: Candidates, _: Ints) -> Bools:
        rng = np.random.default_rng(3)
        hit: Bools = np.zeros(len(candidates), bool)
        first = np.flatnonzero(np.diff(candidates.row, prepend=-1))
        size = np.diff(np.append(first, len(candidates)))
        hit[first + (rng.random(len(first)) * size).astype(int)] = True
        return hit

    events = events_of(world)
    found = make().fit(world, TAUGHT)
    monkeypatch.setattr(mixture, "bought_next", shuffled)
    blind = make().fit(world, TAUGHT)
    candidates = found.problem(profiles_of(world, events)).candidates
    chance = (10 / np.bincount(candidates.row)).mean() * np.isfinite(next_item_ranks(found, world, events)).mean()
    own, shuffled_own = ((next_item_ranks(each, world, events) <= 10).mean() for each in (found, blind))
    assert shuffled_own < chance + 0.08 < own


def test_ranks_are_computed_before_negatives_are_sampled(problem: Problem, world: History) -> None:
    """Trap 1: among 5 sampled negatives a rank is at most 6; in use there are 40 candidates and more."""
    source = make(num_negatives=5, features=("scores",))
    target = world.article[events_of(world)]
    examples = source._examples(problem, target, np.random.default_rng(0))
    rank = list(columns_of(problem, ["scores"])).index("same_attributes_rank")
    assert examples.sizes.max() == 6
    assert np.nanmax(examples.features[:, rank]) > 30


def test_negatives_are_sampled_uniformly() -> None:
    """Trap 2: with hard negatives alone, trees never see the others that they order in use."""
    row, hit = np.repeat(np.arange(300), 100), np.tile(np.arange(100) == 40, 300)
    kept = sample(hit, row, 10, np.random.default_rng(1))
    position = kept[~hit[kept]] % 100
    assert (np.bincount(row[kept]) == 11).all() and hit[kept].sum() == 300
    quarters = np.bincount(position // 25, minlength=4) / len(position)
    np.testing.assert_allclose(quarters, 0.25, atol=0.03)


def test_events_whose_article_no_member_proposed_are_left_out() -> None:
    hit = np.array([False, True, False, False, False, False])
    assert sample(hit, np.array([0, 0, 0, 1, 1, 1]), 5, np.random.default_rng(0)).tolist() == [0, 1, 2]


def test_a_pair_bought_only_in_the_label_days_is_unknown_there(world: History) -> None:
    """Leave one out: no matrix behind a feature holds the pair that is to be predicted."""
    first = TAUGHT - timedelta(days=14)
    events = next_item_events(world, Fold(first, TAUGHT), max_events=200)
    later = ItemKNN().fit(world, TAUGHT).links(world.article[events])
    earlier = ItemKNN().fit(world.before(first), first)
    assert earlier.links(world.article[events]).nnz < later.nnz
    seen = make()._fitted_members(world.before(TAUGHT), first, fit_source)["item_knn"]
    np.testing.assert_array_equal(seen.state()["similar_"].toarray(), earlier.similar_.toarray())


# --- small logs ---


def test_without_events_the_order_is_that_of_the_fusion(world: History) -> None:
    """Nobody buys in the label days."""
    as_of = date(2020, 5, 10)
    source = make(label_days=5).fit(world, as_of)
    assert len(source.trees_) == 0
    problem = source.problem(world.profiles(np.arange(50), as_of))
    wanted: Floats = columns_of(problem, ["scores"])["fusion"]
    np.testing.assert_allclose(source.order(problem), wanted, rtol=1e-6)
    assert (source.top(problem.candidates.profiles, 5)[0] >= 0).any()


def test_a_member_without_any_candidate_does_no_harm(world: History) -> None:
    """In the first days only same_attributes knows anything for profiles without purchases."""
    source = make(label_days=1).fit(world, date(2020, 3, 3))
    article, _ = source.top(world.profiles(np.array([9, 19]), date(2020, 3, 3)), 5)
    assert (article >= 0).all()


# --- measuring ---


def test_mixture_ranks_are_next_item_ranks(taught: Mixture, world: History) -> None:
    events = events_of(world)
    ranks, rows = mixture_ranks(taught, world, events)
    np.testing.assert_array_equal(ranks, next_item_ranks(taught, world, events))
    assert rows[0]["recall"] == np.isfinite(ranks).mean()


def test_what_candidates_hold_by_hand() -> None:
    proposed = np.array([[True, False], [True, True], [True, False]])
    rows = held(["a", "b"], proposed, size=40, events=10)
    assert rows[0] == {"candidates of": "all, 4 per event", "recall": 0.3}
    assert rows[1] == {"candidates of": "a", "recall": 0.3, "of no other": 0.2}
    assert rows[2] == {"candidates of": "b", "recall": 0.1, "of no other": 0.0}


def test_members_are_checked(world: History) -> None:
    members = MEMBERS | {"same_attributes": SOURCES["same_attributes"] | {"attributes": ["nothing"]}}
    with pytest.raises(DataError, match="nothing"):
        make(members=members).check(world)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("members.als", '"yes"', "true for the source"),
        ("members", "false", "expected a name and a config each"),
        (
            "members.als",
            '{ class = "forsys.retrieval.als:ALS", factor = 3 }',
            r"compare\.mixture\.members\.als: factor",
        ),
        ("features", '["colours"]', "compare.mixture: features"),
    ],
)
def test_what_cannot_be_a_mixture_is_an_error(key: str, value: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        check_sources(load_settings(overrides=[f"compare.mixture.{key}={value}"]))


def test_an_article_that_only_later_sales_tell_of_has_no_place(tiny_history: History) -> None:
    """Articles 3 and 4 are not listed; 4 was first bought on the 5th, 3 on the 7th."""
    unlisted = replace(tiny_history, listed=3)
    np.testing.assert_allclose(launch_rank(unlisted, date(2020, 1, 3))[:5], [0, 1 / 3, 2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(launch_rank(unlisted, date(2020, 1, 6))[:5], [0, 0.25, 0.5, np.nan, 0.75])


OF_ONE = '{{ class = "forsys.retrieval.mixture:Mixture", members = {{ one = {{ {} }} }} }}'
MEMBER = f"retrieval.sources.mixture={OF_ONE}"


def test_a_source_needs_what_its_members_need(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(overrides=[MEMBER.format('class = "forsys.retrieval.next_item:NextItem"')])
    monkeypatch.setattr(registry, "missing_modules", lambda _: [])
    assert {"mixture", "next_item"} <= {*without_missing_parts(settings).retrieval.sources}
    monkeypatch.setattr(registry, "missing_modules", lambda _: ["tensorflow"])
    assert not {"mixture", "next_item"} & {*without_missing_parts(settings).retrieval.sources}


def test_a_member_is_checked_with_the_settings() -> None:
    settings = load_settings(overrides=[MEMBER.format('class = "forsys.retrieval.als:ALS", factor = 3')])
    with pytest.raises(DataError, match=r"retrieval\.sources\.mixture\.members\.one: factor"):
        check_sources(settings)


def test_a_later_article_at_the_end_of_the_table_is_in_no_basket(world: History) -> None:
    """Short baskets are filled up with -1, by which NumPy means the last article; its launch is not known yet."""
    later = replace(world, listed=119)
    source, profiles = make().fit(later, TAUGHT), later.profiles(np.arange(300), TAUGHT)
    problem = source.problem(profiles[np.flatnonzero(profiles.stop > profiles.start)])
    assert np.isnan(problem.articles["launch"][119])
    assert np.isfinite(columns_of(problem, ["article"])["launch_gap"]).all()
