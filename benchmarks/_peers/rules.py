"""The simple rules."""

from datetime import date

import polars as pl

from benchmarks._peers import Peer
from forsys.arrays import Ints
from forsys.fingerprints import code_fingerprint
from forsys.retrieval.baselines import BASELINES, FrequencyThenBestSellers
from forsys.retrieval.source import Source
from forsys.tables.history import History

# With this half-life a year's purchases hardly fade: their number of days counts, and among equals the newer ones.
MOST_FREQUENT = FrequencyThenBestSellers(half_life=1e6)


def rules() -> dict[str, Peer]:
    """Forsys' own baselines, and what a customer bought on the most days."""
    sources = BASELINES | {"most frequent + best sellers": MOST_FREQUENT}
    return {name: _peer(source) for name, source in sources.items()}


def _peer(source: Source) -> Peer:
    def lists(log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
        return source.fit(log, as_of).recommend(log.profiles(customers, as_of), k)

    return Peer(lists, code_fingerprint(__name__))
