"""The log by customer, worked out by hand on the 13 rows of tests/conftest.py."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.arrays import add_at
from forsys.calendar import Fold, day_number
from forsys.ranking.features.article import article_table
from forsys.ranking.live import newest_prices
from forsys.recurrent.article_inputs import sales_features
from forsys.retrieval.best_sellers import BestSellers
from forsys.schema import PROMOTIONS, RETURNS
from forsys.store import write_json
from forsys.tables import history as history_module
from forsys.tables.history import History, Profiles
from forsys.tables.log_arrays import ROWS, write_log


def january(day: int) -> date:
    return date(2020, 1, day)


def days(*numbers: int) -> list[int]:
    return [day_number(january(day)) for day in numbers]


def rows_of(profiles: Profiles) -> list[list[int]]:
    """The rows of the history that belong to each profile."""
    row, purchase = profiles.purchases()
    return [purchase[row == i].tolist() for i in range(len(profiles))]


def test_rows_are_ordered_by_customer_day_and_order_in_the_file(tiny_history: History) -> None:
    assert tiny_history.customer.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert tiny_history.article.tolist() == [0, 2, 1, 0, 3, 2, 0, 1, 0, 3, 4, 4]  # 2 before 1, as in the file
    assert tiny_history.day.tolist() == days(1, 3, 3, 7, 9, 1, 5, 8, 4, 7, 5, 8)
    assert tiny_history.first.tolist() == [0, 5, 8, 10, 12, 12]
    assert len(tiny_history) == 12


def test_units_of_one_article_on_one_day_are_one_row(tiny_history: History) -> None:
    assert tiny_history.units.tolist() == [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert tiny_history.price[1] == pytest.approx((0.2 + 0.4) / 2)
    assert tiny_history.channel[1] == 2  # the first unit's


def log_of(rows: list[tuple[int, float, int]], history: History, has_units: bool = True) -> History:
    """Rows (article, price, units) that customer 0 bought on one day."""
    names = {"article": pl.Int32, "price": pl.Float32, "units": pl.Int32}
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        t_dat=pl.lit(january(1)), customer=pl.lit(0, pl.Int32), channel=pl.lit(1, pl.Int8)
    )
    return History.of((frame if has_units else frame.drop("units")).lazy(), history.articles, history.customers)


def test_units_are_counted_and_weigh_their_price(tiny_history: History) -> None:
    found = log_of([(0, 3.0, 2), (1, 1.0, 4), (0, 6.0, 1)], tiny_history)
    assert found.article.tolist() == [0, 1]
    assert found.units.tolist() == [3, 4]
    assert found.price.tolist() == [4.0, 1.0]  # (2 * 3 + 6) / 3
    assert found.sales().tolist()[:2] == [3, 4]


@pytest.mark.parametrize("has_units", [True, False])
def test_free_units_do_not_halve_the_price(tiny_history: History, has_units: bool) -> None:
    found = log_of([(0, 0.0, 1), (0, 4.0, 1), (1, 0.0, 1), (1, 0.0, 1)], tiny_history, has_units)
    assert found.units.tolist() == [2, 2]
    assert found.price.tolist() == [4.0, 0.0]
    more = log_of([(0, 0.0, 5), (0, 4.0, 1), (0, 2.0, 3)], tiny_history)
    assert (more.units.tolist(), more.price.tolist()) == ([9], [2.5])


def test_types_are_what_the_docstring_says(tiny_history: History) -> None:
    found = {name: getattr(tiny_history, name).dtype for name in ("customer", "article", "day", "units")}
    assert found == dict.fromkeys(found, np.int32)
    assert [str(tiny_history.price.dtype), str(tiny_history.channel.dtype)] == ["float32", "int8"]


def test_the_order_of_a_day_follows_the_file(tiny_log: pl.DataFrame, tiny_history: History) -> None:
    """Rows 3 and 5 put article 2 first; with row 4 before both, article 1 is first."""
    moved = pl.concat([tiny_log[:2], tiny_log[3:4], tiny_log[2:3], tiny_log[4:]])
    swapped = History.of(moved.lazy(), tiny_history.articles, tiny_history.customers)
    assert swapped.article.tolist() == [0, 1, 2, *tiny_history.article[3:].tolist()]


@pytest.mark.parametrize("max_rows", [None, 1, 4, 1_000])
def test_read_and_open_take_the_output_of_the_tables_stage(
    max_rows: int | None,
    tmp_path: Path,
    tiny_log: pl.DataFrame,
    tiny_history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the log is in memory, or on disk in ranges of customers."""
    frames = {"articles": tiny_history.articles, "customers": tiny_history.customers, "transactions": tiny_log}
    frames |= {"returns": pl.DataFrame(schema=RETURNS), "promotions": pl.DataFrame(schema=PROMOTIONS)}
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    write_json({"roles": tiny_history.roles.as_json(), "listed_articles": 5}, tmp_path / "tables.json")
    if max_rows is None:
        read = History.read(tmp_path)
    else:
        monkeypatch.setattr("forsys.tables.log_arrays.ROWS_AT_ONCE", max_rows)
        write_log(tmp_path, tmp_path / "log")
        read = History.open(tmp_path, tmp_path / "log")
    assert read.roles == tiny_history.roles
    assert read.listed == 5
    for name in ("customer", "article", "day", "price", "channel", "units", "first"):
        np.testing.assert_array_equal(getattr(read, name), getattr(tiny_history, name), strict=True)
    assert_frame_equal(read.articles, tiny_history.articles)
    assert_frame_equal(read.customers, tiny_history.customers)


