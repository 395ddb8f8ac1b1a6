"""The Python interface on the tiny shop."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import forsys
from forsys.api import overrides
from forsys.cli.lists_text import export_text, recommend_text
from forsys.opening import open_run
from forsys.ranking.ordering import read_ranked
from forsys.serving.frames import as_polars
from forsys.serving.recommender import LISTS
from forsys.settings import PRESETS, load_settings
from forsys.stages import run_stage
from world import PROJECT, SMALL, environment, lists_in
from world import overrides as small

SETTINGS = {key: json.loads(value) for key, value in SMALL.items()}


def lists_of(found: pd.DataFrame | pl.DataFrame) -> dict[str, list[str]]:
    frame = found if isinstance(found, pl.DataFrame) else pl.DataFrame(found.to_dict("list"), strict=False)
    return {str(customer): rows["article"].to_list() for (customer,), rows in frame.group_by("customer")}


def test_import_is_quick_and_brings_nothing_along() -> None:
    script = (
        "import sys, time; begin = time.perf_counter(); import forsys; seconds = time.perf_counter() - begin;"
        "heavy = {'numpy', 'pandas', 'polars', 'lightgbm', 'tensorflow', 'sklearn'} & set(sys.modules);"
        "assert not heavy, heavy; assert 'Shop' in dir(forsys); assert seconds < 1, seconds"
    )
    subprocess.run(
        [sys.executable, "-c", script], env=environment(PYTHONPATH=str(PROJECT / "src")), check=True, timeout=60
    )


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Shopp'"):
        _ = forsys.Shopp  # type: ignore[attr-defined]


def test_fit_is_quiet(shop: Path, model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And finds everything up to date a second time."""
    before = {path: path.stat().st_mtime_ns for path in model_folder.rglob("*.parquet")}
    forsys.Shop(shop).fit(model_folder, settings=SETTINGS)
    assert capfd.readouterr() == ("", "")
    assert {path: path.stat().st_mtime_ns for path in model_folder.rglob("*.parquet")} == before
    forsys.Shop(shop).fit(model_folder, settings=SETTINGS, verbose=True)
    assert "rank       up to date" in capfd.readouterr().out


def test_only_the_user_can_read_the_model(model_folder: Path) -> None:
    assert not [path for path in model_folder.rglob("*") if path.stat().st_mode & 0o077]


