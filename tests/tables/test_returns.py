"""Returns: taken off the purchases as from a pile of units, and known only once they have happened."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import articles_of, customers_of
from forsys import schema
from forsys.calendar import Fold
from forsys.tables.history import History
from forsys.tables.log_arrays import write_log
from forsys.tables.returns import split_returns

FIRST = date(2020, 1, 1)
COLUMNS = ["customer", "article", "t_dat", "units"]
Row = tuple[int, int, date, int]


def day(number: int) -> date:
    return FIRST + timedelta(number)


def log(*rows: Row) -> pl.DataFrame:
    types = {name: schema.RETURNS[name] for name in COLUMNS}
    return pl.DataFrame(rows, schema=types, orient="row")


def piled(rows: list[Row]) -> tuple[list[Row], list[tuple[int, int, date, date, int]], int]:
    """The same by a pile of units per customer and article, one unit after the other."""
    piles: dict[tuple[int, int], list[int]] = {}
    came_back: list[list[date]] = [[] for _ in rows]
    orphans = 0
    for i in sorted(range(len(rows)), key=lambda i: (rows[i][2], rows[i][3] < 0, i)):
        customer, article, then, units = rows[i]
        pile = piles.setdefault((customer, article), [])
        pile += [i] * max(units, 0)
        orphans += -units > len(pile)
        for _ in range(min(-units, len(pile))):
            came_back[pile.pop()].append(then)
    bought, returned = [], Counter[tuple[int, int, date, date]]()
    for (customer, article, then, units), back in zip(rows, came_back, strict=True):
        if units > back.count(then):
            bought.append((customer, article, then, units - back.count(then)))
        returned.update((customer, article, then, each) for each in back if each != then)
    return bought, sorted((*key, units) for key, units in returned.items()), orphans


small = st.integers(0, 2)
lines = st.tuples(small, small, st.integers(0, 4).map(day), st.integers(-4, 4).filter(bool))


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(lines, max_size=25))
def test_returns_are_taken_off_the_newest_earlier_units(rows: list[Row]) -> None:
    bought, returned, orphans = split_returns(log(*rows))
    assert (bought.rows(), returned.rows(), orphans) == piled(rows)
    assert returned.schema == schema.RETURNS


def test_without_returns_nothing_changes() -> None:
    rows = log((0, 0, day(0), 1), (0, 1, day(1), 2))
    bought, returned, orphans = split_returns(rows)
    assert bought.equals(rows)
    assert (len(returned), orphans) == (0, 0)


@pytest.mark.parametrize("returned", [1, 999_999])
def test_a_large_number_of_units_takes_no_room(returned: int) -> None:
    rows = log(*((0, 0, day(i), 1_000_000) for i in range(200)), (0, 0, day(300), -returned))
    bought, returns, _ = split_returns(rows)
    assert bought.equals(rows.head(200))
    assert returns.rows() == [(0, 0, day(199), day(300), returned)]


@pytest.fixture
def rows() -> pl.DataFrame:
    """Purchases of 6 customers and 8 articles over 60 days, of which a third comes back within some days."""
    random = np.random.default_rng(1)
    bought = [
        (int(random.integers(6)), int(random.integers(8)), day(int(then)), int(random.integers(1, 4)))
        for then in np.sort(random.integers(0, 60, 300))
    ]
    back = [
        (customer, article, then + timedelta(int(random.integers(0, 20))), -1)
        for customer, article, then, _ in bought[::3]
    ]
    return log(*sorted([*bought, *back], key=lambda row: row[2]))


ARTICLES, CUSTOMERS = articles_of(list(range(8))), customers_of([None] * 6)


def tables(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Transactions and returns."""
    bought, returned, _ = split_returns(rows)
    priced = bought.with_columns(price=pl.lit(0.5), channel=pl.lit(1))
    return priced.cast(schema.TRANSACTIONS), returned  # type: ignore[arg-type]


def history(rows: pl.DataFrame) -> History:
    bought, returned = tables(rows)
    return History.of(bought.lazy(), ARTICLES, CUSTOMERS, returns=returned.lazy())


