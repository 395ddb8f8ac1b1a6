"""Reciprocal-rank fusion: one list from the lists of all sources (Cormack, Clarke, Büttcher 2009).

score(customer, article) = sum over sources of weight / (constant + rank). The weights and the constant are
chosen by MAP@k on labelled weeks before the one they are used for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.metrics.average_precision import average_precision_by_score
from forsys.progress import progress
from forsys.schema import CANDIDATES

FACTORS = (0.0, 0.25, 0.5, 2.0, 4.0)  # a weight is tried times each of these; later rounds multiply them further
CONSTANTS = (2.0, 5.0, 10.0, 20.0, 60.0)  # tried: the paper's 60, and smaller ones, by which first ranks count more
MIN_WEIGHT = 1e-6  # of a source without weight: it still fills lists, behind everything else
DIGITS = 13  # decimals of a score: enough to keep apart the ranks of a source with MIN_WEIGHT


@dataclass(frozen=True)
class Fusion:
    """Weight of each source, and the constant: the larger it is, the less the first ranks stand out."""

    weights: dict[str, float]
    constant: float = 10.0

    def score(self, rank: Mapping[str, Floats]) -> Floats:
        """Scores of pairs, (pairs,), float64: `rank` holds those of each source, NaN where it lacks the pair."""
        score = np.zeros(len(next(iter(rank.values()))))
        for source, weight in self.positive_weights.items():
            term = weight / (self.constant + rank[source].astype(np.float64))
            np.add(score, term, out=score, where=~np.isnan(term))
        return score.round(DIGITS)

    @property
    def positive_weights(self) -> dict[str, float]:
        """The weights, at least MIN_WEIGHT each."""
        return {source: max(weight, MIN_WEIGHT) for source, weight in self.weights.items()}

    def fuse(self, candidates: pl.LazyFrame, k: int) -> pl.DataFrame:
        """The k best articles per customer: customer, article, rank, score; sorted by customer, rank.

        `candidates`: customer, article, source, rank. Equal scores are ordered by article.
        """
        weight = pl.col("source").cast(pl.String).replace_strict(self.positive_weights, return_dtype=pl.Float64)
        return (
            candidates.with_columns(score=weight / (self.constant + pl.col("rank")))
            .group_by("customer", "article")
            # Rounded, since the order of a parallel sum is not fixed.
            .agg(pl.col("score").sum().round(DIGITS))
            .sort("customer", "score", "article", descending=[False, True, False])
            .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("customer"))
            .filter(pl.col("rank") <= k)
            .select("customer", "article", pl.col("rank").cast(CANDIDATES["rank"]), "score")
            .collect()
        )


@dataclass(frozen=True, eq=False)
class FusionProblem:
    """Candidates of labelled folds, arranged for trying many weights quickly.

    Only customers with a hit among their candidates are kept: the others score 0 whatever the weights.
    """

    sources: Sequence[str]
    rank: Floats  # (pairs, sources), inf where a source lacks the pair; pairs sorted by customer, article
    hit: Ints  # (hits,) rows of the pairs that were bought
    group: Ints  # (pairs,) the kept customer of each pair, counted from 0
    bought: Floats  # (kept customers,) distinct articles bought
    customers: int  # all who bought, kept or not
    _inverse: dict[float, Floats] = field(default_factory=dict)  # 1 / (constant + rank), of the last constant

    @classmethod
    def of(cls, folds: Iterable[tuple[pl.LazyFrame, pl.DataFrame]], sources: Sequence[str]) -> "FusionProblem":
        """From (candidates, labels) of each fold; the same customer in two folds counts as two."""
        parts = [_pairs(candidates, labels, sources) for candidates, labels in folds]
        pairs = pl.concat([part.with_columns(fold=pl.lit(i)) for i, (part, _) in enumerate(parts)])
        group = pairs.select(pl.struct("fold", "customer").rle_id())["fold"].to_numpy().astype(np.int64)
        first = np.flatnonzero(np.diff(group, prepend=-1))
        return cls(
            sources=sources,
            rank=pairs.select(pl.col(sources).fill_null(np.inf)).to_numpy().astype(np.float32),
            hit=np.flatnonzero(pairs["hit"].to_numpy()),
            group=group,
            bought=pairs["bought"].to_numpy()[first].astype(np.float64),
            customers=sum(count for _, count in parts),
        )

    def average_precision(self, fusion: Fusion, k: int) -> Floats:
        """AP@k of each kept customer under these weights: (kept customers,), float64."""
        weights = np.array([fusion.positive_weights[source] for source in self.sources])
        if fusion.constant not in self._inverse:
            self._inverse.clear()
            self._inverse[fusion.constant] = 1 / (fusion.constant + self.rank.astype(np.float64))
        score = (self._inverse[fusion.constant] @ weights).round(DIGITS)  # as in `fuse`
        return average_precision_by_score(k, score, self.hit, self.group, self.bought)


def choose_fusion(
    problem: FusionProblem, k: int, rounds: int = 4, min_standard_errors: float = 0.5
) -> tuple[Fusion, float]:
    """Coordinate ascent on MAP@k: the fusion and its MAP@k on `problem`.

    Starts from each source's own MAP@k as its weight. A change is taken only where its gain exceeds
    `min_standard_errors` standard errors of the paired differences. (0.5 measured best on weeks before the holdout
    of the generated sample: MAP@12 .0425, against .0424 for 0, .0410 for 1 and .0391 for 2.) `rounds` bounds the
    time only: it stops earlier once a round changes nothing.
    """
    only = {source: Fusion({name: float(name == source) for name in problem.sources}) for source in problem.sources}
    alone = {source: float(problem.average_precision(fusion, k).sum()) for source, fusion in only.items()}
    best = Fusion({source: value / max(max(alone.values()), 1e-12) for source, value in alone.items()})
    score = problem.average_precision(best, k)
    for _ in progress(range(rounds), "fusion", "round"):
        before = best
        for coordinate in (None, *problem.sources):
            tried = [(problem.average_precision(fusion, k), fusion) for fusion in _neighbours(best, coordinate)]
            value, fusion = max(tried, key=lambda pair: float(pair[0].sum()))
            if clear_gain(value - score, problem.customers, min_standard_errors):
                best, score = fusion, value
        if best == before:
            break
    return best, float(score.sum() / max(problem.customers, 1))


def clear_gain(difference: Floats, customers: int, min_standard_errors: float) -> bool:
    """Whether the sum of paired differences exceeds so many of its standard errors.

    difference: of some of the `customers`; that of all others is 0.
    """
    error = np.sqrt(max(float((difference**2).sum()) - float(difference.sum()) ** 2 / max(customers, 1), 0.0))
    return float(difference.sum()) > max(min_standard_errors * float(error), 1e-9)


def _neighbours(fusion: Fusion, coordinate: str | None) -> list[Fusion]:
    """The fusions that differ in one source's weight, or, for None, in the constant."""
    if coordinate is None:
        return [Fusion(fusion.weights, constant) for constant in CONSTANTS if constant != fusion.constant]
    weight = fusion.weights[coordinate] or 0.1
    return [Fusion(fusion.weights | {coordinate: weight * factor}, fusion.constant) for factor in FACTORS]


def _pairs(candidates: pl.LazyFrame, labels: pl.DataFrame, sources: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Pairs of customers with a hit, sorted: customer, article, a rank per source, hit, bought; and all buyers."""
    bought = labels.group_by("customer").agg(bought=pl.len())
    labelled = candidates.join(labels.lazy().with_columns(hit=True), on=["customer", "article"], how="left")
    kept = labelled.filter(pl.col("hit")).select("customer").unique()
    pairs = (
        labelled.join(kept, on="customer", how="semi")
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
