"""Promotions: how their table is read, and on which days an article is promoted."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forsys.errors import DataError
from forsys.schema import PROMOTIONS
from forsys.store import read_json
from forsys.tables.build import build_tables
from forsys.tables.dataset import locate
from forsys.tables.history import History
from forsys.tables.promoted import Periods, Promoted

SHOP = """
[orders]
file = "orders.csv"
day = "day"
customer = "customer"
article = "sku"

[promotions]
file = "promotions.csv"
article = "sku"
start = "from"
end = "to"
"""
ORDERS = "day,customer,sku\n" + "".join(f"2024-0{1 + i % 3}-0{1 + i % 7},c{i % 9},A-{i % 5}\n" for i in range(60))
FIRST = date(2024, 1, 1)


def made(
    folder: Path, rows: str, more: str = "", orders: str = ORDERS, shop: str = SHOP
) -> tuple[pl.DataFrame, str]:
    """The table of a shop with these promotions, with the shop's own ids; all notes."""
    (folder / "shop.toml").write_text(shop + more, encoding="utf-8")
    (folder / "orders.csv").write_text(orders, encoding="utf-8")
    (folder / "promotions.csv").write_text(rows, encoding="utf-8")
    dataset = locate(folder, {}, folder)
    assert dataset is not None
    build_tables(dataset, folder / "out", max_rejected=0.3)
    found, articles = (pl.read_parquet(folder / "out" / f"{name}.parquet") for name in ("promotions", "articles"))
    assert found.schema == pl.Schema(PROMOTIONS)
    notes = read_json(folder / "out" / "tables.json")["notes"]
    return found.join(articles.select("article", "article_id"), on="article", maintain_order="left"), "\n".join(
        notes
    )


def test_what_is_read(tmp_path: Path) -> None:
    """Each once, of known articles, with bad rows set aside like those of every table."""
    rows = (
        "sku,from,to,how\nA-1,2024-01-03,2024-01-09,leaflet\nA-1,2024-01-03,2024-01-09, leaflet\n"
        "A-2,2024-02-01,2024-02-01,\nZ-9,2024-02-01,2024-02-07,leaflet\nA-3,2024-02-07,2024-02-01,leaflet\n"
        "A-3,soon,2024-02-01,leaflet\nA-0,2024-01-03,,display\nA-4,2024-01-03,9999-12-31,display\n"
    )
    found, notes = made(tmp_path, rows, 'kind = "how"\nknown_days_before = 7\n')
    first, last = date(2024, 1, 3), date(2099, 12, 31)
    assert found.select("article_id", "start", "end", "kind").rows() == [
        ("A-0", first, last, "display"),
        ("A-1", first, date(2024, 1, 9), "leaflet"),
        ("A-2", date(2024, 2, 1), date(2024, 2, 1), "promotion"),
        ("A-4", first, last, "display"),
    ]
    assert set(found["start"] - found["known"]) == {timedelta(7)}
    for said in ("1 row of articles that are not known", "to is before from (line 6)", "from is not a day"):
        assert said in notes
    roles = read_json(tmp_path / "out" / "tables.json")["roles"]
    assert roles["promotions"] == ["display", "leaflet", "promotion"]
    history = History.read(tmp_path / "out")
    assert [*history.promoted.of_kind] == roles["promotions"]
    assert len(history.promoted.days.article) == 4


def test_without_a_table_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP.partition("[promotions]")[0], encoding="utf-8")
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    dataset = locate(tmp_path, {}, tmp_path)
    assert dataset is not None
    assert build_tables(dataset, tmp_path / "out")["roles"]["promotions"] == []
    assert History.read(tmp_path / "out").promoted.of_kind == {}


@pytest.mark.parametrize(
    ("first", "last", "more"),
    [
        ("31/01/2024", "01/02/2024", ""),
        ("01/02/2024", "24/02/2024", ""),  # only the last day tells
        ("2024-01-31 08:00", "2024-02-01 20:00", ""),
        ("31.1.24", "1.2.24", 'day_format = "%d.%m.%y"\n'),
    ],
)
def test_days_in_other_forms(first: str, last: str, more: str, tmp_path: Path) -> None:
    found, _ = made(tmp_path, f"sku,from,to\nA-1,{first},{last}\n", more)
    start, end = found.select("start", "end").row(0)
    only_last_tells = last.startswith("24")
    assert start == (date(2024, 2, 1) if only_last_tells else date(2024, 1, 31))
    assert end == date(2024, 2, 24 if only_last_tells else 1)


