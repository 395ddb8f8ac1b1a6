"""The systems of `forsys compare` side by side: next-item accuracy on the holdout, everything else being equal.

Every system learns from the same purchases and is asked about the same events (see next_item_accuracy.py). What was
measured is kept, one file per system, so that a comparison that was stopped resumes with the next one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from forsys.arrays import Floats, Ints
from forsys.calendar import Fold
from forsys.candidates import SourceArtifacts
from forsys.content.vectors import PICTURE_FEATURES
from forsys.errors import DataError
from forsys.evaluation.mixture_accuracy import Rows, mixture_ranks
from forsys.evaluation.next_item_accuracy import (
    accuracies,
    next_item_ranks,
)
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.metrics.bootstrap import Bootstrap
from forsys.metrics.lists import mean_rank, top_k_accuracy
from forsys.progress import progress, say_below
from forsys.recurrent.cells import CELLS
from forsys.recurrent.config import ALL_FEATURES
from forsys.retrieval.mixture import Fitted, Mixture
from forsys.retrieval.next_item import NextItem
from forsys.retrieval.registry import make_source
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.settings import SourceConfig
from forsys.store import is_current, read_json, write_arrays, write_json, write_stamp
from forsys.tables.events import next_item_events, profiles_of
from forsys.tables.history import History

PRIORS = {"best_sellers": "best sellers", "item_knn": "item kNN", "als": "ALS", "bpr": "BPR", "lmf": "LMF"}
FEATURES, MEMORY = " + features", " + memory"
NEW_ALONE, MIXED = "new articles alone", "GRU + new articles"
MIXTURE, NETWORK = "mixture", "network"  # its row, and its member that is the GRU with features
GAINS_AT = (10, 100)  # the k of paired differences
BIASES = (-3.0, -2.0, -1.0, 0.0, 1.0)  # of new articles against the others
LENGTHS = {"1 purchase": (1, 2), "2-3": (2, 4), "4-9": (4, 10), "10 or more": (10, 10**9)}


@dataclass(frozen=True)
class Measured:
    """One row of the table: ranks of the events' articles, float64, inf where it cannot score them."""

    name: str
    ranks: Floats
    parameters: int
    seconds: float  # of training
    rate: float  # purchases learned per second
    candidates: Rows = field(default_factory=list)  # of a mixture, see mixture_accuracy.py


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that was measured at one fold; `measured` is in the order of the tables."""

    history: History
    fold: Fold
    events: Ints
    measured: dict[str, Measured]
    bootstrap: Bootstrap

    @property
    def never_sold_before(self) -> np.ndarray[Any, Any]:
        """Which events' articles were never sold before the cut-off, (events,)."""
        return ~self.history.sold_before(self.fold.as_of)[self.history.article[self.events]]

    def accuracy(self) -> pd.DataFrame:
        """One row per system: accuracy at k, its interval at 10, and what the system cost."""
        rows = []
        for found in self._on_whole_catalogue():
            ends = self.bootstrap.interval(found.ranks <= 10, self._customers)
            cost = {"parameters": found.parameters, "seconds": found.seconds, "events/s": found.rate}
            scores = {**accuracies(found.ranks), "low@10": ends.low, "high@10": ends.high}
            rows.append({"system": found.name, **scores, **cost})
        return pd.DataFrame(rows)

    def gains(self) -> pd.DataFrame:
        """Paired differences with 95 % intervals: features of each cell, and the mixture against the best other."""
        ours = [cell.title + FEATURES + memory for cell, memory in product(CELLS.values(), ("", MEMORY))]
        pairs = [(name, name.replace(FEATURES, "")) for name in ours]
        others = [found for found in self._on_whole_catalogue() if found.name != MIXTURE]
        best = max(others, key=lambda found: float((found.ranks <= GAINS_AT[0]).mean()), default=None)
        pairs += [(MIXTURE, best.name)] if best else []
        return pd.DataFrame([self._gain(*pair) for pair in pairs if {*pair} <= {*self.measured}])

    def never_sold(self) -> pd.DataFrame:
        """Accuracy on the events whose article was never sold before, of the systems that can score those."""
        never = self.never_sold_before
        rows = [
            {"system": name, "events": int(never.sum()), **accuracies(found.ranks[never])}
            for name, found in self.measured.items()
            if never.any() and np.isfinite(found.ranks[never]).any()
        ]
        return pd.DataFrame(rows)

    def candidates(self) -> pd.DataFrame:
        """What the mixture's candidates hold of the events' articles: all of them, and what each member adds."""
        return pd.DataFrame(self.measured[MIXTURE].candidates if MIXTURE in self.measured else [])

    def by_length(self) -> pd.DataFrame:
        """Accuracy at 10 by how many purchases came before the event; the first row counts the events."""
        before = self.events - self.history.first[self._customers]
        groups = {name: (before >= low) & (before < high) for name, (low, high) in LENGTHS.items()}
        counts = {name: int(of.sum()) for name, of in groups.items()}
        rows: list[dict[str, object]] = [{"system": "events", **counts}]
        for found in self._on_whole_catalogue():
            scores = {name: float((found.ranks[of] <= 10).mean()) for name, of in groups.items() if of.any()}
            rows.append({"system": found.name, **scores})
        return pd.DataFrame(rows)

    @property
    def _customers(self) -> Ints:
        return self.history.customer[self.events]

    def _on_whole_catalogue(self) -> list[Measured]:
        return [found for name, found in self.measured.items() if name != NEW_ALONE]

    def _gain(self, system: str, against: str) -> dict[str, object]:
        ranks = self.measured[system].ranks, self.measured[against].ranks
        gain = gain_columns(*ranks, self._customers, self.bootstrap)
        return {"system": system, "against": against, **gain}


