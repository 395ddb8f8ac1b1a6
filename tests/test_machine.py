"""What the machine could not do is one line, with the place and what to do; a bug keeps its traceback."""

import errno
import os
from pathlib import Path

import polars as pl
import pytest

from forsys.cli import commands, main
from forsys.errors import DataError
from forsys.machine import ADVICE, machine_fault, writing


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_a_fault_says_where_why_and_what_to_do(code: int) -> None:
    said = machine_fault(OSError(code, os.strerror(code), "/data/x.parquet"), "/home/u")
    assert said is not None
    assert said.startswith(f"/data/x.parquet: {os.strerror(code)}. {ADVICE[code]}. ")
    assert machine_fault(OSError(code, os.strerror(code)), "/home/u") == said.replace("/data/x.parquet", "/home/u")


def test_faults_in_the_words_of_libraries() -> None:
    full = os.strerror(errno.ENOSPC)
    for error in (OSError(f"{full} (os error 28)"), pl.exceptions.ComputeError(f"cannot write: {full}")):
        said = machine_fault(error, "/home/u")
        assert said is not None
        assert said.startswith(f"/home/u: {full}. Free some space")
    memory = machine_fault(MemoryError(), "/home/u")
    assert memory is not None
    assert "shard_size" in memory


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/shop/.x.csv.1a2b.part"),
        FileExistsError(errno.EEXIST, "File exists", "/shop"),
        FileNotFoundError("No such file or directory (os error 2): /shop/.x.csv.1a2b.part"),  # of polars
    ],
)
def test_a_file_that_a_user_names_is_named(error: OSError) -> None:
    said = r"^/shop/x\.csv cannot be written: [A-Z][a-z ]+\. Name a file"
    with pytest.raises(DataError, match=said), writing(Path("/shop/x.csv")):
        raise error


def test_a_file_that_is_read_meanwhile_is_another() -> None:
    with pytest.raises(PermissionError), writing(Path("/shop/x.csv")):
        raise PermissionError(errno.EACCES, "Permission denied", "/home/u/y.parquet")


@pytest.mark.parametrize("error", [ValueError("a bug"), pl.exceptions.ComputeError("a bug"), OSError("a bug")])
def test_a_bug_is_none(error: Exception) -> None:
    assert machine_fault(error, "/home/u") is None


def test_the_command_line_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path))

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(commands, "run_one_stage", full)
    assert main(["tables"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"forsys: {tmp_path}: No space left on device. ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "place", ["home is a file", "output is a file", "the path is too long", "a link to itself"]
)
def test_places_that_cannot_be_written(
    place: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = tmp_path / ("x" * 300 if "long" in place else "home")
    if place == "home is a file":
        home.touch()
    elif place == "output is a file":
        home.mkdir()
        (home / "output").touch()
    elif place == "a link to itself":
        home.mkdir()
        (home / "output").symlink_to("output")
    monkeypatch.setenv("FORSYS_HOME", str(home))
    assert main(["tables", "--input", str(shop)]) == 2
    assert capsys.readouterr().err.startswith(f"forsys: {home}")


def test_files_are_for_the_user_alone(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path))
    assert main(["tables", "--input", str(shop)]) == 0
    modes = {path: path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")}
    assert [str(path) for path, mode in modes.items() if mode] == []
