"""The distinct (customer, article) pairs of the candidates: the rows that the ranker orders."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.retrieval.fusion import Fusion
from forsys.retrieval.source import Source
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
        fusion = Fusion(dict.fromkeys(sources, 1.0))
        held = candidates.collect()
        fused = fusion.fuse(held.lazy(), most).rename({"rank": "place"}).sort("customer", "article")
        customers = fused["customer"].unique().sort().to_numpy()
        profiles = history.profiles(customers, as_of)
        rank, best = {}, {}
        for name in fusion.weights:
            own = held.filter(pl.col("source") == name).select("customer", "article", "rank", "score")
            joined = fused.join(own, on=["customer", "article"], how="left", maintain_order="left")
            rank[name] = joined["rank"].cast(pl.Float32).fill_null(np.nan).to_numpy()
            best[name] = np.full(len(customers), np.nan, np.float32)
            head = own.filter(pl.col("rank") == 1)
            best[name][np.searchsorted(customers, head["customer"].to_numpy())] = head["score"].to_numpy()
        return cls(
            profiles=profiles,
            row=np.searchsorted(customers, fused["customer"].to_numpy()),
            article=fused["article"].to_numpy(),
            rank=rank,
            best=best,
            fused_rank=fused["place"].to_numpy(),
            fused_score=fused["score"].to_numpy(),
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
        wanted = labels["customer"].to_numpy().astype(np.int64) * articles + labels["article"].to_numpy()
        return np.isin(key, wanted)
