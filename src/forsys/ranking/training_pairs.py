"""Labelled pairs of earlier folds, from which the ranker learns.

Each fold's candidates come from models fitted on what came before it. Negatives are sampled before features are
built, so that most pairs cost nothing. A purchase that no source found has no row: it only counts as bought.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import Fold, day_number
from forsys.candidates import SourceConfigs, make_candidates, read_candidates
from forsys.fingerprints import fingerprint
from forsys.ranking.features import build
from forsys.ranking.pairs import Pairs
from forsys.ranking.tuning import folds_before
from forsys.run import Run
from forsys.schema import MAX_RANK
from forsys.store import on_disk
from forsys.tables.roles import Roles

PAIRS_PER_BLOCK = 500_000  # in memory at a time: with their candidates and features some .5 GB


@dataclass(frozen=True, eq=False)
class TrainingPairs:
    """Pairs with features and labels, by fold, customer, article; the pairs of a (fold, customer) are a group.

    features: one float32 column per feature. hit: whether the pair was bought. group: the group of each pair,
    counted from 0. bought: articles that each group bought, found or not. rank: source -> ranks, as in Pairs.
    buyers: all (fold, customer) who bought; purchases: all that they bought; found: those that are candidates.
    roles: those of the shop's attributes.
    """

    features: pl.DataFrame
    hit: Bools
    group: Ints
    bought: Ints
    rank: Mapping[str, Floats]
    buyers: int
    purchases: int
    found: int
    roles: Roles = field(default_factory=Roles)

    @property
    def sizes(self) -> Ints:
        """Pairs of each group."""
        return np.bincount(self.group, minlength=len(self.bought))

    def __getitem__(self, rows: Bools) -> "TrainingPairs":
        """Some of the rows; at least one of each group must stay."""
        return replace(
            self,
            features=self.features.filter(pl.Series(rows)),
            hit=self.hit[rows],
            group=self.group[rows],
            rank={name: rank[rows] for name, rank in self.rank.items()},
        )

    @classmethod
    def concat(cls, parts: "Sequence[TrainingPairs]") -> "TrainingPairs":
        """Several folds, or parts of one, one after the other."""
        start = np.cumsum([0, *(len(part.bought) for part in parts)])
        return cls(
            features=pl.concat([part.features for part in parts]),
            hit=np.concatenate([part.hit for part in parts]),
            group=np.concatenate([part.group + first for part, first in zip(parts, start, strict=False)]),
            bought=np.concatenate([part.bought for part in parts]),
            rank={name: np.concatenate([part.rank[name] for part in parts]) for name in parts[0].rank},
            buyers=sum(part.buyers for part in parts),
            purchases=sum(part.purchases for part in parts),
            found=sum(part.found for part in parts),
            roles=parts[0].roles,
        )


def training_folds(run: Run, fold: Fold) -> list[Fold]:
    """The labelled folds before `fold` to learn from, newest first."""
    ranking = run.settings.ranking
    limits = (ranking.min_buyers, ranking.max_weeks, ranking.min_weeks, ranking.sufficient_buyers)
    return folds_before(run, fold, *limits)


@dataclass(frozen=True, eq=False)
class LabelledFolds:
    """The labelled pairs of any fold, by the sources' configs; kept, since many cut-offs learn from one fold.

    Complete ones are kept on disk, and read from there as if they were in memory.
    """

    run: Run
    _cache: dict[tuple[Fold, str, bool], TrainingPairs] = field(default_factory=dict)

    def sampled(self, sources: SourceConfigs, fold: Fold) -> TrainingPairs:
        """The hits of a fold, and a sample of their buyers' other pairs: what a ranker learns from."""
        return self._get(sources, fold, True)

    def complete(self, sources: SourceConfigs, fold: Fold) -> TrainingPairs:
        """All pairs of the buyers of a fold who bought a candidate: what a ranker is validated on.

        Without the other buyers, for whom every order scores 0.
        """
        return self._get(sources, fold, False)

    def forget_complete(self) -> None:
        """Free what only the choice of the ranker's size needs, most of the memory."""
        for key in [key for key in self._cache if not key[2]]:
            del self._cache[key]

    def forget_since(self, fold: Fold) -> None:
        """Free the folds from this one on, which no cut-off before it learns from."""
        for key in [key for key in self._cache if key[0].as_of >= fold.as_of]:
            del self._cache[key]

    def _get(self, sources: SourceConfigs, fold: Fold, sample: bool) -> TrainingPairs:
        key = (fold, fingerprint(sources), sample)
        if key not in self._cache:
            pairs = _labelled_fold(self.run, sources, fold, sample)
            self._cache[key] = pairs if sample else _on_disk(pairs, self.run.workspace.out)
        return self._cache[key]


