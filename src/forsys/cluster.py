"""Tasks on a Dask cluster: one that is there, or one of this machine's cores.

Queues, retries and transport are Dask's. Workers write into the same folders as this process: by the same paths, or
at the same URL, of which every machine has a copy.
"""

import ctypes
import gc
import io
import os
import pickle
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from forsys.engine import Task, engine
from forsys.errors import DataError
from forsys.fingerprints import PACKAGE, fingerprint
from forsys.interrupts import interrupt_later
from forsys.made_files import LOCK, note_file, root_of
from forsys.optional_parts import require_part
from forsys.progress import quiet, say
from forsys.remote import attach, refresh, remote_of
from forsys.store import stamp_path
from forsys.versions import package_version

if TYPE_CHECKING:
    from distributed import Client, Future

GOES_ON = "What is finished stays: the same command goes on from there."
SAME_FOLDER = "All machines need the same folder under the same path, such as a network drive."
# Results hang on them.
LIBRARIES = ("implicit", "lightgbm", "numpy", "polars", "scikit-learn", "scipy", "tensorflow")
CONNECT_SECONDS, NO_WORKER_SECONDS = 10, 120
HOW_TO_NAME = (
    "Start one with `dask scheduler`, and name the address that it prints, such as tcp://192.168.0.7:8786."
)
Versions = Mapping[str, str]


@contextmanager
def on_cluster(scheduler: str) -> Iterator[None]:
    """Run tasks on the cluster whose scheduler has this address, while the block runs.

    It is connected to when there is something to do. Raises DataError where Dask is not installed; then also where
    the scheduler does not answer or is lost, and for workers that cannot do the tasks.
    """
    require_part("cluster", "a Dask cluster")
    cluster = Cluster(scheduler)
    try:
        with engine(cluster.do):
            yield
    finally:
        cluster.close()


@contextmanager
def local_cluster() -> Iterator[str]:
    """A cluster on this machine, while the block runs: its address. It has a worker process per core.

    Raises DataError where Dask is not installed.
    """
    require_part("cluster", "a Dask cluster")
    import dask
    from distributed import LocalCluster

    # Dask does not start a worker again that dies while it starts.
    giving_up = dask.config.set({"distributed.scheduler.no-workers-timeout": NO_WORKER_SECONDS})
    # Workers never get Ctrl-C, nor do those that are started again later, by threads that are started here.
    with giving_up, interrupt_later():
        cluster = LocalCluster(threads_per_worker=1, dashboard_address="127.0.0.1:0")
    with cluster:
        say(f"Dask: {len(cluster.workers)} workers on this machine, dashboard {cluster.dashboard_link}")
        yield cluster.scheduler_address


