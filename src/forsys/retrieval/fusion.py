"""Reciprocal-rank fusion: one list from the lists of all sources (Cormack, Clarke, Büttcher 2009).

score(customer, article) = sum over sources of weight / (constant + rank). The weights, and the constant, are
chosen by MAP@k on labelled weeks before the one they are used for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from forsys.retrieval.source import place_within
from forsys.tables.history import Floats, Ints

FACTORS = (0.0, 0.25, 0.5, 2.0, 4.0)  # by which a weight is tried
CONSTANTS = (2.0, 5.0, 10.0, 20.0, 60.0)
DIGITS = 11  # of a score: enough to keep apart the ranks of a source with the least weight, 1e-6


@dataclass(frozen=True)
class Fusion:
    """Weight of each source, and the constant that flattens the ranks."""

    weights: dict[str, float]
    constant: float = 10.0

    def score(self, rank: Mapping[str, Floats]) -> Floats:
        """Scores of pairs, (pairs,), float64: `rank` holds those of each source, NaN where it lacks the pair."""
        score = np.zeros(len(next(iter(rank.values()))))
        for source, weight in self.filling.items():
            share = weight / (self.constant + rank[source].astype(np.float64))
            np.add(score, share, out=score, where=~np.isnan(share))
        return score.round(DIGITS)

    @property
    def filling(self) -> dict[str, float]:
        """The weights; a source without one still helps to fill a list, behind everything else."""
        return {source: max(weight, 1e-6) for source, weight in self.weights.items()}

    def fuse(self, candidates: pl.LazyFrame, k: int) -> pl.DataFrame:
        """The k best articles a customer: customer, article, rank, score; sorted by customer, rank.

        `candidates`: customer, article, source, rank. Equals are ordered by article.
        """
        weight = pl.col("source").cast(pl.String).replace_strict(self.filling, return_dtype=pl.Float64)
        return (
            candidates.with_columns(score=weight / (self.constant + pl.col("rank")))
            .group_by("customer", "article")
            # Rounded, since the order of a parallel sum is not fixed.
            .agg(pl.col("score").sum().round(DIGITS))
            .sort("customer", "score", "article", descending=[False, True, False])
            .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt16).over("customer"))
            .filter(pl.col("rank") <= k)
            .select("customer", "article", "rank", "score")
            .collect()
        )


@dataclass(frozen=True, eq=False)
class Labelled:
    """Candidates of labelled folds, arranged for trying many weights quickly.

    Only customers with a hit among their candidates are held: the others score 0 whatever the weights. And only
    the places of the hits are worked out, by comparing each with the other pairs of its customer, instead of
    sorting all pairs (4 times faster for 2,000 customers).
    """

    sources: Sequence[str]
    rank: Floats  # (pairs, sources), inf where a source lacks the pair; pairs sorted by customer, article
    hit: Ints  # the pairs that were bought
    group: Ints  # the customer of each of them, counted from 0
    rival: Ints  # all pairs of the same customer, for each hit in turn
    rival_of: Ints  # the number of the hit that each of them stands beside
    bought: Floats  # articles bought by each held customer
    customers: int  # all who bought, held or not
    _inverse: dict[float, Floats] = field(default_factory=dict)  # 1 / (constant + rank), of the last constant

    @classmethod
    def of(cls, folds: Iterable[tuple[pl.LazyFrame, pl.DataFrame]], sources: Sequence[str]) -> "Labelled":
        """From (candidates, labels) of each fold; the same customer in two folds counts as two."""
        parts = [_pairs(candidates, labels, sources) for candidates, labels in folds]
        pairs = pl.concat([part.with_columns(fold=pl.lit(i)) for i, (part, _) in enumerate(parts)])
        group = pairs.select(pl.struct("fold", "customer").rle_id())["fold"].to_numpy().astype(np.int64)
        hit = np.flatnonzero(pairs["hit"].to_numpy())
        rival, rival_of = _rivals(group, group[hit])
        first = np.flatnonzero(np.diff(group, prepend=-1))
        return cls(
            sources=sources,
            rank=pairs.select(pl.col(sources).fill_null(np.inf)).to_numpy().astype(np.float32),
            hit=hit,
            group=group[hit],
            rival=rival,
            rival_of=rival_of,
            bought=pairs["bought"].to_numpy()[first].astype(np.float64),
            customers=sum(count for _, count in parts),
        )

    def average_precision(self, fusion: Fusion, k: int) -> Floats:
        """AP@k of each held customer under these weights."""
        weights = np.array([fusion.filling[source] for source in self.sources])
        if fusion.constant not in self._inverse:
            self._inverse.clear()
            self._inverse[fusion.constant] = 1 / (fusion.constant + self.rank.astype(np.float64))
        score = (self._inverse[fusion.constant] @ weights).round(DIGITS)  # as in `fuse`
        hit = self.hit[self.rival_of]
        own, theirs = score[hit], score[self.rival]
        before = (theirs > own) | ((theirs == own) & (self.rival < hit))
        place = 1 + np.bincount(self.rival_of, weights=before, minlength=len(self.hit))
        order = np.lexsort((place, self.group))
        group, place = self.group[order], place[order]
        nth = place_within(group) + 1
        gained = np.where(place <= k, nth / place, 0.0)
        total = np.bincount(group, weights=gained, minlength=len(self.bought))
        return np.asarray(total / np.minimum(self.bought, k))


def choose_fusion(labelled: Labelled, k: int, rounds: int = 4, caution: float = 0.5) -> tuple[Fusion, float]:
    """Coordinate ascent on MAP@k: the fusion and its MAP@k on `labelled`.

    Starts from each source's own MAP@k as its weight. A change is taken only where the gain is larger than
    `caution` standard errors of the paired differences. (0.5 measured best on weeks before the holdout of the
    generated sample: MAP@12 .0425, against .0424 for 0, .0410 for 1 and .0391 for 2.)
    """
    alone = {
        source: float(labelled.average_precision(_only(source, labelled.sources), k).sum())
        for source in labelled.sources
    }
    best = Fusion({source: value / max(max(alone.values()), 1e-12) for source, value in alone.items()})
    score = labelled.average_precision(best, k)
    for _ in range(rounds):
        before = best
        for coordinate in (None, *labelled.sources):
            neighbours = _neighbours(best, coordinate)
            tried = [(labelled.average_precision(fusion, k), fusion) for fusion in neighbours]
            value, fusion = max(tried, key=lambda pair: float(pair[0].sum()))
            if clear_gain(value - score, labelled.customers, caution):
                best, score = fusion, value
        if best == before:
            break
    return best, float(score.sum() / max(labelled.customers, 1))


def _neighbours(fusion: Fusion, coordinate: str | None) -> list[Fusion]:
    """The fusions that differ in one source's weight, or, for None, in the constant."""
    if coordinate is None:
        return [Fusion(fusion.weights, constant) for constant in CONSTANTS if constant != fusion.constant]
    weight = fusion.weights[coordinate] or 0.1
    return [Fusion(fusion.weights | {coordinate: weight * factor}, fusion.constant) for factor in FACTORS]


