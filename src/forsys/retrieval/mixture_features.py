"""What the mixture's trees know of each candidate, a group of features each: see GROUPS."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
from scipy import sparse

from forsys.arrays import Floats, Ints, position_within
from forsys.calendar import day_number
from forsys.retrieval.baskets import basket_weights
from forsys.retrieval.mixture_candidates import Candidates
from forsys.retrieval.source import Source
from forsys.tables.history import History

MAX_BASKET = 20  # newest purchases of a profile that candidates are compared with
EARLIER_WEIGHT, HALF_LIFE = 0.5, 30.0  # of purchases before the last day of shopping, see basket_weights
SALES_DAYS = 28
RANK_CONSTANT = 10.0  # of the reciprocal ranks, see fusion.py

Columns = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class Articles:
    """What is known of every article at a cut-off; values: (COLUMNS, articles) float32, NaN where unknown."""

    values: Floats

    COLUMNS: ClassVar = ("log_sales", "log_sales_last_day", "trend", "log_price", "days_on_sale", "launch")

    @classmethod
    def of(cls, history: History, as_of: date) -> Self:
        """Sales of the last SALES_DAYS before the cut-off, the mean log price of all purchases before it."""
        log, recent, count = history.before(as_of), history.since(as_of, SALES_DAYS), len(history.articles)
        sales, last = recent.sales(), history.since(as_of, 1).sales()
        half = max((np.ptp(recent.day) + 1) // 2, 1) if len(recent) else 1
        newer = history.since(as_of, int(half)).sales()
        first = np.full(count, np.nan)
        np.fmin.at(first, log.article, log.day.astype(np.float64))
        paid = log.price > 0
        spent = np.bincount(log.article[paid], weights=np.log(log.price[paid]), minlength=count)
        with np.errstate(invalid="ignore"):
            log_price = spent / np.bincount(log.article[paid], minlength=count)
        launch = launch_rank(history, as_of)
        days = day_number(as_of) - first
        values = (np.log1p(sales), np.log1p(last), (newer + 1) / (sales + 2), log_price, days, launch)
        return cls(np.stack(values).astype(np.float32))

    def __getitem__(self, name: str) -> Floats:
        values: Floats = self.values[self.COLUMNS.index(name)]
        return values


def launch_rank(history: History, as_of: date) -> Floats:
    """Each article's position by launch among those known before `as_of`, 0 to 1, (articles,); NaN for others."""
    known = history.by_launch(as_of)
    rank = np.full(len(history.articles), np.nan)
    rank[known] = np.arange(len(known)) / max(len(known), 1)
    return rank


@dataclass(frozen=True, eq=False)
class Basket:
    """The newest purchases of each candidate's profile, newest first."""

    article: Ints  # (profiles, MAX_BASKET), -1 beyond the last
    weight: Floats  # (profiles, MAX_BASKET), 0 there

    @classmethod
    def of(cls, candidates: Candidates) -> Self:
        """From the candidates' profiles."""
        profiles = candidates.profiles
        row, purchase = profiles.purchases()
        weight = basket_weights(row, profiles.ages(row, purchase), EARLIER_WEIGHT, HALF_LIFE)
        place = position_within(row[::-1])[::-1]
        kept = place < MAX_BASKET
        shape, cells = (len(profiles), MAX_BASKET), (row[kept], place[kept])
        article, weights = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        article[cells], weights[cells] = profiles.history.article[purchase[kept]], weight[kept]
        return cls(article, weights)


@dataclass(frozen=True, eq=False)
class RecentPurchase:
    """The n-th newest purchase of every profile that has so many, and those profiles' candidates."""

    number: int  # counted from 0
    article: Ints  # (purchases,)
    rows: Ints  # candidates
    profile: Ints  # (rows,) positions in `article`
    weight: Floats  # (rows,) of the purchase


@runtime_checkable
class Linked(Protocol):
    """A source whose score is a sum over the profile's purchases."""

    def columns(self, article: Ints) -> Ints:
        """As of every source."""

    def links(self, article: Ints) -> sparse.csr_array:
        """What one purchase of each article adds to the scores, (articles, catalogue)."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Candidates and all that their features are made from."""

    candidates: Candidates
    members: Mapping[str, Source]
    articles: Articles

    @cached_property
    def basket(self) -> Basket:
        """Of the candidates' profiles."""
        return Basket.of(self.candidates)

    @cached_property
    def recent_purchases(self) -> list[RecentPurchase]:
        """The newest purchases, the next newest..."""
        row, basket = self.candidates.row, self.basket
        found = []
        for number in range(MAX_BASKET):
            has = basket.article[:, number] >= 0
            if not has.any():
                break
            rows = np.flatnonzero(has[row])
            profile = (np.cumsum(has) - 1)[row[rows]]
            found.append(
                RecentPurchase(number, basket.article[has, number], rows, profile, basket.weight[row[rows], number])
            )
        return found


