"""Descriptions that no shop should have: each is read as far as it can be, and none stops the stage or warns."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forsys import schema
from forsys.content.describe import MAX_DESCRIPTION, build_features
from forsys.settings import ContentSettings
from forsys.store import read_arrow
from world import KAGGLE_ROLES

ODD = {
    "longer than is read": "soft jersey top with a woven label " * 1000,
    "one word without an end": "x" * 300_000,
    "of a million faces": "\U0001f457" * 1_000_000,
    "NUL and other control characters": "soft\0 jersey \x01\x1b[31m top\x7f\r\n\x85",
    "only emoji": "\U0001f457\U0001f460 \U0001f9e5",
    "right to left": "ثوب أحمر جميل \u202eשמלה\u200f",
    "only marks": "!!! … *** ;-)",
    "only stop words": "the of and with a",
    "only spaces": " \t\n ",
    "combining marks": "e" + "\u0301" * 5000,
    "HTML": "<script>alert('top')</script> & jersey",
}


ATTRIBUTES = KAGGLE_ROLES.attributes


def articles_with(descriptions: list[str | None]) -> pl.DataFrame:
    """schema.ARTICLES, alike but for their descriptions."""
    rows = range(len(descriptions))
    columns = {"article": rows, "article_id": [f"{n:010d}" for n in rows], "product_code": rows}
    same = dict.fromkeys(schema.ARTICLE_ATTRIBUTES, ["one"] * len(descriptions))
    return pl.DataFrame(columns | same | {"detail_desc": descriptions}, schema=schema.ARTICLES)


def described(descriptions: list[str | None], folder: Path) -> pl.DataFrame:
    """features.arrow of articles with these descriptions and without pictures."""
    build_features(articles_with(descriptions), ATTRIBUTES, folder / "images", folder, ContentSettings(), 7)
    return read_arrow(folder / "features.arrow")


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_description_leaves_the_others_as_they_are(text: str, tmp_path: Path) -> None:
    others = ["soft jersey top", "soft jersey dress", None]
    found = described([text, *others], tmp_path / "with")
    assert np.isfinite(found["words"].drop_nulls().to_numpy()).all()
    alone = described(others, tmp_path / "without")
    assert found["words"].is_null()[1:].to_list() == alone["words"].is_null().to_list()


@pytest.mark.parametrize(
    "descriptions", [[None] * 3, ["soft jersey top"] * 3, ["soft jersey top", None, None], ["soft jersey top"]]
)
def test_few_and_equal_descriptions(descriptions: list[str | None], tmp_path: Path) -> None:
    """scikit-learn would divide by their variance, which is 0."""
    words = described(descriptions, tmp_path)["words"].drop_nulls()
    assert len(words) == len(descriptions) - descriptions.count(None)
    for vector in words:
        np.testing.assert_allclose(np.square(np.array(vector)).sum(), 1, rtol=1e-5)


@pytest.mark.parametrize("length", [MAX_DESCRIPTION, MAX_DESCRIPTION + 1, 10 * MAX_DESCRIPTION])
def test_what_is_beyond_the_limit_is_not_read_and_said(
    length: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ("jersey velvet " * length)[:length]
    build_features(articles_with([text]), ATTRIBUTES, tmp_path / "images", tmp_path, ContentSettings(), 7)
    said, cut = capsys.readouterr().out, length > MAX_DESCRIPTION
    assert ("1 descriptions are longer than 10,000 characters" in said) == cut
    assert ("0000000000" in said) == cut
    kept = pl.read_parquet(tmp_path / "descriptions.parquet")["description"][0]
    assert kept == text[:MAX_DESCRIPTION]
