"""Labelled pairs of earlier weeks, from which the ranker learns.

Each week's candidates come from models fitted on what came before it. Negatives are drawn before features are
built, so that most pairs cost nothing. A purchase that no source found is no row: it only counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.calendar import Fold, day_number
from forsys.ranking.features import build
from forsys.ranking.pairs import Pairs
from forsys.retrieval.source import place_within
from forsys.retrieval.tuning import folds_before
from forsys.store import fingerprint
from forsys.tables.history import Floats, Ints

if TYPE_CHECKING:
    from forsys.run import Line, Run

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pairs with features and labels; the pairs of one customer in one week stand together, by article.

    features: one float32 column a feature. hit: whether the pair was bought. group: the (week, customer) of each
    pair, counted from 0. bought: articles that each group bought, found or not. rank: source -> ranks, as in Pairs.
    buyers: all (week, customer) who bought; purchases: all that they bought; found: those that are candidates.
    """

    features: pl.DataFrame
    hit: Bools
    group: Ints
    bought: Ints
    rank: Mapping[str, Floats]
    buyers: int
    purchases: int
    found: int

    @property
    def sizes(self) -> Ints:
        """Pairs of each group."""
        return np.bincount(self.group, minlength=len(self.bought))

    def only(self, kept: Bools) -> "Labelled":
        """Some of the rows; of each group at least one must stay."""
        return replace(
            self,
            features=self.features.filter(pl.Series(kept)),
            hit=self.hit[kept],
            group=self.group[kept],
            rank={name: rank[kept] for name, rank in self.rank.items()},
        )

    @classmethod
    def of(cls, parts: "Sequence[Labelled]") -> "Labelled":
        """Several weeks, one after the other."""
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
        )


def training_folds(run: "Run", fold: Fold) -> list[Fold]:
    """The labelled folds before `fold` to learn from, newest first."""
    ranking = run.settings.ranking
    limits = (ranking.customers, ranking.most_weeks, ranking.weeks, ranking.enough)
    return folds_before(run, fold, *limits)


@dataclass(frozen=True, eq=False)
class LabelledWeeks:
    """The labelled pairs of any fold, by the sources' lines; they are kept, for many cut-offs learn from a fold."""

    run: "Run"
    _kept: dict[tuple[Fold, str, bool], Labelled] = field(default_factory=dict)

    def sampled(self, lines: "dict[str, Line]", fold: Fold) -> Labelled:
        """The hits of a fold, and the negatives that were drawn for them."""
        return self._get(lines, fold, True)

    def held(self, lines: "dict[str, Line]", fold: Fold) -> Labelled:
        """All pairs of the buyers of a fold who bought a candidate: on the others every order scores 0.

        Of at most `settings.buyers` buyers, also in the holdout: with features, all pairs of Kaggle's 69,000 buyers
        would take some 3 GB.
        """
        return self._get(lines, fold, False)

    def _get(self, lines: "dict[str, Line]", fold: Fold, sample: bool) -> Labelled:
        key = (fold, fingerprint(lines), sample)
        if key not in self._kept:
            self._kept[key] = _labelled_fold(self.run, lines, fold, sample)
        return self._kept[key]


def pairs_of(run: "Run", lines: "dict[str, Line]", fold: Fold, i: int, customers: Ints | None = None) -> Pairs:
    """The pairs of shard i of a fold, whose candidates are made already: of all its customers, or of some."""
    candidates = run.candidates(fold, lines, [i])
    if customers is not None:
        candidates = candidates.filter(pl.col("customer").is_in(pl.Series(customers).implode()))
    return Pairs.of(candidates, lines, run.history, fold.as_of, depth(run))


def depth(run: "Run") -> int:
    """Pairs of each customer that are ranked.

    On the 26 weeks before 2019-09-25 of the H&M cohort MAP@12 was .0203 for all, .0200 for 400 and .0193 for 200.
    """
    ranking = run.settings.ranking
    return max(ranking.candidates, ranking.pairs // max(len(run.everyone), 1))


def _labelled_fold(run: "Run", lines: "dict[str, Line]", fold: Fold, sample: bool) -> Labelled:
    _, labels = run.labelled_candidates(fold, lines)
    labels = labels if sample else run.drawn(labels, fold)
    parts = []
    for i, shard in enumerate(run.shards(fold)):
        own = labels.filter(pl.col("customer").is_in(pl.Series(shard).implode()))
        seed = run.settings.seed + day_number(fold.as_of)
        if len(own):
            pairs = pairs_of(run, lines, fold, i, own["customer"].unique().to_numpy())
            parts.append(_labelled(run, pairs, own, fold, seed if sample else None))
    return Labelled.of(parts)


def _labelled(run: "Run", pairs: Pairs, labels: pl.DataFrame, fold: Fold, seed: int | None) -> Labelled:
    hit = pairs.bought(labels)
    kept = with_a_hit(pairs.row, hit)
    if seed is not None:
        # By the pair alone, so that the shards do not matter.
        luck = pl.DataFrame({"customer": pairs.customer, "article": pairs.article}).hash_rows(seed).to_numpy()
        kept &= drawn(pairs.row, hit, run.settings.ranking.negatives, luck)
    counts = labels.group_by("customer").len().sort("customer")
    rows = pairs[kept]
    holders, group = np.unique(rows.customer, return_inverse=True)
    place = np.searchsorted(counts["customer"].to_numpy(), holders)
    return Labelled(
        features=build(rows, run.history, fold.as_of, run.settings.ranking.features),
        hit=hit[kept],
        group=group,
        bought=counts["len"].to_numpy()[place].astype(np.int64),
        rank=rows.rank,
        buyers=len(counts),
        purchases=len(labels),
        found=int(hit.sum()),
    )


def with_a_hit(row: Ints, hit: Bools) -> Bools:
    """The pairs of profiles that bought one of their candidates; the others teach no order."""
    return np.bincount(row, hit, int(row.max(initial=0)) + 1)[row] > 0


def drawn(row: Ints, hit: Bools, negatives: int, luck: Ints) -> Bools:
    """All hits, and for each of them `negatives` other pairs of its profile: those of the least luck.

    row: the profile of each pair, in increasing order. luck: a random number of each pair.
    """
    order = np.lexsort((luck, ~hit, row))
    place = place_within(row)  # within the profile, its hits first
    hits = np.bincount(row, hit, int(row.max(initial=0)) + 1)
    kept = np.zeros(len(row), bool)
    kept[order] = place < (hits * (1 + negatives))[row[order]]
    return kept
