"""The generated shop: its form, that it repeats byte for byte, and that a model can learn from it."""

import hashlib
import json
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from forsys.cli import main
from forsys.errors import DataError
from forsys.sample.constants import ShopConstants
from forsys.sample.full_size import generate_full_size
from forsys.sample.sampling import sample_mask
from forsys.sample.shop import generate

SMALL: dict[str, Any] = {"customers": 300, "articles": 200, "weeks": 10, "images": 12}
KAGGLE_ARTICLES = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,"
    "graphical_appearance_no,graphical_appearance_name,colour_group_code,colour_group_name,"
    "perceived_colour_value_id,perceived_colour_value_name,perceived_colour_master_id,"
    "perceived_colour_master_name,department_no,department_name,index_code,index_name,index_group_no,"
    "index_group_name,section_no,section_name,garment_group_no,garment_group_name,detail_desc"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny generated shop."""
    folder = tmp_path_factory.mktemp("shop")
    generate(folder, **SMALL)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop large enough to measure shares in."""
    folder = tmp_path_factory.mktemp("world")
    generate(folder, customers=2_000, articles=1_500, weeks=20, images=0, weekly_buyers=0.15)
    return folder


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 2,000th of the full-size shop: 686 customers."""
    folder = tmp_path_factory.mktemp("part")
    generate_full_size(folder, 0.0005)
    return folder


def articles(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "articles.csv", infer_schema=False)


def customers(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "customers.csv", infer_schema=False)


def transactions(folder: Path) -> pl.DataFrame:
    texts = pl.read_csv(folder / "transactions_train.csv", infer_schema=False)
    return texts.with_columns(pl.col("t_dat").str.to_date(), pl.col("price").cast(pl.Float64))


def digests(folder: Path) -> dict[str, str]:
    """Hash of every file, by its path in the folder."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_equal_seeds_give_equal_bytes_and_others_do_not(shop: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", **SMALL)
    generate(tmp_path / "other", **SMALL, seed=8)
    again, other = digests(tmp_path / "again"), digests(tmp_path / "other")
    assert again == digests(shop)
    tables = ("articles.csv", "customers.csv", "transactions_train.csv", "sample_submission.csv")
    assert all(again[table] != other[table] for table in tables)


def test_the_marker_tells_how_the_folder_was_made(shop: Path) -> None:
    marker = json.loads((shop / "GENERATED.json").read_text())
    expected = {**SMALL, "seed": 7, "last_day": "2024-06-30", "weekly_buyers": 0.115, "opens_late": 0}
    assert marker["parameters"] == {**expected, "constants": asdict(ShopConstants())}
    assert marker["made"]["rows"] == len(transactions(shop))
    assert sorted(f.name for f in shop.iterdir()) == [
        "GENERATED.json",
        "articles.csv",
        "customers.csv",
        "images",
        "sample_submission.csv",
        "transactions_train.csv",
    ]


def test_articles_have_kaggles_columns_and_ids(shop: Path) -> None:
    table = articles(shop)
    assert ",".join(table.columns) == KAGGLE_ARTICLES
    assert len(table) == SMALL["articles"]
    ids = table["article_id"]
    assert ids.str.contains(r"^0\d{9}$").all()
    assert ids.is_sorted() and ids.n_unique() == len(ids)
    assert (table["product_code"].str.zfill(7) == ids.str.head(7)).all()
    assert 1.5 < len(table) / table["product_code"].n_unique() < 3.0


def test_a_codes_variants_differ_in_colour_only(shop: Path) -> None:
    same = ["prod_name", "product_type_name", "graphical_appearance_name", "section_name", "department_name"]
    by_code = articles(shop).group_by("product_code").agg(pl.col(*same, "colour_group_name").n_unique(), pl.len())
    assert (by_code.select(same) == 1).to_numpy().all()
    few = by_code.filter(pl.col("len") <= 5)
    assert (few["colour_group_name"] == few["len"]).all()


def test_names_and_descriptions_contain_attributes(shop: Path) -> None:
    table = articles(shop).drop_nulls("detail_desc")
    assert len(table) > 0.97 * SMALL["articles"]
    dresses = table.filter(pl.col("product_type_name") == "Dress")
    assert len(dresses) > 0
    assert dresses["detail_desc"].str.contains("dress").all()
    assert dresses["prod_name"].str.contains("dress").all()
    striped = table.filter(pl.col("graphical_appearance_name") == "Stripe")
    assert striped["detail_desc"].str.contains("stripes").all()


