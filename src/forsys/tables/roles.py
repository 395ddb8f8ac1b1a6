"""Which of a shop's attributes serve where: as the shop file says, and else chosen by what they tell."""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from forsys.errors import DataError

NO_ATTRIBUTES = ("article", "article_id", "product_code", "prod_name", "detail_desc", "picture")
NO_CUSTOMER_ATTRIBUTES = ("customer", "customer_id", "age", "postal_code")
MAX_VALUES = 1_000  # an attribute with more is nearly a name
MAX_SHARE = 0.5  # different values per article with one: with more, it is nearly a name too
MIN_KNOWN = 0.5  # share of the articles with a value
KINDS, GROUPS = (5, 300), (2, 60)  # values of an attribute that says what an article is, and of a coarser one
RANKER, COUNTED, NAIVE_BAYES = 7, 4, 6  # attributes chosen for each use, those that tell most first
COLOURS = ("colour", "color", "farbe", "couleur", "kleur")


@dataclass(frozen=True)
class Roles:
    """Names of columns of the articles and customers, by use.

    attributes: categories of the articles, for content vectors and networks. kind: what an article is, such as a
    dress; department: a larger group; colour: for people to read; each may be "". ranker: attributes that the
    ranker gets as they are. counted: those of which a customer's earlier purchases are counted, product_code among
    them. naive_bayes: attributes of the source same_attributes. customers: attributes that the ranker gets;
    network: those that the recurrent networks get. channels: names of the channels 1, 2, …. meanings: words for
    attributes whose names don't say enough.
    """

    attributes: tuple[str, ...] = ()
    kind: str = ""
    department: str = ""
    colour: str = ""
    ranker: tuple[str, ...] = ()
    counted: tuple[str, ...] = ("product_code",)
    naive_bayes: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    customer_categories: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `Roles.read` reads."""
        values: dict[str, Any] = TypeAdapter(Roles).dump_python(self, mode="json")
        return values

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Roles":
        """From JSON or TOML, where tuples are lists."""
        return cls(**values)

    def spelled(self, attribute: str) -> str:
        """An attribute in words: "product type" for product_type_name."""
        return self.meanings.get(attribute) or attribute.removesuffix("_name").replace("_", " ")


def choose_roles(
    articles: pl.DataFrame,
    customers: pl.DataFrame,
    given: Mapping[str, Any] | None = None,
    channels: tuple[str, ...] = (),
) -> Roles:
    """The roles of these tables' attributes; `given` ones stand. Raises DataError where those are unknown."""
    attributes = [name for name in _texts(articles) if name not in NO_ATTRIBUTES]
    telling = _telling(articles, attributes)
    values = {name: articles[name].n_unique() for name in telling}
    kind = next((name for name in telling if KINDS[0] <= values[name] <= KINDS[1]), "")
    department = next((name for name in telling if name != kind and GROUPS[0] <= values[name] <= GROUPS[1]), "")
    own = [name for name in customers.columns if name not in NO_CUSTOMER_ATTRIBUTES]
    categories = [name for name in own if customers.schema[name] == pl.String]
    chosen = {
        "attributes": attributes,
        "kind": kind,
        "department": department,
        "colour": next((name for name in attributes if any(word in name.casefold() for word in COLOURS)), ""),
        "ranker": telling[:RANKER],
        "counted": ["product_code", *telling[:COUNTED]],
        "naive_bayes": ["article", "product_code", *telling[:NAIVE_BAYES]],
        "customers": own,
        "customer_categories": categories,
        "network": categories,
        "channels": list(channels),
    }
    _check(given or {}, articles, customers)
    return Roles.read(chosen | dict(given or {}))


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


def _check(given: Mapping[str, Any], articles: pl.DataFrame, customers: pl.DataFrame) -> None:
    names = [each.name for each in fields(Roles)]
    if unknown := sorted(set(given) - set(names)):
        raise DataError(f"[roles]: {', '.join(unknown)} is unknown. Known are {', '.join(names)}.")
    known = {"", "article", *articles.columns, *customers.columns}
    for role, value in given.items():
        if role in ("channels", "meanings"):
            continue
        columns = (
            [value] if isinstance(value, str) else list(value.values() if isinstance(value, Mapping) else value)
        )
        if strange := [name for name in columns if name not in known]:
            raise DataError(
                f"[roles] {role}: the tables have no column {strange[0]!r}. "
                f"Attributes: {', '.join(sorted(known - {'', *NO_ATTRIBUTES, *NO_CUSTOMER_ATTRIBUTES}))}."
            )
