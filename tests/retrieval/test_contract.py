"""What every source promises: those of presets/default.toml, those to be switched on, and the baselines."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys import schema
from forsys.arrays import Floats
from forsys.errors import DataError
from forsys.retrieval.baselines import BASELINES
from forsys.retrieval.ease import EASE
from forsys.retrieval.factorization import Factorization
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.mixture import Mixture
from forsys.retrieval.nearest_content import NearestContent
from forsys.retrieval.new_arrivals import NewArrivals
from forsys.retrieval.next_item import NextItem
from forsys.retrieval.pair_memory import PairMemory
from forsys.retrieval.registry import make_source, source_class
from forsys.retrieval.repurchase import Repurchase
from forsys.retrieval.same_product import SameProduct
from forsys.retrieval.session_knn import SessionKNN
from forsys.retrieval.source import Source
from forsys.retrieval.user_knn import UserKNN
from forsys.settings import load_settings
from forsys.tables.history import History, Profiles

K = 12
SOURCES = load_settings().retrieval.sources
MIXTURE = {
    "class": "forsys.retrieval.mixture:Mixture",
    "members": {name: SOURCES[name] for name in ("repurchase", "item_knn", "same_attributes", "nearest_content")},
    "depth": 20,
    "label_days": 7,
    "num_iterations": 10,
}
# Sources that presets/default.toml does not name.
MORE: dict[str, dict[str, Any]] = {
    "pair_memory": {"class": "forsys.retrieval.pair_memory:PairMemory"},
    "product_memory": {
        "class": "forsys.retrieval.pair_memory:PairMemory",
        "level": ("product_code",),
        "second_hop": 0.3,
    },
    "user_knn": {"class": "forsys.retrieval.user_knn:UserKNN"},
    "ease": {"class": "forsys.retrieval.ease:EASE"},
    "session_knn": {"class": "forsys.retrieval.session_knn:SessionKNN"},
    "new_arrivals": {"class": "forsys.retrieval.new_arrivals:NewArrivals"},
}
CONFIGS = SOURCES | MORE | {"mixture": MIXTURE}
FEWER = {"factors": 8, "iterations": 4}  # enough for the contract, and fast
NETWORK = {
    "embedding_dim": 8,
    "epochs": 1,
    "batch_size": 32,
    "window_size": 3,
    "warmup_steps": 5,
}  # the same for the network
NEEDS_HISTORY = (
    Factorization,
    Repurchase,
    SameProduct,
    ItemKNN,
    NearestContent,
    PairMemory,
    UserKNN,
    EASE,
    SessionKNN,
    NewArrivals,
)
BY_PRODUCT = (Factorization, NextItem)  # BLAS sums matrices with another number of rows in another order
KNOWS_NEW = (NearestContent, Mixture)  # sources that can score an article which never sold
EVERYONE = np.arange(300, dtype=np.int32)
COLUMNS = {name: kind for name, kind in schema.CANDIDATES.items() if name != "source"}

Fit = Callable[[History, date], Source]


def config_of(name: str) -> dict[str, Any]:
    """The source's config, with parameters that make it fast."""
    made_of = source_class(name, CONFIGS[name])
    fast = FEWER if issubclass(made_of, Factorization) else NETWORK if made_of is NextItem else {}
    return CONFIGS[name] | fast


def make(name: str) -> Source:
    """A fresh, unfitted source."""
    return type(BASELINES[name])() if name in BASELINES else make_source(name, config_of(name))


NAMES = [*CONFIGS, *BASELINES]
every_source = pytest.mark.parametrize("name", NAMES)


def test_no_number_of_a_source_may_be_negative() -> None:
    """Nor a count of days or neighbours 0; the only exception is a number that is added to scores."""
    for name in CONFIGS:
        config, source = config_of(name), make(name)
        numbers = {key for key in signature(type(source)).parameters if type(getattr(source, key)) in (int, float)}
        never_0 = {key for key in numbers if key.endswith(("days", "half_life", "num_neighbours"))}
        assert never_0
        for key, value in [*product(numbers - {"new_article_bias"}, [-1]), *product(never_0, [0])]:
            with pytest.raises(DataError, match=f"{key}: Input should be greater than"):
                make_source(name, config | {key: value})