class TestRecommend:
    def test_the_lists_are_those_of_the_submission(
        self, model: forsys.Model, model_folder: Path, shop: Path
    ) -> None:
        """Everyone's, one by one and all at once, to the last bit of the chance."""
        run = open_run(shop, overrides=small(), home=model_folder)
        run_stage(run, "submit")
        submitted = lists_in(run.workspace.submission)
        assert lists_of(model.recommend()) == submitted
        ranked = read_ranked(run, run.calendar.submission).filter(pl.col("rank") <= 12).collect()
        chances = dict(ranked.group_by("customer").agg("chance").iter_rows())
        ids = run.history.customers["customer_id"]
        for customer in range(0, len(ids), 7):
            found = model.recommend(ids[customer], polars=True)
            assert found["article"].to_list() == submitted[ids[customer]]
            assert found["rank"].to_list() == list(range(1, 13))
            assert found["chance"].fill_null(float("nan")).to_list() == pytest.approx(
                chances[customer], abs=0, rel=0, nan_ok=True
            )

    def test_columns(self, model: forsys.Model) -> None:
        found = model.recommend(model.customers[0], k=3)
        assert isinstance(found, pd.DataFrame) and list(found) == list(LISTS) and len(found) == 3
        same = model.recommend(model.customers[0], k=3, polars=True)
        assert isinstance(same, pl.DataFrame) and same.schema == pl.Schema(LISTS)
        assert found["article"].to_list() == same["article"].to_list()
        assert set(", ".join(same["sources"]).split(", ")) <= set(model.sources)

    def test_in_the_order_in_which_they_are_named(self, model: forsys.Model) -> None:
        asked = [model.customers[i] for i in (9, 2, 30)]
        found = model.recommend(asked, k=2, polars=True)
        assert found["customer"].to_list() == [each for each in asked for _ in range(2)]
        alone = [model.recommend(each, k=2, polars=True) for each in asked]
        assert_frame_equal(found, pl.concat(alone), check_exact=True)

    def test_longer_lists_begin_like_shorter_ones(self, model: forsys.Model) -> None:
        short, long = (model.recommend(model.customers[4], k=k, polars=True) for k in (3, 20))
        assert_frame_equal(long[:3], short, check_exact=True)

    def test_reasons_are_true(self, model: forsys.Model) -> None:
        """What is said to have been bought was, and everything that was is said so."""
        history = model.history
        article_id, customer_id = history.articles["article_id"], history.customers["customer_id"]
        bought = {
            (customer_id[int(c)], article_id[int(a)])
            for c, a in zip(history.customer, history.article, strict=True)
        }
        found = model.recommend(polars=True)
        said = found.filter(
            pl.col("reason").str.starts_with("bought ") & ~pl.col("reason").str.contains("customers")
        )
        assert {(c, a) for c, a in found.select("customer", "article").iter_rows() if (c, a) in bought} == set(
            said.select("customer", "article").iter_rows()
        )
        assert found["reason"].str.contains("often bought with .+, which you bought on 2024-").any()
        assert found["reason"].str.contains("a variant of .+, which you bought on").any()
        assert found["reason"].str.contains("best seller").any()
        assert not found["reason"].str.contains("found by|None|nan").any()

    def test_chances_of_customers_who_never_bought_are_unknown(self, model: forsys.Model) -> None:
        history = model.history
        never = set(history.customers["customer_id"].gather(np.flatnonzero(np.diff(history.first) == 0)))
        found = model.recommend(polars=True)
        assert set(found.filter(pl.col("chance").is_null())["customer"]) == never
        assert found["chance"].drop_nulls().is_between(0, 1, closed="none").all()

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"customers": "nobody"}, "No customer 'nobody'"),
            ({"customers": 5}, "5 is no text"),
            ({"customers": [5]}, "5 is no text"),
            ({"basket": ["nothing"]}, "No article 'nothing'"),
            ({"basket": []}, "basket is empty"),
            ({"basket": 5}, "5 is no text"),
            ({"customers": "a", "basket": ["b"]}, "one at a time"),
            ({"k": 0}, "k is 0"),
        ],
    )
    def test_what_cannot_be_answered(self, model: forsys.Model, asked: dict[str, Any], message: str) -> None:
        with pytest.raises(forsys.DataError, match=message):
            model.recommend(**asked)


class TestBasket:
    def test_is_that_of_a_new_customer(self, model: forsys.Model) -> None:
        articles = model.history.articles["article_id"]
        basket = [articles[3], articles[50]]
        found = model.recommend(basket=basket, polars=True)
        assert found["customer"].is_null().all()
        assert found["rank"].to_list() == list(range(1, 13))
        assert not set(found["article"]) & set(basket)
        assert found["reason"].str.contains("in the basket").any()
        assert not found["reason"].str.contains("you bought").any()

    def test_what_is_in_it_decides(self, model: forsys.Model) -> None:
        articles = model.history.articles["article_id"]
        baskets = [model.recommend(basket=[articles[i]], polars=True)["article"].to_list() for i in (3, 50, 90)]
        assert len({tuple(each) for each in baskets}) == 3

    def test_a_large_basket_leaves_a_whole_list(self, model: forsys.Model) -> None:
        """What is in it is asked for too, and then left out."""
        articles = model.history.articles["article_id"]
        best = model.recommend(basket=[articles[0]], k=60, polars=True)["article"].to_list()
        found = model.recommend(basket=best, polars=True)
        assert len(found) == 12 and not set(found["article"]) & set(best)

    def test_order_and_repetition_do_not_matter(self, model: forsys.Model) -> None:
        a, b = model.history.articles["article_id"][:2]
        found, again = (model.recommend(basket=each, polars=True) for each in ([a, b], [b, a, b]))
        assert_frame_equal(found, again, check_exact=True)

    def test_changes_nothing(self, model: forsys.Model) -> None:
        before = model.recommend(model.customers[:3], polars=True)
        model.recommend(basket=[model.history.articles["article_id"][7]])
        assert_frame_equal(model.recommend(model.customers[:3], polars=True), before, check_exact=True)


