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


def pairs_of(history: History, as_of: date, most: int = 40) -> Pairs:
    sources: dict[str, Source] = {name: make_source(name, line).fit(history, as_of) for name, line in LINES.items()}
    profiles = history.profiles(EVERYONE, as_of)
    kinds = pl.Enum(list(LINES))
    found = pl.concat(
        source.recommend(profiles, 15).with_columns(source=pl.lit(name, dtype=kinds))
        for name, source in sources.items()
    )
    return Pairs.of(found.lazy(), LINES, sources.__getitem__, history, as_of, most)


@pytest.fixture(scope="module")
def history(world: History) -> History:
    return dressed(world)


@pytest.fixture(scope="module")
def pairs(history: History, world_as_of: date) -> Pairs:
    return pairs_of(history, world_as_of)


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
