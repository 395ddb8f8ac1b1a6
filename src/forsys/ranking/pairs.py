"""The distinct (customer, article) pairs of the candidates: the rows that the ranker orders."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.retrieval.fusion import Fusion
from forsys.retrieval.source import Source, ranks_within
from forsys.tables.history import Floats, History, Ints, Profiles

Fitted = Callable[[str], Source]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pair i is the customer `profiles.customers[row[i]]` and `article[i]`; sorted by both.

    rank: source -> rank of each pair in its list, float32, NaN where the source did not find the pair. best:
    source -> the score at the head of each profile's list, float32 (profiles,), NaN where it is empty.
    fused_rank, fused_score: in the fusion of all sources with equal weights, so that no pair depends on weights
    that were chosen on the labels. source: a source's name -> the fitted source.
    """

    profiles: Profiles
    row: Ints
    article: Ints
    rank: Mapping[str, Floats]
    best: Mapping[str, Floats]
    fused_rank: Ints
    fused_score: Floats
    source: Fitted

    @classmethod
    def of(
        cls,
        candidates: pl.LazyFrame,
        sources: Iterable[str],
        fitted: Fitted,
        history: History,
        as_of: date,
        most: int,
    ) -> "Pairs":
        """From candidates (schema.CANDIDATES) of `sources`: the `most` best pairs a customer by their fusion."""
        held, names = candidates.collect(), list(sources)
        customers, articles = held["customer"].unique().sort().to_numpy(), len(history.articles)
        found = {name: held.filter(pl.col("source") == name) for name in names}
        key = {
            name: _key(np.searchsorted(customers, own["customer"]), own, articles) for name, own in found.items()
        }
        every = np.sort(np.concatenate(list(key.values())))
        pair = every[np.diff(every, prepend=-1) != 0]  # np.unique hashes, which took 10 times as long
        rank = {name: np.full(len(pair), np.nan, np.float32) for name in names}
        best = {name: np.full(len(customers), np.nan, np.float32) for name in names}
        for name, own in found.items():
            rank[name][np.searchsorted(pair, key[name])] = own["rank"]
            head = own.filter(pl.col("rank") == 1)
            best[name][np.searchsorted(customers, head["customer"])] = head["score"]
        row, article = np.divmod(pair, articles)
        fused = Fusion(dict.fromkeys(names, 1.0)).score(rank)
        fused_rank = ranks_within(fused, row)
        kept = fused_rank <= most
        return cls(
            profiles=history.profiles(customers, as_of),
            row=row[kept],
            article=article[kept].astype(np.int32),
            rank={name: values[kept] for name, values in rank.items()},
            best=best,
            fused_rank=fused_rank[kept],
            fused_score=fused[kept],
            source=fitted,
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
