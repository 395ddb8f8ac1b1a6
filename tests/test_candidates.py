"""The store of fitted sources and their candidates."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from forsys import candidates
from forsys.candidates import SourceArtifacts, delete_other_candidates, make_candidates
from forsys.errors import DataError
from forsys.run import Run
from world import run_on


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("candidates"))


def test_what_other_settings_left_is_deleted_and_strange_files_stay(run: Run) -> None:
    fold, config = run.calendar.holdout, run.settings.retrieval.sources["repurchase"]
    before, now = {"repurchase": config}, {"repurchase": config | {"half_life": 3.0}}
    make_candidates(run, [fold], before, now)
    strange = run.workspace.candidates(fold) / ".DS_Store"
    strange.touch()
    delete_other_candidates(run, [fold], now)
    kept = SourceArtifacts.of(run, fold, "repurchase", now["repurchase"]).folder
    assert {*run.workspace.candidates(fold).iterdir()} == {kept, strange}


def test_what_older_data_left_is_deleted(shop: Path, tmp_path: Path) -> None:
    """Each day's data have cut-offs of their own, and nobody looks for those of the day before."""
    data = shutil.copytree(shop, tmp_path / shop.name)
    run = run_on(data, tmp_path)
    config = run.settings.retrieval.sources["repurchase"]
    make_candidates(run, [run.calendar.holdout], {"repurchase": config})
    folder = SourceArtifacts.of(run, run.calendar.holdout, "repurchase", config).folder
    ours = run.workspace.candidates(run.calendar.holdout) / "notes.txt"
    ours.touch()
    (run.workspace.tables / "tables.json").unlink()
    assert folder.is_dir() and run_on(data, tmp_path) and folder.is_dir()  # tables made again, of the same data
    transactions = data / "transactions_train.csv"
    transactions.write_text(transactions.read_text().rsplit("\n", 2)[0] + "\n")
    assert run_on(data, tmp_path) and not folder.exists() and ours.exists()


def test_another_version_of_polars_may_sample_other_buyers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fold, config = run.calendar.holdout.earlier(1), run.settings.retrieval.sources["repurchase"]
    folder = SourceArtifacts.of(run, fold, "repurchase", config).folder
    monkeypatch.setattr(candidates, "package_version", lambda _: "99")
    assert SourceArtifacts.of(run, fold, "repurchase", config).folder != folder


def test_a_worker_with_old_code_of_a_source_is_refused(run: Run) -> None:
    fold, config = run.calendar.holdout, run.settings.retrieval.sources["repurchase"]
    artifacts = replace(SourceArtifacts.of(run, fold, "repurchase", config), code="edited since")
    for do in (artifacts.fit, lambda: artifacts.make_part(0)):
        with pytest.raises(DataError, match="A worker has other code of the source repurchase"):
            do()


def test_the_holdout_and_the_submission_have_no_sample(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a model serves under another version of polars than it was fitted with."""
    config, folds = run.settings.retrieval.sources["repurchase"], (run.calendar.holdout, run.calendar.submission)
    folders = [SourceArtifacts.of(run, fold, "repurchase", config).folder for fold in folds]
    monkeypatch.setattr(candidates, "package_version", lambda _: "99")
    assert [SourceArtifacts.of(run, fold, "repurchase", config).folder for fold in folds] == folders
