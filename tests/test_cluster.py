"""The pipeline on a Dask cluster: the same bytes, whatever happens to its workers and its scheduler."""

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed: pip install '.[cluster]'")

import dask
from distributed import Client, LocalCluster

from forsys import cluster
from forsys.cli import main
from forsys.cluster import local_cluster, on_cluster
from forsys.engine import Task, run_tasks
from forsys.errors import DataError
from forsys.made_files import LOCK
from forsys.progress import peak_memory_gib
from forsys.remote import LEASE
from object_store import machine, new_bucket, objects, store
from world import FEW, PROJECT, environment, flags, parts_left

STAGES = ("tables", "content", "tune", "retrieve", "rank", "submit")
ON_WORKERS = (
    "folds/*/*/model.npz",
    "folds/*/*/part-*.parquet",
    "rankers/*/*.json",
    "rankers/*/*.txt",
    "ranked/*/part-*.parquet",
)
KILLER = PROJECT / "tests" / "killed.py"
SEED = 23
SUBMISSION = "submissions/submission.csv"
Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def undisturbed(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a run in one process."""
    home = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        run_stages(home, shop, patch)
    return home


def a_cluster(workers: int, threads: int = 1, **options: object) -> LocalCluster:
    ports = {"dashboard_address": "127.0.0.1:0"}  # any free one
    return LocalCluster(n_workers=workers, threads_per_worker=threads, silence_logs=50, **ports, **options)


def start_process(name: str, folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    """`dask scheduler` or `dask worker`, as by hand."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", "--no-dashboard", *options]
    command += ["--scheduler-file", str(folder / "scheduler.json")]
    path = os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "tests")])
    env = environment(PYTHONPATH=path, FORSYS_CACHE=str(folder / "copies"))  # its own, as on another machine
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)


@contextmanager
def processes(folder: Path, workers: int, *options: str) -> Iterator[str]:
    """A scheduler and workers as by hand, each worker started again when it dies: the address."""
    ended = threading.Event()

    def keep_running() -> None:
        while not ended.wait(0.2):
            for i, worker in enumerate(running):
                if worker.poll() is not None:
                    running[i] = start_process("worker", folder, *worker_options)

    worker_options = ("--nthreads", "1", "--no-nanny", *options)
    scheduler = start_process("scheduler", folder, "--port", "0", "--host", "127.0.0.1")
    running = [start_process("worker", folder, *worker_options) for _ in range(workers)]
    keeper = threading.Thread(target=keep_running)
    keeper.start()
    try:
        yield address_of(folder)
    finally:
        ended.set()
        keeper.join()
        for process in (*running, scheduler):
            process.kill()
            process.wait()


def address_of(folder: Path) -> str:
    """Where the scheduler answers that was started in a folder."""
    while not (folder / "scheduler.json").exists():
        time.sleep(0.1)
    with Client(scheduler_file=str(folder / "scheduler.json"), set_as_default=False) as client:
        address: str = client.scheduler.address
    return address


def run_stages(home: Path | str, shop: Path, patch: pytest.MonkeyPatch, *options: str) -> None:
    patch.setenv("FORSYS_HOME", str(home))
    for stage in STAGES:
        assert main([stage, *flags(shop, **FEW), *options]) == 0


def copy_described(undisturbed: Path, home: Path) -> None:
    """Give a home the finished stages that do not run on workers."""
    for folder in ("tables", "content", "stamps"):
        shutil.copytree(undisturbed / "output" / "tiny" / folder, home / "output" / "tiny" / folder)


