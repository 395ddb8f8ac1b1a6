"""One client at a time on an output folder in a store: an object there names who has it, and shows that it lives.

The holder writes the object anew every few seconds. Whoever finds it looks on for a while: where it changes, the
folder is in use; where it does not, its holder is dead, and the folder is taken over.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forsys.errors import DataError
from forsys.progress import say
from forsys.remote import LEASE, Remote

BEAT = 10.0  # seconds between two signs of life
DEAD = 3 * BEAT  # so long without one


@contextmanager
def leased(remote: Remote, folder: Path, holder: str) -> Iterator[None]:
    """Keep clients on other machines out of `folder` while the block runs; this one holds its local lock.

    Raises DataError where another client has it, now or when something is written later.
    """
    lease = _Lease(remote, folder, holder)
    lease.take()
    ended = threading.Event()
    keeper = threading.Thread(target=lease.keep, args=(ended,), daemon=True)
    keeper.start()
    remote.may_write.append(lease.check)
    try:
        yield
    finally:
        remote.may_write.remove(lease.check)
        ended.set()
        keeper.join()
        lease.give_back()


@dataclass
class _Lease:
    remote: Remote
    folder: Path
    holder: str
    beats: int = 0
    kept: float = 0.0  # when it was last seen to be ours
    once: threading.Lock = field(default_factory=threading.Lock)

    @property
    def key(self) -> str:
        return self.remote.key(self.folder / LEASE)

    def take(self) -> None:
        """Write the object where there is none, or where it is this copy's or that of a dead client."""
        with self.remote.faults(self.folder, "locked"):
            seen, since = None, time.monotonic()
            while not self._created():
                found = self._read()
                if found is None:  # given back
                    continue
                if seen is None and not self._is_of_this_copy(found):
                    say(f"{self._url} is marked as in use by {found['holder']}. Waiting for a sign of life.")
                    seen, since = found, time.monotonic()
                elif seen not in (None, found):
                    raise self._in_use(found)
                elif seen is None or time.monotonic() - since > DEAD:  # left by a process that was killed
                    self.remote.store.rm_file(self.key)
                time.sleep(BEAT / 10)  # of two who delete it, the later does before the first has written its own
        self.kept = time.time()

    def keep(self, ended: threading.Event) -> None:
        """Show that this process lives, until `ended`."""
        while not ended.wait(BEAT):
            with suppress(Exception), self.once:  # a store that is away for a moment; `check` sees it if it lasts
                self._renew()

    def check(self) -> None:
        """Raises DataError where another client may have taken over, since this process was paused.

        And where the store does not answer.
        """
        if time.time() - self.kept < DEAD - BEAT:
            return
        with self.once, self.remote.faults(self.folder, "locked"):
            if not self._renew():
                raise self._in_use(self._read() or {"holder": "another client"})

    def give_back(self) -> None:
        """Delete the object, unless it is another's."""
        with suppress(Exception):  # a store that is away: others see that nobody keeps it
            if self._is_ours():
                self.remote.store.rm_file(self.key)

    def _renew(self) -> bool:
        if not self._is_ours():
            return False
        self.beats += 1
        self.remote.store.pipe_file(self.key, self._content())
        self.kept = time.time()
        return True

    def _created(self) -> bool:
        try:
            self.remote.store.pipe_file(self.key, self._content(), mode="create")
        except FileExistsError:
            return False
        return True

    def _is_ours(self) -> bool:
        found = self._read()
        return found is not None and self._is_of_this_copy(found)

    def _is_of_this_copy(self, found: dict[str, Any]) -> bool:
        """Whether it is this process's, or that of an earlier one, which has given up its local lock."""
        return bool(found["copy"] == self.remote.id)

    def _read(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self.remote.store.cat_file(self.key))
        except FileNotFoundError:
            return None
        return found

    def _content(self) -> bytes:
        return json.dumps({"copy": self.remote.id, "holder": self.holder, "beats": self.beats}).encode()

    @property
    def _url(self) -> str:
        return self.remote.url_of(self.folder)

    def _in_use(self, found: dict[str, Any]) -> DataError:
        return DataError(f"{self._url} is in use by {found['holder']}. Wait until it has finished, or stop it.")
