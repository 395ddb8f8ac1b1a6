"""Features of the shop's promotions: those that run at the cut-off, and what they have done to sales so far."""

from datetime import date
from functools import lru_cache

import numpy as np

from forsys.arrays import Floats
from forsys.calendar import day_number
from forsys.ranking.features.article import article_table
from forsys.ranking.features.group import KEPT_TABLES, Columns, FeatureGroup, feature_name, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History, Profiles
from forsys.tables.roles import Roles

MEANINGS = {
    "promotion": "whether a promotion of the article is running, or known to begin soon",
    "promotion_a_week_ago": "whether one ran a week before",
    "promotion_lift": "log ratio of the article's purchases on promoted days to those of as many days at its mean "
    "rate, both plus 1",
    "customer_promotion_share": "share of the customer's purchases that were of articles promoted that day",
}


def of_promotions(roles: Roles) -> dict[str, str]:
    """Nothing where the shop names no promotions."""
    kinds = {_of_kind(kind): f"the same, only of the kind {kind}" for kind in roles.promotions}
    return MEANINGS | kinds if kinds else {}


def _of_kind(kind: str) -> str:
    return f"promotion.{feature_name(kind)}"


def build(pairs: Pairs) -> Columns:
    """Whether a promotion that was known before the cut-off is running, and what promotions did to sales."""
    history = pairs.history
    if not history.roles.promotions:
        return {}
    table = {name: values[pairs.article] for name, values in article_promotions(history, pairs.as_of).items()}
    return table | {"customer_promotion_share": customer_share(pairs.profiles)[pairs.row]}


@lru_cache(maxsize=KEPT_TABLES)
def article_promotions(history: History, as_of: date) -> Columns:
    """Every article's features at `as_of`: feature -> float32 (articles,)."""
    promoted, article, end = history.promoted, np.arange(len(history.articles)), day_number(as_of)
    runs = {
        "promotion": promoted.known.begun_before(article, end),
        "promotion_a_week_ago": promoted.days.on_day(article, end - 7),
    }
    for kind, periods in promoted.of_kind.items():  # two names may be one as a feature
        running = periods.begun_before(article, end)
        runs[_of_kind(kind)] = runs.get(_of_kind(kind), np.zeros_like(running)) | running
    table: Columns = {name: values.astype(np.float32) for name, values in runs.items()}
    return table | {"promotion_lift": lift(history, as_of).astype(np.float32)}


def lift(history: History, as_of: date) -> Floats:
    """log((purchases on promoted days + 1) / (purchases on as many days at the mean rate + 1)), (articles,).

    The mean rate is that since the article's first purchase.
    """
    articles, end = len(history.articles), day_number(as_of)
    on_sale = np.nan_to_num(article_table(history, as_of)["days_since_first_sale"]).astype(np.int64)
    promoted, total = np.zeros(articles), np.zeros(articles)
    for log in history.blocks_before(as_of):
        promoted += np.bincount(log.article, history.promoted.days.on_day(log.article, log.day), articles)
        total += np.bincount(log.article, minlength=articles)
    days = history.promoted.days.days_before(end - on_sale, end)
    return np.asarray(np.log((promoted + 1) / (total * days / np.maximum(on_sale, 1) + 1)))


def customer_share(profiles: Profiles) -> Floats:
    """Share of each profile's purchases of what was promoted that day, float32 (profiles,); NaN without any."""
    row, purchase = profiles.purchases()
    log = profiles.history
    on_promotion = log.promoted.days.on_day(log.article[purchase], log.day[purchase])
    count = np.bincount(row, minlength=len(profiles))
    return ratio(np.bincount(row, on_promotion, len(profiles)), count).astype(np.float32)


GROUP = FeatureGroup("promotions", {}, build, of_promotions)