def test_a_log_without_purchases(tmp_path: Path, tiny_log: pl.DataFrame, tiny_history: History) -> None:
    tiny_log.clear().write_parquet(tmp_path / "transactions.parquet")
    pl.DataFrame(schema=RETURNS).write_parquet(tmp_path / "returns.parquet")
    pl.DataFrame(schema=PROMOTIONS).write_parquet(tmp_path / "promotions.parquet")
    tiny_history.articles.write_parquet(tmp_path / "articles.parquet")
    tiny_history.customers.write_parquet(tmp_path / "customers.parquet")
    write_json({"roles": tiny_history.roles.as_json(), "listed_articles": 5}, tmp_path / "tables.json")
    write_log(tmp_path, tmp_path / "log")
    assert len(History.open(tmp_path, tmp_path / "log")) == 0


def test_of_does_not_change_its_tables(tiny_log: pl.DataFrame, tiny_history: History) -> None:
    before = tiny_log.clone()
    History.of(tiny_log.lazy(), tiny_history.articles, tiny_history.customers)
    assert_frame_equal(tiny_log, before)


def test_before_is_half_open(tiny_history: History) -> None:
    known = tiny_history.before(january(7))  # without the 7th
    assert known.customer.tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert known.day.tolist() == days(1, 3, 3, 1, 5, 4, 5)
    assert known.first.tolist() == [0, 3, 5, 6, 7, 7]
    assert known.units.tolist() == [1, 2, 1, 1, 1, 1, 1]
    assert len(tiny_history) == 12  # unchanged


def test_before_the_first_day_and_after_the_last(tiny_history: History) -> None:
    assert len(tiny_history.before(january(1))) == 0
    assert tiny_history.before(january(1)).first.tolist() == [0] * 6
    assert tiny_history.before(january(10)) is tiny_history


@pytest.mark.parametrize("rows", [1, 4, 1000])
@pytest.mark.parametrize("day", [1, 7, 10])
def test_blocks_before_a_day_are_what_was_known_then(
    rows: int, day: int, tiny_history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "ROWS_PER_BLOCK", rows)
    known, blocks = tiny_history.before(january(day)), list(tiny_history.blocks_before(january(day)))
    assert (len(blocks) > 1) == (rows < 12)
    for name in ROWS:
        found = np.concatenate([getattr(block, name) for block in blocks])
        np.testing.assert_array_equal(found, getattr(known, name))
    for block in blocks:
        assert block.first.tolist() == np.searchsorted(block.customer, np.arange(6)).tolist()
    assert tiny_history.sold_before(january(day)).tolist() == np.isin(range(6), known.article).tolist()
    assert tiny_history.sales_before(january(day)).tolist() == known.sales().tolist()


