"""The shop file: which files a shop's tables are in, and which of their columns is what. See docs/shop-file.md."""

import difflib
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from forsys.errors import DataError
from forsys.tables.limits import MAX_CHANNELS
from forsys.tables.roles import Roles

SHOP_FILE = "shop.toml"
DAY_FORMS = ISO, DAY_FIRST, MONTH_FIRST = ("Y-M-D", "D/M/Y", "M/D/Y")
KAGGLE = Path(__file__).parents[1] / "shops" / "kaggle_hm.toml"
MAX_NAME = 250  # characters of a path or glob
DOCS = "docs/shop-file.md lists all keys."


def _texts(value: Any) -> Any:
    """One value or a list of them as a list of texts: 1 and true are written in the files as they are here."""
    values = value if isinstance(value, list) else [value]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in values]


def _named(value: Any) -> Any:
    """A list of columns as name in our tables -> column."""
    return {name: name for name in value} if isinstance(value, list) and all(map(_is_text, value)) else value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def without_endings(name: str) -> str:
    """The name of a file without .csv, .csv.gz and the like."""
    return re.sub(r"(\.(csv|tsv|txt|gz|zip|parquet))+$", "", name)


def is_pattern(column: str) -> bool:
    """Whether polars would take a column's name for a pattern of names."""
    return column == "*" or (column.startswith("^") and column.endswith("$"))


def _no_pattern(column: str) -> str:
    if is_pattern(column):
        raise ValueError("a column of this name cannot be read; rename it")
    return column


def _gives_days(form: str) -> str:
    if form in DAY_FORMS:
        return form
    day = pl.Series([datetime(2024, 1, 31, 12, tzinfo=UTC)])
    try:
        again = day.dt.strftime(form).str.to_date(form, strict=False)[0]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        again = None
    if again != day.dt.date()[0]:
        raise ValueError(f"no form of days; write {', '.join(DAY_FORMS)} or a format of strftime as %d/%m/%y")
    return form


DayFormat = Annotated[str, AfterValidator(_gives_days)]
Column = Annotated[str, Field(min_length=1), AfterValidator(_no_pattern)]
Columns = dict[Column, Column]
Flags = dict[Column, Annotated[list[str], BeforeValidator(_texts), Field(min_length=1)]]  # column -> values
ANY = "*"  # of flags: whatever the column holds, if it holds something