def test_customers_have_kaggles_columns_ids_and_missing_values(world: Path) -> None:
    table = customers(world)
    assert table.columns == [
        "customer_id", "FN", "Active", "club_member_status", "fashion_news_frequency", "age", "postal_code",
    ]  # fmt: skip
    assert table["customer_id"].str.contains(r"^[0-9a-f]{64}$").all()
    assert table["customer_id"].is_sorted() and table["customer_id"].n_unique() == len(table)
    assert table["age"].cast(pl.Float64).drop_nulls().is_between(16, 99).all()
    missing = {name: table[name].null_count() / len(table) for name in table.columns}
    assert missing["FN"] == pytest.approx(0.652, abs=0.04)
    assert missing["Active"] == pytest.approx(0.662, abs=0.04)
    assert 0 < missing["age"] < 0.03
    assert missing["postal_code"] == 0


def test_purchases_refer_to_the_other_tables(shop: Path) -> None:
    rows = transactions(shop)
    assert rows.columns == ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]
    assert rows["article_id"].is_in(articles(shop)["article_id"].implode()).all()
    assert rows["customer_id"].is_in(customers(shop)["customer_id"].implode()).all()
    assert rows["customer_id"].n_unique() < SMALL["customers"]  # some never bought
    assert rows["price"].is_between(0.0005, 0.5).all()
    assert set(rows["sales_channel_id"]) == {"1", "2"}
    assert rows["t_dat"].is_sorted()
    assert rows["t_dat"].max() == date(2024, 6, 30)
    first = rows["t_dat"].min()
    assert isinstance(first, date) and first >= date(2024, 6, 30) - timedelta(days=69)


def test_the_sample_submission_asks_for_every_customer(shop: Path) -> None:
    table = pl.read_csv(shop / "sample_submission.csv", infer_schema=False)
    assert table["customer_id"].equals(customers(shop)["customer_id"])
    lists = table["prediction"].str.split(" ")
    assert (lists.list.len() == 12).all()
    assert lists.explode().is_in(articles(shop)["article_id"].implode()).all()


def test_pictures_open_and_are_where_kaggle_has_them(shop: Path) -> None:
    files = sorted((shop / "images").rglob("*.jpg"))
    assert len(files) == SMALL["images"]
    assert {f.stem for f in files} <= set(articles(shop)["article_id"])
    for file in files:
        assert file.parent.name == file.stem[:3]
        with Image.open(file) as picture:
            assert picture.size == (85, 128)
            assert np.asarray(picture.convert("L")).std() > 2  # something is on it


def test_all_but_a_few_articles_have_a_picture(tmp_path: Path) -> None:
    generate(tmp_path, customers=20, articles=40, weeks=1)
    assert 37 <= len(list((tmp_path / "images").rglob("*.jpg"))) <= 40


