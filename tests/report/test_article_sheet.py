"""The sheet of articles, on the tiny shop with all stages run."""

from dataclasses import replace

import polars as pl
import pytest

from forsys.errors import DataError
from forsys.report.article_page import write_article_page
from forsys.report.article_sheet import MAX_SHOWN, Sheet, _row_of, sheet_path, sheets_of, write_sheet
from forsys.report.articles import articles_of
from forsys.run import Run


def test_the_palette_is_the_pictures(finished: Run) -> None:
    """The first 29 articles have a picture, all in one colour."""
    ids = finished.history.articles["article_id"]
    with_picture, without = sheets_of(finished, [ids[0], ids[60]])
    assert [share for _, share in with_picture.palette] == [1.0] and without.palette == []


def test_attributes_may_have_any_name(finished: Run) -> None:
    """Also those of the columns of the pictures' features."""
    run = replace(finished)
    articles = run.history.articles.with_columns(pl.lit("x").alias(name) for name in ("hex", "share", "row"))
    vars(run)["history"] = run.history.with_articles(articles)
    sheets = sheets_of(run, articles["article_id"].to_list()[:2])
    assert [len(each.palette) for each in sheets] == [1, 1]
    assert write_sheet(run, sheets).exists() and write_article_page(run, sheets).exists()


@pytest.mark.parametrize(("asked", "row"), [("12", 1), ("012", 0), ("7", 2), ("A/7", 3)])
def test_an_id_as_it_is_comes_before_one_with_zeros_in_front(asked: str, row: int, finished: Run) -> None:
    articles = pl.DataFrame({"article_id": ["012", "12", "007", "A/7"]})
    assert _row_of(finished, articles, asked) == row


@pytest.mark.parametrize("article", ["A/7", "../../x", "a b", "weiß", "\U0001f457", "x" * 250])
def test_a_sheet_lies_in_its_folder_whatever_the_id(article: str, finished: Run) -> None:
    path = sheet_path(finished, [Sheet({"article_id": article}, [], [], [])], ".png")
    assert path.parent == finished.workspace.content and len(path.name) < 120 and path.name.isascii()


def test_too_many_for_one_sheet(finished: Run) -> None:
    with pytest.raises(DataError, match=f"Name at most {MAX_SHOWN}"):
        sheets_of(finished, ["x"] * (MAX_SHOWN + 1))


@pytest.mark.parametrize(
    ("price", "shown"), [(0.030492, 0.03049), (12.95, 12.95), (123.45, 123.45), (1299.99, 1299.99), (12985, 12985)]
)
def test_prices_of_articles(price: float, shown: float, finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = pl.Series([price], dtype=pl.Float32).extend_constant(0, 9).to_numpy()
    monkeypatch.setattr("forsys.report.articles.newest_prices", lambda *_: prices)
    assert [each["price"] for each in articles_of(finished, [0, 1])] == [shown, None]
