"""A sample of a fold's customers, buyers or not, whose lists show how likely a purchase is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import Fold, day_number
from forsys.fingerprints import fingerprint
from forsys.ranking.features import build
from forsys.ranking.live import candidates_of_anyone
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_pairs import pairs_in_blocks
from forsys.ranking.tuning import Tuned
from forsys.run import Run

# At most BUYERS_PER_FOLD are sampled, and OTHERS_PER_BUYER times as many of those who bought nothing in the fold.
BUYERS_PER_FOLD, OTHERS_PER_BUYER = 4_000, 3
KEPT_PAIRS = 2_000_000  # between cut-offs: some .9 GB with all features


@dataclass(frozen=True, eq=False)
class Sampled:
    """Pairs of some of a fold's customers, buyers or not, with all that no ranker changes.

    features: a row per pair. hit: whether it was bought; weight: how many customers the pair's customer stands for,
    since few of the many who do not buy are sampled. Both (pairs,).
    """

    pairs: Pairs
    features: pl.DataFrame
    hit: Bools
    weight: Floats


Sample = Callable[[Run, Tuned, Fold], Iterable[Sampled]]


def sampled_pairs(run: Run, tuned: Tuned, fold: Fold) -> Iterator[Sampled]:
    """The pairs of `sampled_customers`, a block of customers at a time."""
    customers, weight = sampled_customers(run, fold)
    found, labels = candidates_of_anyone(run, tuned, fold, customers), run.history.labels(fold)
    for pairs in pairs_in_blocks(run, tuned.sources, fold, found, customers):
        represented = weight[np.searchsorted(customers, pairs.customer)]
        yield Sampled(pairs, build(pairs, run.settings.ranking.features), pairs.bought(labels), represented)


@dataclass(frozen=True, eq=False)
class KeptSamples:
    """`sampled_pairs`, kept for the next cut-off of a backtest, which asks for mostly the same folds."""

    _kept: dict[tuple[Fold, str], list[Sampled]] = field(default_factory=dict)

    def __call__(self, run: Run, tuned: Tuned, fold: Fold) -> list[Sampled]:
        """As `sampled_pairs`; always of the same run."""
        key = fold, fingerprint(tuned.sources)
        blocks = self._kept.pop(key, None) or list(sampled_pairs(run, tuned, fold))
        self._kept[key] = blocks  # the last one used is the last one to go
        while sum(len(block.hit) for each in self._kept.values() for block in each) > KEPT_PAIRS:
            del self._kept[next(iter(self._kept))]
        return blocks


def sampled_customers(run: Run, fold: Fold) -> tuple[Ints, Floats]:
    """Some of a fold's buyers, some of the others, and how many of them each stands for; sorted by customer.

    Of those who get a list and had bought before the fold; sampled by their hash.
    """
    everyone = run.submission_customers
    profiles = run.history.profiles(everyone, fold.as_of)
    everyone = everyone[profiles.stop > profiles.start]
    buys = np.isin(everyone, run.history.labels(fold)["customer"].unique().to_numpy())
    seed, count = run.settings.seed + day_number(fold.as_of), min(int(buys.sum()), BUYERS_PER_FOLD)
    parts = (_sample(everyone[buys], count, seed), _sample(everyone[~buys], OTHERS_PER_BUYER * count, seed))
    customers, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(customers)
    return customers[order], weight[order]


def _sample(customers: Ints, count: int, seed: int) -> tuple[Ints, Floats]:
    """At most `count` of them, and how many each stands for."""
    key = pl.Series(customers).hash(seed).to_numpy()
    sampled = customers[np.argsort(key, kind="stable")[:count]]
    return sampled, np.full(len(sampled), len(customers) / max(len(sampled), 1))
