"""Shops of other shapes than Kaggle's, by a shop file alone."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import shops
from forsys.tables.build import build_tables
from forsys.tables.dataset import locate
from forsys.tables.history import History


class Made:
    """The tables of a shop that was written by one of shops.py."""

    def __init__(self, shop_file: Path, out: Path) -> None:
        dataset = locate(shop_file, {}, out)
        assert dataset is not None
        self.out, self.dataset = out, dataset
        self.summary: dict[str, Any] = build_tables(dataset, out)
        self.notes = "\n".join(self.summary["notes"])

    def __getattr__(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.out / f"{name}.parquet")

    def bought(self) -> pl.DataFrame:
        """The purchases with the shop's own ids."""
        rows = self.transactions.join(self.customers.select("customer", "customer_id"), on="customer")
        return rows.join(self.articles.select("article", "article_id"), on="article").drop("customer", "article")


@pytest.fixture(scope="module")
def order_lines(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("a")
    return Made(shops.order_lines(folder / "fashion"), folder / "out")


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("b")
    return Made(shops.marketplace(folder / "market"), folder / "out")


@pytest.fixture(scope="module")
def grocer(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("c")
    return Made(shops.grocer(folder / "grocer"), folder / "out")


def test_order_lines_are_counted_and_returns_taken_off(order_lines: Made) -> None:
    lines = shops.purchases(1)
    units, back = (int(getattr(order_lines, name)["units"].sum()) for name in ("transactions", "returns"))
    assert units - back == len(lines) - shops.RETURNED
    same_day = 2  # returned on the day of the purchase
    assert order_lines.summary["rows"] == len(order_lines.transactions) == len(lines) - same_day
    assert order_lines.summary["rejected"] == {}
    for said in (
        "Zeitpunkt is read as DD/MM/YYYY",
        "its numbers have a decimal comma",
        f"{shops.RETURNED + shops.ORPHANS} returns taken off",
        f"{shops.ORPHANS} of them without an earlier purchase",
        f"{shops.TESTS} rows are no sale, left out by Status",
    ):
        assert said in order_lines.notes
    bought = {(line.at.date(), f"K{line.customer:05}", shops.sku(line.article)) for line in lines}
    assert set(order_lines.bought().select("t_dat", "customer_id", "article_id").rows()) <= bought


def test_order_lines_have_their_own_names(order_lines: Made) -> None:
    articles = order_lines.articles
    assert articles.columns == [
        "article",
        "article_id",
        "product_code",
        "prod_name",
        "Farbe",
        "Warengruppe",
        "detail_desc",
        "picture",
    ]
    assert articles.row(3, named=True) == {
        "article": 3,
        "article_id": "AB-1001/rot",
        "product_code": 1,
        "prod_name": "Jacke 3",
        "Farbe": "rot",
        "Warengruppe": "Jacke",
        "detail_desc": "Für den Sommer; aus Baumwolle",
        "picture": "bilder/3.jpg",
    }
    assert order_lines.customers.columns == ["customer", "customer_id", "Newsletter", "age", "postal_code"]
    assert order_lines.customers.row(1) == (1, "K00001", "ja", 19.0, 1)
    assert order_lines.summary["roles"]["channels"] == list(shops.CHANNELS)
    assert order_lines.summary["roles"]["online"] == ["Onlineshop"]
    assert "the channel Onlineshop is taken as the online shop" in order_lines.notes
    prices = order_lines.transactions.select("article", "price").unique().sort("article")
    assert prices["price"].to_list() == pytest.approx([9.95 + a for a in prices["article"]])


def test_a_marketplace_has_its_ids_alone(marketplace: Made) -> None:
    lines = shops.purchases(2)
    assert marketplace.summary["rows"] == len(lines)
    bought = marketplace.bought().select("t_dat", "customer_id", "article_id").rows()
    assert sorted(bought) == sorted(
        (line.at.date(), shops.uuid_of("buyer", line.customer), shops.uuid_of("listing", line.article))
        for line in lines
    )
    assert marketplace.articles.columns == ["article", "article_id", "product_code", "prod_name", "detail_desc"]
    assert marketplace.articles["product_code"].to_list() == list(range(marketplace.articles.height))
    assert marketplace.articles["article_id"].is_sorted()
    assert marketplace.transactions.select("price", "channel").unique().rows() == [(0, 0)]
    assert marketplace.submission_customers.height == marketplace.customers.height
    for said in ("no table of articles", "no table of customers", "no price", "no channel", "have a time of day"):
        assert marketplace.notes.count(said) == 1


def test_a_grocer_counts_units(grocer: Made) -> None:
    lines = shops.purchases(3, units=4)
    sold = [line for i, line in enumerate(lines) if i % 70 != 69]
    assert grocer.summary["rows"] == len(sold)
    assert grocer.transactions["units"].to_list() == [line.units for line in sold]
    assert f"{len(lines) - len(sold)} rows are no sale, quantity is 0" in grocer.notes
    free = sum(i % 50 == 49 and i % 70 != 69 for i in range(len(lines)))
    assert f"2024-*.parquet: {free} rows have the price 0, taken as unknown" in grocer.notes
    paid = grocer.bought().filter(pl.col("price") > 0)
    expected = [0.5 + (int(article) - 25_001) / 10 for article in paid["article_id"]]
    assert paid["price"].to_list() == pytest.approx(expected)
    assert grocer.summary["roles"]["channels"] == ["330", "331"]
    history = History.read(grocer.out)
    assert history.units.sum() == sum(line.units for line in sold)


def test_a_grocer_has_40_attributes(grocer: Made) -> None:
    articles, number = grocer.articles, shops.ARTICLES - shops.NO_ROW
    traits = [f"trait {i:02}" for i in range(35)]
    assert articles.columns[4:-1] == ["group", "brand", "weight", *traits]
    assert set(articles.select("group", "brand", "weight", *traits).dtypes) == {pl.String}
    assert articles["weight"].n_unique() in range(10, 13)  # and null
    assert articles["weight"][0] == f"up to {articles['weight'][0].split()[-1]}"
    assert articles["article_id"][0] == "25001"
    assert articles.height > number
    assert articles[number:]["group"].null_count() == articles.height - number
    for said in ("they have one value: country", "nearly every row: ean", "as ranges: weight"):
        assert said in grocer.notes
    customers = grocer.customers
    assert customers.columns == ["customer", "customer_id", "kids", "home", "age", "postal_code"]
    assert customers.row(1) == (1, "3", 2.0, 0.0, 29.5, None)
    assert customers["age"][0] == 65
    assert "customers occur only in the transactions" in grocer.notes


def test_all_files_count_for_what_is_up_to_date(grocer: Made) -> None:
    from forsys.tables.dataset import file_states

    names = [name for name, *_ in file_states(grocer.dataset)]
    months = [f"sales/2024-0{month}.parquet" for month in (4, 5, 6)]
    assert names == ["products.parquet", "households.parquet", *months, "leaflets.parquet", "shop.toml"]
    before, file = file_states(grocer.dataset), grocer.dataset.folder / "shop.toml"
    text = file.read_text()
    file.write_text(text + "# more\n")
    assert file_states(grocer.dataset) != before
    file.write_text(text)
    assert file_states(grocer.dataset) == before  # whenever it was written


@pytest.mark.parametrize("write", [shops.order_lines, shops.marketplace, shops.grocer])
def test_the_same_shop_gives_the_same_bytes(tmp_path: Path, write: Any) -> None:
    first, second = (Made(write(tmp_path / f"{i}" / "shop"), tmp_path / f"out{i}") for i in range(2))
    for path in first.out.iterdir():
        assert path.read_bytes() == (second.out / path.name).read_bytes(), path.name
    assert json.loads((first.out / "tables.json").read_text()) == first.summary