def test_shares_are_like_the_real_shops(world: Path) -> None:
    rows = transactions(world)
    units = 1 - len(rows.unique()) / len(rows)
    assert 0.12 < units < 0.23
    start = rows["t_dat"].max() - timedelta(days=27)  # type: ignore[operator]
    before, after = rows.filter(pl.col("t_dat") < start), rows.filter(pl.col("t_dat") >= start)
    bought = after.unique(["customer_id", "article_id"])
    again = bought.join(before, on=["customer_id", "article_id"], how="semi")
    assert 0.005 < len(again) / len(bought) < 0.08
    fresh = bought.join(before, on="article_id", how="anti")
    assert 0.03 < len(fresh) / len(bought) < 0.35
    top = rows["article_id"].value_counts(sort=True)["count"]
    assert top[0] / len(rows) < 0.02
    assert top.head(len(top) // 10).sum() / len(rows) > 0.25  # a long tail behind the best sellers
    sizes = rows.unique(["customer_id", "t_dat", "article_id"]).group_by("customer_id", "t_dat").len()["len"]
    assert 2.0 < sizes.mean() < 3.3  # type: ignore[operator]


def test_tastes_are_real(world: Path) -> None:
    """A customer's next basket is of the same index group and section as the last far more often than by chance."""
    shelves = articles(world).select("article_id", "index_group_name", "section_name")
    rows = transactions(world).join(shelves, on="article_id", maintain_order="left")
    visits = rows.group_by("customer_id", "t_dat", maintain_order=True).first().sort("customer_id", "t_dat")
    for shelf, factor in (("index_group_name", 1.6), ("section_name", 2.5)):
        same = visits.select((pl.col(shelf) == pl.col(shelf).shift(1).over("customer_id")).mean()).item()
        chance = float(((rows[shelf].value_counts()["count"] / len(rows)) ** 2).sum())
        assert same > factor * chance


def test_baskets_are_coherent(world: Path) -> None:
    """Pairs of articles share a basket more often than when the articles of the baskets are shuffled."""
    lines = transactions(world).unique(["customer_id", "t_dat", "article_id"], maintain_order=True)

    def top_pairs(frame: pl.DataFrame) -> int:
        both = frame.join(frame, on=["customer_id", "t_dat"])
        pairs = both.filter(pl.col("article_id") < pl.col("article_id_right"))
        return int(pairs.group_by("article_id", "article_id_right").len()["len"].top_k(200).sum())

    shuffled = lines.with_columns(pl.col("article_id").shuffle(seed=1))
    assert top_pairs(lines) > 2 * top_pairs(shuffled)


def test_an_earlier_sample_is_replaced(tmp_path: Path) -> None:
    generate(tmp_path, customers=20, articles=40, weeks=1, seed=1)
    generate(tmp_path, customers=20, articles=40, weeks=1, seed=2, images=5)
    assert len(list((tmp_path / "images").rglob("*.jpg"))) == 5


def test_other_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text("real data")
    with pytest.raises(DataError, match="not generated"):
        generate(tmp_path, **SMALL)
    assert (tmp_path / "articles.csv").read_text() == "real data"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"customers": 3}, "customers is 3"),
        ({"images": 999}, "images is 999"),
        ({"weekly_buyers": 2.0}, "2.0"),
    ],
)
def test_impossible_parameters_are_refused(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        generate(tmp_path, **{**SMALL, **wrong})


class TestFullSize:
    """A part of the shop with H&M's size."""

    def test_customers_and_articles_are_scaled(self, part: Path) -> None:
        """1,371,980 * .0005 = 686.0; 105,542 * .0005 ** .285 = 12,096; 47,224 codes of 105,542 articles."""
        buyers, goods = customers(part), articles(part)
        assert len(buyers) == 686
        assert len(goods) == 12_096
        assert goods["product_code"].n_unique() == round(12_096 * 47_224 / 105_542)
        assert goods["article_id"].n_unique() == len(goods)

    def test_rows_are_scaled_and_span_hms_two_years(self, part: Path) -> None:
        rows = transactions(part)
        assert len(rows) == pytest.approx(0.0005 * 31_788_324, rel=0.3)  # 686 customers differ much in activity
        assert rows["t_dat"].min() == date(2018, 9, 20)
        assert rows["t_dat"].max() == date(2020, 9, 22)
        weeks = rows["t_dat"].dt.offset_by("-2d").dt.truncate("1w").n_unique()
        assert weeks == 105

    def test_missing_values_are_exactly_hms_shares(self, part: Path) -> None:
        people, missing = customers(part), articles(part)["detail_desc"].null_count()
        assert missing == round(12_096 * 416 / 105_542)
        filled = {name: 686 - people[name].null_count() for name in people.columns}
        assert filled == {
            "customer_id": 686,
            "FN": round(686 * 476_930 / 1_371_980),
            "Active": round(238 * 464_404 / 476_930),  # of the 238 with FN
            "club_member_status": 686 - round(686 * 6_062 / 1_371_980),
            "fashion_news_frequency": 686 - round(686 * 16_009 / 1_371_980),
            "age": 686 - round(686 * 15_861 / 1_371_980),
            "postal_code": 686,
        }
        assert people.filter(pl.col("Active").is_not_null())["FN"].null_count() == 0

    def test_equal_seeds_give_equal_bytes(self, part: Path, tmp_path: Path) -> None:
        generate_full_size(tmp_path, 0.0005)
        assert digests(tmp_path) == digests(part)
        assert not list((tmp_path / "images").iterdir())  # no pictures unless asked for

    def test_the_command_takes_a_scale(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["sample", str(tmp_path / "new"), "--full-size", "0.00002", "--images", "2"]) == 0
        assert len(customers(tmp_path / "new")) == 27
        assert len(list((tmp_path / "new" / "images").rglob("*.jpg"))) == 2
        assert "a generated shop" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--full-size", "0.1", "--weeks", "3"], "--full-size sets the weeks itself"),
            (["--full-size", "0"], "the scale is 0.0"),
            (["--fidelity"], "does not exist"),
        ],
    )
    def test_options_that_do_not_fit_are_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
    ) -> None:
        assert main(["sample", str(tmp_path / "new"), *options]) == 2
        assert said in capsys.readouterr().err


def test_sample_mask_takes_exactly_its_share_of_the_allowed_entries() -> None:
    among = np.arange(100) % 2 == 0
    marked = sample_mask(np.random.default_rng(1), among, 0.3, exact=True)
    assert marked.sum() == 15
    assert not marked[~among].any()
    assert not sample_mask(np.random.default_rng(1), among, 0.0, exact=True).any()
    assert sample_mask(np.random.default_rng(1), among, 1.0, exact=True).tolist() == among.tolist()
