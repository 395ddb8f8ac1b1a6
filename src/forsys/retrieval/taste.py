"""Taste: what sells now, of the kinds that the customer buys."""

from datetime import date
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.attributes import codes
from forsys.calendar import day_number
from forsys.retrieval.source import STRICT, Source, decay, decayed_purchases
from forsys.tables.history import History, Ints, Profiles

KINDS = (
    "article",
    "product_code",
    "product_type_name",
    "department_name",
    "section_name",
    "colour_group_name",
    "perceived_colour_master_name",
    "graphical_appearance_name",
)


@dataclass(config=STRICT)
class Taste(Source):
    """Naive Bayes over an article's kinds: the article itself, its product, type, department, colour and so on.

    score(customer, article) = log(sales(article)) + strength * sum over its kinds of
    log(1 + own(kind) / (prior * share(kind))), where own are the customer's purchases of the kind, halved every
    `memory` days, and shares are of the shop's sales of the last `days`, halved every `half_life` days, with one
    sale added to each value of a kind. The sum is the log of the customer's share of the kind over the shop's, with
    `prior` purchases of the shop added to the customer's, less what is equal for all articles. Nothing is trained,
    which suits few data.
    """

    builds_on: ClassVar[tuple[str, ...]] = ("attributes.py",)

    half_life: PositiveFloat = 14.0
    days: PositiveInt = 90
    memory: PositiveFloat = 30.0
    prior: PositiveFloat = 10.0
    strength: NonNegativeFloat = 0.5

    def fit(self, history: History, as_of: date) -> Self:
        """Sum the decayed sales of the articles, and of each kind."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        sales = decay(day_number(as_of) - log.day, self.half_life) * log.units
        sold = np.bincount(self.columns(log.article), sales, len(self.catalogue_))
        self.log_sales_ = np.log(sold).astype(np.float32)
        kinds, counts = membership(history), value_counts(history)
        kept = np.unique(kinds[self.catalogue_].indices)  # the values that something of the catalogue has
        self.kinds_ = kinds[:, kept]
        values = np.repeat(counts, counts)[kept]
        self.kind_share_ = ((sold @ self.kinds_[self.catalogue_] + 1) / (sold.sum() + values)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Dense: what the customer never bought the like of keeps its share of the sales."""
        bought = decayed_purchases(profiles, self.memory)
        own = sparse.csr_array(bought @ self.kinds_)  # (profiles, values)
        own.data = np.log1p(own.data / (self.prior * self.kind_share_[own.indices]))
        # Articles by profiles, so that rows of a dense matrix are added: a fifth of the sparse product's time.
        by_article = self.kinds_[self.catalogue_] @ own.T.toarray(order="C")
        scores: npt.NDArray[np.float32] = np.ascontiguousarray(by_article.T)
        scores *= np.float32(self.strength)
        scores += self.log_sales_
        return scores


def membership(history: History) -> sparse.csr_array:
    """1 where an article is of a kind: (articles, values of all KINDS, one kind after the other), float32."""
    kinds = [codes(history, kind) for kind in KINDS]
    start = np.cumsum([0, *value_counts(history)])
    article = np.concatenate([np.flatnonzero(code >= 0) for code in kinds])
    value: Ints = np.concatenate([code[code >= 0] + first for code, first in zip(kinds, start, strict=False)])
    cells = (np.ones(len(value), np.float32), (article, value))
    return sparse.coo_array(cells, shape=(len(history.articles), start[-1])).tocsr()


def value_counts(history: History) -> list[int]:
    """How many values each of KINDS has."""
    return [int(codes(history, kind).max(initial=-1)) + 1 for kind in KINDS]
