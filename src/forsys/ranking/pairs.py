"""The distinct (customer, article) pairs of the candidates: the rows that the ranker orders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints, ranks_within
from forsys.retrieval.fusion import DIGITS, Fusion
from forsys.tables.history import History, Profiles


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pair i is the customer `profiles.customers[row[i]]` and `article[i]` at `as_of`; sorted by both.

    rank, score: source -> rank and score of each pair in its list, float32, NaN where the source did not find the
    pair. best_score: source -> the first score of each profile's list, float32 (profiles,), NaN where it is empty.
    fused_rank, fused_score: in the fusion of all sources with equal weights, so that no pair depends on weights
    that were chosen on the labels. history: the whole log, which may go on after `as_of`; the profiles may be
    slices of another one, such as that of a basket alone.
    """

    profiles: Profiles
    history: History
    as_of: date
    row: Ints
    article: Ints
    rank: Mapping[str, Floats]
    score: Mapping[str, Floats]
    best_score: Mapping[str, Floats]
    fused_rank: Ints
    fused_score: Floats

    @classmethod
    def of(
        cls,
        candidates: pl.LazyFrame,
        sources: Iterable[str],
        history: History,
        as_of: date,
        max_pairs: int,
        profiles: Profiles,
    ) -> "Pairs":
        """The best `max_pairs` pairs per customer, by the fusion of candidates (schema.CANDIDATES) of `sources`.

        profiles: of the candidates' customers, sorted.
        """
        names, table = list(sources), candidates.collect()
        found, scores = _Candidates.of(table, names, profiles.customers, len(history.articles))
        fused_score = found.fused_score()
        fused_rank = ranks_within(fused_score, found.row[found.is_first])
        retained = fused_rank <= max_pairs
        best = found.of_pairs(retained)
        return cls(
            profiles=profiles,
            history=history,
            as_of=as_of,
            row=best.row[best.is_first],
            article=best.article[best.is_first].astype(np.int32),
            rank=best.by_source(names, best.rank),
            score=best.by_source(names, scores[best.source, best.row, best.rank]),
            best_score=dict(zip(names, scores[:, :, 1], strict=True)),
            fused_rank=fused_rank[retained],
            fused_score=fused_score[retained],
        )

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, rows: Ints | Bools) -> "Pairs":
        """Some of the pairs, in increasing order; every profile stays."""
        return replace(
            self,
            row=self.row[rows],
            article=self.article[rows],
            rank={name: rank[rows] for name, rank in self.rank.items()},
            score={name: score[rows] for name, score in self.score.items()},
            fused_rank=self.fused_rank[rows],
            fused_score=self.fused_score[rows],
        )

    @property
    def customer(self) -> Ints:
        """The customer of each pair."""
        return self.profiles.customers[self.row]

    def bought(self, labels: pl.DataFrame) -> Bools:
        """Whether each pair is among `labels` (customer, article)."""
        customer, article = (labels[name].to_numpy() for name in ("customer", "article"))
        articles = len(self.history.articles)
        key = self.customer.astype(np.int64) * articles + self.article
        return np.isin(key, customer.astype(np.int64) * articles + article)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Candidates, sorted by pair, that is by profile and article, and then by source; each array is (candidates,).

    row, article, source, rank: the profile, article and source of each as numbers, and its rank in the source's
    list. is_first: whether it is the first of its pair.
    """

    row: Ints
    article: Ints
    source: Ints
    rank: Ints
    is_first: Bools

    @classmethod
    def of(
        cls, table: pl.DataFrame, names: list[str], customers: Ints, articles: int
    ) -> "tuple[_Candidates, Floats]":
        """Of a table of schema.CANDIDATES. And the scores by source, profile and rank: float32, NaN after a list.

        They are sorted as one number, in a fraction of the time of looking each up among the distinct pairs.
        """
        source = table["source"].cast(pl.Enum(names)).to_physical().to_numpy()
        row, rank = np.searchsorted(customers, table["customer"]), table["rank"].to_numpy()
        scores = np.full((len(names), len(customers), int(rank.max(initial=1)) + 1), np.nan, np.float32)
        scores[source, row, rank] = table["score"]
        shape = (len(customers), articles, len(names), scores.shape[2])
        key = np.sort(np.ravel_multi_index((row, table["article"].to_numpy(), source, rank), shape))
        is_first = np.diff(key // (shape[2] * shape[3]), prepend=-1) != 0
        columns = np.unravel_index(key, shape)
        return cls(columns[0], columns[1], columns[2], columns[3], is_first), scores

    @cached_property
    def pair(self) -> Ints:
        """The pair of each candidate, counted from 0."""
        return np.cumsum(self.is_first) - 1

    def fused_score(self) -> Floats:
        """The score of each pair in the fusion with equal weights: float64 (pairs,)."""
        return np.asarray(np.bincount(self.pair, 1 / (Fusion.constant + self.rank)), np.float64).round(DIGITS)

    def of_pairs(self, retained: Bools) -> "_Candidates":
        """The candidates of some of the pairs: (pairs,)."""
        kept = retained[self.pair]
        row, article, source, rank = (column[kept] for column in (self.row, self.article, self.source, self.rank))
        return _Candidates(row, article, source, rank, self.is_first[kept])

    def by_source(self, names: list[str], value: Floats | Ints) -> dict[str, Floats]:
        """name -> the candidates' values by pair, NaN where the source lacks the pair: float32 (pairs,)."""
        table = np.full((len(names), np.count_nonzero(self.is_first)), np.nan, np.float32)
        table[self.source, self.pair] = value
        return dict(zip(names, table, strict=True))
