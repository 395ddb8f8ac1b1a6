"""The customer: how often, how much, how dear and through which channel they buy, and who they are."""

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from forsys.ranking.features.group import Columns, feature_group, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import Floats, History, Profiles

PROFILE = ("club_member_status", "fashion_news_frequency")

MEANINGS = {
    "purchases": "log of 1 + purchases so far",
    "days_since": "days since the last purchase",
    "days_known": "days since the first purchase",
    "visits": "log of 1 + days with a purchase",
    "rhythm": "mean days between two visits",
    "basket": "mean articles of a visit",
    "last_basket": "articles of the last visit",
    "repeats": "share of the purchases that are of an article bought before",
    "level": "mean log price paid",
    "spread": "standard deviation of the log price paid",
    "online_habit": "share of the purchases that were online",
    "age": "age in years",
    "fn": "receives fashion news",
    "active": "active for communication",
    "club_member_status": "status in the club",
    "fashion_news_frequency": "how often fashion news are sent",
}


@feature_group("customer", MEANINGS, PROFILE)
def customer_features(pairs: Pairs, _history: History, _as_of: date) -> Columns:
    """The row of each pair's customer in `customer_table`."""
    return {name: values[pairs.row] for name, values in customer_table(pairs.profiles).items()}


def customer_table(profiles: Profiles) -> Columns:
    """Every profile's features: feature -> float32 (profiles,), NaN where there was no purchase."""
    known = {name: values[profiles.customers] for name, values in _attributes(profiles.history).items()}
    table = _activity(profiles) | taste(profiles) | known
    return {name: values.astype(np.float32) for name, values in table.items()}


def taste(profiles: Profiles) -> Columns:
    """level, spread, online_habit (profiles,): of all that each profile had bought."""
    row, purchase = profiles.purchases()
    count = np.bincount(row, minlength=len(profiles))
    with np.errstate(divide="ignore"):
        price = np.log(profiles.history.price[purchase].astype(np.float64))
    level = ratio(np.bincount(row, price, len(profiles)), count)
    variance = ratio(np.bincount(row, (price - level[row]) ** 2, len(profiles)), count)
    online = profiles.history.channel[purchase] == 2
    return {
        "level": level,
        "spread": np.sqrt(variance),
        "online_habit": ratio(np.bincount(row, online, len(profiles)), count),
    }


def _activity(profiles: Profiles) -> Columns:
    row, purchase = profiles.purchases()
    ages = profiles.ages(row, purchase)
    count = np.bincount(row, minlength=len(profiles)).astype(np.float64)
    bought = count > 0
    oldest, newest = (_age_at(profiles, place) for place in (profiles.start, profiles.stop - 1))
    new_visit = np.append(True, (np.diff(row) != 0) | (np.diff(ages) != 0))[: len(row)]
    visits = np.bincount(row, new_visit, len(profiles))
    return {
        "purchases": np.log1p(count),
        "days_since": np.where(bought, newest, np.nan),
        "days_known": np.where(bought, oldest, np.nan),
        "visits": np.log1p(visits),
        "rhythm": ratio(np.where(visits > 1, oldest - newest, np.nan), np.maximum(visits - 1, 1)),
        "basket": ratio(count, visits),
        "last_basket": np.where(bought, np.bincount(row, ages == newest[row], len(profiles)), np.nan),
        "repeats": 1 - ratio(_distinct(profiles), count),
    }


def _age_at(profiles: Profiles, place: np.ndarray) -> Floats:
    """Days since the purchase at a place of the log; of no meaning where a profile is empty."""
    day = profiles.history.day
    return np.asarray(profiles.as_of - day[np.clip(place, 0, len(day) - 1)], np.float64)


def _distinct(profiles: Profiles) -> Floats:
    """Different articles that each profile had bought."""
    row, purchase = profiles.purchases()
    key = row.astype(np.int64) * len(profiles.history.articles) + profiles.history.article[purchase]
    distinct = np.unique(key) // len(profiles.history.articles)
    return np.bincount(distinct, minlength=len(profiles)).astype(np.float64)


@lru_cache(maxsize=2)
def _attributes(history: History) -> Columns:
    """What is known of every customer, float64 (customers,); kept, for every shard asks for it."""
    customers = history.customers
    table = {}
    for name in ("age", "fn", "active", *PROFILE):
        column = (
            customers[name] if name in customers.columns else pl.Series([None] * len(customers), dtype=pl.Float32)
        )
        values = column.rank("dense") if column.dtype == pl.String else column
        table[name] = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return table
