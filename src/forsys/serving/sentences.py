"""The ranker's features as whole sentences: "7 units were sold in the last week", and not "sales_7: 2.079"."""

import re
from collections.abc import Callable, Mapping
from math import exp, isnan

from forsys.ranking.explain import meaning
from forsys.tables.roles import Roles

DAYS = {"1": "on the last day", "3": "in the last 3 days", "7": "in the last week", "28": "in the last 4 weeks"}
Sentence = Callable[[float], str]


def sentence(feature: str, value: float, texts: Mapping[str, str], roles: Roles) -> str:
    """What a feature's value says; texts: those of the features that are codes of a text, where they are known.

    A feature without a sentence of its own is said by its meaning and its value.
    """
    if feature in texts:
        return f"The {meaning(feature, roles).removeprefix('the ')} is {texts[feature]}."
    if isnan(value):
        return _unknown(feature, roles)
    if feature in SENTENCES:
        return SENTENCES[feature](value)
    for pattern, say in OF_ATTRIBUTES.items():
        if match := re.fullmatch(pattern, feature):
            return say(_one_of(match[1], roles), value)
    for pattern, say in PATTERNS.items():
        if match := re.fullmatch(pattern, feature):
            return say(match[1], value)
    words = meaning(feature, roles)
    return f"{words[:1].upper()}{words[1:]}: {value:.3g}."


def _one_of(level: str, roles: Roles) -> str:
    return "this article" if level == "article" else f"an article of the same {roles.spelled(level)}"


def _unknown(feature: str, roles: Roles) -> str:
    for pattern, words in UNKNOWN.items():
        if match := re.fullmatch(pattern, feature):
            level = match[1] if match.groups() else ""
            return words.format(level, one_of=_one_of(level, roles))
    return f"It is not known: {meaning(feature, roles)}."


def count(number: float, one: str) -> str:
    """A whole number of things: "1 day", "2 days"."""
    return f"{number:,.0f} {one}{'' if round(number) == 1 else 's'}"


def one_line(text: str, length: int = 60) -> str:
    """A shop's own text as it is printed: without control characters, which a terminal obeys, and not too long."""
    plain = "".join(character if character.isprintable() else " " for character in text[: length + 1])
    return plain if len(plain) <= length else f"{plain[:length].rstrip()}…"


def _units(log: float) -> float:
    """The number whose log of 1 + it is given."""
    return exp(log) - 1


def _were(log: float) -> str:
    units = round(_units(log))
    return f"{count(units, 'unit')} {'was' if units == 1 else 'were'}"


def _price(log: float) -> str:
    """Of a small price four digits, and no fraction of a large one."""
    price = exp(log)
    return f"{price:.4g}" if price < 1000 else f"{price:,.0f}"


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.01 or value <= 0 else f"{value:.1%}"


def _more_or_less(log: float, more: str, less: str) -> str:
    return f"{_share(exp(abs(log)) - 1) if log > 0 else _share(1 - exp(log))} {more if log > 0 else less}"


def _yes(value: float, yes: str, no: str) -> str:
    return yes if value else no


def _visits(one: str, value: float) -> str:
    return f"The customer bought {one} on {count(value, 'day')}." if value else f"The customer never bought {one}."


