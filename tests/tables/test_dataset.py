"""Which folder and which file are taken, and the error messages where there is none."""

import json
from pathlib import Path

import pytest

from forsys.errors import DataError
from forsys.tables.dataset import DataSet, file_states, locate
from forsys.tables.files import find_table


def folder_with(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("x")
    return path


@pytest.fixture
def four(tmp_path: Path) -> dict[str, Path]:
    """One folder for each way to name it, and an empty one."""
    project = tmp_path / "project"
    folder_with(project / "input", "articles.csv")
    return {
        "option": folder_with(tmp_path / "by-option", "articles.csv"),
        "environ": folder_with(tmp_path / "by-variable", "articles.csv"),
        "project": project,
        "kaggle": folder_with(tmp_path / "kaggle", "articles.csv"),
        "none": folder_with(tmp_path / "empty-project"),
    }


def test_the_option_comes_first(four: dict[str, Path]) -> None:
    environ = {"FORSYS_INPUT": str(four["environ"])}
    found = locate(four["option"], environ, four["project"], kaggle=(four["none"] / "absent", four["kaggle"]))
    assert found == DataSet("by-option", four["option"], False, f"--input {four['option']}")


def test_then_the_variable(four: dict[str, Path]) -> None:
    environ = {"FORSYS_INPUT": str(four["environ"])}
    found = locate(None, environ, four["project"], kaggle=(four["none"] / "absent", four["kaggle"]))
    assert found is not None
    assert (found.name, found.origin) == ("by-variable", f"FORSYS_INPUT={four['environ']}")


def test_then_the_projects_folder(four: dict[str, Path]) -> None:
    found = locate(None, {"FORSYS_INPUT": ""}, four["project"], kaggle=(four["none"] / "absent", four["kaggle"]))
    assert found is not None
    assert (found.name, found.folder) == ("input", four["project"] / "input")


def test_then_kaggles_folder(four: dict[str, Path]) -> None:
    found = locate(None, {}, four["none"], kaggle=(four["none"] / "absent", four["kaggle"]))
    assert found is not None
    assert found.name == "kaggle"


def test_nothing_means_the_sample(four: dict[str, Path], tmp_path: Path) -> None:
    (four["none"] / "input").mkdir()
    assert locate(None, {}, four["none"], kaggle=(tmp_path / "absent",)) is None


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "does not exist"),
        (lambda path: path.write_text("x"), "is a file, not a folder"),
        (lambda path: folder_with(path), "It holds nothing"),
        (lambda path: folder_with(path, "article.csv"), "It holds article.csv"),
    ],
)
def test_a_named_folder_must_hold_tables(tmp_path: Path, how: str, make, message: str) -> None:  # type: ignore[no-untyped-def]
    named = tmp_path / "named"
    make(named)
    option, environ = (named, {}) if how == "option" else (None, {"FORSYS_INPUT": str(named)})
    with pytest.raises(DataError, match=message) as caught:
        locate(option, environ, tmp_path)
    assert str(named) in str(caught.value)
    assert "transactions_train" in str(caught.value)


def test_generated_data_are_marked(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "sample", "articles.csv")
    (folder / "GENERATED.json").write_text(json.dumps({}))
    found = locate(folder, {}, tmp_path)
    assert found is not None
    assert found.generated


def test_plain_csv_is_preferred_and_parquet_comes_last(tmp_path: Path) -> None:
    endings = [".csv", ".csv.gz", ".csv.zip", ".parquet"]
    folder_with(tmp_path / "all", *(f"articles{end}" for end in endings))
    for ending in endings:
        expected = tmp_path / "all" / f"articles{ending}"
        assert find_table(tmp_path / "all", "articles") == expected
        expected.unlink()
    assert find_table(tmp_path / "all", "articles") is None


def test_file_states_change_with_a_file(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "articles.csv", "customers.csv", "notes.txt")
    dataset = DataSet("data", folder, False, "")
    before = file_states(dataset)
    assert [name for name, *_ in before] == ["articles.csv", "customers.csv", "kaggle_hm.toml"]
    (folder / "customers.csv").write_text("longer")
    assert file_states(dataset) != before
