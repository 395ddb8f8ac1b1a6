"""The stage `content` on the tiny shop: what it writes, and what depends on it."""

from pathlib import Path

import polars as pl
import pytest
from scipy import sparse

from forsys.candidates import SourceArtifacts
from forsys.errors import DataError
from forsys.opening import open_run
from forsys.run import Run
from forsys.stages import require, run_stage
from forsys.store import read_arrow, read_json
from world import overrides


def opened(shop: Path, home: Path, **other: str) -> Run:
    """A run whose tables are made."""
    run = open_run(shop, overrides=overrides(**other), home=home)
    run_stage(run, "tables")
    return run


def artifacts(run: Run, name: str) -> str:
    """The folder name of a source at the holdout: it has the fingerprint of all that the source depends on."""
    config = run.settings.retrieval.sources[name]
    return SourceArtifacts.of(run, run.calendar.holdout, name, config).folder.name


def test_one_row_per_article(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = opened(shop, tmp_path)
    run_stage(run, "content")
    folder = run.workspace.content
    features = read_arrow(folder / "features.arrow")
    assert features["article"].to_list() == list(range(120))
    assert features.columns[:2] == ["article", "picture"]
    assert features["picture"].unique().to_list() == ["missing"]
    assert features["attributes"].null_count() == 0
    assert features["colour"].null_count() == features["shape"].null_count() == 120
    matrix = sparse.load_npz(folder / "words.npz")
    assert matrix.shape == (120, pl.read_parquet(folder / "vocabulary.parquet").height)
    assert len(read_json(folder / "attributes.json")) == 11
    assert "0 pictures (120 missing)" in capsys.readouterr().out
    run_stage(run, "content")
    assert capsys.readouterr().out == "content    up to date, skipped\n"


def test_articles_of_the_history_carry_the_features(shop: Path, tmp_path: Path) -> None:
    run = opened(shop, tmp_path)
    assert "words" not in run.history.articles.columns
    run_stage(run, "content")
    articles = opened(shop, tmp_path).history.articles
    assert {"attributes", "words", "colour", "shape"} < set(articles.columns)
    assert "picture" not in articles.columns
    assert articles["article"].to_list() == list(range(120))


def test_only_sources_that_use_content_depend_on_it(shop: Path, tmp_path: Path) -> None:
    run, other = opened(shop, tmp_path), opened(shop, tmp_path, content__max_keywords="3")
    before = artifacts(run, "item_knn")
    with pytest.raises(DataError, match="Run the stage `content` first"):
        artifacts(run, "nearest_content")
    run_stage(run, "content")
    made = artifacts(run, "nearest_content")
    with pytest.raises(DataError, match="Run the stage `content` first"):
        require(other, "content")
    run_stage(other, "content")
    assert artifacts(run, "item_knn") == artifacts(other, "item_knn") == before
    assert artifacts(other, "nearest_content") != made