SUMS: dict[str, Callable[[History, date], npt.ArrayLike]] = {
    "article features": lambda log, as_of: list(article_table.__wrapped__(log, as_of).values()),
    "best sellers": lambda log, as_of: BestSellers().fit(log, as_of).by_age_,
    "sales features": sales_features,
    "newest prices": lambda log, as_of: newest_prices(log, Fold(as_of, as_of)),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_over_blocks_have_the_bits_of_sums_over_the_whole_log(
    name: str, world: History, world_as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.asarray(SUMS[name](world, world_as_of))
    monkeypatch.setattr(history_module, "ROWS_PER_BLOCK", 100)
    assert len(list(world.blocks_before(world_as_of))) > 10
    assert np.asarray(SUMS[name](world, world_as_of)).tobytes() == whole.tobytes()


def test_values_added_in_parts_have_the_bits_of_one_sum() -> None:
    rng = np.random.default_rng(1)
    index, values, total = rng.integers(5, size=1000), rng.random(1000), np.zeros(5)
    for part in np.array_split(np.arange(1000), 7):
        add_at(total, index[part], values[part])
    assert total.tobytes() == np.bincount(index, values).tobytes()


def test_since_is_half_open_on_both_sides(tiny_history: History) -> None:
    week = tiny_history.since(january(8), 3)  # the 5th, 6th, 7th
    assert week.day.tolist() == days(7, 5, 7, 5)
    assert week.article.tolist() == [0, 0, 3, 4]
    assert week.first.tolist() == [0, 1, 2, 3, 4, 4]


def test_since_takes_complete_days_up_to_max_purchases(tiny_history: History) -> None:
    """Before the 8th: 2 on the 7th, 2 on the 5th, 1 on the 4th, and more before."""
    for max_purchases, first_day in {5: 4, 4: 5, 3: 7, 2: 7, 1: 7, 100: 1}.items():
        found = tiny_history.since(january(8), 30, max_purchases)
        assert found.day.min() == days(first_day)[0], max_purchases
    assert tiny_history.since(january(8), 3, 100).day.tolist() == days(7, 5, 7, 5)
    assert len(tiny_history.since(january(1), 30, 1)) == 0


def test_labels_are_distinct_purchases_of_the_fold(tiny_history: History) -> None:
    assert tiny_history.labels(Fold(january(3), january(7))).rows() == [(0, 1), (0, 2), (1, 0), (2, 0), (3, 4)]
    assert tiny_history.labels(Fold(january(7), january(9))).rows() == [(0, 0), (1, 1), (2, 3), (3, 4)]
    assert tiny_history.labels(Fold(january(5), january(9))).rows() == [(0, 0), (1, 0), (1, 1), (2, 3), (3, 4)]
    assert tiny_history.labels(Fold(january(10), january(17))).rows() == []


def test_sales_count_units(tiny_history: History) -> None:
    assert tiny_history.sales().tolist() == [4, 2, 3, 2, 2, 0]
    assert tiny_history.sales().dtype == np.float64


def test_profiles_have_what_was_bought_before(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.array([3, 0, 4]), january(7))
    assert rows_of(profiles) == [[10], [0, 1, 2], []]
    assert profiles.as_of.tolist() == days(7, 7, 7)
    row, purchase = profiles.purchases()
    assert profiles.ages(row, purchase).tolist() == [2, 6, 4, 4]


def test_event_profiles_have_what_was_bought_before_the_event(tiny_history: History) -> None:
    """Earlier purchases of the same day count: they are in the basket already."""
    profiles = tiny_history.event_profiles(np.array([0, 2, 4, 7, 11]))
    assert profiles.customers.tolist() == [0, 0, 0, 1, 3]
    assert rows_of(profiles) == [[], [0, 1], [0, 1, 2, 3], [5, 6], [10]]
    assert profiles.as_of.tolist() == days(1, 3, 9, 8, 8)
    row, purchase = profiles.purchases()
    assert profiles.ages(row, purchase)[:2].tolist() == [2, 0]


def test_a_slice_of_profiles_is_the_profiles_of_the_slice(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.arange(5), january(8))
    assert rows_of(profiles[1:3]) == rows_of(profiles)[1:3]
    assert rows_of(profiles[np.array([4, 0])]) == [[], [0, 1, 2, 3]]
    assert (len(profiles[1:3]), len(profiles[:0])) == (2, 0)


def test_matrix_sums_cells_and_leaves_out_minus_one(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.array([0, 1]), january(8))
    row, purchase = profiles.purchases()  # articles 0 2 1 0 of customer 0, 2 0 of customer 1
    column = np.where(tiny_history.article[purchase] == 2, -1, tiny_history.article[purchase])
    weights = np.array([1, 2, 4, 8, 16, 32], np.float64)
    found = profiles.matrix(row, column, weights, 3)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[1 + 8, 4, 0], [32, 0, 0]]


def test_profiles_see_nothing_past_the_cut(world: History, world_log: pl.DataFrame, world_as_of: date) -> None:
    """The log cut at as_of gives the same purchases: nothing leaks from the future."""
    cut = History.of(world_log.lazy().filter(pl.col("t_dat") < world_as_of), world.articles, world.customers)
    assert len(cut) < len(world)
    found = []
    for history in (world, cut):
        profiles = history.profiles(np.arange(300), world_as_of)
        row, purchase = profiles.purchases()
        ages = profiles.ages(row, purchase)
        found.append([row, ages, history.article[purchase], history.price[purchase], history.units[purchase]])
    for full, truncated in zip(*found, strict=True):
        np.testing.assert_array_equal(full, truncated)
    for name in ("customer", "article", "day", "price", "channel", "units", "first"):
        np.testing.assert_array_equal(getattr(world.before(world_as_of), name), getattr(cut, name))