class Section(BaseModel):
    """A section of the shop file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TableSection(Section):
    """Where a table is, and how its files are written."""

    file: str | list[str]
    """File, glob such as "orders/2024-*.csv", or list of these; relative to the shop file. See `files.find`."""
    encoding: str | None = None
    """Of the text, such as "latin-1"; by default UTF-8, or what the byte order mark says."""
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    """Between the columns; recognised by default."""
    decimal: Literal[".", ","] | None = None
    """Sign of the fraction; recognised by default."""
    ignore: list[Column] = []
    """Columns that are neither read nor mentioned."""

    @field_validator("file")
    @classmethod
    def _is_name(cls, file: str | list[str]) -> str | list[str]:
        specs = file if isinstance(file, list) else [file]
        if not specs or any(not spec or "\0" in spec or len(spec) > MAX_NAME for spec in specs):
            raise ValueError("no name of a file; write one, a glob such as 2024-*.csv, or a list of these")
        return file

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            "a".encode(encoding or "utf-8")
        except LookupError as error:  # also of one that makes no text, such as base64
            raise ValueError("this encoding is not known; usual are latin-1, cp1252, utf-8, utf-16") from error
        return encoding

    @property
    def label(self) -> str:
        """What the table is called in messages: the name of its file, without endings."""
        first = self.file if isinstance(self.file, str) else self.file[0]
        return without_endings(Path(first).name)

    def keys(self) -> dict[str, str]:
        """Key of the shop file -> column that must be there, in the order in which messages show them."""
        raise NotImplementedError

    def more(self) -> list[str]:
        """Columns beyond those of `keys` that are named."""
        return []

    def named(self) -> list[str]:
        """All columns beyond those of `keys` that stand in the shop file."""
        return [*self.more(), *self.ignore]

    def read(self) -> list[str]:
        """All columns that are read, each once."""
        return list(dict.fromkeys([*self.keys().values(), *self.more()]))

    def _keys(self, *names: str) -> dict[str, str]:
        return {name: column for name in names if (column := getattr(self, name)) is not None}


def _twice(keys: dict[str, str]) -> str:
    """What to say where two keys name the same column, else nothing."""
    pairs = (pair for pair in combinations(keys, 2) if keys[pair[0]] == keys[pair[1]])
    one, other = next(pairs, ("", ""))
    return f"{one} and {other} name the same column, {keys[one]}" if one else ""


class Orders(TableSection):
    """One row per order line."""

    day: Column
    day_format: DayFormat | None = None
    """Y-M-D, D/M/Y or M/D/Y (with any of - / . between) or a format of strftime; recognised by default."""
    customer: Column
    article: Column
    units: Column | None = None
    """How many were bought; below 0 they were returned."""
    price: Column | None = None
    price_is: Literal["unit", "line"] = "unit"
    """Whether the price is that of a unit or of all units of the row."""
    channel: Column | None = None
    channels: dict[Column, str] = {}
    """Value of the channel -> its name, in the order of their codes; other values are rejected."""
    returns: Flags = {}
    """Column -> values of rows that are returns."""
    leave_out: Flags = {}
    """Column -> values of rows that are no sale."""

    @model_validator(mode="after")
    def _belong_together(self) -> "Orders":
        if twice := _twice(self.keys()):
            raise ValueError(twice)
        if self.channels and self.channel is None:
            raise ValueError("channels are named, but not the column `channel` that holds them")
        if self.price_is == "line" and (self.price is None or self.units is None):
            raise ValueError('price_is = "line" needs the columns `price` and `units`')
        if len(self.channels) > MAX_CHANNELS:
            raise ValueError(f"at most {MAX_CHANNELS} channels can be named")
        return self

    def keys(self) -> dict[str, str]:
        """Day, customer and article, and what else is named."""
        return self._keys("day", "customer", "article", "price", "channel", "units")

    def more(self) -> list[str]:
        """The columns of flags."""
        return [*self.returns, *self.leave_out]


class Articles(TableSection):
    """One row per article."""

    id: Column
    digits: Annotated[int, Field(ge=1, le=10)] | None = None
    """Ids are whole numbers of so many digits, and lost zeros in front are put back."""
    product: Column | None = None
    """The style that an article is a variant of."""
    product_digits: Annotated[int, Field(ge=1, le=9)] | None = None
    """First digits of the id that are its product, where the column `product` says nothing."""
    name: Column | None = None
    text: Column | None = None
    """Description."""
    picture: Column | None = None
    """Path of the picture below the folder of pictures."""
    attributes: Annotated[Columns, BeforeValidator(_named)] | None = None
    """By default every other column that is a text or has few values."""

    @model_validator(mode="after")
    def _belong_together(self) -> "Articles":
        if self.product_digits and self.product_digits >= (self.digits or 0):
            raise ValueError("product_digits are the first of the `digits` of an id: name more digits")
        return self

    def keys(self) -> dict[str, str]:
        """The id."""
        return self._keys("id")

    def more(self) -> list[str]:
        """What is known of an article."""
        named = self._keys("product", "name", "text", "picture")
        return [*named.values(), *(self.attributes or {}).values()]


class Customers(TableSection):
    """One row per customer."""

    id: Column
    age: Column | None = None
    region: Column | None = None
    """Postal code or the like."""
    attributes: Annotated[Columns, BeforeValidator(_named)] | None = None
    """By default every other column."""
    numbers: list[Column] = []
    """Attributes that are numbers; recognised by default."""

    def keys(self) -> dict[str, str]:
        """The id."""
        return self._keys("id")

    def more(self) -> list[str]:
        """What is known of a customer."""
        return [*(self.attributes or {}).values(), *self._keys("age", "region").values()]

    def named(self) -> list[str]:
        """With those of `numbers`."""
        return [*super().named(), *self.numbers]


class Promotions(TableSection):
    """One row per article and period in which the shop promotes it."""

    article: Column
    start: Column
    """First day."""
    end: Column
    """Last day; empty where it is open."""
    known_days_before: Annotated[int, Field(ge=0, le=365)] = 0
    """How many days before its start a promotion is decided."""
    day_format: DayFormat | None = None
    """Of both days, as in the orders."""
    kind: Column | None = None
    """How it is promoted, such as a leaflet or a display."""

    @model_validator(mode="after")
    def _belong_together(self) -> "Promotions":
        for day in ("start", "end"):  # these two may be one: promotions of a single day
            if twice := _twice(self._keys("article", day)):
                raise ValueError(twice)
        return self

    def keys(self) -> dict[str, str]:
        """Article and days."""
        return self._keys("article", "start", "end")

    def more(self) -> list[str]:
        """The kind."""
        return [self.kind] if self.kind else []


class RecommendTo(TableSection):
    """One row per customer who wants a list."""

    customer: Column

    def keys(self) -> dict[str, str]:
        """The customer's id."""
        return self._keys("customer")


class _Tables(Section):
    orders: Orders
    articles: Articles | None = None
    customers: Customers | None = None
    promotions: Promotions | None = None
    recommend_to: RecommendTo | None = None
    roles: Roles = Roles()


