"""The article: how it sells, since when, at what price, to whom."""

from datetime import date
from functools import lru_cache

import numpy as np

from forsys.attributes import codes
from forsys.calendar import day_number
from forsys.ranking.features.group import Columns, feature_group, ratio
from forsys.ranking.pairs import Pairs
from forsys.tables.history import Floats, History, Ints

WINDOWS = (1, 3, 7, 28)
ATTRIBUTES = (
    "product_type_name",
    "department_name",
    "index_name",
    "section_name",
    "garment_group_name",
    "colour_group_name",
    "graphical_appearance_name",
)
SHRINK = 10.0  # purchases that a rate over the whole shop weighs beside an article's own
AGAIN_DAYS = 28

MEANINGS = {
    **{f"sales_{days}": f"log of 1 + units sold in the last {days} days" for days in WINDOWS},
    "sales_all": "log of 1 + units ever sold",
    "trend": "share of its last 4 weeks' units that the last week sold, drawn towards 1/4",
    "first_sale": "days since its first sale",
    "last_sale": "days since its last sale",
    "silence": "days since its last sale, against the mean days between its sales of the last 4 weeks (log): a "
    "stock-out sign",
    "price": "log of its mean price in the last 4 weeks it sold",
    "discount": "log of that price against its mean price before",
    "online": "share of its purchases that were online, drawn towards the shop's",
    "buyers_age": "mean age of its buyers, drawn towards the shop's",
    "share_of_department": "its share of its department's units of the last 4 weeks",
    "again": f"share of its purchases that the same customer repeated within {AGAIN_DAYS} days, drawn towards its "
    "product type's, and that towards the shop's",
    "again_code": "the same for buying any article of its product code again",
    **{f"{name}": f"the article's {name.removesuffix('_name').replace('_', ' ')}" for name in ATTRIBUTES},
}


@feature_group("article", MEANINGS, ATTRIBUTES)
def article_features(pairs: Pairs, history: History, as_of: date) -> Columns:
    """The row of each pair's article in `article_table`."""
    return {name: values[pairs.article] for name, values in article_table(history, as_of).items()}


@lru_cache(maxsize=2)
def article_table(history: History, as_of: date) -> Columns:
    """Every article's features at `as_of`: feature -> float32 (articles,)."""
    log, end = history.before(as_of), day_number(as_of)
    table = _sales(log, end) | _price(log) | _buyers(log)
    table["again"] = _again(log, end, codes(history, "article"), codes(history, "product_type_name"))
    table["again_code"] = _again(log, end, codes(history, "product_code"), codes(history, "product_type_name"))
    for name in ATTRIBUTES:
        code = codes(history, name)
        table[name] = np.where(code < 0, np.nan, code)
    return {name: values.astype(np.float32) for name, values in table.items()}


def _sales(log: History, end: int) -> Columns:
    units = {days: _count(log, log.day >= end - days, log.units) for days in WINDOWS}
    table = {f"sales_{days}": np.log1p(count) for days, count in units.items()}
    table["sales_all"] = np.log1p(log.sales())
    table["trend"] = ratio(units[7], units[28], 1 / 4, SHRINK)
    first, last = _extremes(log)
    table["first_sale"], table["last_sale"] = end - first, end - last
    table["silence"] = np.log1p(table["last_sale"]) - np.log1p(28 / np.maximum(units[28], 1))
    department = codes(log, "department_name")
    total = np.bincount(department + 1, weights=units[28])
    table["share_of_department"] = ratio(units[28], total[department + 1])
    return table


def _price(log: History) -> Columns:
    """Mean prices of the four weeks up to the last sale, and of all before them."""
    _, last = _extremes(log)
    recent = log.day > last[log.article] - 28
    with np.errstate(divide="ignore"):
        now = np.log(ratio(_count(log, recent, log.price), _count(log, recent)))
        before = np.log(ratio(_count(log, ~recent, log.price), _count(log, ~recent)))
    return {"price": now, "discount": now - before}


def _buyers(log: History) -> Columns:
    online = log.channel == 2
    age = log.customers["age"].fill_null(np.nan).to_numpy()[log.customer]
    known = ~np.isnan(age)
    purchases = _count(log, np.ones(len(log), bool))
    overall_age = float(age[known].mean()) if known.any() else np.nan
    return {
        "online": ratio(_count(log, online), purchases, online.mean() if len(log) else np.nan, SHRINK),
        "buyers_age": ratio(_count(log, known, age), _count(log, known), overall_age, SHRINK),
    }


def _again(log: History, end: int, code: Ints, kind: Ints) -> Floats:
    """Rate (articles,) at which a purchase is followed within AGAIN_DAYS by one of the same customer and `code`.

    Only purchases that old or older, of which it is known. Codes are drawn towards the mean of their `kind`.
    """
    key = log.customer.astype(np.int64) * (int(code.max(initial=0)) + 1) + code[log.article]
    order = np.argsort(key, kind="stable")  # within a key by day, as the log is within a customer
    article, day, key = log.article[order], log.day[order], key[order]
    # A purchase of the same day is not a return: look past it to the next day of the same key.
    visit = np.append(True, (np.diff(key) != 0) | (np.diff(day) != 0))[: len(key)]
    article, day, key = article[visit], day[visit], key[visit]
    followed = np.append((np.diff(key) == 0) & (np.diff(day) <= AGAIN_DAYS), False)[: len(key)]
    old = day <= end - AGAIN_DAYS
    article, followed = article[old], followed[old]
    overall = float(followed.mean()) if len(followed) else 0.0
    by_kind = _rate(kind[article] + 1, followed, int(kind.max(initial=0)) + 2, overall)
    return _rate(code[article], followed, int(code.max(initial=0)) + 1, by_kind[kind + 1], at=code)


def _rate(group: Ints, success: np.ndarray, groups: int, prior: Floats | float, at: Ints | None = None) -> Floats:
    """Success rate of each group, drawn towards the prior; of the groups `at`, where given."""
    won = np.bincount(group, weights=success, minlength=groups)
    tried = np.bincount(group, minlength=groups)
    return ratio(won, tried, prior, SHRINK) if at is None else ratio(won[at], tried[at], prior, SHRINK)


def _count(log: History, kept: np.ndarray, weights: np.ndarray | None = None) -> Floats:
    """Purchases, or the sum of their weights, of each article, (articles,)."""
    chosen = None if weights is None else weights[kept]
    return np.bincount(log.article[kept], weights=chosen, minlength=len(log.articles)).astype(np.float64)


def _extremes(log: History) -> tuple[Floats, Floats]:
    """First and last day of each article's sales, NaN where it never sold."""
    never = np.iinfo(log.day.dtype)
    first, last = (np.full(len(log.articles), day, log.day.dtype) for day in (never.max, never.min))
    article = log.article.astype(np.intp)  # equal types throughout take a tenth of the time
    np.minimum.at(first, article, log.day)
    np.maximum.at(last, article, log.day)
    return np.where(last < first, np.nan, first), np.where(last < first, np.nan, last)