class TestFolder:
    def test_can_be_copied_elsewhere(self, model: forsys.Model, model_folder: Path, tmp_path: Path) -> None:
        """With cp, without times; and holds no path of where it was made."""
        copy = tmp_path / "elsewhere"
        shutil.copytree(model_folder, copy, copy_function=shutil.copyfile)
        for text in [*copy.rglob("*.json"), *copy.rglob("*.txt"), *copy.rglob(".*.made-from")]:
            assert str(model_folder.parent) not in text.read_text(encoding="utf-8"), text
        loaded = forsys.load(copy)
        everyone, basket = model.recommend(polars=True), [model.history.articles["article_id"][5]]
        assert_frame_equal(loaded.recommend(polars=True), everyone, check_exact=True)
        assert_frame_equal(
            loaded.recommend(basket=basket, polars=True),
            model.recommend(basket=basket, polars=True),
            check_exact=True,
        )
        assert len(loaded.evaluate())

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(forsys.DataError, match=r"holds no model: no model\.json"):
            forsys.load(tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text[:-9],
            lambda _: "[]",
            lambda _: '{"name": "tiny"}',
            lambda text: text.replace('"shard_size"', '"shard_length"'),  # a setting of another version
            lambda text: text.replace('"made_from": {', '"made_from": 3, "rest": {'),
        ],
    )
    def test_another_description(self, change: Any, model_folder: Path, tmp_path: Path) -> None:
        text = (model_folder / "model.json").read_text(encoding="utf-8")
        (tmp_path / "model.json").write_text(change(text), encoding="utf-8")
        with pytest.raises(forsys.DataError, match=r"model\.json is damaged, or of another version of forsys"):
            forsys.load(tmp_path)

    def test_damaged(self, model_folder: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(model_folder, copy)
        source = next(copy.rglob("folds/2024-07-01/als-*/model.npz"))
        source.write_bytes(source.read_bytes()[:-1])
        with pytest.raises(forsys.DataError, match="source als is not fitted"):
            forsys.load(copy)

    @pytest.mark.parametrize(
        "name", ["model-0.txt", "calibration.json", "ranker.json", "articles.parquet", "tuned.json"]
    )
    def test_a_file_that_was_cut(self, name: str, model_folder: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(model_folder, copy)
        for path in copy.rglob(name):
            path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(forsys.DataError, match=rf"{name} is missing or was changed\. Copy the model again"):
            forsys.load(copy)

    def test_fitted_again(self, model_folder: Path, tmp_path: Path) -> None:
        """The files are another model's then; what is in memory stays the first one's."""
        copy = tmp_path / "copy"
        shutil.copytree(model_folder, copy)
        model = forsys.load(copy)
        before = model.recommend(polars=True)
        stamp = model.run.workspace.stamp("rank")
        stamp.write_text(
            stamp.read_text(encoding="utf-8").replace('"fingerprint": "', '"fingerprint": "0'), "utf-8"
        )
        for ask in (model.evaluate, lambda: model.recommend_all(tmp_path / "lists.csv")):
            with pytest.raises(forsys.DataError, match=r"copy was fitted again after this model.* forsys\.load"):
                ask()
        assert not (tmp_path / "lists.csv").exists()
        assert_frame_equal(model.recommend(polars=True), before, check_exact=True)

    @pytest.mark.parametrize("folder", [None, "", 123, 1.5, ["a"]])
    def test_what_names_no_folder(self, folder: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        shop = forsys.Shop(orders=pl.DataFrame({"day": ["2024-01-01"], "customer": ["a"], "article": ["b"]}))
        for make in (shop.fit, forsys.load):
            with pytest.raises(forsys.DataError, match=r"names no folder\. Give a path or a URL"):
                make(folder)
        assert not [*tmp_path.iterdir()]

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
        shop = forsys.Shop(orders=pl.DataFrame({"day": ["2024-01-01"], "customer": ["a"], "article": ["b"]}))
        for make in (shop.fit, forsys.load):
            with pytest.raises(forsys.DataError, match=r"notes\.txt is a file\. Name a folder"):
                make(tmp_path / "notes.txt")


@pytest.mark.parametrize("key", [1, None, ("day",)])
def test_columns_with_keys_that_are_no_texts(key: Any) -> None:
    orders = pl.DataFrame({"day": ["2024-01-01"], "customer": ["a"], "article": ["b"]})
    with pytest.raises(forsys.DataError, match='Keys are texts, such as "day"'):
        forsys.Shop(orders=orders, columns={key: "day"})


def test_evaluate(model: forsys.Model) -> None:
    scores = model.evaluate()
    assert isinstance(scores, pd.DataFrame)
    assert scores["list"].is_unique and scores["MAP@12"].max() > 0
    chances = pl.read_csv(model.run.workspace.evaluation / "calibration.csv")
    assert chances.columns == ["group", "rows", "predicted", "observed", "low", "high"]
    assert chances["predicted"].is_sorted()
    bought, predicted = (float(chances["rows"].dot(chances[name]) or 0) for name in ("observed", "predicted"))
    assert bought > 0 and 0.5 < predicted / bought < 2


class TestRecommendAll:
    @pytest.mark.parametrize("name", ["lists.parquet", "lists.csv"])
    def test_is_everyones_list(self, model: forsys.Model, tmp_path: Path, name: str) -> None:
        path = tmp_path / "made" / name
        rows = model.recommend_all(path)
        ids = {"customer": pl.String, "article": pl.String}
        in_parquet = name.endswith("parquet")
        found = pl.read_parquet(path) if in_parquet else pl.read_csv(path, schema_overrides=ids)
        assert rows == len(found) == 12 * len(model.customers)
        expected = model.recommend(polars=True).select("customer", "rank", "article", "chance")
        assert_frame_equal(found, expected, check_dtypes=in_parquet, rel_tol=1e-5)

    def test_other_endings(self, model: forsys.Model, tmp_path: Path) -> None:
        with pytest.raises(forsys.DataError, match=r"lists\.xlsx: .* must end in \.parquet or \.csv"):
            model.recommend_all(tmp_path / "lists.xlsx")


class TestExplain:
    def test_the_whole_list(self, model: forsys.Model) -> None:
        customer = model.customers[5]
        found = model.explanations(customer)
        assert [each["article"] for each in found] == model.recommend(customer)["article"].to_list()
        assert [each["rank"] for each in found] == list(range(1, 13))
        for each in found:
            assert set(each["found_by"]) <= set(model.sources) and each["found_by"]
            for effect in [*each["for_it"], *each["against_it"]]:
                assert re.match(r"([A-Z0-9].*|[a-z_]+ did not find it)\.$", effect["sentence"]), effect
            assert all(effect["effect"] > 0 for effect in each["for_it"])
            assert all(effect["effect"] < 0 for effect in each["against_it"])

    def test_beginnings_of_ids_and_several_articles(self, model: forsys.Model) -> None:
        customer = model.customers[5]
        articles = model.recommend(customer)["article"].to_list()
        text = model.explain(customer[:12], [articles[2], articles[0]])
        assert text.index(articles[2]) < text.index(articles[0])
        assert "rank 3 of" in text and "For it" in text and "Against it" in text and "Chance of a purchase" in text

    def test_ids_that_are_not_clear(self, model: forsys.Model) -> None:
        with pytest.raises(forsys.DataError, match="No customer 'nobody'"):
            model.explain("nobody")
        with pytest.raises(forsys.DataError, match="Several customers begin with '0'"):
            model.explain("0")
        with pytest.raises(forsys.DataError, match="No customer ''"):
            model.explain("")
        with pytest.raises(forsys.DataError, match="The article 5 is no text"):
            model.explain(model.customers[0], 5)  # type: ignore[arg-type]

    def test_an_article_that_no_source_recommends(self, model: forsys.Model) -> None:
        customer = model.customers[0]
        known = {each["article"] for each in model.explanations(customer)}
        found = model.recommend(customer, k=1_000, polars=True)
        other = sorted(set(model.history.articles["article_id"]) - set(found["article"]) - known)
        with pytest.raises(forsys.DataError, match="no source recommends it"):
            model.explain(customer, other[0])

    def test_where_no_source_recommends_anything(self, shop: Path, tmp_path: Path) -> None:
        """Customers who never bought, where all sources are off that need no purchase."""
        off = {
            f"retrieval.sources.{name}": False for name in load_settings().retrieval.sources if name != "repurchase"
        }
        made = forsys.Shop(shop).fit(tmp_path, settings=SETTINGS | off | {"tuning.grid": {}})
        never = int(np.flatnonzero(np.diff(made.history.first) == 0)[0])
        customer = made.history.customers["customer_id"][never]
        assert made.recommend(customer).empty
        with pytest.raises(forsys.DataError, match=f"No source recommends anything to the customer {customer}"):
            recommend_text(made.run, [customer], [], None, as_json=False)
        some = np.flatnonzero(np.diff(made.history.first) > 0)
        text, lists = export_text(made.run, tmp_path / "lists.csv"), pl.read_csv(tmp_path / "lists.csv")
        lengths = lists.group_by("customer").len()["len"]
        assert len(lengths) == len(some) and (lengths < 12).any()
        none, fewer = len(made.customers) - len(some), (lengths < 12).sum()
        assert f"of everyone ({none} customers have none, {fewer} fewer)" in text
        with pytest.raises(forsys.DataError, match=f"No source recommends anything to the customer {customer}"):
            made.explain(customer)


class TestFrames:
    @pytest.fixture
    def frames(self, shop: Path) -> dict[str, Any]:
        """Kaggle's columns, as pandas reads them."""
        return {
            "orders": pd.read_csv(
                shop / "transactions_train.csv", dtype={"article_id": str}, parse_dates=["t_dat"]
            ),
            "articles": pd.read_csv(shop / "articles.csv", dtype={"article_id": str}),
            "customers": pd.read_csv(shop / "customers.csv"),
        }

    def test_the_same_lists_as_from_files(
        self, model: forsys.Model, frames: dict[str, Any], tmp_path: Path
    ) -> None:
        """From pandas, and from the same in polars, which finds everything up to date."""
        made = forsys.Shop(**frames).fit(tmp_path, settings=SETTINGS)
        assert lists_of(made.recommend()) == lists_of(model.recommend())
        ranked = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("ranked/**/*.parquet")}
        in_polars: dict[str, Any] = {name: as_polars(name, frame) for name, frame in frames.items()}
        forsys.Shop(**in_polars).fit(tmp_path, settings=SETTINGS)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("ranked/**/*.parquet")} == ranked

    def test_another_shops_columns(self, frames: dict[str, Any], tmp_path: Path) -> None:
        """SKUs, times of day, no customers, attributes under their own names."""
        sku = {number: f"SKU-{int(number):x}" for number in frames["articles"]["article_id"]}
        orders = frames["orders"].assign(
            when=frames["orders"]["t_dat"] + pd.Timedelta(hours=11), sku=frames["orders"]["article_id"].map(sku)
        )
        articles = frames["articles"].assign(sku=frames["articles"]["article_id"].map(sku))
        made = forsys.Shop(
            orders=orders[["when", "customer_id", "sku", "price"]],
            articles=articles[["sku", "prod_name", "product_type_name", "section_name", "colour_group_name"]],
            columns={
                "day": "when",
                "customer": "customer_id",
                "article": "sku",
                "articles.id": "sku",
                "articles.name": "prod_name",
                "articles.attributes": ["product_type_name", "section_name", "colour_group_name"],
            },
        ).fit(tmp_path, settings=SETTINGS)
        found = made.recommend(made.customers[3], polars=True)
        assert set(found["article"]) <= set(sku.values()) and len(found) == 12
        assert made.recommend(basket=[found["article"][0]], k=2, polars=True)["reason"].to_list() != [""] * 2
        assert "rank 1 of" in made.explain(made.customers[3], found["article"][0])

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "either a folder or a frame"),
            ({"folder": "a", "orders": 1}, "either a folder or a frame"),
            ({"folder": "a", "columns": {"day": "b"}}, "Give the folder alone"),
            ({"orders": [1]}, "orders: this is a list"),
            ({"folder": 5}, "and no int"),
            ({"orders": pl.DataFrame(), "columns": "day"}, "columns is 'day'"),
        ],
    )
    def test_what_is_no_shop(self, given: dict[str, object], message: str) -> None:
        with pytest.raises(forsys.DataError, match=message):
            forsys.Shop(**given)  # type: ignore[arg-type]


