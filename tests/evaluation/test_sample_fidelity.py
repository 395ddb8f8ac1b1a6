"""The comparison with H&M, by hand on four weeks of seven customers; the last week begins on 2020-01-22."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation import sample_fidelity
from forsys.evaluation.sample_fidelity import REAL, as_text, check, compared, measure, of_the_tables
from forsys.tables.build import build_tables
from forsys.tables.dataset import locate
from forsys.tables.history import History

WEEK = Fold(date(2020, 1, 22), date(2020, 1, 29))
A1, A2, B1, C1, C2 = "0100000001", "0100000002", "0200000001", "0300000001", "0300000002"
ARTICLES = [f"{a},{int(a[:7])},{'' if a == C2 else 'Jersey top.'}" for a in (A1, A2, B1, C1, C2)]
# fmt: off
CUSTOMERS = ["a,1,1,20", "b,1,,21", "c,,,22", "d,,,23", "e,,,24", "f,,,", "g,,,26"]
LOG = [
    # before the week: a has two units of A1; only f bought two articles together
    "01,a," + A1, "01,a," + A1, "02,b," + B1, "02,f," + A1, "02,f," + A2, "15,c," + A2, "21,d," + C1,
    # the week: a another colour, b something never sold before, b, c and d the same again, e for the first time
    "22,a," + A2, "23,b," + B1, "23,b," + C2, "24,c," + A2, "25,e," + A2, "28,d," + C1,
]
# fmt: on


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three tables in Kaggle's form."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [f"2020-01-{day},{who},{what},0.1,2" for day, who, what in (line.split(",") for line in LOG)]
    tables = {
        "articles": ["article_id,product_code,detail_desc", *ARTICLES],
        "customers": ["customer_id,FN,Active,age", *CUSTOMERS],
        "transactions_train": ["t_dat,customer_id,article_id,price,sales_channel_id", *rows],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def history(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    out = tmp_path_factory.mktemp("tables")
    dataset = locate(folder, {}, folder)
    assert dataset is not None
    build_tables(dataset, out)
    return History.read(out)


def test_every_quantity_by_hand(history: History) -> None:
    measured = measure(history, WEEK)
    assert measured.keys() == REAL.keys()
    als = measured.pop("MAP@12: ALS, 128 factors")
    assert 0 <= als <= 1
    assert measured == pytest.approx(
        {
            "product codes per article": 3 / 5,
            "articles without a description": 1 / 5,
            "customers without FN": 5 / 7,
            "customers without Active": 6 / 7,
            "customers without an age": 1 / 7,
            "customers who bought": 6 / 7,
            "rows per buyer, mean": 13 / 6,  # e 1; c, d, f 2; a, b 3
            "rows per buyer, median": 2,
            "rows per buyer, 90th percentile": 3,
            "rows that occur more than once": 2 / 13,
            "week: rows per customer": 6 / 7,
            "week: customers who bought": 5 / 7,
            "week: the best seller's share of the rows": 3 / 6,
            "week: articles the customer bought before": 3 / 6,
            "week: product codes the customer bought before": 4 / 6,
            "week: articles never sold before": 1 / 6,
            "buyers' last purchase: none": 1 / 5,
            "buyers' last purchase: up to 7 days": 2 / 5,  # c 7 days before the week, d 1
            "buyers' last purchase: 8 to 30 days": 2 / 5,  # a 21, b 20
            "buyers' last purchase: 31 to 90 days": 0,
            "buyers' last purchase: longer ago": 0,
            "MAP@12: best sellers of a week": (1 + 0 + 1 + 1 / 2 + 1) / 5,  # the list is A2, C1
            "MAP@12: bought in 90 days, then best sellers": (1 / 2 + 1 / 2 + 1 + 1 + 1) / 5,
            "recall@300: best sellers of a week": 4 / 6,
            "recall@300: item kNN": 1 / 6,  # f bought A1 with A2, so A2 is recommended to a, who bought A1
            "recall@300: same product code": 4 / 6,
            "recall@300: bought before": 3 / 6,
        }
    )


def test_the_table_says_what_is_within_a_fifth() -> None:
    name = "rows per buyer, mean"
    table = compared({**REAL, name: 1.25 * REAL[name]})
    assert table["quantity"].to_list() == list(REAL)
    assert table.filter(~pl.col("within"))["quantity"].to_list() == [name]
    text = as_text(table)
    assert f"{len(REAL) - 1} of {len(REAL)} within 20%" in text
    assert next(line for line in text.splitlines() if line.startswith(name)).split()[-4:] == [
        "23.33", "29.17", "1.25", "NO",
    ]  # fmt: skip
    assert compared({**REAL, name: 0.81 * REAL[name]})["within"].all()
    assert not compared({**REAL, name: 0.79 * REAL[name]})["within"].all()


def test_a_folder_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks: list[Fold] = []

    def measure_nothing(_: History, week: Fold) -> dict[str, float]:
        weeks.append(week)
        return REAL

    monkeypatch.setattr(sample_fidelity, "measure", measure_nothing)
    lines = check(folder).splitlines()
    assert lines[0] == f"{folder}: 13 rows, 7 customers, 5 articles, 2020-01-01 to 2020-01-28"
    assert len(lines) == len(REAL) + 3
    assert weeks == [WEEK]


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table in"):
        check(tmp_path)


def test_a_shop_without_kaggles_columns(tiny_history: History) -> None:
    found = of_the_tables(tiny_history)
    missing = ["articles without a description", "customers without FN", "customers without Active"]
    assert [found[name] for name in missing] == [1, 1, 1]
    assert found["customers without an age"] == 1 / 5
