"""Features of the shop's promotions: those that run at the cut-off, and what they have done to sales so far."""

from datetime import date
from functools import lru_cache

import numpy as np

from forsys.arrays import Floats
from forsys.calendar import day_number
from forsys.ranking.features.group import Columns, FeatureGroup, feature_name, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History, Profiles
from forsys.tables.roles import Roles

ANY = "promotion"
MEANINGS = {
    f"{ANY}_a_week_ago": "whether the article was promoted a week before",
    f"{ANY}_lift": "log ratio of the article's purchases on promoted days to what its mean rate gives for as many "
    "days, both plus 1",
    f"customer_{ANY}_share": "share of the customer's purchases that were of articles promoted that day",
}


def of_promotions(roles: Roles) -> dict[str, str]:
    """None where the shop has no promotions; where it names kinds of them, one feature each."""
    if not roles.promotions:
        return {}
    words = {f"{ANY}.{feature_name(kind)}": f"whether a promotion runs: {kind}" for kind in roles.promotions}
    return words | MEANINGS


def build(pairs: Pairs) -> Columns:
    """Whether a promotion is running that began before the cut-off, and what promotions did to sales before."""
    history = pairs.history
    if not history.roles.promotions:
        return {}
    table = {name: values[pairs.article] for name, values in article_table(history, pairs.as_of).items()}
    return table | {f"customer_{ANY}_share": customer_share(pairs.profiles)[pairs.row]}


@lru_cache(maxsize=2)  # of the cut-offs at work, as in article.py
def article_table(history: History, as_of: date) -> Columns:
    """Every article's features at `as_of`: feature -> float32 (articles,)."""
    promoted, article, end = history.promoted, np.arange(len(history.articles)), day_number(as_of)
    runs = {f"{ANY}.{feature_name(kind)}": of.running(article, end) for kind, of in promoted.kinds.items()}
    runs[f"{ANY}_a_week_ago"] = promoted.all.running(article, end - 7)
    table: Columns = {name: values.astype(np.float32) for name, values in runs.items()}
    return table | {f"{ANY}_lift": lift(history, as_of).astype(np.float32)}


def lift(history: History, as_of: date) -> Floats:
    """log((purchases on promoted days + 1) / (purchases on as many days at the mean rate + 1)), (articles,)."""
    articles, end = len(history.articles), day_number(as_of)
    start = int(history.day.min(initial=end))
    promoted, total = np.zeros(articles), np.zeros(articles)
    for log in history.blocks_before(as_of):
        on_promotion = history.promoted.all.on_day(log.article, log.day)
        promoted += np.bincount(log.article, on_promotion, articles)
        total += np.bincount(log.article, minlength=articles)
    days = history.promoted.all.days_before(articles, start, end)
    return np.asarray(np.log((promoted + 1) / (total * days / max(end - start, 1) + 1)))


def customer_share(profiles: Profiles) -> Floats:
    """Share of each profile's purchases of what was promoted that day, float32 (profiles,); NaN without any."""
    row, purchase = profiles.purchases()
    log = profiles.history
    on_promotion = log.promoted.all.on_day(log.article[purchase], log.day[purchase])
    count = np.bincount(row, minlength=len(profiles))
    return ratio(np.bincount(row, on_promotion, len(profiles)), count).astype(np.float32)


GROUP = FeatureGroup("promotions", {}, build, of_promotions)