def test_settings_as_on_the_command_line() -> None:
    given = {"k": 6, "retrieval": {"sources": {"als": {"factors": 8}, "bpr": False}}, "ranking.features": ["lists"]}
    settings = load_settings(overrides=overrides(given))
    assert settings.k == 6 and settings.ranking.features == ["lists"]
    assert settings.retrieval.sources["als"]["factors"] == 8 and "bpr" not in settings.retrieval.sources
    with pytest.raises(forsys.DataError, match=r"retrieval\.sources\.als"):
        forsys.Shop("x").fit("y", settings={"retrieval.sources.als.factor": 8})


GRID = {"repurchase.half_life": [7, 14]}


@pytest.mark.parametrize(
    "given",
    [
        {"tuning": {"grid": GRID}},
        {"tuning.grid": GRID},
        {'tuning.grid."repurchase.half_life"': [7, 14]},
        {"tuning": {"grid": GRID, "max_weeks": 2}, "k": 6},
    ],
)
def test_a_name_with_a_dot_is_no_section(given: dict[str, Any]) -> None:
    grid = load_settings(overrides=overrides(given)).tuning.grid
    assert grid["repurchase.half_life"] == [7, 14]
    assert grid.keys() == load_settings().tuning.grid.keys()


def test_the_whole_tree_can_be_given_as_mappings() -> None:
    """Such as a preset that was read with tomllib, of which nothing is lost."""
    given = tomllib.loads((PRESETS / "seed.toml").read_text(encoding="utf-8"))
    assert load_settings(overrides=overrides(given)) == load_settings("seed")


