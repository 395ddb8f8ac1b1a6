"""Features of the article alone. They are computed for all articles once per cut-off."""

from collections import defaultdict
from datetime import date
from functools import lru_cache

import numpy as np

from forsys.arrays import Bools, Floats, Ints, add_at
from forsys.calendar import day_number
from forsys.ranking.features.group import KEPT_TABLES, Columns, FeatureGroup, Numbers, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

WINDOWS = (1, 3, 7, 28)  # days
PRIOR_PURCHASES = 10.0  # the weight of the prior of a shrunk rate, in purchases
REPURCHASE_DAYS = 28
REPURCHASED = ("article", "product_code")  # what is bought again

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
    "mean_buyer_age": "mean age of the article's buyers, shrunk towards the shop's",
    "share_of_department_sales": "the article's share of the units that its department sold in the last 4 weeks",
    "repurchase_rate": f"share of the article's purchases that the same customer repeated within {REPURCHASE_DAYS} "
    "days, shrunk towards the rate of its kind, and that towards the shop's",
    "product_repurchase_rate": "repurchase_rate, where any article of the product code counts as a repetition",
}
OF_ONLINE = {"online_share": "share of the article's purchases that were online, shrunk towards the shop's"}


def build(pairs: Pairs) -> Columns:
    """How the article sells, since when, at what price and to whom."""
    return {name: values[pairs.article] for name, values in article_table(pairs.history, pairs.as_of).items()}


@lru_cache(maxsize=KEPT_TABLES)
def article_table(history: History, as_of: date) -> Columns:
    """Every article's features at `as_of`: feature -> float32 (articles,)."""
    first, last = _first_and_last_day(history, as_of)
    totals = _totals(history, as_of, last)
    table = _sales(history, totals, day_number(as_of) - first, day_number(as_of) - last) | _price(totals)
    table |= _online_share(totals) if history.roles.online else {}
    table["mean_buyer_age"] = ratio(
        totals["age"], totals["of_known_age"], _mean_age(history, as_of), PRIOR_PURCHASES
    )
    table["repurchase_rate"] = _repurchase_rate(history, totals, "article")
    table["product_repurchase_rate"] = _repurchase_rate(history, totals, "product_code")
    return {name: values.astype(np.float32) for name, values in table.items()}


def _first_and_last_day(history: History, as_of: date) -> tuple[Floats, Floats]:
    """First and last day of each article's sales, NaN where it never sold."""
    limits = np.iinfo(history.day.dtype)
    first, last = (np.full(len(history.articles), day, history.day.dtype) for day in (limits.max, limits.min))
    for log in history.blocks_before(as_of):
        article = log.article.astype(np.intp)  # equal types throughout take a tenth of the time
        np.minimum.at(first, article, log.day)
        np.maximum.at(last, article, log.day)
    return np.where(last < first, np.nan, first), np.where(last < first, np.nan, last)


def _totals(history: History, as_of: date, last: Floats) -> Columns:
    """What `_added` and `_repurchases` name, summed by article: float64 (articles,).

    last: the day of each article's last sale. In blocks, as the whole log took 1.8 GB at Kaggle's size.
    """
    totals: Columns = defaultdict(lambda: np.zeros(len(history.articles)))
    for log in history.blocks_before(as_of):
        article = log.article.astype(np.intp)
        for name, values in _added(log, day_number(as_of), last).items():
            add_at(totals[name], article, values)
        for attribute in REPURCHASED:
            old, repeated = _repurchases(log, day_number(as_of), history.codes(attribute))
            totals[f"{attribute}_old"] += np.bincount(old, minlength=len(history.articles))
            totals[f"{attribute}_repeated"] += np.bincount(old, repeated, len(history.articles))
    return totals