QUESTIONS: dict[str, Callable[[History, date], object]] = {
    "before": lambda log, as_of: _rows(log.before(as_of)),
    "blocks_before": lambda log, as_of: [_rows(block) for block in log.blocks_before(as_of)],
    "since": lambda log, as_of: _rows(log.since(as_of, 20, 40)),
    "sold_before": lambda log, as_of: log.sold_before(as_of).tolist(),
    "sales_before": lambda log, as_of: log.sales_before(as_of).tolist(),
    "labels": lambda log, as_of: log.labels(Fold(as_of - timedelta(7), as_of)).rows(),
    "profiles": lambda log, as_of: _profiles(log, np.arange(6), as_of),
    "some profiles": lambda log, as_of: _profiles(log, np.array([1, 3, 4]), as_of),
}


def _rows(log: History) -> list[list[float]]:
    columns = (log.customer, log.article, log.day, log.units)
    return [column.tolist() for column in columns]


def _profiles(log: History, customers: np.ndarray, as_of: date) -> list[list[float]]:
    profiles = log.profiles(customers, as_of)
    row, purchase = profiles.purchases()
    known = profiles.history
    return [
        row.tolist(),
        known.article[purchase].tolist(),
        known.units[purchase].tolist(),
        known.day[purchase].tolist(),
    ]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("number", [1, 5, 20, 33, 59, 61, 90])
def test_a_return_is_not_known_before_it_happens(rows: pl.DataFrame, question: str, number: int) -> None:
    ask, as_of = QUESTIONS[question], day(number)
    then = history(rows.filter(pl.col("t_dat") < as_of))  # all that the shop knew
    if question == "blocks_before":  # how they are cut depends on the whole log
        blocks = [_rows(block) for block in history(rows).blocks_before(as_of)]
        assert np.concatenate(blocks, axis=1).tolist() == _rows(then.before(as_of))
    else:
        assert ask(history(rows), as_of) == ask(then, as_of)


def test_what_came_back_before_is_gone(rows: pl.DataFrame) -> None:
    whole = history(rows)
    known = whole.before(day(90))
    assert len(known) < len(whole)
    net = rows.group_by("customer", "article").agg(pl.col("units").sum()).filter(pl.col("units") > 0)
    assert known.units.sum() == net["units"].sum()


def test_the_profile_of_one_who_returned_everything_is_empty() -> None:
    whole = history(log((0, 0, day(0), 1), (1, 1, day(0), 1), (0, 0, day(2), -1)))
    assert _profiles(whole, np.array([0]), day(2))[0] == [0]
    profiles = whole.profiles(np.array([0]), day(3))
    assert (profiles.start == profiles.stop).all()
    assert len(profiles.history)


@pytest.mark.parametrize("rows_at_once", [1, 50, 10_000])
def test_a_log_on_disk_knows_the_returns(
    rows: pl.DataFrame, rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forsys.tables.log_arrays.ROWS_AT_ONCE", rows_at_once)
    for name, frame in zip(("transactions", "returns"), tables(rows), strict=True):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    CUSTOMERS.write_parquet(tmp_path / "customers.parquet")
    ARTICLES.write_parquet(tmp_path / "articles.parquet")
    pl.DataFrame(schema=schema.PROMOTIONS).write_parquet(tmp_path / "promotions.parquet")
    (tmp_path / "tables.json").write_text('{"roles": {}, "listed_articles": 8}')
    write_log(tmp_path, tmp_path / "log")
    on_disk, expected = History.open(tmp_path, tmp_path / "log"), history(rows)
    for name in ("row", "day", "units"):
        assert getattr(on_disk.returns, name).tolist() == getattr(expected.returns, name).tolist()
    assert len(expected.returns)
    for number in (5, 33, 90):
        assert _rows(on_disk.before(day(number))) == _rows(expected.before(day(number)))


def test_an_unlisted_article_stays_known_when_it_comes_back() -> None:
    whole = replace(history(log((0, 0, day(0), 1), (1, 7, day(3), 1), (1, 7, day(5), -1))), listed=4)
    assert [whole.offered(day(number))[7] for number in (3, 4, 6)] == [False, True, True]
    assert [whole.sold_before(day(number))[7] for number in (3, 4, 6)] == [False, True, False]
    assert whole.offered(day(0)).tolist() == [True] * 4 + [False] * 4
