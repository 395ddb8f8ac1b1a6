"""The distinct (customer, article) pairs of the candidates: the rows that the ranker orders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

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
    that were chosen on the labels. log: the whole log, where the profiles are slices of another one, such as that
    of a basket alone.
    """

    profiles: Profiles
    as_of: date
    row: Ints
    article: Ints
    rank: Mapping[str, Floats]
    score: Mapping[str, Floats]
    best_score: Mapping[str, Floats]
    fused_rank: Ints
    fused_score: Floats
    log: History | None = None

    @classmethod
    def of(
        cls,
        candidates: pl.LazyFrame,
        sources: Iterable[str],
        history: History,
        as_of: date,
        max_pairs: int,
        profiles: Profiles | None = None,
    ) -> "Pairs":
        """The best `max_pairs` pairs per customer, by the fusion of candidates (schema.CANDIDATES) of `sources`.

        profiles: of the candidates' customers, sorted; by default what they had bought in `history`.
        """
        names, table = list(sources), candidates.collect()
        if profiles is None:
            profiles = history.profiles(table["customer"].unique().sort().to_numpy(), as_of)
        customers = profiles.customers
        source = table["source"].cast(pl.Enum(names)).to_physical().to_numpy()
        row, rank = np.searchsorted(customers, table["customer"]), table["rank"].to_numpy()
        scores = np.full((len(names), len(customers), int(rank.max(initial=1)) + 1), np.nan, np.float32)
        scores[source, row, rank] = table["score"]
        # All sorted as one number, in a fraction of the time of looking each up among the distinct pairs.
        shape = (len(customers), len(history.articles), len(names), scores.shape[2])
        entries = np.sort(np.ravel_multi_index((row, table["article"].to_numpy(), source, rank), shape))
        row, article, source, rank = np.unravel_index(entries, shape)
        first = np.diff(entries // (shape[2] * shape[3]), prepend=-1) != 0  # entry of each pair
        pair = np.cumsum(first) - 1
        fused = np.asarray(np.bincount(pair, 1 / (Fusion.constant + rank)), np.float64).round(DIGITS)
        fused_rank = ranks_within(fused, row[first])
        retained = fused_rank <= max_pairs
        inside = retained[pair]
        index = (np.cumsum(retained) - 1)[pair[inside]]
        source, score, rank = source[inside], scores[source, row, rank][inside], rank[inside]
        return cls(
            profiles=profiles,
            as_of=as_of,
            row=row[first][retained],
            article=article[first][retained].astype(np.int32),
            rank=_by_source(names, source, index, rank, retained.sum()),
            score=_by_source(names, source, index, score, retained.sum()),
            best_score=dict(zip(names, scores[:, :, 1], strict=True)),
            fused_rank=fused_rank[retained],
            fused_score=fused[retained],
            log=history,
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
    def history(self) -> History:
        """The whole log; it may go on after `as_of`."""
        return self.profiles.history if self.log is None else self.log

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


def _by_source(names: list[str], source: Ints, pair: Ints, value: Floats | Ints, pairs: int) -> dict[str, Floats]:
    """name -> the values of its pairs, NaN of others: float32 (pairs,); value[i] is of source[i] and pair[i]."""
    table = np.full((len(names), pairs), np.nan, np.float32)
    table[source, pair] = value
    return dict(zip(names, table, strict=True))
