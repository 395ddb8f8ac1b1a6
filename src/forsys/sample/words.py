"""What the generated shop is made of, from words.toml: kinds of goods, shelves, customers, colours, patterns."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Style:
    """What a design looks like as a whole. `price` is a factor, `all_year` the share of the designs that sell all
    year, `colours` a factor on each of COLOUR_FAMILIES; the rest are words for names and descriptions."""

    name: str
    price: float
    all_year: float
    colours: tuple[float, ...]
    cuts: tuple[str, ...]
    details: tuple[str, ...]
    fits: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of goods. `price` is in the shop's currency; `peak` is the week of the year when it sells best, and
    `season` how much better (0 = no season); `units` is a factor on how often several are bought at once."""

    name: str
    product_type: str
    group: str
    garment_group: str
    klass: str
    price: float
    shape: str
    peak: int = 0
    season: float = 0.0
    units: float = 1.0
    noun: str = ""

    @property
    def word(self) -> str:
        """The word for it in a text."""
        return self.noun or self.product_type.lower()


@dataclass(frozen=True)
class Shelf:
    """A section of the shop. `share` is its part of the sales; `styles` is the weight of each of STYLES, `kinds`
    that of kinds by name; `price` is a factor."""

    section: str
    audience: str
    index_code: str
    index: str
    index_group: str
    share: float
    price: float
    styles: tuple[float, ...]
    kinds: Mapping[str, float]


@dataclass(frozen=True)
class Persona:
    """A type of customer: mean and standard deviation of the age, and shares of the audiences in the purchases."""

    share: float
    age: float
    spread: float
    audiences: Mapping[str, float]


@dataclass(frozen=True)
class Colour:
    """A colour with its family (one of the tastes), value and master names, sRGB and share of the range."""

    name: str
    family: str
    value: str
    master: str
    rgb: tuple[int, int, int]
    share: float


@dataclass(frozen=True)
class Pattern:
    """A graphical appearance; `styles` is its weight within each of STYLES; `painter` draws it."""

    name: str
    klass: str
    painter: str
    styles: tuple[float, ...]
    phrase: str


def _immutable(value: Any) -> Any:
    """`value` with tuples for lists, at every depth."""
    if isinstance(value, dict):
        return {key: _immutable(each) for key, each in value.items()}
    return tuple(map(_immutable, value)) if isinstance(value, list) else value


_TABLES: dict[str, Any] = _immutable(
    tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
)


def _shelf(section: str, row: tuple[Any, ...]) -> Shelf:
    """A row of the table of shelves, with the names of its index and with all its kinds."""
    audience, code, share, price, styles, kinds, *mix = row
    index, group = _TABLES["indices"][code]
    mixed = _TABLES["mixes"][mix[0]] if mix else {}
    return Shelf(section, audience, code, index, group, share, price, styles, {**mixed, **kinds})


COLOUR_FAMILIES: tuple[str, ...] = _TABLES["colour_families"]
PATTERN_CLASSES: tuple[str, ...] = _TABLES["pattern_classes"]
METALS: tuple[str, ...] = _TABLES["metals"]
DENIM_COLOURS: tuple[str, ...] = _TABLES["denim_colours"]
PRICE_UNIT: float = _TABLES["price_unit"]
PRICE_LADDER: tuple[float, ...] = _TABLES["price_ladder"]
CLOSINGS: tuple[str, ...] = _TABLES["closings"]
NAMES: tuple[str, ...] = _TABLES["names"]
FABRICS: Mapping[str, tuple[str, ...]] = _TABLES["classes"]
CLASSES = tuple(FABRICS)
STYLES = tuple(Style(name, **style) for name, style in _TABLES["styles"].items())
KINDS = tuple(Kind(name, *row) for name, row in _TABLES["kinds"].items())
SHELVES = tuple(_shelf(section, row) for section, row in _TABLES["shelves"].items())
INDEX_GROUPS = tuple(dict.fromkeys(shelf.index_group for shelf in SHELVES))
PERSONAS = tuple(Persona(*row) for row in _TABLES["personas"])
COLOURS = tuple(Colour(name, *row) for name, row in _TABLES["colours"].items())
PATTERNS = tuple(Pattern(name, *row) for name, row in _TABLES["patterns"].items())
