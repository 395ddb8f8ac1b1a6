"""Why an article is in a list, in words: the plainest of what the sources that found it have to say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from forsys.arrays import Ints
from forsys.calendar import as_date
from forsys.ranking.live import LiveRanker
from forsys.ranking.pairs import Pairs
from forsys.retrieval.als import ALS
from forsys.retrieval.best_sellers import BestSellers
from forsys.retrieval.bpr import BPR
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.lmf import LMF
from forsys.retrieval.nearest_content import NearestContent
from forsys.retrieval.next_item import NextItem
from forsys.retrieval.same_attributes import SameAttributes
from forsys.retrieval.source import Source
from forsys.tables.history import History

WEEK = 7


@dataclass(frozen=True, eq=False)
class Bought:
    """What a customer had bought: articles and days, oldest first, as of the day `as_of` (days since 1970).

    basket: whether these are what a new customer has in the basket.
    """

    history: History
    article: Ints
    day: Ints
    as_of: int
    names: pl.Series
    basket: bool

    def times(self, article: int) -> str:
        """How often and when an article was bought; empty where it never was."""
        days = np.unique(self.day[self.article == article])
        lately = int((days >= self.as_of - WEEK).sum())
        if not len(days):
            return ""
        if lately > 1:
            return f"bought {lately} times in the last week"
        return f"bought {f'{len(days)} times, last ' if len(days) > 1 else ''}on {as_date(days[-1])}"

    def which(self, index: int) -> str:
        """A purchase, by its article's name and day."""
        article = int(self.article[index])
        name = self.names[article] or self.history.articles[article, "article_id"]
        return f"{name} in the basket" if self.basket else f"{name}, which you bought on {as_date(self.day[index])}"

    def strongest(self, weight: Any) -> int | None:
        """The purchase with the largest weight, the newest of equals; None where none has any."""
        weight = np.asarray(weight)
        if not len(weight) or not weight.max() > 0:
            return None
        return int(np.flatnonzero(weight == weight.max())[-1])


def reasons(live: LiveRanker, pairs: Pairs, chosen: Ints, names: pl.Series) -> list[str]:
    """The reason of each of some pairs."""
    bought: dict[int, Bought] = {}
    for row in np.unique(pairs.row[chosen]).tolist():
        profiles = pairs.profiles
        own = slice(int(profiles.start[row]), int(profiles.stop[row]))
        log, new = profiles.history, int(profiles.customers[row]) == len(live.history.customers) - 1
        bought[row] = Bought(live.history, log.article[own], log.day[own], int(profiles.as_of[row]), names, new)
    ranks = {name: rank[chosen] for name, rank in pairs.rank.items()}
    rows = zip(pairs.row[chosen].tolist(), pairs.article[chosen].tolist(), strict=True)
    return [
        reason(bought[row], article, live.sources, {name: float(rank[i]) for name, rank in ranks.items()})
        for i, (row, article) in enumerate(rows)
    ]


def reason(bought: Bought, article: int, sources: Mapping[str, Source], rank: Mapping[str, float]) -> str:
    """That it, or a variant, was bought before; else what the source with the best rank says that has words."""
    if before := bought.times(article) or _variant(bought, article):
        return before
    found = sorted((rank[name], name) for name in sources if not np.isnan(rank[name]))
    for _, name in found:
        source = sources[name]
        words = next((say(bought, source, article) for of, say in WORDS.items() if isinstance(source, of)), None)
        if words:
            return words
    if any(isinstance(sources[name], SameAttributes) for _, name in found):
        return "sells now"  # its score is the log of the sales where nothing is shared
    return f"found by {found[0][1]}"


def _variant(bought: Bought, article: int) -> str:
    code = bought.history.codes("product_code")
    index = bought.strongest((code[bought.article] == code[article]) & (code[article] >= 0))
    return "" if index is None else f"a variant of {bought.which(index)}"


def _together(bought: Bought, source: Source, article: int) -> str:
    assert isinstance(source, ItemKNN)
    column = source.columns(bought.article)
    similar = np.where(
        column >= 0, _column(source.similar_, column, int(source.columns(np.array([article]))[0])), 0
    )
    index = bought.strongest(similar)
    return "" if index is None else f"often bought with {bought.which(index)}"


def _alike(bought: Bought, source: Source, article: int) -> str:
    assert isinstance(source, NearestContent)
    index = bought.strongest(_column(source.similar_, bought.article, int(source.columns(np.array([article]))[0])))
    return "" if index is None else f"similar to {bought.which(index)}"


def _attributes(bought: Bought, source: Source, article: int) -> str:
    """The attribute with the most purchases of the same value."""
    assert isinstance(source, SameAttributes)
    shared = {}
    for attribute in source.attributes or bought.history.roles.naive_bayes:
        code = bought.history.codes(attribute)
        if attribute not in ("article", "product_code") and code[article] >= 0:
            shared[attribute] = int((code[bought.article] == code[article]).sum())
    best = max(shared, key=lambda attribute: shared[attribute], default="")
    if not best or not shared[best]:
        return ""
    value = bought.history.articles[article, best]
    return f"sells now, and {shared[best]} of your {len(bought.article)} purchases are {value} too"


def _similar_customers(bought: Bought, source: Source, article: int) -> str:
    del source, article
    return "bought by customers with purchases like yours" if len(bought.article) else ""


def _next(bought: Bought, source: Source, article: int) -> str:
    del source, article
    return "often the next purchase after ones like yours" if len(bought.article) else ""


def _best_seller(bought: Bought, source: Source, article: int) -> str:
    del bought, source, article
    return "a best seller lately"


def _column(similar: sparse.csr_array, rows: Ints, column: int) -> Any:
    """The values of some rows (or none, for row -1) of one column of a sparse matrix, dense (rows,)."""
    values = np.zeros(len(rows), np.float32)
    for i, row in enumerate(rows.tolist()):
        if row >= 0 and column >= 0:
            cells = slice(similar.indptr[row], similar.indptr[row + 1])
            values[i] = similar.data[cells][similar.indices[cells] == column].sum()
    return values


WORDS: dict[type[Source], Callable[[Bought, Source, int], str]] = {
    ItemKNN: _together,
    NearestContent: _alike,
    SameAttributes: _attributes,
    NextItem: _next,
    ALS: _similar_customers,
    BPR: _similar_customers,
    LMF: _similar_customers,
    BestSellers: _best_seller,
}
