"""Frames as a shop's files."""

import tomllib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forsys.api import Shop
from forsys.errors import DataError
from forsys.serving.frames import as_pandas, as_polars
from forsys.serving.shop_files import shop_file, write_shop
from forsys.tables.roles import Roles

ORDERS = pl.DataFrame({"date": ["2024-06-01"], "client": ["a"], "sku": ["X-1"], "price": [2.5]})
ARTICLES = pl.DataFrame({"sku": ["X-1"], "title": ["Skirt"], "brand": ["Isle"]})
COLUMNS: dict[str, Any] = {
    "day": "date",
    "customer": "client",
    "article": "sku",
    "articles.id": "sku",
    "articles.name": "title",
    "articles.attributes": ["brand"],
}


COLUMNS_OF_ORDERS = {key: column for key, column in COLUMNS.items() if "." not in key}


def test_shop_file() -> None:
    found = tomllib.loads(shop_file({"orders": ORDERS, "articles": ARTICLES}, COLUMNS))
    orders = {"day": "date", "customer": "client", "article": "sku", "price": "price"}
    assert found == {
        "orders": {"file": "transactions_train.parquet", **orders},
        "articles": {"file": "articles.parquet", "id": "sku", "name": "title", "attributes": ["brand"]},
    }


def test_promotions() -> None:
    frame = pl.DataFrame({"sku": ["X-1"], "start": ["2024-06-01"], "until": ["2024-06-07"]})
    columns = COLUMNS_OF_ORDERS | {"promotions.article": "sku", "promotions.end": "until"}
    found = tomllib.loads(shop_file({"orders": ORDERS, "promotions": frame}, columns))
    assert found["promotions"] == {"file": "promotions.parquet", "article": "sku", "start": "start", "end": "until"}
    with pytest.raises(DataError, match="promotions: which column is the end"):
        shop_file({"orders": ORDERS, "promotions": frame}, COLUMNS_OF_ORDERS | {"promotions.article": "sku"})


@pytest.mark.parametrize(
    ("online", "expected"),
    [
        ("web", ["web"]),
        (["web", "app"], ["web", "app"]),
        (2, ["2"]),
        (np.int64(2), ["2"]),
        (True, ["true"]),
        ([], []),
    ],
)
def test_the_online_shop(online: Any, expected: list[str]) -> None:
    """A channel and no column, whose values may be texts, numbers or flags."""
    found = tomllib.loads(shop_file({"orders": ORDERS, "articles": ARTICLES}, COLUMNS | {"online": online}))
    assert found["roles"] == {"online": expected}
    assert "online" not in found["orders"]
    assert Roles.read(found["roles"]).online == tuple(expected)


def test_an_online_shop_that_is_no_channel(tmp_path: Path) -> None:
    shop = Shop(orders=ORDERS, columns={"day": "date", "customer": "client", "article": "sku", "online": "web"})
    with pytest.raises(DataError, match=r"line \d+: \[roles\] online: the orders have no channel 'web'"):
        shop.fit(tmp_path / "model")


def test_written_once(tmp_path: Path) -> None:
    frames = {"orders": ORDERS, "articles": ARTICLES}
    write_shop(frames, COLUMNS, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_shop(frames, COLUMNS, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    write_shop(frames | {"orders": ORDERS.with_columns(price=3.0)}, COLUMNS, tmp_path)
    changed = {path.name for path in tmp_path.iterdir() if before[path] != path.stat().st_mtime_ns}
    assert changed == {"transactions_train.parquet"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"dya": "date"}, r"columns: 'dya' is no key .* Keys: day, customer.*, online\."),
        ({"customers.id": "client"}, r"'customers\.id' is no key of the frames that were given"),
        (
            {"day": "date", "customer": "client"},
            r"orders: which column is the article\? .*it has date, client, sku",
        ),
        ({**COLUMNS, "day": "when"}, r"orders: there is no column 'when'; it has date"),
        ({**COLUMNS, "articles.attributes": ["x"]}, r"articles: there is no column 'x'"),
    ],
)
def test_what_cannot_be_mapped(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        shop_file({"orders": ORDERS, "articles": ARTICLES}, columns)


def test_pandas_and_back() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "number": [1.5, float("nan")],
            "whole": pd.array([1, None], dtype="Int64"),
            "kind": pd.Categorical(["x", "y"]),
            "day": pd.to_datetime(["2024-06-01 10:00", "NaT"]),
            "zone": pd.to_datetime(["2024-06-01 23:30", "2024-06-02 00:00"]).tz_localize("Europe/Stockholm"),
        }
    )
    found = as_polars("orders", frame)
    assert found.rows() == [
        ("a", 1.5, 1, "x", datetime(2024, 6, 1, 10), datetime(2024, 6, 1, 23, 30)),
        (None, None, None, "y", None, datetime(2024, 6, 2)),
    ]
    assert as_pandas(found)["text"].isna().to_list() == [False, True]