def scores(problem: Problem) -> Columns:
    """Score, rank among the profile's candidates, and distance to its best, by each score; who proposes it."""
    candidates, columns = problem.candidates, {}
    score = np.where(np.isneginf(candidates.scores), np.nan, candidates.scores)
    first = np.flatnonzero(position_within(candidates.row) == 0)
    size = np.diff(np.append(first, len(candidates)))
    ranks = candidates.ranks()
    for i, name in enumerate(candidates.names):
        best = np.repeat(np.maximum.reduceat(candidates.scores[:, i], first), size) if len(first) else score[:, i]
        columns[f"{name}_score"], columns[f"{name}_rank"] = score[:, i], ranks[:, i]
        columns[f"{name}_gap"] = score[:, i] - best
    columns["proposals"] = candidates.proposed.sum(axis=1)
    columns["fusion"] = np.nansum(1 / (RANK_CONSTANT + ranks), axis=1)
    return columns


def pairs(problem: Problem) -> Columns:
    """How similar members with links find the candidate to the profile's purchases: largest, sum, last, count."""
    columns: Columns = {}
    for name, member in problem.members.items():
        if isinstance(member, Linked):
            column = member.columns(problem.candidates.article)
            columns |= {f"{name}_{kind}": values for kind, values in _similarities(problem, member, column).items()}
    return columns


def _similarities(problem: Problem, member: "Linked", column: Ints) -> Columns:
    largest, total, last, count = (np.zeros(len(column), np.float32) for _ in range(4))
    for recent in problem.recent_purchases:
        known = column[recent.rows] >= 0
        rows = recent.rows[known]
        similar = member.links(recent.article).toarray()[recent.profile[known], column[rows]]
        largest[rows] = np.maximum(largest[rows], similar)
        total[rows] += similar * recent.weight[known]
        count[rows] += similar > 0
        if recent.number == 0:
            last[rows] = similar
    return {"max": largest, "sum": total, "last": last, "count": count}


def attributes(problem: Problem) -> Columns:
    """How many attributes the candidate shares with the profile's purchases: at most, on average, with the last."""
    codes, article = attribute_codes(problem.candidates.profiles.history), problem.candidates.article
    largest, total, weights, last = (np.zeros(len(article), np.float32) for _ in range(4))
    product, own = np.zeros(len(article), np.float32), np.zeros(len(article), np.float32)
    for recent in problem.recent_purchases:
        theirs, ours = codes[recent.article][recent.profile], codes[article[recent.rows]]
        same = (theirs == ours) & (ours >= 0)
        equal = same.sum(axis=1, dtype=np.float32)
        largest[recent.rows] = np.maximum(largest[recent.rows], equal)
        total[recent.rows] += equal * recent.weight
        weights[recent.rows] += recent.weight
        product[recent.rows] += same[:, 0]
        own[recent.rows] += recent.article[recent.profile] == article[recent.rows]
        if recent.number == 0:
            last[recent.rows] = equal
    mean = total / np.maximum(weights, np.finfo(np.float32).tiny)
    names = ("equal_max", "equal_mean", "equal_last", "same_product", "bought")
    return dict(zip(names, (largest, mean, last, product, own), strict=True))


def attribute_codes(history: History) -> Ints:
    """(articles, attributes), the product code first; -1 where unknown."""
    names = dict.fromkeys(("product_code", *history.roles.attributes))
    return np.stack([history.codes(name) for name in names], axis=1)


def article(problem: Problem) -> Columns:
    """How the candidate sells, since when, at what price, also against the profile's purchases."""
    known, candidates = problem.articles, problem.candidates
    columns = {name: known[name][candidates.article] for name in known.COLUMNS}
    for name, value in (("price_gap", "log_price"), ("launch_gap", "launch")):
        usual = basket_mean(known[value], problem.basket).astype(np.float32)
        columns[name] = columns[value] - usual[candidates.row]
    return columns


def basket_mean(values: Floats, basket: Basket) -> Floats:
    """Weighted mean of a value of the articles over each basket, (profiles,), of the known ones; NaN for none."""
    found = np.where(basket.article >= 0, values[basket.article], np.nan)
    weight = np.where(np.isnan(found), 0, basket.weight)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(found * weight, axis=1) / weight.sum(axis=1))


def profile(problem: Problem) -> Columns:
    """How much the profile has bought, that day and before, and how long ago."""
    profiles, row = problem.candidates.profiles, problem.candidates.row
    of, purchase = profiles.purchases()
    ages = profiles.ages(of, purchase)
    today = np.bincount(of[ages == 0], minlength=len(profiles))
    newest = np.full(len(profiles), np.nan)
    np.fmin.at(newest, of, ages.astype(np.float64))
    columns = {"purchases": profiles.stop - profiles.start, "basket_size": today, "days_since": newest}
    return {name: values[row].astype(np.float32) for name, values in columns.items()}


Group = Literal["scores", "pairs", "attributes", "article", "profile"]
GROUPS: dict[Group, Callable[[Problem], Columns]] = {
    "scores": scores,
    "pairs": pairs,
    "attributes": attributes,
    "article": article,
    "profile": profile,
}


def columns_of(problem: Problem, groups: Iterable[Group]) -> Columns:
    """The features of several groups: name -> (candidates,)."""
    columns: Columns = {}
    for group in groups:
        columns |= GROUPS[group](problem)
    return columns


def matrix(columns: Columns) -> Floats:
    """(candidates, features) float32."""
    return np.column_stack(list(columns.values())).astype(np.float32, copy=False)