@pytest.mark.parametrize("key", ["a b", 'a "b"', "a\nb", "a\x00b", "a\x7fb", "\u2028", ""])
def test_a_name_of_odd_characters_stays_one(key: str) -> None:
    (setting,) = overrides({"tuning": {key: 1}})
    assert tomllib.loads(setting) == {"tuning": {key: 1}}
    with pytest.raises(forsys.DataError, match=r"there is no such setting \(found 1\)"):
        load_settings(overrides=[setting])


@pytest.mark.parametrize("text", ["a b", 'a "b"', "C:\\new", "Grün", "\U0001f457", "it's", "1", "true", ""])
def test_a_text_stays_a_text(text: str) -> None:
    (setting,) = overrides({"x": text})
    assert tomllib.loads(setting) == {"x": text}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(6), "6"),
        (np.uint8(6), "6"),
        (np.float64(0.25), "0.25"),
        (np.float32(0.25), "0.25"),
        (np.bool_(True), "true"),
        ([np.int32(7), 14], "[7, 14]"),
        (np.str_("lists"), '"lists"'),
    ],
)
def test_numbers_of_numpy_are_numbers(value: Any, text: str) -> None:
    assert overrides({"x": value, "y": {"z": value}}) == [f"x={text}", f"y.z={text}"]