@pytest.fixture(scope="module")
def fitted(world: History, world_as_of: date) -> dict[str, Source]:
    """Every source, fitted once. Tests must not fit these again."""
    return {name: make(name).fit(world, world_as_of) for name in NAMES}


@pytest.fixture(scope="module")
def profiles(world: History, world_as_of: date) -> Profiles:
    """Every customer of the world; each tenth has no history."""
    return world.profiles(EVERYONE, world_as_of)


def dense(source: Source, profiles: Profiles) -> Floats:
    """(profiles, catalogue) with -inf where the source has no score."""
    scores = source.scores(profiles)
    if isinstance(scores, np.ndarray):
        return scores
    full = np.full(scores.shape, -np.inf, np.float32)
    row = np.repeat(np.arange(len(profiles)), np.diff(scores.indptr))
    full[row, scores.indices] = scores.data
    return full


def state(source: Source) -> dict[str, bytes]:
    """The arrays that `save` writes, as bytes."""
    flat: dict[str, bytes] = {}
    for name, value in source.state().items():
        parts = value if isinstance(value, list) else [value]
        parts = [value.data, value.indices, value.indptr] if hasattr(value, "indptr") else parts
        flat |= {f"{name}{i}": np.ascontiguousarray(part).tobytes() for i, part in enumerate(parts)}
    return flat


# --- fitting ---


@every_source
def test_fit_returns_the_source_and_keeps_what_was_sold(name: str, world: History, world_as_of: date) -> None:
    source = make(name)
    assert source.fit(world, world_as_of) is source
    assert source.catalogue_.dtype == np.int32
    assert (np.diff(source.catalogue_) > 0).all()
    sold = set(world.before(world_as_of).article.tolist())
    if isinstance(source, NewArrivals):
        assert not sold & set(source.catalogue_.tolist())
        assert len(source.catalogue_) == 12
    elif isinstance(source, KNOWS_NEW):
        assert sold < set(source.catalogue_.tolist()) <= set(range(120))
    else:
        assert 50 < len(source.catalogue_) <= 108
        assert set(source.catalogue_.tolist()) <= sold


@every_source
def test_the_same_fit_twice_gives_the_same(
    name: str, fitted: dict[str, Source], world: History, profiles: Profiles, world_as_of: date
) -> None:
    again = make(name).fit(world, world_as_of)
    assert state(again) == state(fitted[name])
    assert_frame_equal(again.recommend(profiles, K), fitted[name].recommend(profiles, K), check_exact=True)


@every_source
def test_fitting_again_forgets_the_first_fit(
    name: str, fitted: dict[str, Source], world: History, world_as_of: date
) -> None:
    source = make(name).fit(world, date(2020, 3, 2))
    assert state(source) != state(fitted[name])
    assert state(source.fit(world, world_as_of)) == state(fitted[name])


@every_source
def test_inputs_are_not_changed(name: str, world_log: pl.DataFrame, world: History, world_as_of: date) -> None:
    own = History.of(world_log.lazy(), world.articles.clone(), world.customers.clone())
    profiles = own.profiles(EVERYONE.copy(), world_as_of)
    row, article = np.arange(40), np.arange(40)
    make(name).fit(own, world_as_of).recommend(profiles, K)
    make(name).fit(own, world_as_of).score(profiles, row, article)
    for part in ("customer", "article", "day", "price", "channel", "units", "first"):
        np.testing.assert_array_equal(getattr(own, part), getattr(world, part))
    assert_frame_equal(own.articles, world.articles)
    assert_frame_equal(own.customers, world.customers)
    np.testing.assert_array_equal(profiles.customers, EVERYONE)
    np.testing.assert_array_equal(profiles.stop, world.profiles(EVERYONE, world_as_of).stop)
    assert row.tolist() == article.tolist() == list(range(40))


# --- recommending and scoring ---


