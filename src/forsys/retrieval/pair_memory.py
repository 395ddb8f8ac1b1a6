"""Pair memory: what is bought together, counted between articles, between products, or between coarser kinds."""

from collections.abc import Sequence
from datetime import date
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Ints
from forsys.retrieval.baskets import basket_pair_weights, basket_weights, baskets, newest_purchases, without_basket
from forsys.retrieval.neighbours import blocks_of_pairs, largest_cells, largest_per_row, linked, stacked, stored
from forsys.retrieval.same_attributes import check_attributes
from forsys.retrieval.source import PARAMETERS, Source
from forsys.tables.history import History, Profiles

HOP_NEIGHBOURS = 50  # of a unit that the second hop follows: 200 take 2.5 times as long, for .012 more at 100


@dataclass(config=PARAMETERS)
class PairMemory(Source):
    """Damped cosine between units of `level`, carried to their articles and summed over the profile's purchases.

    A unit is all articles that are equal in `level`: an article, a product, a kind. Coarser ones know pairs that no
    two articles have shown yet (back-off). Purchases of one basket make pairs of weight 1 / log(1 + basket size),
    those of two baskets of a customer of the geometric mean of both, times other_day_weight, decayed by the days
    between.
    similarity(bought, unit) = pairs / sqrt((weight of bought + shrinkage_bought) * (weight of unit +
    shrinkage_candidate)), where a unit is paired with itself too, and its weight is that of its purchases. A
    candidate gets its unit's similarity times its sales, divided by those of the unit's best seller.

    second_hop > 0 adds what is bought together with those (S + second_hop * S²): candidates further away, at a
    multiple of the time. Articles that the profile bought on its own day have no score.
    """

    level: tuple[str, ...] = ("article",)
    """Columns of articles.parquet equal within a unit; none: the shop's kind, department and colour."""
    days: PositiveInt = 60
    """Days before the cut-off whose purchases count."""
    other_day_weight: NonNegativeFloat = 0.3
    """Weight of a pair from two days, then decayed; 0 pairs only what was bought on one day."""
    pair_half_life: PositiveFloat = 7.0
    """Days between two purchases after which their pair counts half."""
    shrinkage_bought: NonNegativeFloat = 10.0
    """Added to the weight of the unit in the profile."""
    shrinkage_candidate: NonNegativeFloat = 100.0
    """Added to the weight of the candidate's unit; more of it favours best sellers."""
    second_hop: NonNegativeFloat = 0.0
    """Weight of the second hop, against 1 for the first."""
    earlier_weight: NonNegativeFloat = 0.5
    """Weight of a purchase before the profile's last day of shopping, then decayed."""
    half_life: PositiveFloat = 30.0
    """Days before the last day of shopping after which an earlier purchase counts half."""
    num_neighbours: PositiveInt = 500
    """Most similar units, and then articles, that are kept per unit."""

    def fit(self, history: History, as_of: date) -> Self:
        """Count the pairs of units, then keep the nearest articles of each unit."""
        log = history.since(as_of, self.days)
        self.catalogue_ = np.unique(log.article).astype(np.int32)
        self.unit_ = units(history, self.level or kind_of(history))
        spread = self._spread(log)
        similar = self._similar(log)
        hop = sparse.csr_array((0, 0)) if not self.second_hop else largest_per_row(similar, HOP_NEIGHBOURS)
        parts = [self._carried(similar[rows], hop, spread) for rows in self._rows(similar, hop, spread)]
        self.similar_ = stacked(parts)
        return self

    def check(self, history: History) -> None:
        """The articles must have the columns of the level."""
        check_attributes("PairMemory, level", self.level, history)

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Similarity to the units of the profile's purchases, weighted and summed."""
        row, purchase = profiles.purchases()
        weights = basket_weights(row, profiles.ages(row, purchase), self.earlier_weight, self.half_life)
        unit = self.unit_[profiles.history.article[purchase]]
        bought = profiles.matrix(row, unit, weights, self.similar_.shape[0])
        return without_basket(self, sparse.csr_array(bought @ self.similar_), profiles)

    def links(self, article: Ints) -> sparse.csr_array:
        """What one purchase of each article adds to the scores, (articles, catalogue)."""
        return linked(self.similar_, self.unit_[article])

    def _spread(self, log: History) -> sparse.csr_array:
        """From units to articles, (units, catalogue): the article's sales over those of the unit's best seller."""
        sales = np.bincount(self.columns(log.article), minlength=len(self.catalogue_)).astype(np.float32)
        unit = self.unit_[self.catalogue_]
        known = np.flatnonzero(unit >= 0)
        best = np.zeros(self._num_units, np.float32)
        np.maximum.at(best, unit[known], sales[known])
        cells = (sales[known] / best[unit[known]], (unit[known], known))
        return sparse.csr_array(cells, shape=(self._num_units, len(self.catalogue_)))

    def _similar(self, log: History) -> sparse.csr_array:
        """Similarity of each unit to its nearest: (units, units)."""
        bought, first = self._bought(log)
        related = basket_pair_weights(
            log.customer[first], log.day[first], self.other_day_weight, self.pair_half_life
        )
        with_others = related @ bought
        weight = np.asarray(bought.power(2).sum(axis=0), np.float64)
        pairs = stored(bought).T @ np.diff(with_others.indptr).astype(np.float64)
        parts = []
        for rows in blocks_of_pairs(pairs):
            together = sparse.coo_array(bought[:, rows].T @ with_others)
            row, column = together.coords
            damped = (weight[rows][row] + self.shrinkage_bought) * (weight[column] + self.shrinkage_candidate)
            similarity = together.data / np.sqrt(damped)
            parts.append(largest_cells(row, column, similarity, together.shape, self.num_neighbours))
        return stacked(parts)

    def _bought(self, log: History) -> tuple[sparse.csr_array, Ints]:
        """Units by basket, (baskets, units), and the purchase with which each basket begins.

        A purchase counts the root of its basket's weight, so that products of two count the weight.
        """
        basket, first = baskets(log.customer, log.day)
        size = np.bincount(basket, minlength=len(first))
        root = np.sqrt(1 / np.log1p(size)).astype(np.float32)
        unit = self.unit_[log.article]
        kept = (unit >= 0) & newest_purchases(log)
        cells = (root[basket[kept]], (basket[kept], unit[kept]))
        return sparse.coo_array(cells, shape=(len(first), self._num_units)).tocsr(), first

    def _rows(self, similar: sparse.csr_array, hop: sparse.csr_array, spread: sparse.csr_array) -> list[slice]:
        """Blocks of units whose carried similarities stay within a bounded memory."""
        articles = np.diff(spread.indptr).astype(np.float64)
        pairs = stored(similar) @ articles
        if self.second_hop:
            pairs += stored(hop) @ (stored(hop) @ articles)
        return list(blocks_of_pairs(pairs))

    def _carried(
        self, similar: sparse.csr_array, hop: sparse.csr_array, spread: sparse.csr_array
    ) -> sparse.csr_array:
        """From units to the articles: the nearest of a block of units, (rows, catalogue)."""
        if self.second_hop:
            first = largest_per_row(similar, HOP_NEIGHBOURS)
            similar = sparse.csr_array(similar + self.second_hop * (first @ hop))
        return largest_per_row(sparse.csr_array(similar @ spread), self.num_neighbours)

    @property
    def _num_units(self) -> int:
        return int(self.unit_.max(initial=-1)) + 1


def units(history: History, level: Sequence[str]) -> Ints:
    """The unit of each article, those with equal values in all columns of `level`: (articles,) int32.

    Counted from 0; -1 where one of the values is unknown.
    """
    unit = np.zeros(len(history.articles), np.int64)
    known = np.ones(len(unit), bool)
    for attribute in level:
        code = history.codes(attribute)
        known &= code >= 0
        unit = np.unique(unit * (code.max(initial=0) + 2) + code + 1, return_inverse=True)[1]
    unit[known] = np.unique(unit[known], return_inverse=True)[1]
    return np.where(known, unit, -1).astype(np.int32)


def kind_of(history: History) -> tuple[str, ...]:
    """The shop's attributes of kind, department and colour; the product code where it has none."""
    roles = history.roles
    return tuple(name for name in (roles.kind, roles.department, roles.colour) if name) or ("product_code",)
