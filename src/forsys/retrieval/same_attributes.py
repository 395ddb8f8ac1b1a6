"""Same attributes: what sells now and shares its type, department, colour... with the customer's purchases."""

from collections.abc import Sequence
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Ints, decay
from forsys.calendar import day_number
from forsys.errors import DataError
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles


@dataclass(config=PARAMETERS)
class SameAttributes(Source):
    """Naive Bayes over an article's attribute values; counting is all the training, which suits small data.

    score(customer, article) = log(sales(article)) + strength * sum over the article's attribute values of
    log(1 + own(value) / (prior_purchases * share(value))). own: the customer's decayed purchases with the value.
    share: the value's share of the shop's decayed sales, smoothed by adding one sale to each value. A term is the
    log-ratio of the customer's share of the value, shrunk towards the shop's, to the shop's share, up to a
    constant that is equal for all articles.
    """

    half_life: PositiveFloat = 14.0
    """Days after which a sale counts half in the shop's sales."""
    days: PositiveInt = 90
    """Days before the cut-off whose sales count."""
    profile_half_life: PositiveFloat = 30.0
    """Days after which a purchase counts half in the customer's own purchases."""
    prior_purchases: PositiveFloat = 10.0
    """Purchases, spread like the whole shop's, that are added to the customer's own."""
    strength: NonNegativeFloat = 0.5
    """Weight of the customer's attribute values against the log of the article's sales."""
    attributes: tuple[str, ...] = ()
    """Columns of articles.parquet that are counted ("article" is the article itself); none: the shop file's."""

    def fit(self, history: History, as_of: date) -> Self:
        """Sum the decayed sales of each article and of each attribute value."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        decayed = decay(day_number(as_of) - log.day, self.half_life) * log.units
        sales = np.bincount(self.columns(log.article), decayed, len(self.catalogue_))
        self.log_sales_ = np.log(sales).astype(np.float32)
        attributes = self.attributes or history.roles.naive_bayes
        values, start = membership(history, attributes), np.cumsum([0, *value_counts(history, attributes)])
        used = np.unique(values[self.catalogue_].indices)  # the values that something in the catalogue has
        self.values_ = values[:, used]
        known = np.unique(values[history.offered(as_of)].indices)
        counts = np.diff(np.searchsorted(known, start))  # values of each attribute that were known before `as_of`
        smoothing = np.repeat(counts, np.diff(start))[used]
        self.share_ = ((sales @ self.values_[self.catalogue_] + 1) / (sales.sum() + smoothing)).astype(np.float32)
        return self

    def scores(self, profiles: Profiles) -> npt.NDArray[np.float32]:
        """Dense: an article with none of the customer's values still has the log of its sales."""
        bought = profiles.decayed_purchases(self.profile_half_life)
        own = sparse.csr_array(bought @ self.values_)  # (profiles, values)
        own.data = np.log1p(own.data / (self.prior_purchases * self.share_[own.indices]))
        # Articles by profiles, so that rows of a dense matrix are added: a fifth of the sparse product's time.
        in_catalogue = self.kept("in_catalogue", self.values_, lambda: self.values_[self.catalogue_])
        by_article = in_catalogue @ own.T.toarray(order="C")
        scores: npt.NDArray[np.float32] = np.ascontiguousarray(by_article.T)
        scores *= np.float32(self.strength)
        scores += self.log_sales_
        return scores

    def check(self, history: History) -> None:
        """The articles must have the attributes."""
        check_attributes("SameAttributes, attributes", self.attributes, history)


def check_attributes(key: str, attributes: Sequence[str], history: History) -> None:
    """Raises DataError, which begins with `key`, where the articles lack one of the attributes."""
    known = list(dict.fromkeys(["article", *history.articles.columns]))
    if unknown := sorted(set(attributes) - set(known)):
        raise DataError(f"{key}: unknown: {', '.join(unknown)}; name some of {', '.join(known)}.")


def membership(history: History, attributes: Sequence[str]) -> sparse.csr_array:
    """1 where an article has a value: (articles, values of all attributes, attribute by attribute), float32."""
    codes = [history.codes(attribute) for attribute in attributes]
    start = np.cumsum([0, *value_counts(history, attributes)])
    article = np.concatenate([np.flatnonzero(code >= 0) for code in codes])
    value: Ints = np.concatenate([code[code >= 0] + first for code, first in zip(codes, start, strict=False)])
    cells = (np.ones(len(value), np.float32), (article, value))
    return sparse.coo_array(cells, shape=(len(history.articles), start[-1])).tocsr()


def value_counts(history: History, attributes: Sequence[str]) -> list[int]:
    """How many values each attribute has."""
    return [int(history.codes(attribute).max(initial=-1)) + 1 for attribute in attributes]
