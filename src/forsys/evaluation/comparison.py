"""The seed's systems side by side: next-item accuracy on the holdout, everything else being equal.

Every system learns from the same purchases and is asked about the same events (see next_item.py). What has been
measured is kept, a file a system, so that a comparison that was stopped goes on at the next one.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation.bootstrap import interval, paired
from forsys.evaluation.metrics import mean_rank, top_k_accuracy
from forsys.evaluation.next_item import next_item_events, next_item_ranks
from forsys.progress import progress
from forsys.recurrent.recipe import ALL_GROUPS
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
ARRIVALS, MIXED = "new arrivals alone", "GRU + new arrivals"
PICTURES = ("colour", "shape")
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
        return ~sold_before(self.history, self.fold)[self.history.article[self.events]]

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
    without = run.settings.compare.without_features
    lines = {name: sources[key] for key, name in PRIORS.items() if key in sources}
    for cell, name in CELLS.items():
        lines[name] = network | {"groups": []} | without | {"cell": cell, "arrivals": None}
        lines[name + FEATURES] = network | {"cell": cell, "arrivals": None}
    # Without pictures: a shop has those of what it sells, so that they could give new arrivals away.
    blind = [group for group in network.get("groups", ALL_GROUPS) if group not in PICTURES]
    return lines | {MIXED: network | {"groups": blind, "networks": 1}}


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
        found = ranks_of(source, name, run, fold, events)
        with whole(path) as part, part.open("wb") as file:
            np.savez(file, **found)
        limits = (getattr(source, "days", 10**6), getattr(source, "purchases", None))
        learned = len(run.history.since(fold.as_of, *limits)) * passes(source)
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
    known = sold_before(run.history, fold)
    source = NextItem(**{key: value for key, value in systems(run)[MIXED].items() if key != "class"})
    source.arrivals = 0.0
    source.fit(run.history, fold.as_of)
    old = known[source.catalogue_]
    offsets = {"none": np.where(old, 0, -np.inf)} | {f"{by:+.0f}": np.where(old, 0, by) for by in OFFSETS}
    views = {name: (True, offset.astype(np.float32)) for name, offset in offsets.items()}
    sold = known[run.history.article[events]]
    rows = []
    for name, ranks in network_ranks(source, run.history, events, views).items():
        hit = ranks <= 100
        kinds = {"sold before": hit[sold].mean(), "never sold": hit[~sold].mean(), "all": hit.mean()}
        rows.append({"offset": name, **kinds})
    return pd.DataFrame(rows)


def passes(source: Source) -> int:
    """How often training goes over the purchases."""
    return (
        int(getattr(source, "epochs", 1))
        * int(getattr(source, "networks", 1))
        * int(getattr(source, "iterations", 1))
    )


def ranks_of(source: Source, name: str, run: Run, fold: Fold, events: Ints) -> dict[str, Any]:
    """Row of the table -> ranks: a network has one without its memory and one with it, or one for new arrivals."""
    if not isinstance(source, NextItem):
        return {name: next_item_ranks(source, run.history, events)}
    old = sold_before(run.history, fold)[source.catalogue_]
    nothing = np.zeros(len(old), np.float32)
    if name == MIXED:
        views = {MIXED: (True, nothing), ARRIVALS: (True, np.where(old, -np.inf, 0).astype(np.float32))}
    else:
        views = {name: (False, nothing), name + MEMORY: (True, nothing)}
    return network_ranks(source, run.history, events, views)


def network_ranks(
    source: NextItem, history: History, events: Ints, views: dict[str, tuple[bool, Floats]]
) -> dict[str, Floats]:
    """`next_item_ranks` in several views of one network, whose scores are worked out once.

    A view is whether the memory takes part, and what is added to the scores of each article of the catalogue.
    """
    profiles, column = history.event_profiles(events), source.columns(history.article[events])
    read = source.read(profiles)
    ranks = {name: np.full(len(events), np.inf) for name in views}
    for rows in source.blocks(profiles):
        plain = source.expected(read[:, rows])
        whole = source.remembered(profiles[rows], plain.copy())
        known = np.flatnonzero(column[rows] >= 0)
        for name, (memory, added) in views.items():
            scores = ((whole if memory else plain)[known] + added).astype(np.float32, copy=False)
            ranks[name][rows.start + known] = mean_rank(scores, column[rows][known])
    return ranks


def sold_before(history: History, fold: Fold) -> np.ndarray[Any, Any]:
    """Which of the shop's articles were sold before the cut-off, (articles,)."""
    return history.before(fold.as_of).sales() > 0


def _at(ranks: Floats) -> dict[str, float]:
    return {f"@{k}": value for k, value in top_k_accuracy(ranks, AT).items()}