def pairs_of_shard(
    run: Run, sources: SourceConfigs, fold: Fold, i: int, customers: Ints | None = None
) -> Iterator[Pairs]:
    """The pairs of shard i of a fold, whose candidates are made already, as of `pairs_in_blocks`.

    Of all its customers, or of some, sorted.
    """
    candidates = read_candidates(run, fold, sources, [i])
    if customers is None:
        customers = run.shards(fold)[i]
    else:
        candidates = candidates.filter(pl.col("customer").is_in(pl.Series(customers).implode()))
    return pairs_in_blocks(run, sources, fold, candidates.collect(), customers)


def pairs_in_blocks(
    run: Run, sources: SourceConfigs, fold: Fold, candidates: pl.DataFrame, customers: Ints
) -> Iterator[Pairs]:
    """The pairs of customers, sorted, and their candidates: those of some neighbouring customers at a time.

    The profiles of a block are those of all its customers, with candidates or without.
    """
    count = candidates_to_rank(run)
    size = max(PAIRS_PER_BLOCK // count, 1)
    for start in range(0, len(customers), size):
        block = customers[start : start + size]
        own = candidates.lazy().filter(pl.col("customer").is_between(int(block[0]), int(block[-1])))
        yield Pairs.of(own, sources, run.history, fold.as_of, count, run.history.profiles(block, fold.as_of))


def candidates_to_rank(run: Run) -> int:
    """How many of each customer's pairs are ranked.

    On the 26 weeks before 2019-09-25 of the H&M cohort MAP@12 was .0203 for all, .0200 for 400 and .0193 for 200.
    """
    ranking, customers = run.settings.ranking, len(run.submission_customers)
    wanted = max(ranking.candidates_per_customer, ranking.target_pairs // max(customers, 1))
    return min(wanted, MAX_RANK)


def _labelled_fold(run: Run, sources: SourceConfigs, fold: Fold, sample: bool) -> TrainingPairs:
    make_candidates(run, [fold], sources)
    labels = run.sample_buyers(run.labels(fold), fold)  # the holdout's too
    chance = _chance(run, sources, fold, labels) if sample else 1.0
    parts = []
    for i, shard in enumerate(run.shards(fold)):
        buyers = np.intersect1d(shard, labels["customer"].to_numpy())
        parts += [_labelled(run, pairs, labels, chance) for pairs in pairs_of_shard(run, sources, fold, i, buyers)]
    return TrainingPairs.concat(parts)


def _on_disk(pairs: TrainingPairs, folder: Path) -> TrainingPairs:
    """The same with features and ranks on disk: of the 35 weeks of a grocer's backtest they take over 7 GB."""
    features = on_disk(pairs.features, folder)
    rank = on_disk(pl.DataFrame(dict(pairs.rank)), folder)
    return replace(pairs, features=features, rank={name: rank[name].to_numpy() for name in rank.columns})


def _chance(run: Run, sources: SourceConfigs, fold: Fold, labels: pl.DataFrame) -> float:
    """The chance of each negative of a fold to be sampled: `negatives_per_buyer` of a buyer on average."""
    found = read_candidates(run, fold, sources).filter(pl.col("customer").is_in(labels["customer"].implode()))
    counts = found.group_by("customer").agg(pl.col("article").n_unique()).collect(engine="streaming")["article"]
    mean = float(np.minimum(counts.to_numpy(), candidates_to_rank(run)).mean()) if len(counts) else 1.0
    return min(run.settings.ranking.negatives_per_buyer / mean, 1.0)


def _labelled(run: Run, pairs: Pairs, labels: pl.DataFrame, chance: float) -> TrainingPairs:
    """Pairs of some of the buyers in `labels` with their labels: the hits, and each other pair with that chance."""
    labels = labels.filter(pl.col("customer").is_in(pl.Series(pairs.profiles.customers).implode()))
    hit, ranking = pairs.bought(labels), run.settings.ranking
    used = has_hit(pairs.row, hit)
    if chance < 1:
        # By the pair alone, so that the shards do not matter.
        seed = run.settings.seed + day_number(pairs.as_of)
        key = pl.DataFrame({"customer": pairs.customer, "article": pairs.article}).hash_rows(seed).to_numpy()
        used &= hits_and_others(hit, chance, key)
    counts = labels.group_by("customer").len().sort("customer")
    rows = pairs[used]
    customers, group = np.unique(rows.customer, return_inverse=True)
    index = np.searchsorted(counts["customer"].to_numpy(), customers)
    return TrainingPairs(
        features=build(rows, ranking.features),
        hit=hit[used],
        group=group,
        bought=counts["len"].to_numpy()[index].astype(np.int64),
        rank=rows.rank,
        buyers=len(counts),
        purchases=len(labels),
        found=int(hit.sum()),
        roles=run.roles,
    )


def has_hit(row: Ints, hit: Bools) -> Bools:
    """Whether the profile of each pair bought one of its candidates; the other pairs teach no order."""
    return np.bincount(row, hit, int(row.max(initial=0)) + 1)[row] > 0


def hits_and_others(hit: Bools, chance: float, sampling_key: Ints) -> Bools:
    """All hits, and each other pair with the same chance: (pairs,). sampling_key: a random uint64 of each pair."""
    return hit | (sampling_key < chance * 2.0**64)
