"""The seed's systems side by side: next-item accuracy on the holdout, everything else being equal.

Every system learns from the same purchases and is asked about the same events (see next_item.py). What has been
measured is kept, a file a system, so that a comparison that was stopped goes on at the next one.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation.bootstrap import interval, paired
from forsys.evaluation.metrics import top_k_accuracy
from forsys.evaluation.next_item import next_item_events, next_item_ranks
from forsys.progress import progress
from forsys.retrieval.next_item import NextItem
from forsys.retrieval.registry import make_source
from forsys.retrieval.source import Source
from forsys.run import Line, Run
from forsys.store import fingerprint, read_json, whole, write_json
from forsys.tables.history import Floats, History, Ints

AT = (1, 5, 10, 12, 50, 100)
PRIORS = {"best_sellers": "best sellers", "co_purchase": "co-purchase", "als": "ALS", "bpr": "BPR", "lmf": "LMF"}
CELLS = {"simple_rnn": "Simple RNN", "lstm": "LSTM", "gru": "GRU"}
FEATURES, MEMORY = " + features", " + memory"
ARRIVALS, MIXED = "new arrivals alone", "GRU + features + memory + new arrivals"
OFFSETS = (-3.0, -2.0, -1.0, 0.0, 1.0)  # of new arrivals against the others
LENGTHS = {"1 purchase": (1, 2), "2-3": (2, 4), "4-9": (4, 10), "10 or more": (10, 10**9)}


@dataclass(frozen=True)
class Measured:
    """One row of the table: ranks of the events' articles, float64, inf where it cannot score them."""

    name: str
    ranks: Floats
    parameters: int
    seconds: float  # of training
    rate: float  # purchases learned a second


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that was measured at one fold."""

    history: History
    fold: Fold
    events: Ints
    measured: dict[str, Measured]
    draws: int
    seed: int

    @property
    def never(self) -> np.ndarray[Any, Any]:
        """Which events' articles were never sold before the cut-off."""
        sold = np.unique(self.history.before(self.fold.as_of).article)
        return ~np.isin(self.history.article[self.events], sold)

    def accuracy(self) -> pd.DataFrame:
        """One row a system: accuracy at k, interval at 10, and what it cost."""
        groups = self.history.customer[self.events]
        rows = []
        for name, found in self.measured.items():
            if name == ARRIVALS:
                continue
            spread = interval(found.ranks <= 10, groups=groups, draws=self.draws, seed=self.seed)
            rows.append(
                {
                    "system": name,
                    **_at(found.ranks),
                    "low@10": spread.low,
                    "high@10": spread.high,
                    "parameters": found.parameters,
                    "seconds": found.seconds,
                    "events/s": found.rate,
                }
            )
        return pd.DataFrame(rows)

    def gains(self) -> pd.DataFrame:
        """What the features add to each cell, with and without memory: paired differences with 95 % intervals."""
        groups = self.history.customer[self.events]
        rows: list[dict[str, object]] = []
        for cell in CELLS.values():
            for memory in ("", MEMORY):
                ours, theirs = (self.measured.get(cell + features + memory) for features in (FEATURES, ""))
                if ours is None or theirs is None:
                    continue
                row: dict[str, object] = {"features added to": cell + memory}
                for k in AT:
                    gain = paired(
                        ours.ranks <= k, theirs.ranks <= k, groups=groups, draws=self.draws, seed=self.seed
                    )
                    row[f"@{k}"] = f"{gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
                rows.append(row)
        return pd.DataFrame(rows)

    def never_sold(self) -> pd.DataFrame:
        """Accuracy on the events whose article was never sold before, of the systems that can score them."""
        never = self.never
        rows = [
            {"system": name, "events": int(never.sum()), **_at(found.ranks[never])}
            for name, found in self.measured.items()
            if never.any() and np.isfinite(found.ranks[never]).any()
        ]
        return pd.DataFrame(rows)

    def by_length(self) -> pd.DataFrame:
        """Accuracy at 10 by how many purchases came before the event."""
        before = self.events - self.history.first[self.history.customer[self.events]]
        groups = {name: (before >= low) & (before < high) for name, (low, high) in LENGTHS.items()}
        rows: list[dict[str, object]] = [
            {"system": "events", **{name: int(of.sum()) for name, of in groups.items()}}
        ]
        for name, found in self.measured.items():
            if name != ARRIVALS:
                scores = {kind: float((found.ranks[of] <= 10).mean()) for kind, of in groups.items() if of.any()}
                rows.append({"system": name, **scores})
        return pd.DataFrame(rows)


def compare(run: Run) -> Comparison:
    """Train and measure every system at the holdout. Raises DataError where the holdout has no events."""
    fold, settings = run.calendar.holdout, run.settings
    events = next_item_events(run.history, fold, settings.evaluation.events, settings.seed)
    if not len(events):
        raise DataError(
            f"Nobody who bought between {fold.as_of} and {fold.until} (not included) had bought before, so there "
            "is no next item to predict. Use a longer --holdout-days."
        )
    measured: dict[str, Measured] = {}
    for name, line in progress(systems(run).items(), "compare", unit="system"):
        measured |= {found.name: found for found in measure(run, fold, events, name, line)}
    order = [*PRIORS.values(), *(c + f + m for m in ("", MEMORY) for f in ("", FEATURES) for c in CELLS.values())]
    rows = {name: measured[name] for name in [*order, MIXED, ARRIVALS] if name in measured}
    return Comparison(run.history, fold, events, rows, settings.evaluation.draws, settings.seed)


