"""The stage `content` on the tiny shop: what it leaves, and who depends on it."""

from pathlib import Path

import polars as pl
import pytest
from scipy import sparse

from forsys.errors import DataError
from forsys.pipeline import make_content
from forsys.run import Run
from forsys.store import read_json
from world import run_on, shop

__all__ = ["shop"]


@pytest.fixture
def run(shop: Path, tmp_path: Path) -> Run:
    return run_on(shop, tmp_path, content=False)


def test_one_row_an_article(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_content(run)
    features = pl.read_parquet(run.content / "features.parquet")
    assert features["article"].to_list() == list(range(120))
    assert features.columns[:2] == ["article", "picture"]
    assert features["picture"].unique().to_list() == ["missing"]
    assert features["attributes"].null_count() == 0
    assert features["colour"].null_count() == features["shape"].null_count() == 120
    matrix = sparse.load_npz(run.content / "words.npz")
    assert matrix.shape == (120, pl.read_parquet(run.content / "vocabulary.parquet").height)
    assert len(read_json(run.content / "attributes.json")) == 11
    assert "0 pictures (120 missing)" in capsys.readouterr().out
    make_content(run)
    assert capsys.readouterr().out == "content    up to date, skipped\n"


def test_articles_of_the_history_carry_the_features(run: Run, shop: Path, tmp_path: Path) -> None:
    assert "words" not in run.history.articles.columns
    make_content(run)
    again = run_on(shop, tmp_path, content=False)
    assert {"attributes", "words", "colour", "shape"} < set(again.history.articles.columns)
    assert "picture" not in again.history.articles.columns
    assert again.history.articles["article"].to_list() == list(range(120))


def test_only_sources_that_use_content_depend_on_it(run: Run, shop: Path, tmp_path: Path) -> None:
    def shelf(run: Run, name: str) -> str:
        return run.shelf(run.calendar.holdout, name, run.settings.retrieval.sources[name]).folder.name

    before = shelf(run, "co_purchase")
    with pytest.raises(DataError, match="Run the stage `content` first"):
        shelf(run, "look_alikes")
    make_content(run)
    first = run_on(shop, tmp_path, content=False)
    other = run_on(shop, tmp_path, content=False, content__keywords="3")
    assert shelf(first, "co_purchase") == shelf(other, "co_purchase") == before
    with pytest.raises(DataError, match="Run the stage `content` first"):
        shelf(other, "look_alikes")
    made = shelf(first, "look_alikes")
    make_content(other)
    assert shelf(run_on(shop, tmp_path, content=False, content__keywords="3"), "look_alikes") != made
