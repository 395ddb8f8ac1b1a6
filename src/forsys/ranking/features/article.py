"""Features of the article alone. They are computed for all articles once per cut-off."""

from datetime import date
from functools import lru_cache

import numpy as np

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import day_number
from forsys.ranking.features.group import Columns, FeatureGroup, attribute_feature, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History
from forsys.tables.roles import Roles

WINDOWS = (1, 3, 7, 28)  # days
PRIOR_PURCHASES = 10.0  # the weight of the prior of a shrunk rate, in purchases
REPURCHASE_DAYS = 28

MEANINGS = {
    "sales_1": "log of 1 + units of the article sold on the last day",
    **{f"sales_{days}": f"log of 1 + units of the article sold in the last {days} days" for days in WINDOWS[1:]},
    "sales_all": "log of 1 + all units of the article sold so far",
    "trend": "share of the article's units of the last 4 weeks that were sold in the last week, shrunk towards 1/4",
    "days_since_first_sale": "days since the article's first sale",
    "days_since_last_sale": "days since the article's last sale",
    "log_recency_ratio": "log ratio of the days since the article's last sale to the mean days between its sales "
    "in the last 4 weeks; a high value suggests that it is out of stock",
    "log_price": "log of the article's mean price in the 4 weeks up to its last sale",
    "log_price_change": "log_price less the log of the mean price before; negative after a markdown",
    "online_share": "share of the article's purchases that were online, shrunk towards the shop's",
    "mean_buyer_age": "mean age of the article's buyers, shrunk towards the shop's",
    "share_of_department_sales": "the article's share of the units that its department sold in the last 4 weeks",
    "repurchase_rate": f"share of the article's purchases that the same customer repeated within {REPURCHASE_DAYS} "
    "days, shrunk towards the rate of its kind, and that towards the shop's",
    "product_repurchase_rate": "repurchase_rate, where any article of the product code counts as a repetition",
}


def of_attributes(roles: Roles) -> dict[str, str]:
    """The attributes of the article that are features themselves."""
    return {attribute_feature("article", name): f"the article's {roles.spelled(name)}" for name in roles.ranker}


def categories(roles: Roles) -> list[str]:
    """The attributes of the article."""
    return [attribute_feature("article", name) for name in roles.ranker]


def build(pairs: Pairs) -> Columns:
    """How the article sells, since when, at what price and to whom."""
    return {name: values[pairs.article] for name, values in article_table(pairs.history, pairs.as_of).items()}


@lru_cache(maxsize=2)  # of the cut-offs at work; each entry keeps its history in memory
def article_table(history: History, as_of: date) -> Columns:
    """Every article's features at `as_of`: feature -> float32 (articles,)."""
    log, end = history.before(as_of), day_number(as_of)
    kind = history.codes(history.roles.kind)
    table = _sales(log, end) | _price(log) | _buyers(log)
    table["repurchase_rate"] = _repurchase_rate(log, end, history.codes("article"), kind)
    table["product_repurchase_rate"] = _repurchase_rate(log, end, history.codes("product_code"), kind)
    for name in history.roles.ranker:
        code = history.codes(name)
        table[attribute_feature("article", name)] = np.where(code < 0, np.nan, code)
    return {name: values.astype(np.float32) for name, values in table.items()}


def _sales(log: History, end: int) -> Columns:
    units = {days: _sum(log, log.day >= end - days, log.units) for days in WINDOWS}
    table = {f"sales_{days}": np.log1p(count) for days, count in units.items()}
    table["sales_all"] = np.log1p(log.sales())
    table["trend"] = ratio(units[7], units[28], 1 / 4, PRIOR_PURCHASES)
    first, last = _first_and_last_day(log)
    table["days_since_first_sale"], table["days_since_last_sale"] = end - first, end - last
    table["log_recency_ratio"] = np.log1p(end - last) - np.log1p(28 / np.maximum(units[28], 1))
    department = log.codes(log.roles.department)
    total = np.bincount(department + 1, weights=units[28])
    table["share_of_department_sales"] = ratio(units[28], total[department + 1])
    return table


