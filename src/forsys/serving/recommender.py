"""A fitted model at work: lists of single customers and of baskets, with names, chances, sources and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forsys.arrays import Floats, Ints, position_within
from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.ranking.calibration import Calibration, inputs
from forsys.ranking.live import LiveRanker
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.serving.ids import Ids
from forsys.serving.reasons import reasons
from forsys.tables.history import Profiles

LISTS: dict[str, pl.DataType] = {
    "customer": pl.String(),  # the shop's own id; null for a basket
    "rank": pl.UInt16(),  # 1 is the best
    "article": pl.String(),  # the shop's own id
    "name": pl.String(),
    "chance": pl.Float32(),  # that the customer buys it within the period; null where it is unknown
    "sources": pl.String(),  # those that found it, the one that ranks it first in front
    "reason": pl.String(),
}


@dataclass(frozen=True, eq=False)
class Answer:
    """The pairs of some profiles, as they were ordered: score, rank and chance of each, (pairs,)."""

    pairs: Pairs
    score: Floats
    rank: Ints
    chance: Floats

    def first(self, k: int, without: Ints | tuple[()] = ()) -> Ints:
        """The pairs of the first k ranks of each profile, in order; others move up for those in `without`."""
        order = np.lexsort((self.rank, self.pairs.row))
        order = order[~np.isin(self.pairs.article[order], without)]
        row = self.pairs.row[order]
        return order[position_within(row) < k]


@dataclass(frozen=True, eq=False)
class Recommender:
    """What was fitted, in memory. A request reads its own customers' purchases, and changes nothing."""

    run: Run
    live: LiveRanker
    calibration: Calibration
    customers: Ids
    articles: Ids
    names: pl.Series
    asked: pl.Series  # the ids of the customers, and null at the end, for someone new

    @classmethod
    def of(cls, run: Run, fold: Fold | None = None) -> "Recommender":
        """Of a run whose stage `rank` has finished, for the submission or another ranked fold; takes seconds.

        Raises DataError where the stage has not finished.
        """
        fold, tuned = fold or run.calendar.submission, Tuned.read(run.workspace.tuned)
        folder = run.workspace.ranker(fold)
        live = LiveRanker.of(run, tuned, fold, Ranker.load(folder))
        articles, ids = run.history.articles, run.history.customers["customer_id"]
        recommender = cls(
            run,
            live,
            Calibration.load(folder),
            Ids.of("customer", ids),
            Ids.of("article", articles["article_id"]),
            articles["prod_name"],
            ids.extend_constant(None, 1),
        )
        recommender.answer(live.basket(np.zeros(1, np.int64)))  # makes what all requests share
        return recommender

    def recommend(self, customers: Sequence[str], k: int) -> pl.DataFrame:
        """The first k articles of each customer, in the order in which they are named: LISTS, sorted by rank."""
        asked = self.customers.find_all(customers)
        known, place = np.unique(asked, return_inverse=True)
        size = self.run.settings.shard_size
        parts = [
            self._lists(self.live.profiles(known[start : start + size]), k) for start in range(0, len(known), size)
        ]
        lists = pl.concat(parts or [pl.DataFrame(schema=LISTS)])
        if np.array_equal(place, np.arange(len(asked))):
            return lists
        named = pl.DataFrame({"customer": customers}, schema={"customer": pl.String}).unique(maintain_order=True)
        return named.join(lists, on="customer", maintain_order="left_right")

    def recommend_to_basket(self, basket: Sequence[str], k: int) -> pl.DataFrame:
        """The first k articles for a new customer with these in the basket, which are left out: LISTS."""
        if not basket:
            raise DataError("The basket is empty. Name at least one article.")
        articles = np.unique(self.articles.find_all(basket))
        return self._lists(self.live.basket(articles), k, articles)

    def answer(self, profiles: Profiles, without: int = 0) -> Answer:
        """Everything that the ranker orders for some profiles; without: as of `LiveRanker.pairs`."""
        pairs, ranker = self.live.pairs(profiles, without), self.live.ranker
        score = ranker.predict(self.live.features(pairs), pairs.row)
        rank, _ = ranker.ranks(pairs, score)
        return Answer(pairs, score, rank, self.calibration.chance(inputs(pairs, score, rank)))

    def _lists(self, profiles: Profiles, k: int, without: Ints | tuple[()] = ()) -> pl.DataFrame:
        answer = self.answer(profiles, len(without))
        return self.table(answer, answer.first(k, without))

    def table(self, answer: Answer, chosen: Ints) -> pl.DataFrame:
        """LISTS of chosen pairs, which are sorted by profile, rank."""
        pairs, row = answer.pairs, answer.pairs.row[chosen]
        article = pairs.article[chosen]
        columns = {
            "customer": self.asked.gather(pairs.customer[chosen]),
            "rank": position_within(row) + 1,
            "article": self.articles.ids.gather(article),
            "name": self.names.gather(article),
            "chance": pl.Series(answer.chance[chosen], nan_to_null=True),
            "sources": [", ".join(found_by(pairs, i)) for i in chosen],
            "reason": reasons(self.live, pairs, chosen, self.names),
        }
        return pl.DataFrame(columns, schema_overrides=LISTS)


def found_by(pairs: Pairs, pair: int) -> dict[str, int]:
    """The sources that found a pair, with its rank in their lists, the best first."""
    ranks = {name: int(rank[pair]) for name, rank in pairs.rank.items() if not np.isnan(rank[pair])}
    return dict(sorted(ranks.items(), key=lambda found: found[1]))
