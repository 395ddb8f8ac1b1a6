"""What a peer's lists score in one week, kept on disk: a benchmark that was stopped goes on where it was."""

from time import perf_counter

import polars as pl

from benchmarks._peers import Peer
from forsys.calendar import Fold
from forsys.fingerprints import fingerprint
from forsys.metrics.lists import average_precision
from forsys.run import Run
from forsys.store import is_current, read_json, write_json, write_stamp
from forsys.versions import package_versions


def scored(run: Run, fold: Fold, name: str, peer: Peer) -> tuple[pl.Series, float]:
    """AP@k of each buyer of the fold, by customer, and the seconds that the lists took."""
    file = run.workspace.out / "benchmark" / str(fold.as_of) / f"{name}.json"
    settings = run.settings.k, run.settings.seed, run.settings.max_buyers_per_week
    made_from = fingerprint(peer.code, package_versions(), run.fingerprint_of("tables"), str(fold), settings)
    if not is_current(file, made_from):
        write_json(_score(run, fold, peer), file)
        write_stamp(file, made_from)
    kept = read_json(file)
    return pl.Series(kept["average_precision"], dtype=pl.Float64), kept["seconds"]


def _score(run: Run, fold: Fold, peer: Peer) -> dict[str, object]:
    """The lists made and scored. The peer is given only what was bought before the cut-off."""
    log, customers = run.history.before(fold.as_of), run.target_customers(fold)
    begin = perf_counter()
    lists = peer.lists(log, customers, fold.as_of, run.settings.k)
    seconds = perf_counter() - begin
    score = average_precision(lists, run.labels(fold), run.settings.k)["average_precision"]
    return {"average_precision": score.to_list(), "seconds": seconds}
