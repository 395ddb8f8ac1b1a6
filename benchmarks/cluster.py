"""What workers of a Dask cluster on this machine do, and what they wait for: --input DIR, --workers 1 2.

For each number of workers the stages whose work is cut into tasks run, from tables made before and with an output
that is thrown away; with the default settings, or on a generated shop with quick ones and without `next_item`.
Measured are seconds by the clock, tasks done, the share of the workers' time in which they had no task, the largest
memory of a worker so far (GiB), and what the stage wrote (MB). `empty tasks` are 100 that write one line each:
their time is the overhead of a task. Needs `pip install '.[cluster]'`.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from benchmarks._made import made_run
from forsys.cluster import on_cluster
from forsys.engine import Task, run_tasks
from forsys.opening import open_run
from forsys.optional_parts import require_part
from forsys.progress import peak_memory_gib
from forsys.stages import run_stage
from forsys.store import write_text

if TYPE_CHECKING:
    from distributed import Client

EMPTY = 100  # tasks
CUSTOMERS = 2_000  # of the shop that is generated where none is named
STAGES = ("tune", "retrieve", "rank")
WORKERS = (1, 2)


@dataclass(frozen=True)
class Work:
    """What was done while something ran."""

    workers: int
    what: str
    seconds: float
    tasks: int
    busy_seconds: float  # of all workers together
    peak_gib: float
    written_mb: float

    def row(self) -> dict[str, object]:
        """As a row of the table."""
        available = self.workers * self.seconds
        return {
            "workers": self.workers,
            "what": self.what,
            "s": self.seconds,
            "tasks": self.tasks,
            "s per task": self.seconds * self.workers / max(self.tasks, 1),
            "idle": 1 - self.busy_seconds / available,
            "GiB": self.peak_gib,
            "MB": self.written_mb,
        }


def add_options(parser: argparse.ArgumentParser) -> None:
    """The numbers of workers."""
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS, metavar="N", help="numbers of workers")


def run(data: Path | None, workers: Sequence[int] = WORKERS) -> pd.DataFrame:
    """One row per number of workers and stage."""
    require_part("cluster", "this benchmark")
    return pd.DataFrame([work.row() for count in workers for work in _measure(data, count)])


def _measure(data: Path | None, workers: int) -> Iterator[Work]:
    with TemporaryDirectory() as home:
        run = made_run(Path(home), CUSTOMERS) if data is None else open_run(data, home=Path(home))
        for stage in ("tables", "content"):
            run_stage(run, stage)
        with _cluster(workers) as client:
            watch = partial(_watched, client, workers, run.workspace.out)
            yield watch("empty tasks", partial(run_tasks, _empty_tasks(run.workspace.out), "empty tasks"))
            for stage in STAGES:
                yield watch(stage, partial(run_stage, run, stage))


@contextmanager
def _cluster(workers: int) -> Iterator["Client"]:
    """A cluster of this machine, on which tasks run meanwhile."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
        on_cluster(cluster.scheduler_address),
    ):
        client.get_task_stream(count=0)  # Dask begins to note when which worker did what
        yield client


def _watched(client: "Client", workers: int, output: Path, what: str, work: Callable[[], object]) -> Work:
    before, start = _written(output), time.time()
    work()
    stop = time.time()
    done = [task for task in client.get_task_stream(start=start) if task["status"] == "OK"]
    spans = [span for task in done for span in task["startstops"] if span["action"] == "compute"]
    busy = sum(span["stop"] - span["start"] for span in spans)
    peak = max(client.run(peak_memory_gib).values())
    return Work(workers, what, stop - start, len(done), busy, peak, _written(output) - before)


def _written(folder: Path) -> float:
    """Size of all files below a folder in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _empty_tasks(folder: Path) -> list[Task]:
    files = [folder / f"empty-{i}.txt" for i in range(EMPTY)]
    return [Task(write_text, ("done\n", file), (file,), "nothing") for file in files]