def _added(log: History, end: int, last: Floats) -> dict[str, Numbers]:
    """What each purchase adds to the totals of its article, (purchases,) each; a price of 0 is unknown."""
    age = _ages(log)[log.customer]
    recent, priced = log.day > last[log.article] - 28, log.price > 0
    paid = np.where(priced, log.price, 0)
    return {
        **{f"units_{days}": log.units * (log.day >= end - days) for days in WINDOWS},
        "units": log.units,
        "online": log.roles.is_online(log.channel),
        "of_known_channel": log.channel > 0,
        "age": np.nan_to_num(age),
        "of_known_age": ~np.isnan(age),
        "recent_price": paid * recent,
        "recent_priced": priced & recent,
        "earlier_price": paid * ~recent,
        "earlier_priced": priced & ~recent,
    }


def _sales(history: History, totals: Columns, since_first: Floats, since_last: Floats) -> Columns:
    """since_first, since_last: days since the first and the last sale."""
    units = {days: totals[f"units_{days}"] for days in WINDOWS}
    table = {f"sales_{days}": np.log1p(count) for days, count in units.items()}
    table["sales_all"] = np.log1p(totals["units"])
    table["trend"] = ratio(units[7], units[28], 1 / 4, PRIOR_PURCHASES)
    table["days_since_first_sale"], table["days_since_last_sale"] = since_first, since_last
    table["log_recency_ratio"] = np.log1p(since_last) - np.log1p(28 / np.maximum(units[28], 1))
    department = history.codes(history.roles.department)
    total = np.bincount(department + 1, weights=units[28])
    table["share_of_department_sales"] = np.where(department < 0, np.nan, ratio(units[28], total[department + 1]))
    return table


def _price(totals: Columns) -> Columns:
    """Mean prices of the 4 weeks up to the last sale, and of all before them."""
    now, before = (
        np.log(ratio(totals[f"{period}_price"], totals[f"{period}_priced"])) for period in ("recent", "earlier")
    )
    return {"log_price": now, "log_price_change": now - before}


def _online_share(totals: Columns) -> Columns:
    online, purchases = totals["online"], totals["of_known_channel"]
    mean = float(ratio(online.sum(), purchases.sum()))
    return {"online_share": ratio(online, purchases, mean, PRIOR_PURCHASES)}


def _mean_age(history: History, as_of: date) -> float:
    """Of the buyers of all purchases."""
    age = _ages(history)[history.customer[history.known(as_of)]]
    age = age[~np.isnan(age)]
    return float(age.mean()) if len(age) else np.nan


def _ages(history: History) -> Floats:
    """Of all customers, float32; NaN where unknown."""
    return history.customer_values("age").astype(np.float32)


def _repurchases(log: History, end: int, code: Ints) -> tuple[Ints, Bools]:
    """The article of each purchase, and whether the customer bought its code again within REPURCHASE_DAYS.

    Only of purchases older than that, as the outcome of newer ones is not known yet: the day `end` isn't over.
    """
    key = log.customer.astype(np.int64) * (int(code.max(initial=0)) + 1) + code[log.article]
    order = np.argsort(key, kind="stable")  # within a key by day, as the log is within a customer
    article, day, key = log.article[order], log.day[order], key[order]
    # Purchases on the same day count once: another unit on that day is no return.
    first = np.append(True, (np.diff(key) != 0) | (np.diff(day) != 0))[: len(key)]
    article, day, key = article[first], day[first], key[first]
    repeated = np.append((np.diff(key) == 0) & (np.diff(day) <= REPURCHASE_DAYS), False)[: len(key)]
    old = day < end - REPURCHASE_DAYS
    return article[old], repeated[old]


def _repurchase_rate(history: History, totals: Columns, attribute: str) -> Floats:
    """Share of the purchases of each article's code that were repeated, (articles,).

    The rates of the codes are shrunk towards the rate of their kind of article.
    """
    old, repeated = totals[f"{attribute}_old"], totals[f"{attribute}_repeated"]
    prior = np.asarray(repeated.sum() / max(old.sum(), 1))
    for code in (history.codes(history.roles.kind) + 1, history.codes(attribute) + 1):  # 0: unknown
        prior = ratio(np.bincount(code, repeated)[code], np.bincount(code, old)[code], prior, PRIOR_PURCHASES)
    return prior


GROUP = FeatureGroup("article", MEANINGS, build, of_online=OF_ONLINE)
