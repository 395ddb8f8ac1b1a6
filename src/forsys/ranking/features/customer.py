"""Features of the customer alone."""

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.ranking.features.group import Columns, FeatureGroup, attribute_feature, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import Profiles
from forsys.tables.roles import Roles

MEANINGS = {
    "purchases": "log of 1 + purchases of the customer so far",
    "days_since_last_purchase": "days since the customer's last purchase",
    "days_since_first_purchase": "days since the customer's first purchase",
    "visits": "log of 1 + visits of the customer; a visit is a day with a purchase",
    "mean_days_between_visits": "mean days between two visits of the customer",
    "mean_basket_size": "mean articles per visit of the customer",
    "last_basket_size": "articles of the customer's last visit",
    "repeat_share": "share of the customer's purchases that are of an article bought before",
    "mean_log_price": "mean log price that the customer paid",
    "std_log_price": "standard deviation of the log prices that the customer paid",
    "age": "the customer's age in years",
}
OF_ONLINE = {"customer_online_share": "share of the customer's purchases that were online"}


def of_attributes(roles: Roles) -> dict[str, str]:
    """The customer's attributes that are features themselves."""
    return {
        attribute_feature("customer", name): f"the customer's {roles.spelled(name)}" for name in roles.customers
    }


def categories(roles: Roles) -> list[str]:
    """The attributes of the customer that are texts."""
    return [attribute_feature("customer", name) for name in roles.customer_categories]


def build(pairs: Pairs) -> Columns:
    """How often, how much, at what price and where the customer buys, and who the customer is."""
    return {name: values[pairs.row] for name, values in customer_table(pairs.profiles).items()}


def customer_table(profiles: Profiles) -> Columns:
    """Every profile's features: feature -> float32 (profiles,), NaN where there was no purchase."""
    history = profiles.history
    names = {"age": "age"} | {attribute_feature("customer", name): name for name in history.roles.customers}
    attributes = {feature: history.customer_values(name)[profiles.customers] for feature, name in names.items()}
    table = _activity(profiles) | price_and_channel(profiles) | attributes
    return {name: values.astype(np.float32) for name, values in table.items()}


def price_and_channel(profiles: Profiles) -> Columns:
    """mean_log_price, std_log_price, customer_online_share: float64 (profiles,), over all that each had bought.

    The last one only where the shop's online channels are known.
    A price of 0 is unknown: both price features are of the other purchases, and NaN where there are none.
    """
    row, purchase = profiles.purchases()
    table = _online_share(profiles) if profiles.history.roles.online else {}
    paid = profiles.history.price[purchase].astype(np.float64)
    priced = paid > 0
    row, price = row[priced], np.log(paid[priced])
    count = np.bincount(row, minlength=len(profiles))
    mean = ratio(np.bincount(row, price, len(profiles)), count)
    variance = ratio(np.bincount(row, (price - mean[row]) ** 2, len(profiles)), count)
    return {"mean_log_price": mean, "std_log_price": np.sqrt(variance)} | table


def _online_share(profiles: Profiles) -> Columns:
    row, purchase = profiles.purchases()
    channel = profiles.history.channel[purchase]
    online, known = (
        np.bincount(row, of, len(profiles)) for of in (profiles.history.roles.is_online(channel), channel > 0)
    )
    return {"customer_online_share": ratio(online, known)}


def _activity(profiles: Profiles) -> Columns:
    row, purchase = profiles.purchases()
    ages = profiles.ages(row, purchase)
    count = np.bincount(row, minlength=len(profiles)).astype(np.float64)
    bought = count > 0
    oldest, newest = (_age_at(profiles, purchase) for purchase in (profiles.start, profiles.stop - 1))
    new_visit = np.append(True, (np.diff(row) != 0) | (np.diff(ages) != 0))[: len(row)]
    visits = np.bincount(row, new_visit, len(profiles))
    return {
        "purchases": np.log1p(count),
        "days_since_last_purchase": np.where(bought, newest, np.nan),
        "days_since_first_purchase": np.where(bought, oldest, np.nan),
        "visits": np.log1p(visits),
        "mean_days_between_visits": ratio(np.where(visits > 1, oldest - newest, np.nan), np.maximum(visits - 1, 1)),
        "mean_basket_size": ratio(count, visits),
        "last_basket_size": np.where(bought, np.bincount(row, ages == newest[row], len(profiles)), np.nan),
        "repeat_share": 1 - ratio(_distinct_articles(profiles), count),
    }


def _age_at(profiles: Profiles, purchase: Ints) -> Floats:
    """Days since each profile's purchase (a row of the log); without meaning where a profile is empty."""
    day = profiles.history.day
    return np.asarray(profiles.as_of - day[np.clip(purchase, 0, len(day) - 1)], np.float64)


def _distinct_articles(profiles: Profiles) -> Floats:
    """How many different articles each profile had bought."""
    row, purchase = profiles.purchases()
    key = row.astype(np.int64) * len(profiles.history.articles) + profiles.history.article[purchase]
    distinct = np.unique(key) // len(profiles.history.articles)
    return np.bincount(distinct, minlength=len(profiles)).astype(np.float64)


GROUP = FeatureGroup("customer", MEANINGS, build, of_attributes, categories, OF_ONLINE)
