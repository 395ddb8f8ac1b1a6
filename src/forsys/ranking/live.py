"""Lists made on the spot: of a few customers, or of a basket, from sources and a ranker that stay in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.calendar import Fold, day_number
from forsys.candidates import SourceArtifacts
from forsys.ranking.features import build
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker
from forsys.ranking.training_pairs import candidates_to_rank
from forsys.ranking.tuning import Tuned
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.tables.history import History, Profiles, Returns
from forsys.tables.limits import MAX_CHANNELS


@dataclass(frozen=True, eq=False)
class LiveRanker:
    """The sources fitted at a cut-off and a ranker: what no request changes.

    The lists are those of the stages `retrieve` and `rank`. `history` knows one customer more than the tables, the
    last: someone new, of whom nothing is known.
    """

    fold: Fold
    sources: dict[str, Source]
    ranker: Ranker
    history: History
    candidates_per_source: int
    max_pairs: int

    @classmethod
    def of(cls, run: Run, tuned: Tuned, fold: Fold, ranker: Ranker) -> "LiveRanker":
        """With the sources that were fitted at `fold`. Raises DataError where one is missing."""
        sources = {name: SourceArtifacts.of(run, fold, name, each).fitted() for name, each in tuned.sources.items()}
        history, per_source = with_new_customer(run.history), run.settings.retrieval.candidates_per_source
        return cls(fold, sources, ranker, history, per_source, candidates_to_rank(run))

    def profiles(self, customers: Ints) -> Profiles:
        """What these customers (dense ids, sorted) had bought before the cut-off."""
        return self.history.profiles(customers, self.fold.as_of)

    def basket(self, articles: Ints) -> Profiles:
        """The profile of a new customer who bought these articles (dense ids) on the last known day.

        At the price of the newest purchase of each, through the channel that most purchases came through so far.
        """
        articles = np.unique(articles).astype(np.int32)
        count, day = len(articles), day_number(self.fold.as_of)
        new = len(self.history.customers) - 1
        purchases = replace(
            self.history,
            customer=np.full(count, new, np.int32),
            article=articles,
            day=np.full(count, day - 1, np.int32),
            price=self._newest_price[articles],
            channel=np.full(count, self._usual_channel, np.int8),
            units=np.ones(count, np.int32),
            first=np.zeros(0, np.int64),  # nobody is looked up in it
            returns=Returns(),
        )
        start, stop = np.zeros(1, np.int64), np.full(1, count)
        return Profiles(purchases, np.full(1, new), start, stop, np.full(1, day, np.int32))

    def pairs(self, profiles: Profiles, without: int = 0) -> Pairs:
        """The pairs that the ranker orders: so many more of each profile as are left out (`without`) afterwards."""
        count = self.candidates_per_source + without
        found = candidates(self.sources.items(), list(self.sources), profiles, count)
        max_pairs = self.max_pairs + without
        return Pairs.of(found.lazy(), self.sources, self.history, self.fold.as_of, max_pairs, profiles)

    def features(self, pairs: Pairs) -> pl.DataFrame:
        """What the ranker knows of the pairs."""
        return build(pairs, self.ranker.groups)

    @cached_property
    def _newest_price(self) -> Floats:
        return newest_prices(self.history, self.fold)

    @cached_property
    def _usual_channel(self) -> int:
        return usual_channel(self.history, self.fold)


def newest_prices(history: History, fold: Fold) -> Floats:
    """The last known price of each article before a cut-off, float32; 0 where none is known."""
    last, price = np.full(len(history.articles), -1, np.int32), np.zeros(len(history.articles), np.float32)
    for log in history.blocks_before(fold.as_of):
        known = log.price > 0
        article, day = log.article[known], log.day[known]
        np.maximum.at(last, article, day)
        newest = day == last[article]
        price[article[newest]] = log.price[known][newest]  # of equal articles the last one stays
    return price


def usual_channel(history: History, fold: Fold) -> int:
    """The code of the channel of most purchases before a cut-off."""
    counts = np.zeros(MAX_CHANNELS + 1, np.int64)
    for log in history.blocks_before(fold.as_of):
        counts += np.bincount(log.channel, minlength=len(counts))
    return int(counts.argmax())


def candidates(
    sources: Iterable[tuple[str, Source]], names: list[str], profiles: Profiles, count: int
) -> pl.DataFrame:
    """The `count` best of each source for each profile, as in schema.CANDIDATES. names: of all the sources.

    As one frame, since many small ones take half of the time of a single customer.
    """
    parts = []
    for name, source in sources:
        article, score = source.top(profiles, count)
        row, place = np.nonzero(article >= 0)
        code, rank = np.full(len(row), names.index(name), np.uint32), (place + 1).astype(np.uint16)
        parts.append((profiles.customers[row], article[row, place], code, rank, score[row, place]))
    customer, found, codes, ranks, scores = map(np.concatenate, zip(*parts, strict=True))
    kinds = pl.Series(names, dtype=pl.Enum(names)).gather(codes)
    columns = {"customer": customer, "article": found, "source": kinds, "rank": ranks, "score": scores}
    return pl.DataFrame(columns).cast({"customer": pl.Int32})


def candidates_of_anyone(run: Run, tuned: Tuned, fold: Fold, customers: Ints) -> pl.DataFrame:
    """The candidates at a fold of customers (dense ids, sorted) who need not be among those whose are stored.

    One source after the other is in memory.
    """
    profiles = run.history.profiles(customers, fold.as_of)
    sources = ((name, SourceArtifacts.of(run, fold, name, each).fitted()) for name, each in tuned.sources.items())
    return candidates(sources, list(tuned.sources), profiles, run.settings.retrieval.candidates_per_source)


def with_new_customer(history: History) -> History:
    """The log with one customer more, the last, who bought nothing and of whom nothing is known."""
    customers = history.customers
    return history.with_customers(pl.concat([customers, customers.clear(n=1)]))
