"""The distinct (customer, article) pairs of the candidates: the rows that the ranker orders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.retrieval.fusion import DIGITS, Fusion
from forsys.retrieval.source import ranks_within
from forsys.tables.history import Floats, History, Ints, Profiles


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pair i is the customer `profiles.customers[row[i]]` and `article[i]`; sorted by both.

    rank, score: source -> rank and score of each pair in its list, float32, NaN where the source did not find the
    pair. best: source -> the score at the head of each profile's list, float32 (profiles,), NaN where it is empty.
    fused_rank, fused_score: in the fusion of all sources with equal weights, so that no pair depends on weights
    that were chosen on the labels.
    """

    profiles: Profiles
    row: Ints
    article: Ints
    rank: Mapping[str, Floats]
    score: Mapping[str, Floats]
    best: Mapping[str, Floats]
    fused_rank: Ints
    fused_score: Floats

    @classmethod
    def of(
        cls, candidates: pl.LazyFrame, sources: Iterable[str], history: History, as_of: date, most: int
    ) -> "Pairs":
        """From candidates (schema.CANDIDATES) of `sources`: the `most` best pairs a customer by their fusion."""
        names, held = list(sources), candidates.collect()
        customers = held["customer"].unique().sort().to_numpy()
        source = held["source"].cast(pl.Enum(names)).to_physical().to_numpy()
        row, rank = np.searchsorted(customers, held["customer"]), held["rank"].to_numpy()
        listed = np.full((len(names), len(customers), int(rank.max(initial=1)) + 1), np.nan, np.float32)
        listed[source, row, rank] = held["score"]
        # All sorted as one number, in a fraction of the time of looking each up among the distinct pairs.
        shape = (len(customers), len(history.articles), len(names), listed.shape[2])
        every = np.sort(np.ravel_multi_index((row, held["article"].to_numpy(), source, rank), shape))
        row, article, source, rank = np.unravel_index(every, shape)
        first = np.diff(every // (shape[2] * shape[3]), prepend=-1) != 0  # of each pair
        pair = np.cumsum(first) - 1
        fused = np.asarray(np.bincount(pair, 1 / (Fusion.constant + rank)), np.float64).round(DIGITS)
        fused_rank = ranks_within(fused, row[first])
        kept = fused_rank <= most
        inside = kept[pair]
        at = (np.cumsum(kept) - 1)[pair[inside]]
        source, score, rank = source[inside], listed[source, row, rank][inside], rank[inside]
        return cls(
            profiles=history.profiles(customers, as_of),
            row=row[first][kept],
            article=article[first][kept].astype(np.int32),
            rank=_by_source(names, source, at, rank, kept.sum()),
            score=_by_source(names, source, at, score, kept.sum()),
            best=dict(zip(names, listed[:, :, 1], strict=True)),
            fused_rank=fused_rank[kept],
            fused_score=fused[kept],
        )

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, kept: Ints | npt.NDArray[np.bool_]) -> "Pairs":
        """Some of the pairs, in increasing order; every profile stays."""
        return replace(
            self,
            row=self.row[kept],
            article=self.article[kept],
            rank={name: rank[kept] for name, rank in self.rank.items()},
            score={name: score[kept] for name, score in self.score.items()},
            fused_rank=self.fused_rank[kept],
            fused_score=self.fused_score[kept],
        )

    @property
    def customer(self) -> Ints:
        """The customer of each pair."""
        return self.profiles.customers[self.row]

    def bought(self, labels: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Whether each pair is among `labels` (customer, article)."""
        articles = len(self.profiles.history.articles)
        key = self.customer.astype(np.int64) * articles + self.article
        return np.isin(key, _key(labels["customer"].to_numpy(), labels, articles))


def _key(row: Ints, pairs: pl.DataFrame, articles: int) -> Ints:
    """One number of each (row, article), in their order."""
    return np.asarray(row.astype(np.int64) * articles + pairs["article"].to_numpy())


def _by_source(names: list[str], source: Ints, pair: Ints, value: Floats | Ints, pairs: int) -> dict[str, Floats]:
    """name -> the values of its pairs, NaN of others: float32 (pairs,); value[i] is of source[i] and pair[i]."""
    table = np.full((len(names), pairs), np.nan, np.float32)
    table[source, pair] = value
    return dict(zip(names, table, strict=True))
