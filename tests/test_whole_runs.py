"""Shops of other shapes than Kaggle's, end to end from their shop files: lists in the shop's own ids."""

import csv
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import shops
from forsys.cli import main
from forsys.evaluation.list_names import FINAL
from forsys.ranking.features.promotions import article_promotions
from forsys.retrieval.baselines import BASELINES
from forsys.stages import STAGES
from forsys.tables.history import History
from world import SMALL

NETWORK = "{ epochs = 1 }"
CASES = [
    *(
        pytest.param((make, "false"), id=make.__name__)
        for make in (shops.order_lines, shops.marketplace, shops.grocer)
    ),
    *(
        pytest.param((make, NETWORK), id=f"{make.__name__} with a network", marks=pytest.mark.long)
        for make in (shops.order_lines, shops.marketplace)
    ),
]


@pytest.fixture(scope="module", params=CASES)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Name and home of a shop on which every stage has run."""
    make, network = request.param
    home = tmp_path_factory.mktemp(make.__name__)
    shop_file = make(home / "shop")
    settings = SMALL | {"retrieval.sources.next_item": network}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        for stage in STAGES:
            assert main([stage, "--input", str(shop_file), *words]) == 0
    return make.__name__, home


def test_lists_come_in_the_shop_s_own_ids(finished: tuple[str, Path]) -> None:
    name, home = finished
    with (home / "submissions" / "submission.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    forms = {"order_lines": ("K0", "AB-1"), "marketplace": ("", ""), "grocer": ("", "25")}
    customer, article = forms[name]
    assert len(rows) == shops.CUSTOMERS
    for one, prediction in rows:
        ids = prediction.split(" ")
        assert len(set(ids)) == 12
        assert one.startswith(customer) and all(each.startswith(article) for each in ids)
    if name == "marketplace":
        assert {one for one, _ in rows} <= {shops.uuid_of("buyer", n) for n in range(shops.CUSTOMERS)}


def test_the_pattern_of_the_shop_is_learned(finished: tuple[str, Path]) -> None:
    """4 of 5 purchases are of the customer's own group of articles: an eighth of the shop."""
    _, home = finished
    scores = pl.read_csv(next((home / "output").glob("*/evaluation/scores.csv")))
    by_list = dict(scores.select("list", "recall@12").iter_rows())
    assert by_list[FINAL] > 1.5 * by_list[next(iter(BASELINES))]


def test_the_ranker_knows_what_a_shop_promotes(finished: tuple[str, Path]) -> None:
    name, home = finished
    models = [path.read_text(encoding="utf-8") for path in (home / "output").glob("*/*/*/model-0.txt")]
    assert models
    for model in models:
        assert ("promotion.leaflet" in model) == ("promotion_lift" in model) == (name == "grocer")
    if name == "grocer":
        history = History.read(next((home / "output").glob("*/tables")))
        table = article_promotions(history, shops.FIRST_DAY + timedelta(7 * (shops.WEEKS - 1)))
        assert table["promotion"].sum() == 20 > table["promotion.leaflet"].sum() > 0


def test_the_page_speaks_of_the_shop(finished: tuple[str, Path]) -> None:
    name, home = finished
    page = next((home / "output").glob("*/report.html")).read_text(encoding="utf-8")
    expected = {"order_lines": "AB-1", "marketplace": shops.uuid_of("listing", 0)[:3], "grocer": "Item"}
    assert expected[name] in page
    assert "product_type_name" not in page