def kill_at(files: list[str], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let a worker be killed at each of these files, by turns while it writes it and before it has stamped it."""
    killed_at = [f"{('before', 'after')[i % 2]} {file}\n" for i, file in enumerate(files)]
    (folder / "kills").write_text("".join(killed_at), encoding="utf-8")
    patch.setenv("KILLS", str(folder / "kills"))
    patch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "20")


def check_kills(folder: Path, kills: int, expected: dict[str, bytes]) -> None:
    """That all happened, and that no task was done twice."""
    assert sorted(path.name for path in folder.glob("killed-*")) == [f"killed-{i}" for i in range(kills)]
    stamped = Counter((folder / "stamped").read_text(encoding="utf-8").splitlines())
    assert len(stamped) == len(expected)
    assert set(stamped.values()) == {1}


def made_on_workers(home: Path) -> dict[str, bytes]:
    out = home / "output" / "tiny"
    files = sorted(file for pattern in ON_WORKERS for file in out.glob(pattern))
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.long)])
def test_workers_that_are_killed(
    kills: int, shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Each while it writes a file, or before it has stamped it. What was finished is not done again."""
    expected = made_on_workers(undisturbed)
    kill_at(random.Random(SEED).sample(sorted(expected), kills), tmp_path, monkeypatch)
    home = tmp_path / "home"
    copy_described(undisturbed, home)
    with processes(tmp_path, 2, "--preload", str(KILLER)) as address:
        run_stages(home, shop, monkeypatch, "--scheduler", address)
    assert "content    up to date" in capsys.readouterr().out
    check_kills(tmp_path, kills, expected)
    assert made_on_workers(home) == expected
    assert (home / SUBMISSION).read_bytes() == (undisturbed / SUBMISSION).read_bytes()
    assert parts_left(home) == []


def test_workers_that_share_nothing_but_a_bucket(
    shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Client and workers have copies of their own of what lies in an object store; there, a run goes on."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install '.[store]'")
    started, everything = tmp_path / "started", made_on_workers(undisturbed)
    shutil.copytree(undisturbed / "output", started / "output")
    for made in ("folds/*/item_knn-*", "folds/*/als-*/part-*", "rankers", "ranked", "stamps/[r-s]*.json"):
        for path in (started / "output" / "tiny").glob(made):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    expected = {name: content for name, content in everything.items() if name not in made_on_workers(started)}
    kill_at(random.Random(SEED).sample(sorted(expected), 2), tmp_path, monkeypatch)
    with new_bucket() as url, machine(tmp_path / "here"):
        store().put(f"{started}/", f"{url}/home/", recursive=True)
        with processes(tmp_path, 2, "--preload", str(KILLER)) as address:
            run_stages(f"{url}/home", shop, monkeypatch, "--scheduler", address)
        names = store().find(f"{url}/home")
        stored = objects(f"{url}/home", [*(f"output/tiny/{name}" for name in everything), SUBMISSION])
    assert "content    up to date" in capsys.readouterr().out
    check_kills(tmp_path, 2, expected)
    assert {name: stored[f"output/tiny/{name}"] for name in everything} == everything
    assert stored[SUBMISSION] == (undisturbed / SUBMISSION).read_bytes()
    assert not [name for name in names if name.endswith((".part", LEASE))]


def write(text: str, file: Path) -> None:
    file.write_text(text)


def copy(file: Path, to: Path) -> None:
    shutil.copyfile(file, to)


def fail() -> None:
    raise DataError("this can be mended")


def wait(file: Path) -> None:
    file.touch()
    time.sleep(60)


def do_nothing() -> None: ...


def written(file: Path) -> Task:
    return Task(write, ("x", file), (file,), "made from")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder."""
    (tmp_path / LOCK).touch()
    return tmp_path


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Of a cluster whose one worker is a thread of this process."""
    with a_cluster(1, processes=False) as started:
        yield started.scheduler_address


class TestTasks:
    def test_each_after_those_it_needs(self, folder: Path, scheduler: str) -> None:
        first = written(folder / "first")
        second = Task(copy, (folder / "first", folder / "second"), (folder / "second",), "made from", (first,))
        with on_cluster(scheduler):
            run_tasks([first, second], "test")
            run_tasks([], "test")
        assert first.is_done()
        assert second.is_done()

    def test_a_fault_is_raised_here(self, folder: Path, scheduler: str) -> None:
        failing = Task(fail, (), (folder / "none",), "made from")
        waiting = Task(copy, (folder / "none", folder / "last"), (folder / "last",), "made from", (failing,))
        with on_cluster(scheduler), pytest.raises(DataError, match="this can be mended"):
            run_tasks([failing, waiting], "test")

    def test_another_folder_of_that_name(self, folder: Path, scheduler: str) -> None:
        elsewhere = Task(do_nothing, (), (folder / "none",), "made from")
        with (
            on_cluster(scheduler),
            pytest.raises(DataError, match=r"made .*none, but it is not here\. All machines"),
        ):
            run_tasks([elsewhere], "test")

    def test_a_folder_that_is_not_there(
        self, folder: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster, "root_of", lambda _: None)
        with on_cluster(scheduler), pytest.raises(DataError, match=r"does not see .*\. All machines need the same"):
            run_tasks([written(folder / "file")], "test")

    def test_another_version(self, folder: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = iter([{"Python": "3.12.1"}, {"Python": "3.13.0"}])
        monkeypatch.setattr(cluster, "versions", lambda: next(answers))
        with on_cluster(scheduler), pytest.raises(DataError, match=r"has Python 3\.13\.0, and here it is 3\.12\.1"):
            run_tasks([written(folder / "file")], "test")

    def test_several_threads(self, folder: Path) -> None:
        with (
            a_cluster(1, threads=2, processes=False) as started,
            on_cluster(started.scheduler_address),
            pytest.raises(DataError, match=r"has 2 threads\. Start it with --nthreads 1"),
        ):
            run_tasks([written(folder / "file")], "test")


@pytest.mark.parametrize("address", ["here", "http://127.0.0.1:9", "tcp://127.0.0.1", "127.0.0.1:8786", "tcp://"])
def test_what_is_no_address(address: str, folder: Path) -> None:
    with on_cluster(address), pytest.raises(DataError, match="is no address of a Dask scheduler") as raised:
        run_tasks([written(folder / "file")], "test")
    assert "\n" not in str(raised.value)


def test_tls_without_certificates(folder: Path) -> None:
    with (
        on_cluster("tls://127.0.0.1:9"),
        pytest.raises(DataError, match="Dask's own settings name the certificates"),
    ):
        run_tasks([written(folder / "file")], "test")


def test_nobody_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with on_cluster("tcp://127.0.0.1:9"), pytest.raises(DataError, match="No Dask scheduler answers at tcp://127"):
        run_tasks([written(folder / "file")], "test")


def test_no_worker_comes(folder: Path, capsys: Output) -> None:
    with (
        dask.config.set({"distributed.scheduler.no-workers-timeout": "100ms"}),
        a_cluster(0, processes=False) as started,
        on_cluster(started.scheduler_address),
        pytest.raises(DataError, match="No worker is left, nor comes back"),
    ):
        run_tasks([written(folder / "file")], "test")
    assert "Waiting for workers: none has come to" in capsys.readouterr().out


def test_a_cluster_of_this_machine(folder: Path, capsys: Output) -> None:
    with local_cluster() as address, on_cluster(address):
        run_tasks([written(folder / "file")], "test")
    assert (folder / "file").read_text() == "x"
    assert "workers on this machine, dashboard http://127.0.0.1:" in capsys.readouterr().out


BALLAST: list[bytearray] = []


def fill(file: Path, size: int) -> None:
    """Keep so many bytes in this worker's memory, until its monitor has seen them."""
    BALLAST.append(bytearray(b"x") * size)
    time.sleep(0.3)
    file.write_text("full")


def test_a_worker_whose_memory_stays_full_goes_on(folder: Path) -> None:
    """Dask would pause it for ever: what fills it are no results of tasks."""
    limit = int(2 * peak_memory_gib() * 2**30)
    memory = {"pause": 0.7, "monitor-interval": "10ms", "target": False, "spill": False, "terminate": False}
    first, second = folder / "first", folder / "second"
    try:
        with (
            dask.config.set({f"distributed.worker.memory.{key}": value for key, value in memory.items()}),
            a_cluster(1, processes=False, memory_limit=limit) as started,
            on_cluster(started.scheduler_address),
        ):
            run_tasks([Task(fill, (first, limit // 2), (first,), "made from")], "test")
            run_tasks([Task(fill, (second, 1), (second,), "made from")], "test")
    finally:
        BALLAST.clear()
    assert second.read_text() == "full"


def kill_once(begun: Path, process: "subprocess.Popen[bytes]") -> None:
    while not begun.exists():
        time.sleep(0.1)
    process.kill()


def test_a_scheduler_that_is_lost(folder: Path) -> None:
    """The message says what to do; started again, the same command goes on."""
    done, unfinished = written(folder / "done"), Task(wait, (folder / "begun",), (folder / "begun",), "made from")
    scheduler = start_process("scheduler", folder, "--port", "0", "--host", "127.0.0.1")
    worker = start_process("worker", folder, "--nthreads", "1", "--no-nanny")
    try:
        address = address_of(folder)
        with on_cluster(address):
            run_tasks([done], "test")
            with pytest.raises(DataError, match=f"The Dask scheduler at {address} is lost. Start it again"):
                threading.Thread(target=kill_once, args=(folder / "begun", scheduler)).start()
                run_tasks([unfinished], "test")
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
    assert done.is_done()
