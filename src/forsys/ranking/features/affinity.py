"""Features of how well the article fits the customer."""

import numpy as np

from forsys.ranking.features.article import article_table
from forsys.ranking.features.customer import price_and_channel
from forsys.ranking.features.group import Columns, FeatureGroup
from forsys.ranking.pairs import Pairs

PRICE_NOISE = 0.2  # std of a log price, added to the customer's own, which is 0 after one purchase

MEANINGS = {
    "log_price_difference": "log of the article's price less the mean log price that the customer paid",
    "log_price_z_score": "log_price_difference in standard deviations of the log prices that the customer paid",
    "age_difference": "the customer's age less the mean age of the article's buyers, in years",
    "absolute_age_difference": "absolute value of age_difference",
}
OF_ONLINE = {"online_share_difference": "the customer's share of online purchases less the article's"}


def build(pairs: Pairs) -> Columns:
    """How far the article's price, buyers and channel are from what the customer pays, is and does."""
    article, customer = article_table(pairs.history, pairs.as_of), price_and_channel(pairs.profiles)
    age = pairs.history.customer_values("age")[pairs.customer]
    price_difference = article["log_price"][pairs.article] - customer["mean_log_price"][pairs.row]
    std = np.sqrt(customer["std_log_price"][pairs.row] ** 2 + PRICE_NOISE**2)
    age_difference = age - article["mean_buyer_age"][pairs.article]
    columns: Columns = {
        "log_price_difference": price_difference,
        "log_price_z_score": price_difference / std,
        "age_difference": age_difference,
        "absolute_age_difference": np.abs(age_difference),
    }
    if pairs.history.roles.online:
        online_share = article["online_share"][pairs.article]
        columns["online_share_difference"] = customer["customer_online_share"][pairs.row] - online_share
    return {name: values.astype(np.float32) for name, values in columns.items()}


GROUP = FeatureGroup("affinity", MEANINGS, build, of_online=OF_ONLINE)