def _holds_itself(key: str, between: int) -> dict[str, Any]:
    outer: dict[str, Any] = {}
    inner = outer
    for _ in range(between):
        inner[key] = inner = {}
    inner[key] = outer
    return outer


def _deep_list() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (_holds_itself("tuning", 0), "tuning.tuning"),
        (_holds_itself("a", 1), "a.a.a"),
        (_holds_itself("k.b", 3), 'k.b."k.b"'),
        ({"tuning": {"grid": _holds_itself("als.factors", 0)}}, "tuning.grid"),
    ],
)
def test_a_mapping_that_holds_itself(given: dict[str, Any], words: str) -> None:
    with pytest.raises(forsys.DataError) as fault:
        forsys.Shop("x").fit("y", settings=given)
    assert f"The setting {words}" in str(fault.value) and "does not hold itself" in str(fault.value)
    assert len(str(fault.value)) < 200 and "\n" not in str(fault.value)


@pytest.mark.parametrize("value", [_deep_list(), [_holds_itself("a", 0)]], ids=["deep list", "list that holds one"])
def test_a_list_that_is_too_deep(value: list[Any]) -> None:
    with pytest.raises(forsys.DataError, match=r"The setting x is \[.*which settings cannot hold"):
        overrides({"x": value})


@pytest.mark.parametrize(
    ("given", "key", "found"),
    [
        ({"content.image_encoder": None}, "content.image_encoder", "None"),
        ({"content": {"image_encoder": None}}, "content.image_encoder", "None"),
        ({"retrieval": {"sources": {"bpr": {"factors": None}}}}, "retrieval.sources.bpr.factors", "None"),
        ({"tuning": {"grid": {"als.factors": [8, None]}}}, 'tuning.grid."als.factors"', "[8, None]"),
        ({"content.image_encoder": Path("a")}, "content.image_encoder", "PosixPath('a')"),
        ({"x": pd.DataFrame({"a": [1]})}, "x", "a 0 1"),
        ({"k": np.datetime64("2024-01-01")}, "k", "np.datetime64('2024-01-01')"),
        ({"k": float("nan")}, "k", "nan"),
        ({"k": np.float64("inf")}, "k", "np.float64(inf)"),
        ({"ranking.features": [{"a": 1}]}, "ranking.features", "[{'a': 1}]"),
    ],
)
def test_a_value_that_settings_cannot_hold(given: dict[str, Any], key: str, found: str) -> None:
    with pytest.raises(forsys.DataError) as fault:
        forsys.Shop("x").fit("y", settings=given)
    assert f"{key} is {found}, which settings cannot hold. Give a number" in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("k", [0, -1, 2.5, float("nan"), "5", True])
def test_what_is_no_length_of_a_list(k: Any, model: forsys.Model) -> None:
    with pytest.raises(forsys.DataError, match="A list has a whole number of articles, at least 1"):
        model.recommend(model.customers[:1], k=k)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rejected": 5}, "max_rejected is 5. It is a share of the rows, from 0 to 1"),
        ({"max_rejected": -1}, "from 0 to 1"),
        ({"max_rejected": "x"}, "from 0 to 1"),
        ({"settings": ["k=3"]}, "settings is"),
        ({"preset": None}, "preset is None"),
    ],
)
def test_what_fit_does_not_take(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    shop = forsys.Shop(orders=pl.DataFrame({"day": ["2024-01-01"], "customer": ["a"], "article": ["b"]}))
    with pytest.raises(forsys.DataError, match=message):
        shop.fit(tmp_path / "model", **options)
    assert not [*tmp_path.iterdir()]


def test_a_model_in_a_relative_folder_survives_another_working_directory(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    found = forsys.load("model")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert found.recommend_all(tmp_path / "lists.csv") == 12 * len(found.customers)
    assert len(found.evaluate())
    assert not [*(tmp_path / "elsewhere").iterdir()]