@every_source
@pytest.mark.parametrize("k", [1, K, 200])  # 200 is more than the catalogue
def test_top_has_the_promised_form(name: str, k: int, fitted: dict[str, Source], profiles: Profiles) -> None:
    article, score = fitted[name].top(profiles, k)
    assert article.shape == score.shape == (300, k)
    assert [str(article.dtype), str(score.dtype)] == ["int32", "float32"]
    assert not np.isnan(score).any()
    found = article >= 0
    np.testing.assert_array_equal(found, np.isfinite(score))
    assert found.any()
    assert (found[:, :-1] | ~found[:, 1:]).all(), "-1 comes before an article"
    assert (article[~found] == -1).all()
    assert np.isin(article[found], fitted[name].catalogue_).all()
    decreases = score[:, :-1] > score[:, 1:]
    equal_by_article = (score[:, :-1] == score[:, 1:]) & (article[:, :-1] < article[:, 1:])
    assert (decreases | equal_by_article | ~found[:, 1:]).all(), "not by decreasing score, then by article"
    for chosen in article:
        assert len(set(chosen[chosen >= 0].tolist())) == (chosen >= 0).sum()


@every_source
@pytest.mark.parametrize("k", [5, 200])
def test_top_is_the_best_of_scores(name: str, k: int, fitted: dict[str, Source], profiles: Profiles) -> None:
    """Against sorting every score: the slow and obvious way."""
    source = fitted[name]
    scores, catalogue = dense(source, profiles), source.catalogue_.tolist()
    article, score = source.top(profiles, k)
    for i in range(len(profiles)):
        order = sorted((-value, a) for value, a in zip(scores[i].tolist(), catalogue, strict=True))
        best = [(a, -value) for value, a in order if value != np.inf][:k]
        np.testing.assert_allclose(score[i][: len(best)], [value for _, value in best], rtol=1e-5, atol=1e-6)
        assert (article[i][len(best) :] == -1).all()
        if not isinstance(source, Factorization):  # there, the two products differ in the last bits
            assert article[i][: len(best)].tolist() == [a for a, _ in best]


@every_source
def test_score_picks_from_scores(name: str, fitted: dict[str, Source], profiles: Profiles) -> None:
    """All 120 articles, also those that are not in the catalogue, in a mixed order."""
    source = fitted[name]
    full = np.full((len(profiles), 120), -np.inf, np.float32)
    full[:, source.catalogue_] = dense(source, profiles)
    pairs = np.random.default_rng(1).permutation(len(profiles) * 120)[:20_000]
    row, article = pairs // 120, pairs % 120
    found = source.score(profiles, row, article)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, full[row, article], rtol=1e-5, atol=1e-6)
    assert len(source.score(profiles, row[:0], article[:0])) == 0


@every_source
def test_recommend_is_a_table_of_candidates(name: str, fitted: dict[str, Source], profiles: Profiles) -> None:
    order = np.random.default_rng(2).permutation(300)
    shuffled = profiles[order]
    found = fitted[name].recommend(shuffled, K)
    assert dict(found.schema) == COLUMNS
    assert found.null_count().sum_horizontal().item() == 0
    lists = found.group_by("customer", maintain_order=True).agg("rank", "score")
    index = {int(customer): i for i, customer in enumerate(order)}
    indices = [index[customer] for customer in lists["customer"]]
    assert indices == sorted(indices), "not in the order of the profiles"
    for ranks in lists["rank"].to_list():
        assert ranks == list(range(1, len(ranks) + 1))
        assert len(ranks) <= K


@every_source
def test_recommend_agrees_with_score(name: str, fitted: dict[str, Source], profiles: Profiles) -> None:
    found = fitted[name].recommend(profiles, K)
    scores = fitted[name].score(profiles, found["customer"].to_numpy(), found["article"].to_numpy())
    np.testing.assert_allclose(found["score"].to_numpy(), scores, rtol=1e-5, atol=1e-6)


@every_source
def test_customers_without_history(name: str, fitted: dict[str, Source], world: History, world_as_of: date) -> None:
    nobody = world.profiles(np.array([9, 19, 29]), world_as_of)
    assert (nobody.stop == nobody.start).all()
    found = fitted[name].recommend(nobody, K)
    scores = fitted[name].score(nobody, np.array([0, 1, 2]), fitted[name].catalogue_[[0, 1, 2]])
    if isinstance(fitted[name], NEEDS_HISTORY):
        assert len(found) == 0
        assert np.isneginf(scores).all()
    else:
        assert len(found) == 3 * K
        best = found["article"].to_numpy()[::K]
        assert np.isfinite(fitted[name].score(nobody, np.arange(3), best)).all()


@every_source
def test_no_profiles_at_all(name: str, fitted: dict[str, Source], profiles: Profiles) -> None:
    found = fitted[name].recommend(profiles[:0], K)
    assert (len(found), dict(found.schema)) == (0, COLUMNS)