def gain_columns(ours: Floats, theirs: Floats, groups: Ints, bootstrap: Bootstrap) -> dict[str, float]:
    """At each of GAINS_AT the paired difference of two systems' accuracy and its 95 % interval, by group.

    ours, theirs: ranks of the same events, (events,).
    """
    columns: dict[str, float] = {}
    for k in GAINS_AT:
        gain = bootstrap.paired(ours <= k, theirs <= k, groups)
        columns |= {f"gain@{k}": gain.mean, f"low@{k}": gain.low, f"high@{k}": gain.high}
    return columns


def ablation_table(run: Run, events: Ints, what: str, ranks: Mapping[str, Floats]) -> pd.DataFrame:
    """One row per ablation: its name in the column `what`, accuracy, and the paired difference to the first one.

    ranks: name -> ranks of the events, (events,); the first is with everything.
    """
    customers, full = run.history.customer[events], next(iter(ranks.values()))
    rows = []
    for name, found in ranks.items():
        accuracy = {f"@{k}": float(np.mean(found <= k)) for k in GAINS_AT}
        rows.append({what: name, **accuracy, **gain_columns(found, full, customers, run.bootstrap)})
    return pd.DataFrame(rows)


def compare(run: Run) -> Comparison:
    """Train and measure every system at the holdout. Raises DataError where the holdout has no events."""
    fold = run.calendar.holdout
    events = events_of(run, fold)
    measured: dict[str, Measured] = {}
    fitted = Fitted()
    chosen = systems(run)
    for number, (name, config) in enumerate(progress(chosen.items(), "measure", unit="system"), 1):
        rows = measure(run, fold, events, name, config, fitted)
        measured |= {found.name: found for found in rows}
        say_below(f"{number} of {len(chosen)}: {', '.join(map(_said, rows))}")
    variants = [features + memory for memory in ("", MEMORY) for features in ("", FEATURES)]
    networks = [cell.title + variant for variant in variants for cell in CELLS.values()]
    order = [name for name in (*PRIORS.values(), *networks, MIXED, NEW_ALONE, MIXTURE) if name in measured]
    ordered = {name: measured[name] for name in order}
    return Comparison(run.history, fold, events, ordered, run.bootstrap)


def events_of(run: Run, fold: Fold, at_most: int | None = None) -> Ints:
    """The next-item events of a fold: of many a sample of `evaluation.max_events`, or of `at_most` if that is less.

    Raises DataError where there are none.
    """
    limit = run.settings.evaluation.max_events
    events = next_item_events(run.history, fold, min(limit, at_most or limit), run.settings.seed)
    if not len(events):
        raise DataError(
            f"Nobody who bought between {fold.as_of} and {fold.until} (not included) had bought before, so there "
            "is no next item to predict. Use a longer --holdout-days."
        )
    return events


def _said(found: Measured) -> str:
    return f"{found.name} {np.mean(found.ranks <= GAINS_AT[0]):.4f} at {GAINS_AT[0]}"


def systems(run: Run) -> dict[str, SourceConfig]:
    """Name -> source config: priors, each cell without and with features, a GRU for new articles, the mixture."""
    sources, network = run.settings.retrieval.sources, run.settings.compare.network
    configs = {name: sources[key] for key, name in PRIORS.items() if key in sources}
    for key, cell in CELLS.items():
        own = {"cell": key, "new_article_bias": None}
        configs[cell.title] = network | {"features": []} | run.settings.compare.ids_only | own
        configs[cell.title + FEATURES] = network | own
    # Without pictures: a shop may have pictures of exactly what it sells, which would give new articles away.
    features = [name for name in network.get("features", ALL_FEATURES) if name not in PICTURE_FEATURES]
    mixture, known = run.settings.compare.mixture, sources | {NETWORK: configs[CELLS["gru"].title + FEATURES]}
    chosen = {member: known.get(member) if of is True else of for member, of in mixture["members"].items()}
    members = {member: of for member, of in chosen.items() if of}
    return configs | {
        MIXED: network | {"features": features, "num_networks": 1},
        MIXTURE: {"label_days": run.settings.holdout_days} | mixture | {"members": members},
    }