def systems(run: Run) -> dict[str, Line]:
    """Name -> settings line: the priors, and each cell without and with features."""
    sources, network = run.settings.retrieval.sources, run.settings.compare.network
    lines = {name: sources[key] for key, name in PRIORS.items() if key in sources}
    for cell, name in CELLS.items():
        lines[name] = network | {"groups": []} | run.settings.compare.without_features | {"cell": cell}
        lines[name + FEATURES] = network | {"cell": cell}
    return lines


def measure(run: Run, fold: Fold, events: Ints, name: str, line: Line) -> list[Measured]:
    """Train one system, unless it was measured already, and rank the events: several rows for a network."""
    mark = fingerprint(run.shelf(fold, name, line).folder.name, len(events), run.settings.seed)
    folder = run.out / "comparison" / "measured"
    path = folder / f"{name.replace(' ', '_')}-{fold.as_of}-{mark}.npz"
    facts = path.with_suffix(".json")
    if not facts.exists():
        source = make_source(name, line)
        start = time.perf_counter()
        source.fit(run.history, fold.as_of)
        seconds = time.perf_counter() - start
        found: dict[str, Any] = {
            kind: next_item_ranks(view, run.history, events) for kind, view in views(source, name, run, fold)
        }
        with whole(path) as part, part.open("wb") as file:
            np.savez(file, **found)
        learned = len(run.history.since(fold.as_of, getattr(source, "days", 10**6))) * passes(source)
        cost = {"parameters": source.parameters, "seconds": seconds, "rate": learned / seconds}
        write_json(cost, facts)
    with np.load(path, allow_pickle=False) as ranks:
        return [Measured(kind, ranks[kind], **read_json(facts)) for kind in ranks.files]


def mixing(run: Run) -> pd.DataFrame:
    """What new arrivals between the others gain and cost, by offset, on the fold before the holdout.

    One row an offset: accuracy at 100 on the events of articles sold before, of those never sold, and of all.
    """
    fold = run.calendar.holdout.earlier(1)
    events = next_item_events(run.history, fold, run.settings.evaluation.events, run.settings.seed)
    sold = np.isin(run.history.article[events], np.unique(run.history.before(fold.as_of).article))
    name = CELLS["gru"] + FEATURES
    line = systems(run)[name]
    source = make_source(name, line)
    assert isinstance(source, NextItem)
    source.arrivals = 0.0
    source.fit(run.history, fold.as_of)
    known = np.isin(source.catalogue_, np.unique(run.history.before(fold.as_of).article))
    rows = []
    for offset in (None, *OFFSETS):
        mixed = only(source, known) if offset is None else shifted(source, ~known, offset)
        hit = next_item_ranks(mixed, run.history, events) <= 100
        kinds = {"sold before": hit[sold].mean(), "never sold": hit[~sold].mean(), "all": hit.mean()}
        rows.append({"offset": "none" if offset is None else f"{offset:+.0f}", **kinds})
    return pd.DataFrame(rows)


def passes(source: Source) -> int:
    """How often training goes over the purchases."""
    return (
        int(getattr(source, "epochs", 1))
        * int(getattr(source, "networks", 1))
        * int(getattr(source, "iterations", 1))
    )


def views(source: Source, name: str, run: Run, fold: Fold) -> Iterator[tuple[str, Source]]:
    """A system as the rows of the table show it: a network without and with its memory, and its new arrivals."""
    if not isinstance(source, NextItem):
        yield name, source
        return
    sold = np.isin(source.catalogue_, np.unique(run.history.before(fold.as_of).article))
    _ = source.readers  # made once, for all views
    yield name, only(forgetful(source), sold)
    yield name + MEMORY, only(source, sold)
    if source.cell == "gru" and not sold.all():
        yield MIXED, source
        yield ARRIVALS, only(source, ~sold)


def forgetful(source: NextItem) -> NextItem:
    """The same network without its memory."""
    plain = copy.copy(source)
    plain.memory_ = sparse.csr_array(source.memory_ * np.float32(0))
    plain.memory_.eliminate_zeros()
    return plain


def only(source: NextItem, columns: np.ndarray[Any, Any]) -> NextItem:
    """The same network for the articles of these columns alone."""
    return shifted(source, ~columns, -np.inf)


def shifted(source: NextItem, columns: np.ndarray[Any, Any], offset: float) -> NextItem:
    """The same network with `offset` added to the scores of these columns."""
    moved = copy.copy(source)
    moved.prior_ = np.where(columns, source.prior_ + np.float32(offset), source.prior_).astype(np.float32)
    return moved


def _at(ranks: Floats) -> dict[str, float]:
    return {f"@{k}": value for k, value in top_k_accuracy(ranks, AT).items()}
