"""Baskets, what a customer bought on one day, for the sources that learn from them."""

import numpy as np
from scipy import sparse

from forsys.arrays import Bools, Floats, Ints, decay, position_within
from forsys.retrieval.source import Source
from forsys.tables.history import History, Profiles

MAX_PURCHASES = 2_000  # of a customer that are read, the newest; Kaggle's largest customer has fewer


def newest_purchases(log: History) -> Bools:
    """Which purchases are among the MAX_PURCHASES newest of their customer: 12,000 would make 144 million pairs."""
    newest_first: Bools = position_within(log.customer[::-1]) < MAX_PURCHASES
    return newest_first[::-1]


def baskets(customer: Ints, day: Ints) -> tuple[Ints, Ints]:
    """From purchases sorted by customer and day: the basket of each, and the first purchase of each basket."""
    first = (np.diff(customer, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0)
    return np.cumsum(first) - 1, np.flatnonzero(first)


def basket_pair_weights(customer: Ints, day: Ints, other_weight: float, half_life: float) -> sparse.csr_array:
    """Weights of pairs of one customer's baskets: (baskets, baskets), float32, symmetric.

    customer, day: of each basket, sorted. A basket with itself weighs 1, with another other_weight, halved for
    every `half_life` days between the two.
    """
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    count = np.diff(np.append(first, len(customer)))
    of_each = np.repeat(count, count)  # baskets of its customer, for each basket
    row = np.repeat(np.arange(len(customer)), of_each)
    column = np.repeat(np.repeat(first, count), of_each) + position_within(row)
    weight = other_weight * decay(np.abs(day[row] - day[column]), half_life)
    weights = np.where(row == column, 1, weight).astype(np.float32)
    related = sparse.csr_array((weights, (row, column)), shape=(len(customer), len(customer)))
    related.eliminate_zeros()
    return related


def basket_weights(row: Ints, ages: Ints, earlier_weight: float, half_life: float) -> Floats:
    """Weights of purchases, float32: 1 on the profile's last day of shopping, `earlier_weight` decayed before it.

    row: the profile of each purchase; ages: its days before the profile's day; half_life in days.
    """
    last = np.full(int(row.max(initial=-1)) + 1, np.iinfo(np.int32).max)
    np.minimum.at(last, row, ages)
    decayed = earlier_weight * decay(ages - last[row], half_life)
    return np.where(ages == last[row], 1, decayed).astype(np.float32)


def decayed_counts(source: Source, profiles: Profiles, half_life: float) -> sparse.csr_array:
    """Purchases of each profile in the source's catalogue, halved every `half_life` days: (profiles, catalogue)."""
    row, purchase = profiles.purchases()
    weights = decay(profiles.ages(row, purchase), half_life)
    return profiles.matrix(row, _columns(source, profiles, purchase), weights, len(source.catalogue_))


def weighted_baskets(
    source: Source, profiles: Profiles, earlier_weight: float, half_life: float
) -> sparse.csr_array:
    """Purchases of each profile in the source's catalogue, weighted by `basket_weights`: (profiles, catalogue)."""
    row, purchase = profiles.purchases()
    weights = basket_weights(row, profiles.ages(row, purchase), earlier_weight, half_life)
    return profiles.matrix(row, _columns(source, profiles, purchase), weights, len(source.catalogue_))


def _columns(source: Source, profiles: Profiles, purchase: Ints) -> Ints:
    return source.columns(profiles.history.article[purchase])


def without_basket(source: Source, scores: sparse.csr_array, profiles: Profiles) -> sparse.csr_array:
    """`scores` without the articles that the profile bought on its own day: units of a day are one purchase."""
    row, purchase = profiles.purchases()
    today = profiles.ages(row, purchase) == 0
    if not today.any():
        return scores
    column = source.columns(profiles.history.article[purchase[today]])
    in_basket = profiles.matrix(row[today], column, np.ones(len(column)), scores.shape[1])
    in_basket.data[:] = 1
    left = sparse.csr_array(scores - scores.multiply(in_basket))
    left.eliminate_zeros()
    return left
