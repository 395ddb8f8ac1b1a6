"""Which of a shop's attributes serve where: as the shop file says, and else chosen by what they tell."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from forsys.arrays import Bools, Ints
from forsys.errors import DataError
from forsys.tables.limits import MAX_CHANNELS

# Columns of our own; the others of these tables are the shop's attributes.
ARTICLE_COLUMNS = {"article", "article_id", "product_code", "prod_name", "detail_desc", "picture"}
CUSTOMER_COLUMNS = {"customer", "customer_id", "age", "postal_code"}
MAX_VALUES = 1_000  # an attribute with more is nearly a name
MAX_SHARE = 0.5  # different values per article with one: with more, it is nearly a name too
MIN_KNOWN = 0.5  # share of the articles with a value
KINDS, GROUPS = (5, 300), (2, 60)  # values of an attribute that says what an article is, and of a coarser one
RANKER, COUNTED, NAIVE_BAYES = 7, 4, 6  # attributes chosen for each use, those that tell most first
NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
RANGE = rf"^(?:(?:up to|above) {NUMBER}|{NUMBER} to {NUMBER})$"  # as `attributes.binned` writes them
COLOURS = ("colour", "color", "farbe", "couleur", "kleur")
# The name of a channel that is the online shop, and what denies it in front of that.
ONLINE = re.compile(
    r"online|internet"
    r"|\b(on line|en ligne|web( ?(shop|store|site))?|(mobile ?)?apps?|e ?(comm?|commerce|shop|store))\b"
)
DENIED = re.compile(r"\b(no ?$|(non|not|nicht|kein|keine|ohne|without|sans|pas|hors|except|offline)( |$))")
SHOWN_CHANNELS = 15


def _names(value: Any) -> Any:
    """A list, as JSON and TOML have it, as a tuple."""
    if not isinstance(value, (list, tuple)):
        raise ValueError('write a list of names, such as ["colour"]')
    return tuple(value)


def _no_empty(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError('name at least one attribute, such as "product_code", or leave this key out')
    return names


def _channels(value: Any) -> Any:
    """One channel or a list of them, which may be written as numbers or flags, as a tuple of texts."""
    channels = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_written(channel) if isinstance(channel, int) else channel for channel in channels)


def _written(number: int) -> str:
    """As the tables write it: a flag is "true" there."""
    return str(number).lower()


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Roles(BaseModel):
    """Names of columns of the articles and customers, by use.

    attributes: categories of the articles, for content vectors and networks. kind: what an article is, such as a
    dress; department: a larger group; colour: for people to read; each may be "". ranker: those of the ranker's
    feature group `attributes`. counted: those of which a customer's earlier purchases are counted, product_code
    among them. naive_bayes: attributes of the source same_attributes. customers: attributes that the ranker gets;
    network: those that the recurrent networks get. channels: names of the channels 1, 2, …. online: those of them
    that are the online shop; none where that is not known. promotions: kinds of promotions. meanings: words for
    attributes whose names don't say enough.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    attributes: Names = ()
    kind: str = ""
    department: str = ""
    colour: str = ""
    ranker: Names = ()
    counted: Names = ("product_code",)
    naive_bayes: Annotated[Names, AfterValidator(_no_empty)] = ("article",)
    customers: Names = ()
    customer_categories: Names = ()
    network: Names = ()
    channels: Names = ()
    promotions: Names = ()
    online: Annotated[tuple[str, ...], BeforeValidator(_channels)] = ()
    meanings: dict[str, str] = {}

    def as_json(self) -> dict[str, Any]:
        """What `Roles.read` reads."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Roles":
        """From JSON or TOML, where tuples are lists."""
        return cls.model_validate(values)

    def is_online(self, channel: Ints) -> Bools:
        """Whether codes of channels are those of the online shop, of the same shape."""
        known = np.zeros(MAX_CHANNELS + 1, bool)
        known[1 : len(self.channels) + 1] = [name in self.online for name in self.channels]
        return known[channel]

    def spelled(self, attribute: str) -> str:
        """An attribute in words: "product type" for product_type_name."""
        return self.meanings.get(attribute) or attribute.removesuffix("_name").replace("_", " ")


def choose_roles(
    articles: pl.DataFrame,
    customers: pl.DataFrame,
    given: Roles | None = None,
    channels: tuple[str, ...] = (),
    place: Callable[[str], str] = "[roles] {}".format,
    promotions: tuple[str, ...] = (),
) -> Roles:
    """The roles of these tables' attributes, `channels` and kinds of `promotions`; what is set in `given` stands.

    Raises DataError where it names a column that its table lacks, or a channel that the orders lack: what `place`
    says of the role comes first in the message.
    """
    given = given or Roles()
    if "promotions" in given.model_fields_set:
        raise DataError(f"{place('promotions')}: the kinds are those of [promotions] kind; leave this key out.")
    attributes = [name for name in _texts(articles) if name not in ARTICLE_COLUMNS]
    telling = _telling(articles, attributes)
    values = {name: articles[name].n_unique() for name in telling}
    groups = [name for name in telling if not _is_colour(name) and not _is_ranges(articles[name])]
    kind = next((name for name in groups if KINDS[0] <= values[name] <= KINDS[1]), "")
    department = next((name for name in groups if name != kind and GROUPS[0] <= values[name] <= GROUPS[1]), "")
    own = [name for name in customers.columns if name not in CUSTOMER_COLUMNS]
    categories = [name for name in own if customers.schema[name] == pl.String]
    chosen = {
        "attributes": attributes,
        "kind": kind,
        "department": department,
        "colour": next(filter(_is_colour, attributes), ""),
        "ranker": telling[:RANKER],
        "counted": ["product_code", *telling[:COUNTED]],
        "naive_bayes": ["article", "product_code", *telling[:NAIVE_BAYES]],
        "customers": own,
        "customer_categories": categories,
        "network": categories,
        "channels": list(channels),
        "promotions": list(promotions),
        "online": _online(given.channels or channels),
    }
    _check_columns(given, articles, customers, place)
    _check_online(given, given.channels or channels, place)
    return Roles.read(chosen | given.model_dump(exclude_unset=True))


def _is_colour(name: str) -> bool:
    return any(word in name.casefold() for word in COLOURS)


def _is_ranges(values: pl.Series) -> bool:
    """Whether an attribute is a number that became ranges: a measure, and not what an article is."""
    return bool(values.drop_nulls().str.contains(RANGE).all())


def _online(channels: tuple[str, ...]) -> list[str]:
    """The channels whose names say that they are the online shop; none where all of them do."""
    found = [name for name in channels if _is_online(name)]
    return found if len(found) < len(channels) else []


def _is_online(name: str) -> bool:
    words = " ".join(re.findall(r"[^\W\d_]+|\d+", name.casefold()))  # "E-Com_2" becomes "e com 2"
    found = ONLINE.search(words)
    return found is not None and not DENIED.search(words, 0, found.start())


def _check_online(given: Roles, channels: tuple[str, ...], place: Callable[[str], str]) -> None:
    if strange := [name for name in given.online if name not in channels]:
        first = ", ".join(channels[:SHOWN_CHANNELS]) + ", …" * (len(channels) > SHOWN_CHANNELS)
        advice = f"Name one of {first}." if channels else "Name their column first: `channel` of [orders]."
        raise DataError(f"{place('online')}: the orders have no channel {strange[0]!r}. {advice}")


def _texts(table: pl.DataFrame) -> list[str]:
    return [name for name, dtype in table.schema.items() if dtype == pl.String]


def _telling(articles: pl.DataFrame, attributes: list[str]) -> list[str]:
    """The attributes that tell articles apart, those that tell most first; of equal ones, the first."""
    entropy: dict[str, float] = {}
    for name in attributes:
        known = articles[name].drop_nulls()
        different = known.n_unique()
        is_name = different > min(MAX_VALUES, MAX_SHARE * len(known))
        if different > 1 and not is_name and len(known) >= MIN_KNOWN * len(articles):
            entropy[name] = _entropy(known)
    chosen: list[str] = []
    for name in sorted(entropy, key=lambda name: -entropy[name]):
        if not any(_say_the_same(articles, name, other, entropy) for other in chosen):
            chosen.append(name)
    return chosen


def _say_the_same(articles: pl.DataFrame, name: str, other: str, entropy: Mapping[str, float]) -> bool:
    """Whether each tells the other, such as a code and its name."""
    if not np.isclose(entropy[name], entropy[other]):
        return False
    return bool(np.isclose(_entropy(articles.select(pl.struct(name, other)).to_series()), entropy[name]))


def _entropy(values: pl.Series) -> float:
    share = values.value_counts()["count"].to_numpy() / max(len(values), 1)
    return float(-(share * np.log(share)).sum())


def _check_columns(
    given: Roles, articles: pl.DataFrame, customers: pl.DataFrame, place: Callable[[str], str]
) -> None:
    """DataError where a role that is set names a column that the table which it is about lacks."""
    for role, value in given.model_dump(exclude_unset=True).items():
        if role in ("customers", "customer_categories", "network"):
            table, columns, ours = "customers", customers.columns, CUSTOMER_COLUMNS
        elif role not in ("channels", "promotions", "online", "meanings"):
            table, columns, ours = "articles", articles.columns, ARTICLE_COLUMNS
        else:
            continue
        names = filter(None, [value]) if isinstance(value, str) else value
        if strange := [name for name in names if name not in columns]:
            raise DataError(
                f"{place(role)}: the table of {table} has no column {strange[0]!r}. Its attributes: "
                f"{', '.join(sorted(set(columns) - ours)) or 'none'}. Name one of these, or leave this key out."
            )
