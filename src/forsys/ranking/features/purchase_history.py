"""Features of what the customer had bought of this article, and of articles that share an attribute with it."""

import numpy as np

from forsys.ranking.features.group import Columns, FeatureGroup, feature_name, ratio
from forsys.ranking.pairs import Pairs
from forsys.ranking.purchase_counts import PurchaseCounts
from forsys.tables.roles import Roles

HALF_LIVES = (20, 60, 180)  # days; at a grocer these three are worth .0011 MAP@12

MEANINGS = {
    **{
        f"article_decayed_{days}": f"days on which the customer bought this article, worth half after {days} days"
        for days in HALF_LIVES
    },
    "article_mean_days_between": "mean days between the customer's purchases of this article",
    "article_log_recency_ratio": "log ratio of article_days_since_last to article_mean_days_between",
    "article_in_last_visit": "whether the customer bought this article on the last visit",
    "product_code_in_last_visit": "whether the last visit had an article of the same product code",
}


def of_attributes(roles: Roles) -> dict[str, str]:
    """Of the article and of each counted attribute: visits, days since the last, share of visits."""
    same = {feature_name(name): f"an article of the same {roles.spelled(name)}" for name in roles.counted}
    words = {"article": "this article"} | same
    last = "days since the customer last bought"
    return {
        **{f"{level}_visits": f"days on which the customer bought {what}" for level, what in words.items()},
        **{f"{level}_days_since_last": f"{last} {what}" for level, what in words.items()},
        **{f"{level}_visit_share": f"share of the customer's visits with {what}" for level, what in same.items()},
    }


def build(pairs: Pairs) -> Columns:
    """How often and how recently the customer bought this article, or one of the same product, type and so on."""
    profiles = pairs.profiles
    visits, last, _ = PurchaseCounts.of(profiles, np.zeros(len(pairs.history.articles), int)).look_up(
        np.arange(len(profiles)), np.zeros(len(profiles), int)
    )
    columns: Columns = {}
    for attribute in ("article", *pairs.history.roles.counted):
        level = feature_name(attribute)
        code = pairs.history.codes(attribute)
        counts, value = PurchaseCounts.of(profiles, code), code[pairs.article]
        times, newest, oldest = counts.look_up(pairs.row, value)
        columns[f"{level}_visits"], columns[f"{level}_days_since_last"] = times, newest
        if level == "article":
            between = np.where(times > 1, ratio(oldest - newest, times - 1), np.nan)
            columns["article_mean_days_between"] = between
            columns["article_log_recency_ratio"] = np.log1p(newest) - np.log1p(between)
            decayed = counts.decayed(pairs.row, value, HALF_LIVES)
            columns |= {f"article_decayed_{days}": each for days, each in zip(HALF_LIVES, decayed, strict=True)}
        else:
            columns[f"{level}_visit_share"] = ratio(times, visits[pairs.row])
        if level in ("article", "product_code"):
            columns[f"{level}_in_last_visit"] = newest == last[pairs.row]
    return {name: values.astype(np.float32) for name, values in columns.items()}


GROUP = FeatureGroup("purchase_history", MEANINGS, build, of_attributes)