class Cluster:
    """The cluster whose scheduler has an address; `do` is an engine.Engine."""

    def __init__(self, scheduler: str) -> None:
        self.scheduler = scheduler

    def do(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Do tasks on the workers, each after those among them that it needs; gives them back as they finish."""
        from distributed import as_completed

        task_of = dict(zip(self._submit(tasks), tasks, strict=True))
        try:
            for future in as_completed(list(task_of), loop=self.client.loop):
                self._check(task_of[future], future)
                yield task_of[future]
        finally:
            if self.client.status == "running":
                self.client.cancel([future for future in task_of if not future.done()])

    @cached_property
    def client(self) -> "Client":
        """The connection, made now. Raises DataError where nobody answers."""
        from distributed import Client

        _refuse_odd_address(self.scheduler)
        try:
            client = Client(self.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DataError(f"No Dask scheduler answers at {self.scheduler}. {HOW_TO_NAME}") from error
        except (RuntimeError, TypeError) as error:  # TLS without certificates
            raise DataError(
                f"{self.scheduler}: {error}. Dask's own settings name the certificates: "
                "https://distributed.dask.org/en/stable/tls.html"
            ) from error
        if not client.nthreads():
            say(f"Waiting for workers: none has come to {self.scheduler} yet. Start one with `dask worker`.")
        return client

    def close(self) -> None:
        """End the connection, where there is one."""
        if "client" in vars(self):
            self.client.close()

    def _submit(self, tasks: Sequence[Task]) -> "list[Future[None]]":
        futures: dict[Task, Future[None]] = {}
        for task in tasks:
            needs = [futures[need] for need in task.needs if need in futures]
            key = f"{task.function.__name__.lstrip('_')}-{uuid4().hex}"  # the dashboard groups by the name
            futures[task] = self.client.submit(_do, _sent(task), versions(), needs, key=key, pure=False)
        return list(futures.values())

    def _check(self, task: Task, future: "Future[None]") -> None:
        """Raises what the task has raised, and DataError where it was not done though it seems so."""
        from distributed import CancelledError, KilledWorker
        from distributed.scheduler import NoWorkerError

        _fetch(task)
        if task.is_done():  # do not ask further: an answer that was lost with its worker would be made again
            return
        try:
            future.result()
        except KilledWorker as error:
            raise DataError(
                f"{task.files[0]} was not made: {error.allowed_failures + 1} workers died over it, most likely "
                "since their memory was used up. Give them more, or make the units of work smaller, such as "
                f"--set shard_size=5000. {GOES_ON}"
            ) from error
        except NoWorkerError as error:
            raise DataError(f"No worker is left, nor comes back. {GOES_ON}") from error
        except CancelledError as error:
            raise DataError(
                f"The Dask scheduler at {self.scheduler} is lost. Start it again, with its workers. {GOES_ON}"
            ) from error
        if not task.is_done():
            raise DataError(f"A worker has made {task.files[0]}, but it is not here. {SAME_FOLDER}")


def _refuse_odd_address(address: str) -> None:
    """DataError for what is no scheduler's address, which Dask would try for a long time."""
    from distributed.comm.registry import backends

    scheme, _, place = address.partition("://")
    has_port = re.fullmatch(r".+:\d+", place) or scheme == "inproc"  # a cluster within this process has none
    if scheme not in backends or not has_port:
        known = ", ".join(sorted(f"{each}://" for each in backends if each != "inproc"))
        raise DataError(f"{address!r} is no address of a Dask scheduler ({known}). {HOW_TO_NAME}")


def _do(sent: bytes, here: Versions, needs: list[None]) -> None:  # noqa: ARG001 - Dask waits for what it needs
    """Do a task, on a worker."""
    os.umask(0o077)  # what is made of customers' purchases is for the user alone
    task = _received(sent)
    _check_this_worker(task, here)
    _never_pause()
    refresh(path for file in (*task.reads, *task.files) for path in (file, stamp_path(file)))
    with quiet():
        task.do()
    _release_memory()


def _release_memory() -> None:
    """Give freed memory back to the system, by whose count Dask restarts a worker. With glibc alone."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _fetch(task: Task) -> None:
    """Bring what a worker has made for a URL here, and note that it was made."""
    made = [path for file in task.files if remote_of(file) for path in (file, stamp_path(file))]
    for path in made:
        note_file(path)
    refresh(made)


class _Pickler(pickle.Pickler):
    """Of a path in the copy of a folder at a URL it keeps the URL: other machines have their copies elsewhere."""

    def persistent_id(self, value: Any) -> tuple[str, str, str] | None:
        remote = remote_of(value) if isinstance(value, Path) else None
        if remote is None:
            return None
        root = root_of(value / LOCK)
        output = root if root and root.is_relative_to(remote.folder) else remote.folder
        return remote.url, value.relative_to(output).as_posix(), output.relative_to(remote.folder).as_posix()


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, kept: tuple[str, str, str]) -> Path:
        url, relative, output = kept
        folder = attach(url) / output
        if output != ".":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / LOCK).touch()  # as on the machine that sent it
        return folder / relative


def _sent(task: Task) -> bytes:
    file = io.BytesIO()
    _Pickler(file).dump(task)
    return file.getvalue()


def _received(sent: bytes) -> Task:
    task: Task = _Unpickler(io.BytesIO(sent)).load()
    return task


def _check_this_worker(task: Task, wanted: Versions) -> None:
    """Raises DataError where this worker cannot do the task, or would give other results."""
    from distributed import get_worker

    worker, found = get_worker(), versions()
    name = f"The worker {worker.address}"
    if worker.state.nthreads > 1:  # a process keeps one fitted source in memory, for one task at a time
        raise DataError(f"{name} has {worker.state.nthreads} threads. Start it with --nthreads 1.")
    if found != wanted:
        other = next(each for each in found if found[each] != wanted[each])
        raise DataError(
            f"{name} has {other} {found[other]}, and here it is {wanted[other]}. Install the same on all machines."
        )
    if root_of(task.files[0]) is None:
        raise DataError(f"{name} does not see {task.files[0].parent}. {SAME_FOLDER}")


def _never_pause() -> None:
    """Let this worker take tasks however much memory it has.

    Dask lets it wait until the memory is less. Here no results lie in it that could go, so it would wait for ever,
    and the client with it. A worker that takes too much is still ended, and its task done again.
    """
    from distributed import get_worker

    manager = get_worker().memory_manager
    if manager is not None:
        manager.memory_pause_fraction = False


@cache
def versions() -> dict[str, str]:
    """Of what results depend on: this package's code, Python, libraries, see `package_version`."""
    root = Path(__file__).parent
    code = [[str(file.relative_to(root)), file.read_text(encoding="utf-8")] for file in sorted(root.rglob("*.py"))]
    return {f"the code of {PACKAGE}": fingerprint(code), "Python": platform.python_version()} | {
        library: package_version(library) for library in LIBRARIES
    }