def _rivals(group: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """The members of each wanted group, one after the other: (place in `group`, number in `wanted`)."""
    start, stop = np.searchsorted(group, wanted), np.searchsorted(group, wanted, side="right")
    number = np.repeat(np.arange(len(wanted)), stop - start)
    within = np.arange(len(number)) - np.repeat(np.cumsum(stop - start) - (stop - start), stop - start)
    return start[number] + within, number


def clear_gain(difference: Floats, customers: int, caution: float) -> bool:
    """Whether the sum of paired differences (those not held are 0) exceeds its noise."""
    noise = np.sqrt(max(float((difference**2).sum()) - float(difference.sum()) ** 2 / max(customers, 1), 0.0))
    return float(difference.sum()) > max(caution * float(noise), 1e-9)


def _only(source: str, sources: Sequence[str]) -> Fusion:
    return Fusion({name: float(name == source) for name in sources})


def _pairs(candidates: pl.LazyFrame, labels: pl.DataFrame, sources: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Distinct pairs of customers with a hit, sorted: customer, article, a rank a source, hit, bought."""
    bought = labels.group_by("customer").agg(bought=pl.len())
    labelled = candidates.join(labels.lazy().with_columns(hit=True), on=["customer", "article"], how="left")
    held = labelled.filter(pl.col("hit")).select("customer").unique()
    pairs = (
        labelled.join(held, on="customer", how="semi")
        .group_by("customer", "article")
        .agg(
            *(
                pl.col("rank").filter(pl.col("source") == name).first().cast(pl.Float32).alias(name)
                for name in sources
            ),
            pl.col("hit").first().fill_null(False),
        )
        .join(bought.lazy(), on="customer", how="left")
        .sort("customer", "article")
        .collect()
    )
    return pairs, len(bought)
