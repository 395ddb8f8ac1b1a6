"""Folders at a URL and their copies: the store is the truth, and a copy never holds what it lacks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install '.[store]'")

from forsys import remote
from forsys.errors import DataError
from forsys.locking import locked
from forsys.made_files import LIST, LOCK, made_files, refresh_copy
from forsys.remote import Remote, attach, copy_of, delete, is_url, refresh, remote_of
from forsys.store import atomic_write, is_current, write_stamp, write_text
from object_store import SECRET, machine, new_bucket, objects, store


@pytest.fixture
def url() -> Iterator[str]:
    with new_bucket() as bucket:
        yield f"{bucket}/shop"


@pytest.fixture
def here(url: str, tmp_path: Path) -> Path:
    """This machine's copy."""
    with machine(tmp_path / "here"):
        return attach(url)


@pytest.fixture
def there(url: str, tmp_path: Path) -> Path:
    """Another machine's."""
    with machine(tmp_path / "there"):
        return attach(url)


def test_what_is_written_on_one_machine_is_read_on_another(url: str, here: Path, there: Path) -> None:
    write_text("one", here / "tables" / "file")
    write_text("other", here / "other")
    refresh([there / "tables"])
    assert (there / "tables" / "file").read_text() == "one"
    assert not (there / "other").exists()
    write_text("two", here / "tables" / "file")
    refresh([there / "tables" / "file", there / "other", there / "absent"])
    assert (there / "tables" / "file").read_text() == "two"
    assert (there / "other").read_text() == "other"
    assert objects(url) == {"tables/file": b"two", "other": b"other"}


def test_what_is_up_to_date_is_not_fetched_again(here: Path, there: Path) -> None:
    write_text("one", here / "file")
    before = [(here / "file").stat().st_ino]
    refresh([here, there])
    before.append((there / "file").stat().st_ino)
    refresh([here, there])
    assert [(folder / "file").stat().st_ino for folder in (here, there)] == before


def test_a_copy_has_the_time_of_the_object(here: Path, there: Path) -> None:
    """A shop's files are known by their times too, on every machine."""
    write_text("one", here / "file")
    refresh([there])
    assert (here / "file").stat().st_mtime_ns == (there / "file").stat().st_mtime_ns


def test_what_is_deleted_is_deleted_everywhere(url: str, here: Path, there: Path) -> None:
    write_text("one", here / "file")
    refresh([there])
    (there / "of this machine").touch()
    delete(here / "file")
    delete(here / "never there")
    assert objects(url) == {}
    assert not (here / "file").exists()
    refresh([there])
    assert [path.name for path in there.iterdir()] == ["of this machine"]


def test_what_another_process_adds_meanwhile_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Remote._listed

    def list_too_early(self: Remote, path: Path) -> dict[Path, remote.Info]:
        found = listed(self, path)
        write_text("one", here / "file")
        return found

    monkeypatch.setattr(Remote, "_listed", list_too_early)
    refresh([here])
    assert (here / "file").exists()


class TestWholeOrAbsent:
    def test_nothing_is_stored_of_what_fails(self, url: str, here: Path) -> None:
        with pytest.raises(RuntimeError), atomic_write(here / "file") as part:
            part.write_text("half")
            raise RuntimeError
        assert objects(url) == {}

    def test_the_copy_lacks_what_could_not_be_stored(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise OSError("no route")

        found = remote_of(here)
        assert found is not None
        monkeypatch.setattr(found.store, "put_file", fail)
        with pytest.raises(DataError, match=r"s3://.*/shop/file cannot be written: no route\. Check the URL"):
            write_text("one", here / "file")
        assert list(here.iterdir()) == []

    def test_a_new_file_has_no_old_stamp(self, url: str, here: Path, there: Path) -> None:
        write_text("one", here / "file")
        write_stamp(here / "file", "made from")
        refresh([there])
        assert is_current(there / "file", "made from")
        write_text("two", here / "file")
        assert set(objects(url)) == {"file"}
        refresh([there])
        assert not is_current(there / "file", "made from")

    def test_a_damaged_object_is_not_current(self, url: str, here: Path, there: Path) -> None:
        write_text("one", here / "file")
        write_stamp(here / "file", "made from")
        store().pipe_file(f"{url}/file", b"on")
        refresh([there])
        assert not is_current(there / "file", "made from")


def test_an_object_cannot_leave_the_copy(url: str, here: Path) -> None:
    store().pipe_file(f"{url}/../../escaped", b"x")
    store().pipe_file(f"{url}/file", b"x")
    refresh([here])
    assert sorted(path.name for path in here.parents[2].rglob("*") if path.is_file()) == ["file", "file.version"]


def test_lists_of_made_files_are_joined(here: Path, there: Path) -> None:
    """Each machine notes what it writes; `clean` knows all of it."""
    with locked(here / "output"):
        write_text("one", here / "output" / "one")
    with locked(there / "output"):
        write_text("two", there / "output" / "two")
        refresh_copy(there)  # by another command
        assert [path.name for path in made_files(there / "output")] == ["one", "two"]
    refresh_copy(here)
    assert (here / "output" / LIST).read_text() == "one\ntwo\n"


def test_the_lock_of_a_machine_stays_there(url: str, here: Path) -> None:
    """Or a process that waits for it would wait for another file."""
    store().pipe_file(f"{url}/output/{LOCK}", b"process 7")
    refresh([here])
    assert not (here / "output" / LOCK).exists()


class TestPlaces:
    def test_a_path_is_itself(self, tmp_path: Path) -> None:
        assert not is_url(tmp_path)
        assert copy_of(str(tmp_path)) == tmp_path
        assert remote_of(tmp_path) is None

    def test_a_shop_file(self, url: str, tmp_path: Path) -> None:
        store().pipe_file(f"{url}/shop.toml", b"[orders]")
        store().pipe_file(f"{url}/orders.csv", b"x")
        with machine(tmp_path):
            file = copy_of(f"{url}/shop.toml")
        assert (file.name, file.parent.name) == ("shop.toml", "shop")
        assert (file.parent / "orders.csv").read_text() == "x"

    def test_its_url(self, url: str, here: Path) -> None:
        found = remote_of(here / "tables")
        assert found is not None
        assert (found.url_of(here), found.url_of(here / "tables")) == (url, f"{url}/tables")

    @pytest.mark.parametrize("place", ["s3://tests:{}@bucket/shop", "s3://bucket/shop?secret={}"])
    def test_credentials_in_it(self, place: str) -> None:
        with pytest.raises(DataError, match="has no user, password or query") as raised:
            attach(place.format(SECRET))
        assert SECRET not in str(raised.value)

    @pytest.mark.parametrize("place", ["s3://", "file:///tmp/shop"])
    def test_no_bucket(self, place: str) -> None:
        with pytest.raises(DataError, match="name a bucket and a folder"):
            attach(place)

    def test_an_unknown_store(self, tmp_path: Path) -> None:
        with machine(tmp_path), pytest.raises(DataError, match=r"^nonsense://bucket: .*nonsense"):
            refresh([attach("nonsense://bucket")])


def test_a_bucket_that_is_not_there(tmp_path: Path) -> None:
    with new_bucket() as bucket, machine(tmp_path):
        folder = attach(f"{bucket}-else/shop")
        refresh([folder])
        with pytest.raises(DataError, match=r"cannot be written: The specified bucket does not exist") as raised:
            write_text("one", folder / "file")
    assert SECRET not in str(raised.value)
    assert os.environ.get("AWS_SECRET_ACCESS_KEY") != SECRET