@pytest.mark.parametrize("zones", [[2, 2], [2, 1], [2, None]])  # a clock that changes, and a time without a zone
def test_times_of_databases_keep_their_day(zones: list[int | None]) -> None:
    days = [
        datetime(2024, 6, 1, 0, 30, tzinfo=None if zone is None else timezone(timedelta(hours=zone)))
        for zone in zones
    ]
    found = as_polars("orders", pd.DataFrame({"day": pd.Series(days, dtype=object)}))
    assert found.rows() == [(datetime(2024, 6, 1, 0, 30),)] * 2


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.cut(pd.Series([1.0, 3.0]), [0, 2, 4]), ["(0, 2]", "(2, 4]"]),
        (pd.period_range("2024-01", periods=2, freq="M"), ["2024-01", "2024-02"]),
        ([UUID(int=1), None], ["00000000-0000-0000-0000-000000000001", None]),
        ([1 + 2j, 3 + 0j], ["(1+2j)", "(3+0j)"]),
    ],
)
def test_objects_that_have_a_text(values: Any, texts: list[str | None]) -> None:
    assert as_polars("articles", pd.DataFrame({"a": values}))["a"].to_list() == texts


@pytest.mark.parametrize("values", [[1, "a"], ["a", "\ud800"]])
def test_mixed_types(values: list[Any]) -> None:
    with pytest.raises(DataError, match="orders: the column id mixes types") as raised:
        as_polars("orders", pd.DataFrame({"id": pd.Series(values, dtype=object)}))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_days_of_any_resolution(unit: str) -> None:
    day = pd.Series(np.array(["2024-06-01T10:00"], f"datetime64[{unit}]"))
    assert as_polars("orders", pd.DataFrame({"day": day})).rows() == [(datetime(2024, 6, 1, 10),)]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "2 columns are called a"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "2 columns are called 1"),
        (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "the column a holds Python objects"),
        (pd.DataFrame({"a": [object(), object()]}), "the column a holds Python objects"),
        (pd.DataFrame({"a": [{1}, {2}]}), "the column a"),
    ],
)
def test_columns_that_no_file_can_hold(frame: Any, words: str) -> None:
    with pytest.raises(DataError, match=f"orders: {words}"):
        as_polars("orders", frame)


def test_columns_that_have_numbers_for_names() -> None:
    """As pandas gives them to a file without a header."""
    orders = as_polars("orders", pd.DataFrame([["2024-06-01", "a", "X-1"]]))
    found = tomllib.loads(shop_file({"orders": orders}, {"day": 0, "customer": np.int64(1), "article": 2}))
    assert {key: found["orders"][key] for key in ("day", "customer", "article")} == {
        "day": "0",
        "customer": "1",
        "article": "2",
    }


KAGGLE_ORDERS = pl.DataFrame(
    {
        "t_dat": ["2024-06-01"],
        "customer_id": ["a"],
        "article_id": ["0100000001"],
        "price": [0.1],
        "sales_channel_id": [1],
    }
)


@pytest.mark.parametrize("name", ["articles.parquet", "customers.csv", "transactions_train.csv"])
def test_tables_of_an_earlier_fit_are_not_read(name: str, tmp_path: Path) -> None:
    """They would be with Kaggle's shop file, which takes what it finds."""
    write_shop({"orders": KAGGLE_ORDERS}, {}, tmp_path)
    pl.DataFrame({"article_id": ["0100000001"]}).write_parquet(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} is of an earlier fit or another shop"):
        write_shop({"orders": KAGGLE_ORDERS}, {}, tmp_path)
    named = {"day": "t_dat", "customer": "customer_id", "article": "article_id"}
    write_shop({"orders": KAGGLE_ORDERS}, named, tmp_path)  # its own shop.toml names what is read


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    write_shop({"orders": ORDERS}, COLUMNS_OF_ORDERS, tmp_path)
    path = tmp_path / "transactions_train.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    write_shop({"orders": ORDERS}, COLUMNS_OF_ORDERS, tmp_path)
    assert pl.read_parquet(path).equals(ORDERS)


class TestOwnShopFile:
    def test_is_not_overwritten(self, tmp_path: Path) -> None:
        own = tmp_path / "shop.toml"
        own.write_text('[orders]\nfile = "mine.csv"\n', encoding="utf-8")
        with pytest.raises(DataError, match=r"shop\.toml is a shop file of your own"):
            write_shop({"orders": ORDERS}, COLUMNS_OF_ORDERS, tmp_path)
        assert own.read_text(encoding="utf-8") == '[orders]\nfile = "mine.csv"\n'
        assert [*tmp_path.iterdir()] == [own]

    def test_that_of_an_earlier_fit_is(self, tmp_path: Path) -> None:
        write_shop({"orders": ORDERS}, COLUMNS_OF_ORDERS, tmp_path)
        before = (tmp_path / "shop.toml").read_text(encoding="utf-8")
        write_shop(
            {"orders": ORDERS.with_columns(other=pl.lit("x"))}, {**COLUMNS_OF_ORDERS, "article": "other"}, tmp_path
        )
        assert (tmp_path / "shop.toml").read_text(encoding="utf-8") != before


@pytest.mark.parametrize("online", [np.array([2, 3]), {2, 3}, (2.0, 3), pl.Series([2, 3]), pd.Series([2.0, 3.0])])
def test_channels_in_any_container(online: Any) -> None:
    assert 'online = ["2", "3"]' in shop_file({"orders": ORDERS}, {**COLUMNS_OF_ORDERS, "online": online})
