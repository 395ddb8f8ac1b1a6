"""Folders at a URL, such as s3://bucket/shop: the store there is the truth, and this machine keeps a copy.

Everything works on the copy. It is brought up to date when a command or a task begins, and each file is uploaded
before it takes its name in the copy, so the copy never holds what the store lacks. Object stores have no rename,
but an object appears whole or not at all. Credentials come from the store's own means (environment, files, the
machine's role), never from the URL.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forsys.errors import DataError
from forsys.optional_parts import require_part

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

CACHE_VARIABLE = "FORSYS_CACHE"  # the folder for copies; by default ~/.cache/forsys
LEASE = ".leased-by"  # the object that says who uses an output folder
NEVER_COPIED = ("", LEASE, ".lock")  # the last is of one machine; it comes with a folder that is put there
AT_ONCE = 16  # requests
# What tells two contents of one name apart, and when an object was written, as the stores call it.
VERSIONS = ("ETag", "etag", "generation", "created", "mtime")
TIMES = ("LastModified", "last_modified", "updated", "created", "mtime")
Info = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Remote:
    """A folder at `url`, and its copy in `folder`.

    may_write: called before each change of the store; they raise where this process has lost its lease.
    """

    url: str
    folder: Path
    versions: Path  # beside the copy: of which version each of its files is, by the same names
    may_write: list[Callable[[], None]] = field(default_factory=list)

    @cached_property
    def store(self) -> "AbstractFileSystem":
        """The store itself. Raises DataError where its library is not installed."""
        try:
            import fsspec

            return fsspec.url_to_fs(self.url, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            raise DataError(f"{self.url}: {error}") from error

    @cached_property
    def id(self) -> str:
        """Of this copy, which no other has."""
        file = self.versions.parent / "id"
        with suppress(FileExistsError), file.open("x", encoding="utf-8") as new:
            new.write(token_hex(8))
        return file.read_text(encoding="utf-8")

    def key(self, path: Path) -> str:
        """The object of a file of the copy, as the store names it."""
        return str(self.store._strip_protocol(self.url_of(path)))

    def url_of(self, path: Path) -> str:
        """Where a file or folder of the copy lies."""
        relative = path.relative_to(self.folder).as_posix()
        return self.url if relative == "." else f"{self.url}/{relative}"

    def refresh(self, path: Path) -> None:
        """Make the copy of a file, or of all that is below a folder, what is in the store."""
        begun = time.time()
        there = self._listed(path)
        stale = [file for file, info in there.items() if not self._is_copied(file, info)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._download, stale, [there[file] for file in stale]))
        for file in self._copied(path, begun):
            if file not in there:
                self._forget(file)

    def upload(self, file: Path, path: Path) -> None:
        """Store `file`, which is about to be renamed to `path`, or is there already."""
        for check in self.may_write:
            check()
        with self.faults(path, "written"):
            self.store.put_file(str(file), self.key(path))
            info = self.store.info(self.key(path))
        self._note(path, info, file)

    def delete(self, path: Path) -> None:
        """Delete a file there and here; nothing happens where there is none."""
        if path.exists() or self._version_file(path).exists():
            for check in self.may_write:
                check()
            with self.faults(path, "deleted"):
                self._if_there(self.store.rm_file, self.key(path))
            self._forget(path)

    def _listed(self, path: Path) -> dict[Path, Info]:
        """The objects at a path and below it, by their files in the copy."""
        with self.faults(path, "read"):
            key, top = self.key(path), self.key(self.folder)
            parent, _, name = key.rpartition("/") if path != self.folder else (key, "", "")
            found = self._if_there(lambda: self.store.find(parent, prefix=name, detail=True)) or {}  # one request
        names = {name: info for name, info in found.items() if name == key or name.startswith(f"{key}/")}
        inner = {PurePosixPath(name.removeprefix(top).lstrip("/")): info for name, info in names.items()}
        return {
            self.folder / name: info
            for name, info in inner.items()
            if name.name not in NEVER_COPIED and ".." not in name.parts and not info["name"].endswith("/")
        }

    def _download(self, path: Path, info: Info) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{token_hex(4)}.part")
        try:
            with self.faults(path, "read"):
                self._if_there(self.store.get_file, self.key(path), str(part))
            if part.exists():  # nobody has deleted the object since it was listed
                self._note(path, info, part)
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _note(self, path: Path, info: Info, file: Path) -> None:
        """Note of which version a file is that is about to be renamed to `path`. It gets the object's time."""
        seconds = _written_at(info)
        os.utime(file, (seconds, seconds))
        version, part = self._version_file(path), self._version_file(path, f".{token_hex(4)}.part")
        version.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(f"{_version(info)} {_state(file)}", encoding="utf-8")
        part.replace(version)

    def _is_copied(self, path: Path, info: Info) -> bool:
        try:
            return self._version_file(path).read_text(encoding="utf-8") == f"{_version(info)} {_state(path)}"
        except OSError:
            return False

    def _copied(self, path: Path, until: float) -> Iterator[Path]:
        """The files at a path and below it that were uploaded or downloaded, by any process, before `until`."""
        below = self.versions / path.relative_to(self.folder)
        for file in (self._version_file(path), *below.rglob("*.version")):
            if file.exists() and file.stat().st_mtime < until:
                relative = file.relative_to(self.versions)
                yield self.folder / relative.with_name(relative.name.removesuffix(".version"))

    def _forget(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._version_file(path).unlink(missing_ok=True)

    def _version_file(self, path: Path, ending: str = "") -> Path:
        inner = self.versions / path.relative_to(self.folder)
        return inner.with_name(f"{inner.name}.version{ending}")

    @staticmethod
    def _if_there(ask: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return ask(*arguments)
        except FileNotFoundError:
            return None

    @contextmanager
    def faults(self, path: Path, what: str) -> Iterator[None]:
        """Say in one line what the store answers: its libraries raise errors of many kinds."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise DataError(
                f"{self.url_of(path)} cannot be {what}: {reason}. Check the URL, the network and the store's "
                "credentials (docs/cluster.md). What is finished stays: the same command goes on from there."
            ) from error


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL of a store, not a path."""
    return "://" in str(place)


def attach(url: str) -> Path:
    """The copy of the folder at a URL, an empty one where there is none yet; asks nothing of the store.

    Raises DataError for a URL that cannot be used.
    """
    url = url.rstrip("/")
    _check_url(url)
    root = cache_folder() / hashlib.sha256(url.encode()).hexdigest()[:16]
    folder = root / "copy" / PurePosixPath(urlsplit(url).path or urlsplit(url).netloc).name
    if folder not in _attached:
        folder.mkdir(parents=True, exist_ok=True)
        _attached[folder] = Remote(url, folder, root / "versions")
    return folder


def cache_folder() -> Path:
    """Where this machine keeps its copies."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forsys"
    return Path(os.environ.get(CACHE_VARIABLE) or default).resolve()


def copy_of(place: str | Path) -> Path:
    """The path of a folder or shop file (.toml); of one at a URL, that of its copy, which is brought up to date."""
    if not is_url(place):
        return Path(place)
    url, _, name = str(place).rpartition("/")
    path = attach(url) / name if name.endswith(".toml") else attach(str(place))
    refresh([path.parent if name.endswith(".toml") else path])
    return path


def remote_of(path: Path) -> Remote | None:
    """The folder at a URL that a path is the copy of, or lies in; None for other paths."""
    return next((remote for folder, remote in _attached.items() if path.is_relative_to(folder)), None)


def refresh(paths: Iterable[Path]) -> None:
    """Bring the copies of files and folders up to date; other paths stay as they are."""
    remotes = {path: remote for path in paths if (remote := remote_of(path))}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda path: remotes[path].refresh(path), remotes))


def upload(file: Path, path: Path) -> None:
    """Store `file`, which is about to be renamed to `path` or is there already, where that is in a copy."""
    if remote := remote_of(path):
        remote.upload(file, path)


def delete(path: Path) -> None:
    """Delete a file, in the store too where it is in a copy; nothing happens where there is none."""
    if remote := remote_of(path):
        remote.delete(path)
    else:
        path.unlink(missing_ok=True)


def _check_url(url: str) -> None:
    """Raises DataError for a URL without a folder, and for one with credentials, which would be seen in logs."""
    parts = urlsplit(url)
    if parts.username is not None or parts.query:
        raise DataError(
            f"{parts.scheme}://…: a URL here has no user, password or query, since it is shown in logs. Give "
            "credentials by the store's own means, such as AWS_PROFILE (docs/cluster.md)."
        )
    if not parts.netloc or parts.scheme in ("file", "local"):
        raise DataError(f"{url}: name a bucket and a folder, such as s3://bucket/shop; a folder here by its path.")
    if parts.scheme == "s3":
        require_part("store", "a folder at a URL")


def _version(info: Info) -> str:
    known = next((str(info[name]).strip('"') for name in VERSIONS if info.get(name)), "")
    return f"{known} {info['size']}"


def _written_at(info: Info) -> int:
    """When an object was written, in whole seconds since 1970: stores tell fractions only sometimes."""
    value = next((info[name] for name in TIMES if info.get(name)), 0)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return int(value.timestamp() if isinstance(value, datetime) else value)


def _state(file: Path) -> str:
    """What changes with the content of a file in a copy, though not when it is renamed."""
    status = file.stat()
    return f"{status.st_ino} {status.st_size}"


_attached: dict[Path, Remote] = {}
