"""What every feature group promises: no leak, one value per pair, and the same value whatever the other pairs."""

import weakref
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from conftest import TINY_ROWS
from forsys import schema
from forsys.errors import DataError
from forsys.ranking.features import GROUPS, build
from forsys.ranking.features.article import article_table
from forsys.ranking.features.content import HALF_LIFE, average_pictures, mean_vectors, unit_vectors
from forsys.ranking.features.customer import customer_table
from forsys.ranking.pairs import Pairs
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.registry import make_source
from forsys.retrieval.source import Source
from forsys.tables.history import History
from forsys.tables.promoted import Promoted
from forsys.tables.roles import Roles
from world import KAGGLE_ROLES

SOURCES: dict[str, dict[str, Any]] = {
    "best_sellers": {"class": "forsys.retrieval.best_sellers:BestSellers"},
    "repurchase": {"class": "forsys.retrieval.repurchase:Repurchase"},
    "item_knn": {"class": "forsys.retrieval.item_knn:ItemKNN"},
    "als": {"class": "forsys.retrieval.als:ALS", "factors": 8, "iterations": 3},
}
EVERYONE = np.arange(300, dtype=np.int32)
KINDS = ("leaflet", "display")
every_group = pytest.mark.parametrize("group", list(GROUPS))


def with_attributes(history: History) -> History:
    """The world with attributes and content; some of it unknown."""
    article = np.arange(len(history.articles))
    unknown = pl.Series(article % 17 == 3)
    names = {
        name: pl.Series(np.char.add(name[:3], (article // step).astype(str))).set(unknown, None)
        for name, step in zip(schema.ARTICLE_ATTRIBUTES, range(2, 40), strict=False)
    }
    rng = np.random.default_rng(3)
    content = {
        name: pl.Series(rng.random((len(article), 4), np.float32), dtype=pl.Array(pl.Float32, 4)).set(
            pl.Series(article % 13 == 5), None
        )
        for name in ("colour", "shape", "words", "encoding")
    }
    attributes = pl.Series(rng.integers(0, 9, (len(article), 3)), dtype=pl.Array(pl.Int32, 3))
    articles = history.articles.with_columns(**names, **content, attributes=attributes)
    customers = history.customers.with_columns(
        fn=pl.lit(1.0), active=pl.lit(None, pl.Float32), club_member_status=pl.lit("ACTIVE")
    )
    roles = KAGGLE_ROLES.model_copy(update={"promotions": KINDS})
    return History.of(_log(history), articles, customers, roles, promotions=promotions(date(2021, 1, 1)))


def promotions(known_before: date) -> pl.DataFrame:
    """Weeks in which articles are promoted, in one of two ways; 60 begin a day before the cut-off."""
    rng = np.random.default_rng(4)
    first = np.append(rng.integers(0, 60, 300), np.repeat(44, 60)).tolist()
    start = [date(2020, 3, 1) + timedelta(days) for days in first]
    columns = {
        "article": [i % 119 for i in range(360)],
        "known": [day - timedelta(i % 2) for i, day in enumerate(start)],
        "start": start,
        "end": [day + timedelta(6) for day in start],
        "kind": [KINDS[i % 7 % 2] for i in range(360)],
    }
    return pl.DataFrame(columns, schema=schema.PROMOTIONS).filter(pl.col("known") < known_before)


def _log(history: History) -> pl.LazyFrame:
    columns = {
        "t_dat": pl.Series(history.day).cast(pl.Date),
        "customer": history.customer,
        "article": history.article,
        "price": history.price,
        "channel": history.channel,
    }
    return pl.DataFrame(columns).sort("t_dat", maintain_order=True).lazy()


def fitted(history: History, as_of: date) -> dict[str, Source]:
    return {name: make_source(name, config).fit(history, as_of) for name, config in SOURCES.items()}


def candidates(sources: dict[str, Source], history: History, as_of: date) -> pl.DataFrame:
    profiles, names = history.profiles(EVERYONE, as_of), pl.Enum(list(sources))
    return pl.concat(
        source.recommend(profiles, 15).with_columns(source=pl.lit(name, dtype=names))
        for name, source in sources.items()
    )


def pairs_of(history: History, as_of: date, max_pairs: int = 40) -> Pairs:
    sources = fitted(history, as_of)
    found = candidates(sources, history, as_of)
    return Pairs.of(found.lazy(), SOURCES, history, as_of, max_pairs, history.profiles(EVERYONE, as_of))


@pytest.fixture(scope="module")
def history(world: History) -> History:
    return with_attributes(world)


@pytest.fixture(scope="module")
def pairs(history: History, world_as_of: date) -> Pairs:
    return pairs_of(history, world_as_of)


@pytest.mark.parametrize("max_pairs", [1, 7, 1000])
def test_pairs_are_the_fusion_s_best_with_the_ranks_of_the_lists(
    history: History, world_as_of: date, max_pairs: int
) -> None:
    sources = fitted(history, world_as_of)
    found = candidates(sources, history, world_as_of)
    profiles = history.profiles(EVERYONE, world_as_of)
    pairs = Pairs.of(found.lazy(), sources, history, world_as_of, max_pairs, profiles)
    key = {"customer": pairs.customer, "article": pairs.article}
    values = {"rank": pairs.fused_rank, "score": pairs.fused_score}
    fused = Fusion(dict.fromkeys(sources, 1.0)).fuse(found.lazy(), max_pairs).sort("customer", "article")
    assert_frame_equal(pl.DataFrame(key | values), fused, check_dtypes=False, abs_tol=2e-11)
    for name, rank in pairs.rank.items():
        own = found.filter(pl.col("source") == name)
        wanted = fused.join(own, on=["customer", "article"], how="left", maintain_order="left")
        np.testing.assert_array_equal(rank, wanted["rank_right"].cast(pl.Float32).fill_null(np.nan).to_numpy())
        np.testing.assert_array_equal(pairs.score[name], wanted["score_right"].fill_null(np.nan).to_numpy())
        first = own.filter(pl.col("rank") == 1)
        row = np.searchsorted(pairs.profiles.customers, first["customer"].to_numpy())
        np.testing.assert_array_equal(pairs.best_score[name][row], first["score"].to_numpy())
        assert np.isnan(pairs.best_score[name]).sum() == len(pairs.profiles) - len(first)


@every_group
def test_the_future_changes_nothing(group: str, history: History, pairs: Pairs, world_as_of: date) -> None:
    """All from the log and the promotions truncated at the cut-off, models and candidates too: the same bits."""
    promoted = Promoted.of(promotions(world_as_of), KINDS)
    known = replace(history.before(world_as_of), promoted=promoted)
    assert len(known) < len(history) and len(promoted.days.first) < len(history.promoted.days.first)
    truncated = build(pairs_of(known, world_as_of), [group])
    full = build(pairs, [group])
    assert_frame_equal(truncated, full, check_exact=True)


@every_group
def test_the_past_changes_something(group: str, history: History, pairs: Pairs) -> None:
    """So that the test above can fail."""
    as_of = date(2020, 4, 13)
    profiles = history.profiles(pairs.profiles.customers, as_of)
    earlier = build(replace(pairs, as_of=as_of, profiles=profiles), [group])
    moved = build(pairs_of(history, as_of), [group])
    full = build(pairs, [group])
    assert not (moved.equals(full) and earlier.equals(full))


@every_group
def test_one_finite_or_unknown_float_per_pair(group: str, pairs: Pairs) -> None:
    frame = build(pairs, [group])
    assert frame.height == len(pairs)
    assert set(frame.dtypes) == {pl.Float32}
    assert not any(frame[name].is_infinite().any() or frame[name].null_count() for name in frame.columns)
    known = [name for name in frame.columns if frame[name].is_not_nan().any()]
    assert len(known) > len(frame.columns) / 2


@every_group
def test_a_pair_s_features_do_not_depend_on_the_others(group: str, pairs: Pairs) -> None:
    """Negatives are sampled before features are built, so a sampled pair must look as it does among all."""
    rows = np.arange(3, len(pairs), 7)
    assert_frame_equal(build(pairs[rows], [group]), build(pairs, [group])[rows], check_exact=True)


def test_whether_an_article_has_a_picture_is_no_feature(pairs: Pairs) -> None:
    """A shop may keep pictures of just what it sells: without one, an article is like an average one."""
    found, weights = build(pairs, ["content"]), pairs.profiles.decayed_purchases(HALF_LIFE)
    for column in ("colour", "shape"):
        vectors = unit_vectors(pairs.history.articles[column])
        blank = np.isnan(vectors[pairs.article, 0])
        sold = vectors[pairs.history.sold_before(pairs.as_of)]  # pictures of the others are not used
        usual = mean_vectors(weights, vectors) @ np.nanmean(sold, axis=0)
        assert blank.any() and np.isfinite(usual).any()
        similarity = found[f"{column}_similarity"].to_numpy()
        np.testing.assert_allclose(similarity[blank], usual[pairs.row[blank]], rtol=1e-4)


def test_the_average_picture_is_of_what_had_sold_then(history: History, world_as_of: date) -> None:
    """Articles that no table lists are known from the first purchase on, and until then no unsold ones."""
    sold = history.sold_before(world_as_of)
    known = unit_vectors(history.articles["colour"].filter(pl.Series(sold)))
    found, unfair = average_pictures(history, world_as_of)
    np.testing.assert_allclose(found["colour"], np.nanmean(known, axis=0), rtol=1e-5)
    np.testing.assert_array_equal(unfair, ~sold)
    assert np.isnan(average_pictures(history, date(2020, 3, 1))[0]["colour"]).all()
    unlisted = replace(history, listed=0)
    assert not unlisted.never_sold(world_as_of).any()
    found, unfair = average_pictures(unlisted, world_as_of)
    assert not found
    assert not unfair.any()


def test_a_new_article_is_an_average_one_where_others_have_no_picture(pairs: Pairs) -> None:
    """On the first day all are new: 1 of 13 has no picture, and there is no average of what sold."""
    found = build(replace(pairs, as_of=date(2020, 3, 1)), ["content"])
    assert found["colour_similarity"].is_nan().all()
    assert not found["words_similarity"].is_nan().all()


def test_groups_that_know_nothing_of_a_shop_are_refused(world: History, pairs: Pairs) -> None:
    bare = world.with_articles(world.articles.drop("colour", "shape", "words"))
    blind = replace(pairs, history=bare, profiles=replace(pairs.profiles, history=bare))
    with pytest.raises(DataError, match=r"ranking\.features: content has no feature of this shop\. Name more"):
        build(blind, ["content"])


def test_no_feature_has_two_meanings(pairs: Pairs) -> None:
    names = [name for group in GROUPS.values() for name in group.build(pairs)]
    assert len(names) == len(set(names))


def test_the_order_of_the_columns_is_that_of_the_groups(pairs: Pairs) -> None:
    """Whatever the order of the names: LightGBM's sampling of features depends on it."""
    names = [name for group in GROUPS.values() for name in group.build(pairs)]
    assert build(pairs, reversed(GROUPS)).columns == names
    order = ["article", "content", "customer", "purchase_history", "affinity", "lists", "scores", "attributes"]
    assert list(GROUPS) == [*order, "promotions"]


@every_group
def test_every_feature_has_a_meaning(group: str, pairs: Pairs) -> None:
    meanings = GROUPS[group].meanings(pairs.history.roles)
    expected = {name.replace("<source>", source) for name in meanings for source in SOURCES}
    assert set(build(pairs, [group]).columns) == expected
    assert set(GROUPS[group].categories(pairs.history.roles)) <= set(meanings)


def test_the_customers_attributes_do_not_keep_their_history(tiny_history: History) -> None:
    history = replace(tiny_history)
    customer_table(history.profiles(np.arange(5), date(2020, 1, 8)))
    gone = weakref.ref(history)
    del history
    assert gone() is None


class TestWorked:
    """By hand on the 13 rows of tests/conftest.py, before the 8th of January 2020."""

    as_of = date(2020, 1, 8)

    def pairs(self, history: History, article: int) -> Pairs:
        """The five customers with one article."""
        profiles = history.profiles(np.arange(5), self.as_of)
        five = np.arange(5)
        none: dict[str, np.ndarray] = {}
        articles = np.full(5, article)
        return Pairs(profiles, history, self.as_of, five, articles, none, none, none, five, five.astype(float))

    def test_purchase_history(self, tiny_history: History) -> None:
        history = replace(tiny_history, roles=KAGGLE_ROLES)
        found = build(self.pairs(history, 0), ["purchase_history"])
        nan = float("nan")
        assert found["article_visits"].to_list() == [2, 1, 1, 0, 0]
        assert found["article_days_since_last"].to_list() == pytest.approx([1, 3, 4, nan, nan], nan_ok=True)
        assert found["product_code_visits"].to_list() == [3, 1, 1, 0, 0]  # customer 0: 1st, 3rd (article 1), 7th
        assert found["product_code_visit_share"].to_list() == pytest.approx([1, 1 / 2, 1 / 2, 0, nan], nan_ok=True)
        assert found["article_mean_days_between"].to_list() == pytest.approx([6, nan, nan, nan, nan], nan_ok=True)
        assert found["article_in_last_visit"].to_list() == [1, 1, 0, 0, 0]
        assert found["product_type_name_days_since_last"].is_nan().all()  # these articles have no type

    def test_article(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 2), ["article"]).row(0, named=True)
        # Article 2: one unit on the 1st, two on the 3rd.
        assert found["sales_1"] == 0
        assert found["sales_7"] == pytest.approx(np.log(4))
        assert (found["days_since_first_sale"], found["days_since_last_sale"]) == (7, 5)
        assert found["trend"] == pytest.approx((3 + 10 / 4) / (3 + 10))

    @pytest.mark.parametrize(
        ("as_of", "rate"),
        [
            (date(2020, 2, 2), 1 / 5),  # #1 to #4 and #6, of which #1 was repeated; the 28 days after #8 end today
            (date(2020, 2, 3), (1 + 10 * 2 / 7) / 11),  # #7 and #8 too, and #8 was repeated
        ],
    )
    def test_purchases_count_once_it_is_known_whether_they_are_repeated(
        self, as_of: date, rate: float, tiny_history: History
    ) -> None:
        assert article_table(tiny_history, as_of)["repurchase_rate"][4] == pytest.approx(rate)

    def test_customer(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 2), ["customer"])
        nan = float("nan")
        assert found["days_since_last_purchase"].to_list() == pytest.approx([1, 3, 1, 3, nan], nan_ok=True)
        assert found["days_since_first_purchase"].to_list() == pytest.approx([7, 7, 4, 3, nan], nan_ok=True)
        assert found["mean_basket_size"].to_list() == pytest.approx([4 / 3, 1, 1, 1, nan], nan_ok=True)
        assert found["repeat_share"].to_list() == pytest.approx([1 / 4, 0, 0, 0, nan], nan_ok=True)
        assert found["mean_days_between_visits"].to_list() == pytest.approx([3, 4, 3, nan, nan], nan_ok=True)

    def test_what_is_unknown_is_left_empty_or_out(self, tiny_history: History) -> None:
        """Of articles 1 and 4 the department is not known, and of every purchase of customer 1 the channel."""
        articles = tiny_history.articles.with_columns(index_name=pl.Series(["a", None, "a", "b", None, "b"]))
        channel = np.where(tiny_history.customer == 1, 0, tiny_history.channel)
        roles = Roles(channels=("store", "online"), online=("online",), department="index_name")
        history = replace(tiny_history, articles=articles, channel=channel, roles=roles)
        table = article_table(history, self.as_of)
        assert np.isnan(table["share_of_department_sales"]).tolist() == [False, True, False, False, True, False]
        known = channel[history.known(self.as_of)] > 0
        online = (channel[history.known(self.as_of)] == 2)[known].mean()
        assert table["online_share"][5] == pytest.approx(online)  # never sold: the shop's
        found = build(self.pairs(history, 2), ["customer"])["customer_online_share"]
        assert found.to_list() == pytest.approx([1, np.nan, 1 / 2, 0, np.nan], nan_ok=True)

    @pytest.mark.parametrize(
        ("channels", "online", "codes"),
        [
            (("store", "online"), ("online",), {2}),  # Kaggle's
            (("web", "store"), ("web",), {1}),
            (("web", "app"), ("app", "web"), {1, 2}),
            (("store", "phone", "web"), ("web",), {3}),  # nothing was bought there
        ],
    )
    def test_online(
        self, tiny_history: History, channels: tuple[str, ...], online: tuple[str, ...], codes: set[int]
    ) -> None:
        history = replace(tiny_history, roles=Roles(channels=channels, online=online))
        found = build(self.pairs(history, 0), ["article", "customer", "affinity"])
        rows = [(row[1], row[2], row[4] in codes) for row in TINY_ROWS if row[0] < 8 and row != TINY_ROWS[4]]
        of_customer = [[is_online for customer, _, is_online in rows if customer == each] for each in range(5)]
        shares = np.array([np.mean(each) if each else np.nan for each in of_customer])
        np.testing.assert_allclose(found["customer_online_share"], shares, rtol=1e-6)
        of_article = [is_online for _, article, is_online in rows if article == 0]
        mean = np.mean([is_online for *_, is_online in rows])
        share = (sum(of_article) + 10 * mean) / (len(of_article) + 10)
        np.testing.assert_allclose(found["online_share"], share, rtol=1e-6)
        np.testing.assert_allclose(found["online_share_difference"], shares - share, rtol=1e-5)

    @pytest.mark.parametrize("channels", [(), ("web", "store"), ("330", "331")])
    def test_nothing_is_said_of_online_where_that_is_not_known(
        self, tiny_history: History, channels: tuple[str, ...]
    ) -> None:
        history = replace(tiny_history, roles=Roles(channels=channels))
        for group in ("article", "customer", "affinity"):
            names = build(self.pairs(history, 0), [group]).columns
            assert not [name for name in names if "online" in name]
            assert set(names) == set(GROUPS[group].meanings(history.roles))

    def test_promotions(self, tiny_history: History) -> None:
        """Article 0, bought on the 1st, 4th, 5th and 7th, is promoted on the 1st to the 3rd and from the 7th on."""
        first, last = ([date(2020, 1, day) for day in days] for days in ((1, 7, 8), (3, 9, 9)))
        columns = {"article": [0, 0, 2], "kind": ["leaflet", "display", "leaflet"], "start": first, "end": last}
        promoted = Promoted.of(pl.DataFrame(columns | {"known": first}), KINDS)
        history = replace(tiny_history, roles=Roles(promotions=KINDS), promoted=promoted)
        found, other = (build(self.pairs(history, article), ["promotions"]) for article in (0, 2))
        assert set(found["promotion.display"]) == {1.0} and set(found["promotion.leaflet"]) == {0.0}
        assert set(found["promotion"]) == set(found["promotion_a_week_ago"]) == {1.0}
        assert found["promotion_lift"][0] == pytest.approx(np.log((2 + 1) / (4 * 4 / 7 + 1)))
        nan = float("nan")
        assert found["customer_promotion_share"].to_list() == pytest.approx([2 / 4, 0, 0, 0, nan], nan_ok=True)
        begins_now = [other[name] for name in ("promotion", "promotion.leaflet", "promotion_lift")]
        assert {value for column in begins_now for value in column} == {0.0}  # not known yet
        known = Promoted.of(pl.DataFrame(columns | {"known": [*first[:2], date(2020, 1, 7)]}), KINDS)
        earlier = build(self.pairs(replace(history, promoted=known), 2), ["promotions"])
        assert set(earlier["promotion.leaflet"]) == {1.0} and set(earlier["promotion_lift"]) == {0.0}

    def test_no_promotions_no_features(self, tiny_history: History) -> None:
        with pytest.raises(DataError, match="promotions has no feature of this shop"):
            build(self.pairs(tiny_history, 0), ["promotions"])

    def test_affinity(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 4), ["affinity"])
        # Article 4 was bought once before the 8th, by customer 3, who is 55; shrunk towards the mean of all buyers.
        ages = [22] * 6 + [55]  # of the 7 rows whose buyer's age is known
        mean = (55 + 10 * np.mean(ages)) / 11
        assert found["age_difference"][3] == pytest.approx(55 - mean)
        assert found["log_price_difference"][3] == pytest.approx(0, abs=1e-6)
