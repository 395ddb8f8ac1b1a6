"""The commands recommend, export and explain, on the model of the tiny shop."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import forsys
from forsys.cli.program import main
from world import flags

Ask = Callable[..., str]


@pytest.fixture
def ask(model_folder: Path, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command on what was fitted; returns what it prints, or the error with its code."""
    monkeypatch.setenv("FORSYS_HOME", str(model_folder))

    def run(*words: str) -> str:
        code = main([*words, *flags(shop)])
        printed = capsys.readouterr()
        return printed.out if not code else f"{code}: {printed.err}"

    return run


def test_recommend(ask: Ask, model: forsys.Model) -> None:
    customer = model.customers[4]
    expected = model.recommend(customer, k=3)["article"].to_list()
    text = ask("recommend", customer[:14], "-k", "3")
    assert text.startswith(f"Customer {customer}, 2024-07-01") and all(article in text for article in expected)
    found = json.loads(ask("recommend", customer, "-k", "3", "--json"))
    assert [row["article"] for row in found] == expected


def test_basket(ask: Ask, model: forsys.Model) -> None:
    basket = model.history.articles["article_id"][3]
    found = json.loads(ask("recommend", "--basket", basket, "--json"))
    assert [row["article"] for row in found] == model.recommend(basket=[basket])["article"].to_list()
    assert "The basket of a new customer" in ask("recommend", "--basket", basket)


def test_explain(ask: Ask, model: forsys.Model, tmp_path: Path) -> None:
    customer = model.customers[4]
    articles = model.recommend(customer)["article"].to_list()
    assert ask("explain", customer[:14]).count("For it") == 12
    assert ask("explain", customer, *articles[:2]).count("For it") == 2
    found = json.loads(ask("explain", customer, articles[0], "--json"))
    page = tmp_path / "why.html"
    assert ask("explain", customer, *articles[:2], "--html", str(page)).count("For it") == 2
    assert page.read_text(encoding="utf-8").count("<section") == 2
    assert found[0]["rank"] == 1 and found[0]["article"] == articles[0] and found[0]["for_it"]


def test_export(ask: Ask, model: forsys.Model, tmp_path: Path) -> None:
    text = ask("export", str(tmp_path / "lists.parquet"))
    assert f"{12 * len(model.customers):,} rows" in text and "within 7 days from 2024-07-01" in text
    assert len(pl.read_parquet(tmp_path / "lists.parquet")) == 12 * len(model.customers)


@pytest.mark.parametrize("words", [["export", "{}/lists.csv"], ["explain", "0", "--html", "{}/why.html"]])
def test_what_forsys_keeps_is_not_overwritten(ask: Ask, model_folder: Path, words: list[str]) -> None:
    kept = model_folder / "output" / "tiny" / "tables"
    answer = ask(*(word.format(kept) for word in words))
    assert answer.startswith(
        f"2: forsys: {words[-1].format(kept)} belongs to what forsys keeps. Name a file elsewhere."
    )


@pytest.mark.parametrize("name", ["transactions_train.csv", "images/new.csv"])
@pytest.mark.parametrize("relative", [False, True])
def test_the_shop_s_own_files_are_not_overwritten(
    name: str, relative: bool, ask: Ask, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*")}
    monkeypatch.chdir(shop.parent)
    target = Path(shop.name) / name if relative else shop / name
    assert ask("export", str(target)).startswith(
        f"2: forsys: {target} belongs to the shop's data. Name another file."
    )
    assert {path: path.stat().st_mtime_ns for path in shop.rglob("*")} == before


def test_a_basket_of_ids_that_begin_with_a_dash(ask: Ask) -> None:
    assert "No article '-A0'" in ask("recommend", "--basket=-A0", "--basket=-A7")


@pytest.mark.parametrize(
    "words", [["export", "{}.csv"], ["export", "{}.parquet"], ["explain", "0", "--html", "{}.html"]]
)
@pytest.mark.parametrize("folder", ["/proc", "a file"])
def test_a_file_that_cannot_be_written_is_named(
    ask: Ask, model: forsys.Model, words: list[str], folder: str, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    target = tmp_path / folder / "lists"  # /proc stays as it is: nobody can make a file there
    answer = ask(*(model.customers[0] if word == "0" else word.format(target) for word in words))
    assert answer.startswith(f"2: forsys: {words[-1].format(target)} cannot be written: ")
    assert answer.count("\n") == 1 and "FORSYS_HOME" not in answer


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recommend"], "Name either customers, or articles with --basket"),
        (["recommend", "a", "--basket", "b"], "Name either customers, or articles with --basket"),
        (["recommend", "nobody"], "No customer 'nobody'"),
        (["recommend", "--basket", "nothing"], "No article 'nothing'"),
        (["export", "lists.xls"], "must end in .parquet or .csv"),
        (["explain", "0"], "Several customers begin with '0'"),
    ],
)
def test_what_cannot_be_answered(ask: Ask, words: list[str], message: str) -> None:
    answer = ask(*words)
    assert answer.startswith("2: forsys: ") and message in answer