@every_source
def test_a_fit_on_nothing_recommends_nothing(name: str, world: History, world_as_of: date) -> None:
    """As when a shop was closed for longer than the days that the source counts."""
    source = make(name).fit(world, date(2020, 3, 1))
    profiles = world.profiles(EVERYONE[:3], world_as_of)
    assert len(source.catalogue_) == 0
    assert len(source.recommend(profiles, K)) == 0
    assert np.isneginf(source.score(profiles, np.array([0, 2]), np.array([0, 119]))).all()


@every_source
def test_slices_of_profiles_give_the_same_as_the_whole(
    name: str, fitted: dict[str, Source], profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fitted[name]
    whole = source.recommend(profiles, K)
    parts = [source.recommend(profiles[start : start + 37], K) for start in range(0, 300, 37)]
    row, article = np.arange(300), np.resize(source.catalogue_, 300)
    scores = source.score(profiles, row, article)
    monkeypatch.setattr("forsys.retrieval.source.CELLS_PER_BLOCK", 7 * len(source.catalogue_))
    assert len(list(source.blocks(profiles))) == 43
    blocks = source.recommend(profiles, K)
    exact = not isinstance(source, BY_PRODUCT)
    for other in (pl.concat(parts), blocks):
        assert_frame_equal(other, whole, check_exact=exact)
    np.testing.assert_allclose(source.score(profiles, row, article), scores, rtol=0 if exact else 1e-5)


# --- saving ---


@every_source
def test_save_and_load(name: str, fitted: dict[str, Source], profiles: Profiles, tmp_path: Path) -> None:
    source, path = fitted[name], tmp_path / "folder" / "model.npz"
    source.save(path)
    with np.load(path, allow_pickle=False) as arrays:
        assert {key.partition("|")[0] for key in arrays.files} == set(source.state())
        assert all(arrays[key].dtype != object for key in arrays.files)
    loaded = make(name)
    assert loaded.load(path) is loaded
    assert state(loaded) == state(source)
    assert_frame_equal(loaded.recommend(profiles, K), source.recommend(profiles, K), check_exact=True)
    assert [file.name for file in path.parent.iterdir()] == ["model.npz"]


# --- parameters ---


@pytest.mark.parametrize("name", CONFIGS)
def test_an_unknown_parameter_is_an_error_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(DataError) as caught:
        make_source(name, config_of(name) | {"half_live": 3})
    said = str(caught.value)
    assert f"retrieval.sources.{name}" in said
    assert "half_live" in said
    for known in signature(source_class(name, CONFIGS[name])).parameters:
        assert known in said.partition("takes:")[2]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_parameter_of_the_wrong_type_is_an_error(name: str) -> None:
    parameter = next(iter(signature(source_class(name, CONFIGS[name])).parameters))
    with pytest.raises(DataError, match=parameter):
        make_source(name, config_of(name) | {parameter: "many"})


@pytest.mark.parametrize("bounds", [[20, 40, 30], [20, 20]])
def test_bounds_of_ages_must_rise(bounds: list[int]) -> None:
    with pytest.raises(DataError, match=r"age_bounds: .*each must be larger than the one before"):
        make_source("best_sellers", config_of("best_sellers") | {"age_bounds": bounds})


@pytest.mark.parametrize(
    "where",
    [
        "",
        "repurchase",
        "forsys.arrays:decay",
        "forsys.retrieval.absent:Absent",
        "forsys.retrieval.repurchase:Absent",
        "forsys.retrieval.source:Source",
    ],
)
def test_an_unknown_class_is_an_error(where: str) -> None:
    with pytest.raises(DataError, match=r"retrieval\.sources\.mine: class") as caught:
        make_source("mine", {"class": where})
    assert where in str(caught.value)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_parameters_of_a_config_reach_the_source(name: str) -> None:
    source = make_source(name, config_of(name))
    assert type(source) is source_class(name, CONFIGS[name])
    for key, value in config_of(name).items():
        assert key == "class" or getattr(source, key) == value


@every_source
def test_every_parameter_is_documented(name: str) -> None:
    """By a sentence below the field, in the source's class or in the one that it comes from."""
    made_of = type(make(name))
    fields = [getattr(each, "__pydantic_fields__", {}) for each in made_of.__mro__]
    for parameter in signature(made_of).parameters:
        meanings = [each[parameter].description for each in fields if parameter in each]
        assert any(text and text.endswith(".") for text in meanings), parameter


@pytest.mark.parametrize("wrong", [["article", "price"], ["sales"]])
def test_attributes_that_no_article_has_are_an_error(wrong: list[str], world: History) -> None:
    config = {"class": "forsys.retrieval.same_attributes:SameAttributes", "attributes": wrong}
    with pytest.raises(DataError, match=r"attributes: .*name some of article, article_id, product_code"):
        make_source("mine", config).check(world)


# --- nothing from the future ---


def assert_blind(fit: Fit, world: History, log: pl.DataFrame, as_of: date) -> None:
    """Fitted at as_of on the whole log, and on the log cut there: the same state, candidates and scores."""
    cut = History.of(log.lazy().filter(pl.col("t_dat") < as_of), world.articles, world.customers)
    assert len(cut) < len(world)
    pairs = np.arange(300), np.arange(300) % 120
    whole, truncated = (fit(history, as_of) for history in (world, cut))
    seen, known = world.profiles(EVERYONE, as_of), cut.profiles(EVERYONE, as_of)
    assert_frame_equal(whole.recommend(seen, K), truncated.recommend(known, K), check_exact=True)
    assert whole.score(seen, *pairs).tobytes() == truncated.score(known, *pairs).tobytes()
    assert state(whole) == state(truncated)


@every_source
def test_no_source_reads_the_future(name: str, world: History, world_log: pl.DataFrame, world_as_of: date) -> None:
    assert_blind(lambda history, as_of: make(name).fit(history, as_of), world, world_log, world_as_of)


@every_source
def test_no_source_knows_an_article_by_later_purchases(name: str, world: History, world_as_of: date) -> None:
    """The last two articles are new, and here the shop does not list them: nobody can know of them."""
    unlisted = (119, 118)
    source = make(name).fit(replace(world, listed=118), world_as_of)
    assert not set(unlisted) & set(source.catalogue_.tolist())
    if name in ("nearest_content", "new_arrivals"):
        assert set(unlisted) <= set(make(name).fit(world, world_as_of).catalogue_.tolist())


@every_source
def test_no_source_follows_from_articles_that_came_later(
    name: str, world: History, world_log: pl.DataFrame, world_as_of: date
) -> None:
    """The last two are unlisted and sell after the cut-off alone. Unlike the other ids, theirs are no numbers."""
    listed, log = world.articles[:118], world_log.lazy()
    nothing = np.zeros((2, listed["attributes"].to_numpy().shape[1]), np.int32)
    later = pl.DataFrame({"article_id": ["GIFT", "BAG"], "product_code": [1000, 1001], "attributes": nothing})
    later = later.cast({name: listed.schema[name] for name in later.columns})
    articles = pl.concat([listed, later], how="diagonal")
    known = log.filter(pl.col("t_dat") < world_as_of)
    whole = History.of(log, articles, world.customers, world.roles, listed=118)
    cut = History.of(known, listed, world.customers, world.roles, listed=118)
    lists = [
        make(name).fit(history, world_as_of).recommend(history.profiles(EVERYONE, world_as_of), K)
        for history in (whole, cut)
    ]
    assert_frame_equal(*lists, check_exact=True)


@every_source
def test_a_source_that_reads_one_day_too_many_is_caught(
    name: str, world: History, world_log: pl.DataFrame, world_as_of: date
) -> None:
    def leaking(history: History, as_of: date) -> Source:
        return make(name).fit(history, as_of + timedelta(days=1))

    with pytest.raises(AssertionError):
        assert_blind(leaking, world, world_log, world_as_of)


def test_profiles_of_one_day_too_many_are_caught(
    world: History, world_log: pl.DataFrame, world_as_of: date
) -> None:
    """The other way to leak: a source that reads what else the log has of the customer."""

    class Peeping(Repurchase):
        def scores(self, profiles: Profiles) -> Any:
            history = profiles.history
            return super().scores(history.profiles(profiles.customers, world_as_of + timedelta(days=1)))

    with pytest.raises(AssertionError):
        assert_blind(lambda history, as_of: Peeping().fit(history, as_of), world, world_log, world_as_of)