def _price(log: History) -> Columns:
    """Mean prices of the 4 weeks up to the last sale, and of all before them; a price of 0 is unknown."""
    _, last = _first_and_last_day(log)
    recent, priced = log.day > last[log.article] - 28, log.price > 0
    periods = (recent & priced, ~recent & priced)
    now, before = (np.log(ratio(_sum(log, of, log.price), _sum(log, of))) for of in periods)
    return {"log_price": now, "log_price_change": now - before}


def _buyers(log: History) -> Columns:
    online = log.channel == 2
    age = log.customers["age"].fill_null(np.nan).to_numpy()[log.customer]
    known = ~np.isnan(age)
    purchases = _sum(log, np.ones(len(log), bool))
    mean_age = float(age[known].mean()) if known.any() else np.nan
    mean_online = online.mean() if len(log) else np.nan
    return {
        "online_share": ratio(_sum(log, online), purchases, mean_online, PRIOR_PURCHASES),
        "mean_buyer_age": ratio(_sum(log, known, age), _sum(log, known), mean_age, PRIOR_PURCHASES),
    }


def _repurchase_rate(log: History, end: int, code: Ints, kind: Ints) -> Floats:
    """Share of each article's purchases after which the customer bought its code again within REPURCHASE_DAYS.

    Only purchases at least that old count, as the outcome of newer ones is not known yet. The rates of the codes
    are shrunk towards the rate of their kind of article. Returns (articles,).
    """
    key = log.customer.astype(np.int64) * (int(code.max(initial=0)) + 1) + code[log.article]
    order = np.argsort(key, kind="stable")  # within a key by day, as the log is within a customer
    article, day, key = log.article[order], log.day[order], key[order]
    # Purchases on the same day count once: another unit on that day is no return.
    first = np.append(True, (np.diff(key) != 0) | (np.diff(day) != 0))[: len(key)]
    article, day, key = article[first], day[first], key[first]
    repeated = np.append((np.diff(key) == 0) & (np.diff(day) <= REPURCHASE_DAYS), False)[: len(key)]
    old = day <= end - REPURCHASE_DAYS
    article, repeated = article[old], repeated[old]
    mean = float(repeated.mean()) if len(repeated) else 0.0
    by_type = _rate(kind[article] + 1, repeated, int(kind.max(initial=0)) + 2, mean)
    return _rate(code[article], repeated, int(code.max(initial=0)) + 1, by_type[kind + 1], at=code)


def _rate(group: Ints, success: Bools, groups: int, prior: Floats | float, at: Ints | None = None) -> Floats:
    """Success rate of each group, shrunk towards the prior; of the groups `at`, where given."""
    successes = np.bincount(group, weights=success, minlength=groups)
    trials = np.bincount(group, minlength=groups)
    at = np.arange(groups) if at is None else at
    return ratio(successes[at], trials[at], prior, PRIOR_PURCHASES)


def _sum(log: History, selected: Bools, weights: Floats | Ints | None = None) -> Floats:
    """The selected purchases of each article, or the sum of their weights, (articles,)."""
    weights = None if weights is None else weights[selected]
    return np.bincount(log.article[selected], weights=weights, minlength=len(log.articles)).astype(np.float64)


def _first_and_last_day(log: History) -> tuple[Floats, Floats]:
    """First and last day of each article's sales, NaN where it never sold."""
    limits = np.iinfo(log.day.dtype)
    first, last = (np.full(len(log.articles), day, log.day.dtype) for day in (limits.max, limits.min))
    article = log.article.astype(np.intp)  # equal types throughout take a tenth of the time
    np.minimum.at(first, article, log.day)
    np.maximum.at(last, article, log.day)
    return np.where(last < first, np.nan, first), np.where(last < first, np.nan, last)


GROUP = FeatureGroup("article", MEANINGS, build, of_attributes, categories)
