"""The pair: what the customer had bought of this article and of its like, and how well the two fit."""

from datetime import date

import numpy as np

from forsys.attributes import codes
from forsys.ranking.features.article import article_table
from forsys.ranking.features.customer import taste
from forsys.ranking.features.group import Columns, feature_group, ratio
from forsys.ranking.features.tally import Tally
from forsys.ranking.pairs import Pairs
from forsys.tables.history import History

SPREAD_FLOOR = 0.2  # log units: a customer of one purchase is not sure of a price

LIKE = {
    "article": "article",
    "code": "product_code",
    "type": "product_type_name",
    "department": "department_name",
    "section": "section_name",
    "colour": "colour_group_name",
}
WORDS = {
    "article": "this article",
    "code": "an article of the same product code",
    "type": "an article of the same product type",
    "department": "an article of the same department",
    "section": "an article of the same section",
    "colour": "an article of the same colour group",
}

HISTORY_MEANINGS = {
    **{f"{like}_times": f"days on which the customer bought {words}" for like, words in WORDS.items()},
    **{f"{like}_newest": f"days since the customer last bought {words}" for like, words in WORDS.items()},
    **{
        f"{like}_share": f"share of the customer's visits with {words}"
        for like, words in WORDS.items()
        if like != "article"
    },
    "article_rhythm": "mean days between the customer's purchases of this article",
    "article_due": "days since the last of them, against those mean days (log)",
    "article_in_last": "whether the customer's last visit had this article",
    "code_in_last": "whether it had an article of the same product code",
}


@feature_group("bought_before", HISTORY_MEANINGS)
def bought_before(pairs: Pairs, history: History, _as_of: date) -> Columns:
    """Counts and ages of the customer's own purchases at several levels of likeness."""
    profiles = pairs.profiles
    visits, last, _ = Tally.of(profiles, np.zeros(len(history.articles), int)).look_up(
        np.arange(len(profiles)), np.zeros(len(profiles), int)
    )
    columns: Columns = {}
    for like, attribute in LIKE.items():
        code = codes(history, attribute)
        times, newest, oldest = Tally.of(profiles, code).look_up(pairs.row, code[pairs.article])
        columns[f"{like}_times"], columns[f"{like}_newest"] = times, newest
        if like == "article":
            columns["article_rhythm"] = np.where(times > 1, ratio(oldest - newest, times - 1), np.nan)
            columns["article_due"] = np.log1p(newest) - np.log1p(columns["article_rhythm"])
        else:
            columns[f"{like}_share"] = ratio(times, visits[pairs.row])
        if like in ("article", "code"):
            columns[f"{like}_in_last"] = newest == last[pairs.row]
    return {name: values.astype(np.float32) for name, values in columns.items()}


FIT_MEANINGS = {
    "price_gap": "log of the article's price against the customer's mean",
    "price_gap_spread": "that, in the customer's standard deviations",
    "age_gap": "the customer's age less the mean age of the article's buyers, in years",
    "age_distance": "the same without its sign",
    "online_gap": "the customer's share of online purchases less the article's",
}


@feature_group("fit", FIT_MEANINGS)
def fit_features(pairs: Pairs, history: History, as_of: date) -> Columns:
    """Differences between what the customer pays, is and does, and what the article's buyers do."""
    article, customer = article_table(history, as_of), taste(pairs.profiles)
    age = history.customers["age"].fill_null(np.nan).to_numpy()[pairs.customer]
    price_gap = article["price"][pairs.article] - customer["level"][pairs.row]
    spread = np.sqrt(customer["spread"][pairs.row] ** 2 + SPREAD_FLOOR**2)
    age_gap = age - article["buyers_age"][pairs.article]
    columns: Columns = {
        "price_gap": price_gap,
        "price_gap_spread": price_gap / spread,
        "age_gap": age_gap,
        "age_distance": np.abs(age_gap),
        "online_gap": customer["online_habit"][pairs.row] - article["online"][pairs.article],
    }
    return {name: values.astype(np.float32) for name, values in columns.items()}
