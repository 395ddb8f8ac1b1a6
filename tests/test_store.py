"""Files appear whole or not at all, and are made again only when something changed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys import store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_writes_to_the_folder_it_makes(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with store.whole(path) as part:
        part.write_text("new")
        assert not path.exists()
        assert part.parent == path.parent  # a rename within one file system
    assert path.read_text() == "new"
    assert names(path.parent) == ["file.txt"]


def test_whole_leaves_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), store.whole(path) as part:
        part.write_text("half of the ne")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_whole_leaves_nothing_when_the_first_write_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store.whole(tmp_path / "file.txt"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_whole_takes_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / ".file.txt.part").write_text("left")
    with store.whole(tmp_path / "file.txt") as part:
        part.write_text("new")
    assert (tmp_path / "file.txt").read_text() == "new"
    assert names(tmp_path) == ["file.txt"]


def test_parquet_and_json(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    store.write_parquet(frame, tmp_path / "t.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "t.parquet"), frame)
    store.write_json({"b": 1, "a": [1.5, None, "é"]}, tmp_path / "t.json")
    assert store.read_json(tmp_path / "t.json") == {"a": [1.5, None, "é"], "b": 1}
    assert (tmp_path / "t.json").read_text().index('"a"') < (tmp_path / "t.json").read_text().index('"b"')
    assert store.read_json(tmp_path / "absent.json") is None


def test_fingerprint_sees_values_and_not_the_order_of_keys() -> None:
    assert store.fingerprint({"a": 1, "b": [2]}) == store.fingerprint({"b": [2], "a": 1})
    different = [(), (1,), ("1",), (1, 2), ([1, 2],), ({"a": 1},), ({"a": 2},), (None,), (1.5,)]
    assert len({store.fingerprint(*parts) for parts in different}) == len(different)


def test_fingerprint_is_the_same_in_every_process() -> None:
    """Not Python's hash(), which is salted; and it is the same next year: this figure was written down."""
    assert store.fingerprint("tables", {"shard": 3}) == "c8b6cb128da17c5d"
    code = "from forsys.store import *; print(fingerprint('x', {'b': 1, 'a': None}))"
    environ = {**os.environ, "PYTHONPATH": str(store.PACKAGE.parent), "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == store.fingerprint("x", {"b": 1, "a": None})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in the place of forsys. What is remembered of the real one comes back by itself."""
    for name in ("store.py", "retrieval/source.py", "retrieval/deep/inner.py", "tables/history.py"):
        path = tmp_path / "forsys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    monkeypatch.setattr(store, "PACKAGE", tmp_path / "forsys")
    yield tmp_path / "forsys"
    store.code_fingerprint.cache_clear()


def code_fingerprint(*packages: str) -> str:
    """As a new process finds it."""
    store.code_fingerprint.cache_clear()
    return store.code_fingerprint(*packages)


@pytest.mark.parametrize("changed", ["retrieval/source.py", "retrieval/deep/inner.py", "tables/history.py"])
def test_code_fingerprint_changes_with_a_file(package: Path, changed: str) -> None:
    before = code_fingerprint("retrieval", "tables/history.py")
    assert code_fingerprint("retrieval", "tables/history.py") == before
    (package / changed).write_text("changed = True\n")
    after = code_fingerprint("retrieval", "tables/history.py")
    assert after != before
    (package / changed).write_text(f"# {changed}\n")
    assert code_fingerprint("retrieval", "tables/history.py") == before


def test_code_fingerprint_changes_with_a_new_or_renamed_file(package: Path) -> None:
    before = code_fingerprint("retrieval")
    (package / "retrieval" / "new.py").write_text("")
    added = code_fingerprint("retrieval")
    (package / "retrieval" / "new.py").rename(package / "retrieval" / "newer.py")
    assert len({before, added, code_fingerprint("retrieval")}) == 3


def test_code_fingerprint_does_not_see_other_files(package: Path) -> None:
    before = code_fingerprint("retrieval")
    (package / "store.py").write_text("changed = True\n")
    (package / "tables" / "history.py").write_text("changed = True\n")
    (package / "retrieval" / "notes.txt").write_text("no code")
    assert code_fingerprint("retrieval") == before


def test_current_means_made_from_the_same(tmp_path: Path) -> None:
    artifact = tmp_path / "tables.json"
    assert not store.is_current(artifact, "mark")
    store.set_current(artifact, "mark")
    assert not store.is_current(artifact, "mark")  # the artifact itself is missing
    artifact.write_text("{}")
    assert store.is_current(artifact, "mark")
    assert not store.is_current(artifact, "another")
    store.set_current(artifact, "another")
    assert store.is_current(artifact, "another")
    assert names(tmp_path) == [".tables.json.made-from", "tables.json"]


def test_a_new_artifact_is_not_current_by_the_old_ones_stamp(tmp_path: Path) -> None:
    """A run that is killed between the artifact and its stamp does not leave the old stamp beside the new one."""
    artifact = tmp_path / "tables.json"
    store.write_json(1, artifact)
    store.set_current(artifact, "mark")
    with pytest.raises(RuntimeError), store.whole(artifact):
        raise RuntimeError
    assert store.is_current(artifact, "mark")  # the old one is still there
    store.write_json(2, artifact)
    assert not store.is_current(artifact, "mark")
