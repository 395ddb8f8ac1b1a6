"""`forsys clean`: what runs made is shown and deleted, and nothing else."""

from pathlib import Path

import pytest

from forsys.cleaning import clean
from forsys.cli import main
from forsys.errors import DataError
from forsys.locking import locked
from forsys.store import write_text
from world import run_on, snapshot

Output = pytest.CaptureFixture[str]
OURS = (
    "output/tiny/stamps/tables.json", "output/tiny/folds/2024-06-24/als-0123abcd/part-00000.parquet",
    "output/tiny/rankers/2024-06-24/model-0.txt", "output/tiny/ranked/2024-07-01/.part-00000.parquet.made-from",
    "output/tiny/holdout/submission-20240701-101112.csv", "output/tiny/evaluation/backtest.csv",
    "output/tiny/comparison/measured/GRU.npz", "output/tiny/report.html",
    "submissions/submission-20240701-101112.csv",
)  # fmt: skip
BEGUN = ("output/tiny/tables/.tables.json.77.part", "output/tiny/.tables.unpacked/articles.csv")
KEPT = ("submissions/submission.csv", "submissions/submission-20240702-101112.csv")
THEIRS = (
    "submissions/mine.csv", "submissions/submission-20240601-101112.csv", "output/tiny/notes.txt",
    "output/tiny/evaluation/plot.csv", "output/tiny/folds/2024-06-24/thesis.txt",
    "output/tiny/folds/2024-06-24/als-0123abcd/part-00001.parquet", "output/notes.txt", "input/articles.csv",
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with locked(tmp_path / "output" / "tiny"), locked(tmp_path / "submissions"):
        for name in (*OURS, *KEPT):
            write_text(name, tmp_path / name)
    for name in (*BEGUN, *THEIRS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path))
    return tmp_path


def test_shows_first_and_deletes_when_told(home: Path, capsys: Output) -> None:
    before = snapshot(home)
    assert main(["clean"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Would be deleted, with --yes:\n")
    assert "output/tiny/folds " in said
    assert snapshot(home) == before
    assert main(["clean", "--yes"]) == 0
    assert capsys.readouterr().out.startswith("Deleted:\n")
    assert {name for name in snapshot(home) if not name.startswith("submissions/.")} == {*KEPT, *THEIRS}
    assert not (home / "output" / "tiny" / "comparison").exists()


def test_one_data_set_of_several(home: Path) -> None:
    with locked(home / "output" / "other"):
        write_text("{}", home / "output" / "other" / "stamps" / "tables.json")
    clean(home, ["other"], delete=True)
    assert not any((home / "output" / "other").iterdir())
    assert (home / OURS[0]).exists()
    with pytest.raises(DataError, match=r"has no nobody\. Data sets: other, tiny"):
        clean(home, ["nobody"], delete=True)


def test_nothing_to_delete(tmp_path: Path) -> None:
    assert clean(tmp_path, delete=True) == "Nothing to delete."


def test_a_run_is_cleaned_to_the_last_file(shop: Path, tmp_path: Path) -> None:
    run_on(shop, tmp_path)
    clean(tmp_path, delete=True)
    assert list(snapshot(tmp_path)) == []
