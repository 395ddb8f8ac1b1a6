"""Files appear whole or not at all, and carry what they were made from."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys import store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_atomic_write_writes_to_the_folder_it_makes(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with store.atomic_write(path) as part:
        part.write_text("new")
        assert not path.exists()
        assert part.parent == path.parent  # a rename within one file system
    assert path.read_text() == "new"
    assert names(path.parent) == ["file.txt"]


def test_atomic_write_leaves_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), store.atomic_write(path) as part:
        part.write_text("half of the ne")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_atomic_write_leaves_nothing_when_the_first_write_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store.atomic_write(tmp_path / "file.txt"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_damage_is_seen(tmp_path: Path) -> None:
    """A flipped bit, a cut file, a stamp that is no JSON."""
    artifact = tmp_path / "part.parquet"
    for damage in (lambda: artifact.write_bytes(b"hfllo"), lambda: artifact.write_bytes(b"hel"), artifact.unlink):
        artifact.write_bytes(b"hello")
        store.write_stamp(artifact, "made from")
        assert store.is_current(artifact, "made from")
        damage()
        assert not store.is_current(artifact, "made from")
    for text in ("", "half of it", "[]", "null", '"x"'):
        store.stamp_path(artifact).write_text(text)
        assert not store.is_current(artifact, "made from")


def test_parquet_and_json(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    store.write_parquet(frame, tmp_path / "t.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "t.parquet"), frame)
    store.write_json({"b": 1, "a": [1.5, None, "é"]}, tmp_path / "t.json")
    assert store.read_json(tmp_path / "t.json") == {"a": [1.5, None, "é"], "b": 1}
    assert (tmp_path / "t.json").read_text().index('"a"') < (tmp_path / "t.json").read_text().index('"b"')
    assert store.read_json(tmp_path / "absent.json") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_holds_numbers_only(value: float, tmp_path: Path) -> None:
    store.write_json({"a": 1}, tmp_path / "t.json")
    for whole in (value, [1.0, value], {"a": {"b": [value]}}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.write_json(whole, tmp_path / "t.json")
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.json_text(whole)
    assert store.read_json(tmp_path / "t.json") == {"a": 1}  # as it was
    assert names(tmp_path) == ["t.json"]


def test_nan_is_read_back(tmp_path: Path) -> None:
    """Earlier versions wrote it."""
    (tmp_path / "t.json").write_text('{"a": NaN}')
    found = store.read_json(tmp_path / "t.json")["a"]
    assert found != found


def test_current_means_made_from_the_same(tmp_path: Path) -> None:
    artifact = tmp_path / "tables.json"
    assert not store.is_current(artifact, "fingerprint")
    store.write_stamp(artifact, "fingerprint")
    assert not store.is_current(artifact, "fingerprint")  # the artifact itself is missing
    artifact.write_text("{}")
    assert not store.is_current(artifact, "fingerprint")  # these bytes are not those of the stamp
    store.write_stamp(artifact, "fingerprint")
    assert store.is_current(artifact, "fingerprint")
    assert not store.is_current(artifact, "another")
    store.write_stamp(artifact, "another")
    assert store.is_current(artifact, "another")
    assert names(tmp_path) == [".tables.json.made-from", "tables.json"]


def test_a_new_artifact_is_not_current_by_the_old_ones_stamp(tmp_path: Path) -> None:
    """A run that is killed between the artifact and its stamp does not leave the old stamp beside the new one."""
    artifact = tmp_path / "tables.json"
    store.write_json(1, artifact)
    store.write_stamp(artifact, "fingerprint")
    with pytest.raises(RuntimeError), store.atomic_write(artifact):
        raise RuntimeError
    assert store.is_current(artifact, "fingerprint")  # the old one is still there
    store.write_json(2, artifact)
    assert not store.is_current(artifact, "fingerprint")


class TestOnDisk:
    @pytest.mark.parametrize("height", [0, 1, 5])
    def test_the_same_values(self, height: int, tmp_path: Path) -> None:
        values = pl.Series([1.5, None, float("nan"), float("-inf"), 0.0][:height], dtype=pl.Float32).fill_null(7)
        frame = pl.DataFrame({"a": values, "b": -values})
        kept = store.on_disk(frame, tmp_path / "new")
        assert_frame_equal(kept, frame, check_exact=True)
        assert_frame_equal(kept.filter(kept["a"] > 1), frame.filter(frame["a"] > 1))

    def test_no_file_is_left(self, tmp_path: Path) -> None:
        kept = store.on_disk(pl.DataFrame({"a": pl.Series([1.0, 2.0], dtype=pl.Float32)}), tmp_path)
        assert kept["a"].to_list() == [1, 2]
        assert not list(tmp_path.iterdir())