@dataclass(frozen=True)
class ShopFile:
    """A shop file that was read and checked, and the folder that its paths start from."""

    path: Path
    folder: Path
    orders: Orders
    articles: Articles | None
    customers: Customers | None
    promotions: Promotions | None
    recommend_to: RecommendTo | None
    roles: Roles
    text: str
    """Of the file."""

    @property
    def is_shipped(self) -> bool:
        """Whether it ships with this program: then a table may lack columns that it names, save the needed ones."""
        return self.path.parent == KAGGLE.parent

    @property
    def sections(self) -> list[TableSection]:
        """The tables that the shop has, in the order in which they are read."""
        tables = (self.articles, self.customers, self.orders, self.promotions, self.recommend_to)
        return [table for table in tables if table is not None]

    def needed(self, section: TableSection) -> dict[str, str]:
        """Column that a table must have -> the key that names it."""
        keys = {column: key for key, column in section.keys().items()}
        return keys if self.is_shipped else {**dict.fromkeys(section.named(), ""), **keys}

    def place(self, section: str, key: str) -> str:
        """Where a key is, for messages: path, line, section and key."""
        return f"{self.path}: {_place(self.text, section, key)}"


def read_shop_file(path: Path, folder: Path | None = None) -> ShopFile:
    """Read a shop file; `folder` is where its paths start, by default its own folder.

    DataError for a file that cannot be read, and for unknown keys and wrong values, with their lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        tables = _Tables.model_validate(tomllib.loads(text))
    except ValidationError as error:
        faults = [_fault(fault, text) for fault in error.errors()]
        more = f" And {len(faults) - 3} more." if len(faults) > 3 else ""
        raise DataError(f"{path}: {' '.join(faults[:3])}{more} {DOCS}") from error
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8
        raise DataError(f"{path} is not a TOML file: {error}. {DOCS}") from error
    except OSError as error:
        raise DataError(f"{path}: the shop file cannot be read: {error.strerror}.") from error
    parts = {name: getattr(tables, name) for name in _Tables.model_fields}
    return ShopFile(path, folder or path.parent, **parts, text=text)


def shop_file_faults(path: Path) -> list[str]:
    """All that is wrong with the keys of a shop file, a sentence each; none where it is no TOML at all."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        _Tables.model_validate(tomllib.loads(text))
    except ValidationError as error:
        return [f"{path}: {_fault(fault, text)}" for fault in error.errors()]
    except (ValueError, RecursionError, OSError):
        pass
    return []


def _fault(fault: Any, text: str) -> str:
    """One sentence; an unknown key gets the key that it resembles most."""
    words = [str(part) for part in fault["loc"]]
    section, key = (words[0] if words else ""), (words[1] if len(words) > 1 else "")
    if fault["type"] == "missing":
        return f"{_key(section, key)} is missing."
    place = f"{_place(text, section, key)}: " if words else ""
    if fault["type"] != "extra_forbidden":
        message = str(fault["msg"]).removeprefix("Value error, ")
        if fault["type"] == "model_type":  # its message names our classes
            message = f"a section holds keys; write [{section}], and its keys below it"
        if not key and isinstance(fault["input"], dict):  # of several keys at once
            return f"{place}{message}."
        return f"{place}{message} (found {str(fault['input'])[:60]!r})."
    model: Any = _MODELS.get(section, _Tables) if key else _Tables
    if (section, key) == ("orders", "order"):
        return f"{place}no longer a key, since nothing read it; put its column in the list `ignore`."
    close = difflib.get_close_matches(words[-1].casefold(), model.model_fields, n=1)
    hint = f"do you mean {close[0]}?" if close else f"allowed are {', '.join(model.model_fields)}."
    return f"{place}unknown key; {hint}"


def _key(section: str, key: str) -> str:
    return f"[{section}] {key}" if key else section


def _place(text: str, section: str, key: str) -> str:
    return f"line {_line(text, section, key)}: {_key(section, key)}"


_MODELS: dict[str, type[BaseModel]] = {
    "orders": Orders,
    "articles": Articles,
    "customers": Customers,
    "promotions": Promotions,
    "recommend_to": RecommendTo,
    "roles": Roles,
}


def _line(text: str, section: str, key: str) -> int:
    """The 1-based line of a key, or of its section's header where it is not found."""
    header = 1
    inside: bool | None = None  # the section; None before the first one
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.replace('"', "").strip()
        if plain.startswith("["):
            inside = plain.strip("[] ").split(".")[0] == section
            header = number if inside else header
        elif inside is None and re.match(rf"{re.escape(section)}\s*[=.]", plain):
            header, plain = number, plain.removeprefix(f"{section}.")
            if re.match(rf"{re.escape(key)}\s*[=.]", plain):
                return number
        elif inside and re.match(rf"{re.escape(key)}\s*[=.]", plain):
            return number
    return header
