"""One client at a time on an output folder in a store, also on other machines."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install '.[store]'")

from forsys import lease, locking
from forsys.errors import DataError
from forsys.locking import locked
from forsys.remote import LEASE, attach, remote_of
from forsys.store import write_text
from object_store import machine, new_bucket, objects, store

BEAT, DEAD = 0.2, 0.8
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", BEAT)
    monkeypatch.setattr(lease, "DEAD", DEAD)


@pytest.fixture
def url() -> Iterator[str]:
    with new_bucket() as bucket:
        yield f"{bucket}/shop"


def output(url: str, folder: Path) -> Path:
    """An output folder of the machine whose copies lie in `folder`."""
    with machine(folder):
        return attach(url) / "output"


def held_by_another(url: str, beats: int = 0) -> None:
    held = {"copy": "another", "holder": "process 7 on elsewhere", "beats": beats}
    store().pipe_file(f"{url}/output/{LEASE}", json.dumps(held).encode())


def test_another_machine_is_kept_out(url: str, tmp_path: Path, capsys: Output) -> None:
    with locked(output(url, tmp_path / "here")):
        message = (
            rf"^{url}/output is in use by process \d+ \(.*\) on .+\. Wait until it has finished, or stop it\.$"
        )
        with pytest.raises(DataError, match=message), locked(output(url, tmp_path / "there")):
            pytest.fail("both had it")
    assert "output is marked as in use by process" in capsys.readouterr().out
    with locked(output(url, tmp_path / "there")):
        pass
    assert objects(url) == {}


def test_a_dead_client_is_followed(url: str, tmp_path: Path) -> None:
    held_by_another(url)
    start = time.monotonic()
    with locked(output(url, tmp_path)):
        assert b"another" not in objects(url)[f"output/{LEASE}"]
    assert time.monotonic() - start > DEAD


def test_a_process_that_was_killed_here_is_followed_at_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else has the local lock, so the one who had this copy is dead."""
    monkeypatch.setattr(lease, "DEAD", 1000.0)
    folder = output(url, tmp_path)
    found = remote_of(folder)
    assert found is not None
    held = {"copy": found.id, "holder": "one that is gone", "beats": 3}
    store().pipe_file(f"{url}/output/{LEASE}", json.dumps(held).encode())
    with locked(folder):
        assert b"one that is gone" not in objects(url)[f"output/{LEASE}"]


def test_a_client_that_was_paused_writes_no_more(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease._Lease, "keep", lambda *_: None)
    folder = output(url, tmp_path)
    with pytest.raises(DataError, match="is in use by process 7 on elsewhere"), locked(folder):
        write_text("one", folder / "file")
        held_by_another(url)
        time.sleep(DEAD)
        write_text("two", folder / "file")
    assert objects(url)["output/file"] == b"one"
    assert b"another" in objects(url)[f"output/{LEASE}"]
    assert folder not in locking._held


def test_it_shows_that_it_lives(url: str, tmp_path: Path) -> None:
    folder = output(url, tmp_path)
    with locked(folder):
        before = objects(url)[f"output/{LEASE}"]
        time.sleep(2.5 * BEAT)
        assert objects(url)[f"output/{LEASE}"] != before
        write_text("one", folder / "file")


def test_a_store_that_is_away_is_told_in_one_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError("no route to the store")

    folder = output(url, tmp_path)
    remote = remote_of(folder)
    assert remote is not None
    says = rf"^{url}/output cannot be locked: no route to the store\. Check the URL"
    with pytest.raises(DataError, match=says), locked(folder):
        monkeypatch.setattr(remote.store, "cat_file", away)
        time.sleep(DEAD)
        write_text("late", folder / "file")
