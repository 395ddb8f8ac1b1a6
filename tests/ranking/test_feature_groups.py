"""What every feature group promises: no leak, one value a pair, and the same value whoever stands beside it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys import schema
from forsys.ranking.features import GROUPS, build
from forsys.ranking.pairs import Pairs
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.registry import make_source
from forsys.retrieval.source import Source
from forsys.tables.history import History

LINES: dict[str, dict[str, Any]] = {
    "best_sellers": {"class": "popularity.BestSellers"},
    "repurchase": {"class": "repurchase.Repurchase"},
    "co_purchase": {"class": "co_purchase.CoPurchase"},
    "als": {"class": "factorization.ALS", "factors": 8, "iterations": 3},
}
EVERYONE = np.arange(300, dtype=np.int32)
every_group = pytest.mark.parametrize("group", list(GROUPS))
Make = Callable[[pl.DataFrame], tuple[Pairs, History]]


def dressed(history: History) -> History:
    """The world with attributes and content; some of it unknown."""
    number = np.arange(len(history.articles))
    names = {
        name: pl.Series(np.char.add(name[:3], (number // step).astype(str))).set(pl.Series(number % 17 == 3), None)
        for name, step in zip(schema.ARTICLE_ATTRIBUTES, range(2, 40), strict=False)
    }
    rng = np.random.default_rng(3)
    content = {
        name: pl.Series(rng.random((len(number), 4), np.float32), dtype=pl.Array(pl.Float32, 4)).set(
            pl.Series(number % 13 == 5), None
        )
        for name in ("colour", "shape", "words")
    }
    kinds = pl.Series(rng.integers(0, 9, (len(number), 3)), dtype=pl.Array(pl.Int32, 3))
    articles = history.articles.with_columns(**names, **content, attributes=kinds)
    customers = history.customers.with_columns(
        fn=pl.lit(1.0), active=pl.lit(None, pl.Float32), club_member_status=pl.lit("ACTIVE")
    )
    return History.of(_log(history), articles, customers)


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
    return {name: make_source(name, line).fit(history, as_of) for name, line in LINES.items()}


def candidates(sources: dict[str, Source], history: History, as_of: date) -> pl.DataFrame:
    profiles, kinds = history.profiles(EVERYONE, as_of), pl.Enum(list(sources))
    return pl.concat(
        source.recommend(profiles, 15).with_columns(source=pl.lit(name, dtype=kinds))
        for name, source in sources.items()
    )


def pairs_of(history: History, as_of: date, most: int = 40) -> Pairs:
    sources = fitted(history, as_of)
    found = candidates(sources, history, as_of)
    return Pairs.of(found.lazy(), LINES, history, as_of, most)


@pytest.fixture(scope="module")
def history(world: History) -> History:
    return dressed(world)


@pytest.fixture(scope="module")
def pairs(history: History, world_as_of: date) -> Pairs:
    return pairs_of(history, world_as_of)


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_pairs_are_the_fusion_s_best_with_the_ranks_of_the_lists(
    history: History, world_as_of: date, most: int
) -> None:
    sources = fitted(history, world_as_of)
    found = candidates(sources, history, world_as_of)
    pairs = Pairs.of(found.lazy(), sources, history, world_as_of, most)
    key = {"customer": pairs.customer, "article": pairs.article}
    place = {"rank": pairs.fused_rank, "score": pairs.fused_score}
    fused = Fusion(dict.fromkeys(sources, 1.0)).fuse(found.lazy(), most).sort("customer", "article")
    assert_frame_equal(pl.DataFrame(key | place), fused, check_dtypes=False, abs_tol=2e-11)
    for name, rank in pairs.rank.items():
        own = found.filter(pl.col("source") == name)
        wanted = fused.join(own, on=["customer", "article"], how="left", maintain_order="left")
        np.testing.assert_array_equal(rank, wanted["rank_right"].cast(pl.Float32).fill_null(np.nan).to_numpy())
        np.testing.assert_array_equal(pairs.score[name], wanted["score_right"].fill_null(np.nan).to_numpy())
        head = own.filter(pl.col("rank") == 1)
        at = np.searchsorted(pairs.profiles.customers, head["customer"].to_numpy())
        np.testing.assert_array_equal(pairs.best[name][at], head["score"].to_numpy())
        assert np.isnan(pairs.best[name]).sum() == len(pairs.profiles) - len(head)


@every_group
def test_the_future_changes_nothing(group: str, history: History, pairs: Pairs, world_as_of: date) -> None:
    """Everything from the log truncated at the cut-off, models and candidates too: the same bits."""
    known = history.before(world_as_of)
    assert len(known) < len(history)
    truncated = build(pairs_of(known, world_as_of), known, world_as_of, [group])
    full = build(pairs, history, world_as_of, [group])
    assert_frame_equal(truncated, full, check_exact=True)


@every_group
def test_the_past_changes_something(group: str, history: History, pairs: Pairs, world_as_of: date) -> None:
    """So that the test above can fail."""
    earlier = build(pairs, history.before(date(2020, 4, 13)), date(2020, 4, 13), [group])
    moved = build(pairs_of(history, date(2020, 4, 13)), history, date(2020, 4, 13), [group])
    full = build(pairs, history, world_as_of, [group])
    assert not (moved.equals(full) and earlier.equals(full))


@every_group
def test_one_finite_or_unknown_float_a_pair(group: str, history: History, pairs: Pairs, world_as_of: date) -> None:
    frame = build(pairs, history, world_as_of, [group])
    assert frame.height == len(pairs)
    assert set(frame.dtypes) == {pl.Float32}
    assert not any(frame[name].is_infinite().any() or frame[name].null_count() for name in frame.columns)
    known = [name for name in frame.columns if frame[name].is_not_nan().any()]
    assert len(known) > len(frame.columns) / 2


@every_group
def test_a_pair_s_features_do_not_depend_on_the_others(
    group: str, history: History, pairs: Pairs, world_as_of: date
) -> None:
    """Negatives are drawn before features are built, so a drawn pair must look as it does among all."""
    kept = np.arange(3, len(pairs), 7)
    alone = build(pairs[kept], history, world_as_of, [group])
    assert_frame_equal(alone, build(pairs, history, world_as_of, [group])[kept], check_exact=True)


def test_no_feature_has_two_meanings(history: History, pairs: Pairs, world_as_of: date) -> None:
    named = [name for group in GROUPS.values() for name in group.build(pairs, history, world_as_of)]
    assert len(named) == len(set(named))


@every_group
def test_every_feature_has_a_meaning(group: str, history: History, pairs: Pairs, world_as_of: date) -> None:
    meanings = GROUPS[group].meanings
    wanted = {
        name.replace("<source>", source) for name in meanings for source in (LINES if "<source>" in name else [""])
    }
    assert set(build(pairs, history, world_as_of, [group]).columns) == wanted
    assert set(GROUPS[group].categories) <= set(meanings)


class TestWorked:
    """By hand on the 13 rows of tests/conftest.py, before the 8th of January 2020."""

    as_of = date(2020, 1, 8)

    def pairs(self, history: History, article: int) -> Pairs:
        """The five customers with one article."""
        profiles = history.profiles(np.arange(5), self.as_of)
        five = np.arange(5)
        none: dict[str, np.ndarray] = {}
        article_of = np.full(5, article)
        return Pairs(profiles, five, article_of, none, none, none, five, five.astype(float))

    def test_bought_before(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 0), tiny_history, self.as_of, ["bought_before"])
        nan = float("nan")
        assert found["article_times"].to_list() == [2, 1, 1, 0, 0]
        assert found["article_newest"].to_list() == pytest.approx([1, 3, 4, nan, nan], nan_ok=True)
        assert found["code_times"].to_list() == [3, 1, 1, 0, 0]  # customer 0: on the 1st, 3rd (article 1) and 7th
        assert found["code_share"].to_list() == pytest.approx([1, 1 / 2, 1 / 2, 0, nan], nan_ok=True)
        assert found["article_rhythm"].to_list() == pytest.approx([6, nan, nan, nan, nan], nan_ok=True)
        assert found["article_in_last"].to_list() == [1, 1, 0, 0, 0]
        assert found["type_newest"].is_nan().all()  # these articles have no type

    def test_article(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 2), tiny_history, self.as_of, ["article"]).row(0, named=True)
        # Article 2: one unit on the 1st, two on the 3rd.
        assert found["sales_1"] == 0
        assert found["sales_7"] == pytest.approx(np.log(4))
        assert (found["first_sale"], found["last_sale"]) == (7, 5)
        assert found["trend"] == pytest.approx((3 + 10 / 4) / (3 + 10))

    def test_customer(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 2), tiny_history, self.as_of, ["customer"])
        nan = float("nan")
        assert found["days_since"].to_list() == pytest.approx([1, 3, 1, 3, nan], nan_ok=True)
        assert found["days_known"].to_list() == pytest.approx([7, 7, 4, 3, nan], nan_ok=True)
        assert found["basket"].to_list() == pytest.approx([4 / 3, 1, 1, 1, nan], nan_ok=True)
        assert found["repeats"].to_list() == pytest.approx([1 / 4, 0, 0, 0, nan], nan_ok=True)
        assert found["rhythm"].to_list() == pytest.approx([3, 4, 3, nan, nan], nan_ok=True)

    def test_fit(self, tiny_history: History) -> None:
        found = build(self.pairs(tiny_history, 4), tiny_history, self.as_of, ["fit"])
        # Article 4 was bought once before the 8th, by customer 3, who is 55; the mean of all buyers' ages draws it.
        ages = [22] * 6 + [55]  # of the 7 rows whose buyer's age is known
        mean = (55 + 10 * np.mean(ages)) / 11
        assert found["age_gap"][3] == pytest.approx(55 - mean)
        assert found["price_gap"][3] == pytest.approx(0, abs=1e-6)
