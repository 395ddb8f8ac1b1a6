"""Memory of a worker by the size of the shop: --input DIR, a folder of shops of several sizes.

`tables` and `content` run in a process of their own, as the command would; then every kind of task once for the
submission, each in a fresh process: writing the log by customer, the fit of each source, its lists for one shard,
and the features of that shard's pairs. The default settings; outputs are thrown away. `peak` (GiB) counts all that
the process held, also what it had read of files that it maps, such as the log; `own` is without those, which the
system gives back when memory is short (Linux alone, looked at every 20 ms). The ranker, which learns from a bounded
number of buyers, is not trained here.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter

import pandas as pd

from benchmarks.growth import shops_in
from forsys.candidates import SourceArtifacts
from forsys.opening import open_run
from forsys.progress import peak_memory_gib
from forsys.ranking.features import build
from forsys.ranking.training_pairs import pairs_of_shard
from forsys.run import Run
from forsys.stages import run_stage

Figures = dict[str, tuple[float, float, float]]  # task -> seconds, peak GiB, own GiB
STATUS = Path("/proc/self/status")


def run(data: Path | None) -> pd.DataFrame:
    """One row a task; two columns a shop, the smallest first."""
    found = sorted((measure(shop) for shop in shops_in(data)), key=lambda each: each[1])
    table = pd.DataFrame({"task": [*found[0][2]]})
    for shop, rows, figures in found:
        table[[f"{shop} ({rows:,}) s", f"{shop} peak", f"{shop} own"]] = [figures[task] for task in table["task"]]
    return table


def measure(shop: Path) -> tuple[str, int, Figures]:
    """Name, purchases and figures of a shop."""
    figures: Figures = {}
    with TemporaryDirectory() as home:
        for name, work in tasks(shop, Path(home)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                figures[name] = fresh.submit(timed, work, shop, Path(home), name.rpartition(" ")[2]).result()
            seconds, peak, own = figures[name]
            print(f"{shop.name}: {name} [{seconds:.1f} s, peak {peak:.2f} GiB, own {own:.2f}]", flush=True)
        return shop.name, len(open_run(shop, home=Path(home)).history), figures


def tasks(shop: Path, home: Path) -> Iterator[tuple[str, Callable[[Run, str], object]]]:
    """What is done, in order: its name, which ends with what the function is given beside the run."""
    yield "stage tables", run_stage
    yield "stage content", run_stage
    yield "the log by customer", write_log
    for name in open_run(shop, home=home).settings.retrieval.sources:
        yield f"fit {name}", fit
        yield f"lists {name}", make_lists
    yield "features of a shard", features


def timed(work: Callable[[Run, str], object], shop: Path, home: Path, what: str) -> tuple[float, float, float]:
    """Seconds, peak and own GiB of this process."""
    run, start, own, done = open_run(shop, home=home), perf_counter(), [0.0], Event()
    watcher = Thread(target=watch, args=(own, done), daemon=True)
    watcher.start()
    work(run, what)
    done.set()
    watcher.join()
    return perf_counter() - start, peak_memory_gib(), max(own)


def watch(own: list[float], done: Event) -> None:
    """Note this process's memory without mapped files, in GiB, until it is done."""
    while STATUS.exists() and not done.wait(0.02):
        found = re.search(r"^RssAnon:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
        own.append(int(found[1]) / 2**20 if found else 0.0)


def write_log(run: Run, _: str) -> None:
    """As the first process does that wants the log."""
    assert len(run.history)


def fit(run: Run, name: str) -> None:
    """The first task of a source."""
    _artifacts(run, name).tasks()[0].do()


def make_lists(run: Run, name: str) -> None:
    """The first shard of a source that is fitted already."""
    _artifacts(run, name).tasks()[1].do()


def features(run: Run, _: str) -> None:
    """All that the ranker is given for the first shard."""
    for pairs in pairs_of_shard(run, run.settings.retrieval.sources, run.calendar.submission, 0):
        build(pairs, run.settings.ranking.features)


def _artifacts(run: Run, name: str) -> SourceArtifacts:
    return SourceArtifacts.of(run, run.calendar.submission, name, run.settings.retrieval.sources[name])