def measure(run: Run, fold: Fold, events: Ints, name: str, config: SourceConfig, fitted: Fitted) -> list[Measured]:
    """Train one system and rank the events, unless that is done already: several rows for a network.

    fitted: keeps what is trained, since a mixture's members are other systems.
    """
    artifacts = SourceArtifacts.of(run, fold, name, config).folder.name
    ranking = code_fingerprint("forsys.evaluation.next_item_accuracy")
    key = fingerprint(artifacts, ranking, len(events), run.settings.seed)
    path = run.workspace.comparison / "measured" / f"{name.replace(' ', '_')}-{fold.as_of}-{key}.npz"
    cost_file = path.with_suffix(".json")
    if not (is_current(path, key) and is_current(cost_file, key)):
        start = time.perf_counter()
        source = make_source(name, config)
        if isinstance(source, Mixture):
            source.fit(run.history, fold.as_of, fitted)
        else:
            source = fitted(name, config, run.history, fold.as_of)
        seconds = time.perf_counter() - start
        found, candidates = ranks_of(source, name, run, fold, events)
        write_arrays(found, path)
        write_stamp(path, key)
        limits = (getattr(source, "days", 10**6), getattr(source, "max_purchases", None))
        rate = len(run.history.since(fold.as_of, *limits)) * passes(source) / seconds
        cost = {"parameters": source.parameters, "seconds": seconds, "rate": rate, "candidates": candidates}
        write_json(cost, cost_file)
        write_stamp(cost_file, key)
    with np.load(path, allow_pickle=False) as ranks:
        return [Measured(row, ranks[row], **read_json(cost_file)) for row in ranks.files]


def bias_sweep(run: Run) -> pd.DataFrame:
    """What it gains and costs to rank new articles among the others, by their bias, on the fold before the holdout.

    One row per bias: accuracy at 100 on the events of articles sold before, of those never sold, and on all. No
    rows where there are no events.
    """
    fold = run.calendar.holdout.earlier(1)
    events = next_item_events(run.history, fold, run.settings.evaluation.max_events, run.settings.seed)
    if not len(events):
        return pd.DataFrame()
    known = run.history.sold_before(fold.as_of)
    source = make_source(MIXED, systems(run)[MIXED] | {"new_article_bias": 0.0}).fit(run.history, fold.as_of)
    assert isinstance(source, NextItem)
    old = known[source.catalogue_]
    added = {"none": np.where(old, 0, -np.inf)} | {f"{bias:+.0f}": np.where(old, 0, bias) for bias in BIASES}
    views = {name: (True, each.astype(np.float32)) for name, each in added.items()}
    sold = known[run.history.article[events]]
    groups, rows = {"sold before": sold, "never sold": ~sold, "all": np.ones_like(sold)}, []
    for name, ranks in network_ranks(source, run.history, events, views).items():
        scores = {group: top_k_accuracy(ranks[of], [100])[100] for group, of in groups.items()}
        rows.append({"new_article_bias": name, **scores})
    return pd.DataFrame(rows)


def passes(source: Source) -> int:
    """How often training goes over the purchases."""
    return int(np.prod([getattr(source, name, 1) for name in ("epochs", "num_networks", "iterations")]))


def ranks_of(source: Source, name: str, run: Run, fold: Fold, events: Ints) -> tuple[dict[str, Floats], Rows]:
    """Row of the table -> ranks (events,), and what a mixture's candidates hold.

    A network has two rows: without and with memory. The one that scores new articles has one for all articles and
    one for the new ones alone.
    """
    if isinstance(source, Mixture):
        ranks, candidates = mixture_ranks(source, run.history, events)
        return {name: ranks}, candidates
    if not isinstance(source, NextItem):
        return {name: next_item_ranks(source, run.history, events)}, []
    old = run.history.sold_before(fold.as_of)[source.catalogue_]
    nothing = np.zeros(len(old), np.float32)
    if name == MIXED:
        views = {MIXED: (True, nothing), NEW_ALONE: (True, np.where(old, -np.inf, 0).astype(np.float32))}
    else:
        views = {name: (False, nothing), name + MEMORY: (True, nothing)}
    return network_ranks(source, run.history, events, views), []


def network_ranks(
    source: NextItem, history: History, events: Ints, views: dict[str, tuple[bool, Floats]]
) -> dict[str, Floats]:
    """`next_item_ranks` in several views of one network, whose scores are computed once.

    A view is whether the memory takes part, and what is added to the scores of each article of the catalogue.
    """
    profiles, column = profiles_of(history, events), source.columns(history.article[events])
    encoded = source.encode(profiles)
    ranks = {name: np.full(len(events), np.inf) for name in views}
    for rows in source.blocks(profiles):
        plain = source.network_scores(encoded[:, rows])
        with_memory = source.add_memory(profiles[rows], plain.copy())
        known = np.flatnonzero(column[rows] >= 0)
        for name, (memory, added) in views.items():
            scores = ((with_memory if memory else plain)[known] + added).astype(np.float32, copy=False)
            ranks[name][rows.start + known] = mean_rank(scores, column[rows][known])
    return ranks