def test_ids_of_another_kind_beside_numbers(tmp_path: Path) -> None:
    """Where ids are numbers of so many digits, lost zeros are put back, and other ids are refused."""
    orders = ORDERS.replace("A-", "000000010")
    more = '[articles]\nfile = "orders.csv"\nid = "sku"\ndigits = 10\n'
    (tmp_path / "articles.csv").write_text("sku\n" + "".join(f"000000010{i}\n" for i in range(5)), encoding="utf-8")
    more = more.replace("orders.csv", "articles.csv")
    found, _ = made(tmp_path, "sku,from,to\n101,2024-01-03,2024-01-09\n", more, orders)
    assert found["article_id"].to_list() == ["0000000101"]
    for rows, said in (("SKU1,2024-01-03,2024-01-09\n", "sku is not up to 10 digits"), ("9,2024-01-03,\n", "0.0%")):
        with pytest.raises(DataError, match=said):
            made(tmp_path, f"sku,from,to\n{rows}", more, orders)


def test_braces_in_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "rows{x}.csv").write_text("sku,from,to\nA-1,2024-01-03,\nZ,2024-01-03,\n", encoding="utf-8")
    _, notes = made(tmp_path, "", "", shop=SHOP.replace("promotions.csv", "rows{x}.csv"))
    assert "rows{x}.csv: 1 row of articles that are not known" in notes


def test_ids_that_are_spelled_differently(tmp_path: Path) -> None:
    found, notes = made(tmp_path, "sku,from,to\na-1,2024-01-03,2024-01-09\na-2,2024-01-03,2024-01-09\n")
    assert found["article_id"].to_list() == ["A-1", "A-2"]
    assert "without regard to upper and lower case" in notes


def test_promotions_of_another_shop(tmp_path: Path) -> None:
    rows = "sku,from,to\n" + "".join(f"X-{i},2024-01-03,2024-01-09\n" for i in range(20))
    with pytest.raises(DataError, match=r"promotions\.csv: 0\.0% of its 20 different ids"):
        made(tmp_path, rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("sku,from\nA-1,2024-01-03\n", "to"),
        ("sku,from,to\nA-1,2024-01-03,2024-01-02\n", r"to is before from: 1.*2024-01-02'\. They are kept"),
        (
            "sku,from,to\nA-1,1/31/24,2/1/24\n",
            r'name its form in the shop file, such as day_format = "D/M/Y" or "%d',
        ),
        ("sku,from,to\n", "a header and no rows"),
    ],
)
def test_tables_that_cannot_be_used(rows: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        made(tmp_path, rows)


def test_a_form_that_need_not_be_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="recognised without day_format: leave that key out"):
        made(tmp_path, "sku,from,to\nA-1,2024-01-03,2024-01-09\n", 'day_format = "D/M/Y"\n')


class TestPeriods:
    @pytest.fixture
    def rows(self) -> pl.DataFrame:
        """200 promotions of 6 articles in 90 days, many of which overlap or touch."""
        rng = np.random.default_rng(2)
        start = [FIRST + timedelta(int(day)) for day in rng.integers(0, 80, 200)]
        end = [day + timedelta(int(days)) for day, days in zip(start, rng.integers(0, 6, 200), strict=True)]
        rows = pl.DataFrame({"article": rng.integers(0, 6, 200), "start": start, "end": end})
        return rows.filter((pl.col("article") != 3) & ((pl.col("start").dt.day() + pl.col("article")) % 3 == 0))

    def test_like_looking_at_every_row(self, rows: pl.DataFrame) -> None:
        periods, grid = Periods.of(rows), [(a, FIRST + timedelta(d)) for a in range(7) for d in range(-2, 95)]
        article, day = np.array([a for a, _ in grid]), np.array([(d - date(1970, 1, 1)).days for _, d in grid])
        of = {a: rows.filter(pl.col("article") == a).select("start", "end").rows() for a in range(7)}
        on_day = [any(start <= d <= end for start, end in of[a]) for a, d in grid]
        running = [any(start < d <= end for start, end in of[a]) for a, d in grid]
        np.testing.assert_array_equal(periods.on_day(article, day), on_day)
        np.testing.assert_array_equal(periods.begun_before(article, day), running)
        assert 0 < sum(running) < sum(on_day) < len(grid)
        stop, starts = FIRST + timedelta(50), [FIRST + timedelta(5 * n) for n in range(7)]
        wanted = [
            sum(o for o, (a, d) in zip(on_day, grid, strict=True) if a == n and starts[n] <= d < stop)
            for n in range(7)
        ]
        begin, end = np.array([(d - date(1970, 1, 1)).days for d in starts]), (stop - date(1970, 1, 1)).days
        assert periods.days_before(begin, end).tolist() == wanted

    def test_none(self) -> None:
        nothing = Promoted.of(pl.DataFrame(schema=PROMOTIONS), ("leaflet",))
        article = np.arange(3)
        for periods in (nothing.days, nothing.known, nothing.of_kind["leaflet"], Promoted().days):
            assert not periods.begun_before(article, 5).any() and not periods.on_day(article, article).any()
            assert periods.days_before(np.zeros(3, int), 9).tolist() == [0, 0, 0]