SENTENCES: dict[str, Sentence] = {
    "sales_all": lambda v: f"{_were(v)} sold so far.",
    "trend": lambda v: f"{_share(v)} of its sales of the last 4 weeks were in the last week.",
    "days_since_first_sale": lambda v: f"It was first sold {count(v, 'day')} ago.",
    "days_since_last_sale": lambda v: f"It was last sold {count(v, 'day')} ago.",
    "log_recency_ratio": lambda v: (
        f"Its last sale is {exp(v):.2g} times as long ago as is usual between its sales."
    ),
    "log_price": lambda v: f"Its price is {_price(v)}.",
    "log_price_change": lambda v: f"Its price is {_more_or_less(v, 'above', 'below')} what it was before.",
    "online_share": lambda v: f"{_share(v)} of its purchases were online.",
    "mean_buyer_age": lambda v: f"Its buyers are {v:.0f} years old on average.",
    "share_of_department_sales": lambda v: f"It makes {_share(v)} of its department's sales of the last 4 weeks.",
    "repurchase_rate": lambda v: f"{_share(v)} of its purchases are repeated within 4 weeks.",
    "product_repurchase_rate": lambda v: f"{_share(v)} of its product's purchases are repeated within 4 weeks.",
    "purchases": lambda v: f"The customer bought {count(_units(v), 'article')} so far.",
    "days_since_last_purchase": lambda v: f"The customer last bought something {count(v, 'day')} ago.",
    "days_since_first_purchase": lambda v: f"The customer first bought something {count(v, 'day')} ago.",
    "visits": lambda v: f"The customer came on {count(_units(v), 'day')} so far.",
    "mean_days_between_visits": lambda v: f"{v:.0f} days lie between two visits of the customer on average.",
    "mean_basket_size": lambda v: f"The customer buys {v:.1f} articles per visit on average.",
    "last_basket_size": lambda v: f"The customer bought {count(v, 'article')} on the last visit.",
    "repeat_share": lambda v: f"{_share(v)} of the customer's purchases are of an article bought before.",
    "mean_log_price": lambda v: f"The customer usually pays {_price(v)}.",
    "std_log_price": lambda v: f"The prices that the customer pays vary by a factor of about {exp(v):.2f}.",
    "customer_online_share": lambda v: f"The customer buys {_share(v)} online.",
    "age": lambda v: f"The customer is {v:.0f} years old.",
    "article_mean_days_between": lambda v: f"The customer buys it every {count(v, 'day')} on average.",
    "article_log_recency_ratio": lambda v: (
        f"The last purchase of it is {exp(v):.2g} times as long ago as is usual for the customer."
    ),
    "article_in_last_visit": lambda v: f"The customer {_yes(v, 'bought it', 'did not buy it')} on the last visit.",
    "product_code_in_last_visit": lambda v: (
        f"The customer {_yes(v, 'bought a variant of it', 'bought no variant of it')} on the last visit."
    ),
    "promotion": lambda v: f"It is {_yes(v, 'promoted now', 'not promoted now')}.",
    "promotion_a_week_ago": lambda v: f"It was {_yes(v, 'promoted', 'not promoted')} a week ago.",
    "promotion_lift": lambda v: f"While promoted it is bought about {exp(v):.2g} times as often as usual.",
    "customer_promotion_share": lambda v: f"{_share(v)} of what the customer buys is promoted that day.",
    "log_price_difference": lambda v: (
        f"It costs {_more_or_less(v, 'more', 'less')} than the customer usually pays."
    ),
    "log_price_z_score": lambda v: (
        f"Its price is {abs(v):.1f} standard deviations {'above' if v > 0 else 'below'} what the customer pays."
    ),
    "age_difference": lambda v: (
        f"The customer is {count(abs(v), 'year')} {'older' if v > 0 else 'younger'} than its buyers."
    ),
    "absolute_age_difference": lambda v: f"The customer and its buyers are {count(v, 'year')} apart.",
    "online_share_difference": lambda v: (
        f"The customer buys {'more' if v > 0 else 'less'} online than its buyers do, by {_share(abs(v))}."
    ),
    "sources": lambda v: f"{count(v, 'source')} found it.",
    "best_rank": lambda v: f"Its best rank in the list of a source is {v:.0f}.",
    "fused_rank": lambda v: f"Its rank is {v:.0f} where all sources count alike.",
    "fused_score": lambda v: f"Its score is {v:.3g} where all sources count alike.",
}

OF_ATTRIBUTES: dict[str, Callable[[str, float], str]] = {
    r"(.+)_visits": _visits,
    r"(.+)_days_since_last": lambda one, v: f"The customer last bought {one} {count(v, 'day')} ago.",
    r"(.+)_visit_share": lambda one, v: f"The customer bought {one} on {_share(v)} of the visits.",
}

PATTERNS: dict[str, Callable[[str, float], str]] = {
    r"promotion\.(.+)": lambda kind, v: f"A promotion of it ({kind}) is {_yes(v, 'running', 'not running')}.",
    r"article_decayed_(\d+)": lambda days, v: (
        f"The customer bought it on {v:.1f} days, if a day is worth half after {days} days."
    ),
    r"sales_(\d+)": lambda days, v: f"{_were(v)} sold {DAYS.get(days, f'in the last {days} days')}.",
    r"(\w+)_similarity": lambda what, v: f"By its {what} it is like what the customer bought lately: {v:.2f} of 1.",
    r"(\w+)_rank": lambda source, v: f"It has rank {v:.0f} in the list of {source}.",
    r"(\w+)_score": lambda source, v: f"Its score is {v:.3g} in the list of {source}.",
    r"(\w+)_score_gap": lambda source, v: (
        f"Its score is {v:.3g} below the best in the list of {source}."
        if v
        else f"Its score is the best in the list of {source}."
    ),
}

# Of features that are not known: {} and {one_of} are what the pattern's group stands for.
UNKNOWN: dict[str, str] = {
    r"article_(?:mean_days_between|log_recency_ratio)": "The customer did not buy it on two days.",
    r"(.+)_(?:days_since_last|visit_share)": "The customer never bought {one_of}.",
    r"log_price_change": "It had no earlier price.",
    r"(\w+)_similarity": "Its {}, or that of what the customer bought lately, is not known.",
    r"(\w+)_(?:rank|score|score_gap)": "{} did not find it.",
}
