"""A shop file drafted from a shop's files: which table and which column is what, each with the reason."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from forsys.errors import DataError
from forsys.onboarding.columns import MAX_ROWS, MIN_DAYS, PICTURE, YES, Column, Sample, read_samples
from forsys.tables.files import folder_contents, is_hidden
from forsys.tables.limits import MAX_ORPHANS
from forsys.tables.repeats import repeated_rows
from forsys.tables.shop_file import ANY
from forsys.toml_text import toml_value

# Words in the names of columns, in the languages that exports come in.
CUSTOMER = (
    "customer|client|kunde|user|buyer|household|member|shopper|cliente|klant|acheteur|käufer|kaeufer|account"
    "|e.?mail"
)
ARTICLE = "article|artikel|product|produkt|sku|item|ean|gtin|upc|asin|variant|articulo|produit"
WORDS = {"customers": CUSTOMER, "articles": ARTICLE}
DAY = "date|datum|day|tag|time|zeit|fecha|jour|created|timestamp|bought|purchas"
UNITS = "quantity|qty|units?|menge|anzahl|stück|stueck|pieces|pcs|(?<!dis)(?<!ac)count(?!r)|cantidad|quantité"
PRICE = "price|preis|amount|betrag|value|revenue|umsatz|total|prix|precio|sales|cost|wert"
OF_LINE = "total|amount|betrag|value|revenue|umsatz|sales|(?<![a-z])line(?![a-z])|sum|wert"  # not online
CHANNEL = "channel|kanal|store|shop|filiale|branch|platform|source|medium|origin|herkunft"
PRODUCT = "style|model|parent|master|group_id|product_code|product_id|design|stil|modell|family"
NAME = "name|title|bezeichnung|titel|label|nombre|nom"
TEXT = "desc|text|beschreibung|detail|long"
AGE = "^age$|alter|^age_|_age$"
REGION = "post|zip|plz|region|postcode|city|ort|state|country|land"
# Better and worse names: order_date rather than updated_at, unit_price rather than discount_amount.
ORDER_DAY = "order|bestell|bought|purchas|sold|sale|kauf|transact|invoice|placed|creat"
OTHER_DAY = "updat|modif|chang|deliver|liefer|ship|versand|birth|geburt|due|return|refund|cancel|paid|payment|expir"
PRICE_ITSELF = "price|preis|prix|precio"
NUMBERS = f"{UNITS}|{PRICE_ITSELF}"
OTHER_AMOUNT = "disc|rabatt|nachlass|coupon|tax|vat|mwst|steuer|ship|versand|fee|cost|margin|refund"
ID = "(id|no|nr|num|number|nummer|code|key|sku|ean)$"
NO_ID = "name|title|desc|group|categ|type|segment|class|status|city|zip|country|region|mail"
RETURNED = "(?i)^(r|return(ed)?|retoure|rückgabe|refund(ed)?|retour|storno)$"
# Of promotions, as whole words.
PROMOTED = "promo|aktion|leaflet|flyer|prospekt|offer|angebot|deal|discount|rabatt|campaign|kampagne|werbung|coupon"
START, END = (
    r"(\b|_)(start|starts|from|begin|begins|von|ab|anfang)(\b|_)",
    r"(\b|_)(end|ends|until|to|bis|ende)(\b|_)",
)
KIND = r"(\b|_)(kind|type|art|campaign|kampagne|medium|location|aktion)(\b|_)"
NO_SALE = "(?i)^(test|tests?_?order|cancel(l?ed)?|storniert|abgebrochen|void(ed)?|dummy)$"
# Of columns that say yes or no, or when: not returnable.
RETURN_NAME = r"(return(ed|s)?|refund(ed|s)?|retour(e|en|niert)?|rückgabe|zurück)(?![a-z])"
NO_SALE_NAME = r"(cancel(l?ed|l?ation)?|storn(o|iert|ierung)?|void(ed)?|(?<![a-z])test)(?![a-z])"
TAKEN_BACK = "rows that take an earlier purchase back; if they are the purchases themselves, say leave_out"
ITSELF = "most have no earlier purchase of that customer and article, so they are purchases that came back"
LIKE_DAY = r"^\s*\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(\D|$)"
FIRST, DAY_OF, IS_FLAGGED = "__first__", "__day__", "__flagged__"
MIN_WANTED = 0.9  # of the ids of customers in the table of those who want a list
MIN_OVERLAP = 0.3  # of a table's ids that occur in the orders, or the other way round


_Flags = dict[str, list[str | bool]]  # column → values


@dataclass
class Section:
    """A section of the draft: key -> (value as TOML, reason), and key -> column of those that name one."""

    name: str
    sample: Sample
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def take(self, key: str, column: Column | None, reason: str) -> None:
        """Give a key to a column, unless it is none or has another key."""
        if column is not None and column.name not in self.used:
            self.keys[key] = (toml_value(column.name), f"{reason}; {column.kind}, such as {column.shown}")
            self.columns[key] = column
            self.used.add(column.name)

    def free(self) -> list[Column]:
        """The columns that have no key."""
        return [column for column in self.sample.columns if column.name not in self.used and len(column.known)]


def draft(files: Sequence[Path], folder: Path) -> str:
    """The text of a shop file for `files` (folders stand for the tables in them), to lie in `folder`.

    Raises DataError where no file can be the orders: rows with a day, a customer and an article.
    """
    samples = read_samples(_tables(files))
    orders = _orders(samples)
    others = [sample for sample in samples if sample is not orders.sample]
    promotions = next(filter(None, (_promotions(sample, orders) for sample in others)), None)
    if promotions:
        others.remove(promotions.sample)
    sections = [orders]
    linked = _linked(others, orders)
    customers, articles = linked.get("customers"), linked.get("articles")
    _fill_orders(orders, customers, articles)
    if articles:
        _fill_articles(articles)
    if customers:
        _fill_customers(customers)
    sections += [section for section in (articles, customers) if section]
    unused = [sample for sample in others if sample not in [section.sample for section in sections]]
    ids = customers.columns["id"] if customers else orders.columns.get("customer")
    wanted = _recommend_to(unused, ids) if ids else None
    if wanted:
        sections.append(wanted)
        unused.remove(wanted.sample)
    sections += [promotions] if promotions else []
    return _written(sections, unused, folder)


def _tables(files: Iterable[Path]) -> list[Path]:
    """The files, and those in folders, each once."""
    endings = (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zip", ".gz", ".zip", ".parquet")
    found = []
    for file in files:
        there = sorted(file.iterdir()) if file.is_dir() else []
        inside = [path for path in there if path.name.endswith(endings) and not is_hidden(path)]
        if file.is_dir() and not inside:
            raise DataError(
                f"{file}: no table in this folder; it holds {folder_contents(file)}. Name the files of the shop's "
                "export, CSV or Parquet, or a folder that holds them."
            )
        found += inside if inside and file.suffix != ".parquet" else [file]
    if not found:
        raise DataError("No files to map. Name the files of the shop's export, or a folder that holds them.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def _orders(samples: list[Sample]) -> Section:
    """The table with a day and ids that occur again; of several, the one with the most rows."""
    able = [
        sample
        for sample in samples
        if any(column.is_day for column in sample.columns)
        and sum(not column.is_unique and not column.is_day for column in sample.columns) >= 2
    ]
    if not able:
        names = ", ".join(file.name for sample in samples for file in sample.files[:1])
        raise DataError(
            f"None of {names} has a column of days and ids of customers and articles that occur again, as order "
            f"lines have. {_known_days(samples)} Export one row per order line, with the day, the customer and the "
            "article."
        )
    return Section("orders", max(able, key=lambda sample: (_named_ids(sample), sample.rows)))


def _known_days(samples: list[Sample]) -> str:
    """The forms of days that are recognised, and the first column whose days look like another one."""
    forms = "2024-06-30, 20240630, 30/06/2024 and 06/30/2024 (also with . or -, and with a time)"
    for sample in samples:
        for column in sample.columns:
            if not column.is_day and column.share(LIKE_DAY) > MIN_DAYS:
                return (
                    f"Is {column.name} of {sample.files[0].name} one of days, such as {column.shown}? Known are "
                    f"{forms}: write them so, or write the shop file by hand, with day_format."
                )
    return f"Known days are {forms}."


def _named_ids(sample: Sample) -> int:
    """How many of customer and article its columns are named after."""
    return sum(any(_is_named(column, words) for column in sample.columns) for words in (CUSTOMER, ARTICLE))


@dataclass(frozen=True)
class _Link:
    """A table that may be that of `name`: its unique ids are those of a column of the orders."""

    name: str  # of a section: customers or articles
    sample: Sample
    mine: Column
    theirs: Column

    @cached_property
    def named(self) -> int:
        """How many names speak for it, less those that speak against it."""
        names = (self.sample.files[0].name, self.mine.name, self.theirs.name)
        return sum(_speaks_for(self.name, name) for name in names) - _is_named(self.theirs, UNITS)

    @property
    def order(self) -> tuple[float, int, int, str]:
        """The best comes first: that with the right names, and whose table has the ids of the orders."""
        score = self.named + (self.mine.name == self.theirs.name) + round(_share(self.theirs, self.mine), 1)
        return -score, -self.theirs.different, -len(self.sample.columns), self.sample.files[0].name


def _linked(others: list[Sample], orders: Section) -> dict[str, Section]:
    """The tables of customers and of articles, as far as there are any, with the columns of their ids.

    The best of all links is taken first: ids 1, 2, 3, … of customers are also those of articles.
    """
    links = [
        link
        for sample in others
        for mine in sample.columns
        for theirs in orders.sample.columns
        if mine.is_unique and not theirs.is_day and _overlap(mine, theirs) >= MIN_OVERLAP
        for link in (_Link(name, sample, mine, theirs) for name in WORDS)
        if link.named > 0
    ]
    found: dict[str, Section] = {}
    for link in sorted(links, key=lambda each: each.order):
        is_taken = any(section.sample is link.sample for section in found.values())
        if link.name not in found and not is_taken and link.theirs.name not in orders.used:
            found[link.name] = section = Section(link.name, link.sample)
            section.take("id", link.mine, "different in every row, and the ids of the orders")
            reason = f"its values are the ids of {link.sample.files[0].name}"
            orders.take(link.name.removesuffix("s"), link.theirs, reason)
    return found


def _speaks_for(section: str, name: str) -> int:
    """1 where a name is that of a section, -1 where it is that of the other one, else 0."""
    if _matches(name, WORDS[section]):
        return 1
    return -any(_matches(name, words) for words in WORDS.values())


def _promotions(sample: Sample, orders: Section) -> Section | None:
    """A table that is named so, or has a column that is, with ids of articles, a first and a last day."""
    section = Section("promotions", sample)
    names = [sample.files[0].name, *(column.name for column in sample.columns)]
    days = [column for column in section.free() if column.is_day]
    start, end = (next((day for day in days if _is_named(day, words)), None) for words in (START, END))
    named = (column for column in section.free() if _is_named(column, ARTICLE) and not column.is_day)
    article = next((c for c in named if any(_overlap(c, o) >= MIN_OVERLAP for o in orders.sample.columns)), None)
    is_named = any(_matches(name, PROMOTED) for name in names)
    if not is_named or start is None or end is None or start is end or article is None:
        return None
    section.take("article", article, "by its name, and ids of the orders")
    section.take("start", start, "holds days, by its name the first")
    section.take("end", end, "holds days, by its name the last")
    section.take("kind", _named(section.free(), lambda c: 1 < c.different <= 20, KIND), "by its name")
    return section


def _recommend_to(samples: list[Sample], ids: Column) -> Section | None:
    """A table of customers who want a list: ids among those of the customers, each once, and no day."""
    for sample in samples:
        for column in sample.columns:
            is_list = column.is_unique and not any(each.is_day for each in sample.columns)
            if is_list and _is_named(column, CUSTOMER) and _overlap(column, ids) >= MIN_WANTED:
                section = Section("recommend_to", sample)
                section.take("customer", column, "ids of customers, each once")
                return section
    return None


def _overlap(mine: Column, theirs: Column) -> float:
    """Share of the ids of one column that are in the other: the larger of both ways."""
    return max(_share(mine, theirs), _share(theirs, mine)) if min(mine.different, theirs.different) > 1 else 0.0


def _share(ids: Column, others: Column) -> float:
    """Share of the different ids of a column that are in the other one, as written or as a run compares them."""
    spellings = [(ids.ids, others.ids)]
    if ids.spelled is not None and others.spelled is not None:
        spellings.append((ids.spelled, others.spelled))
    return max(float(mine.is_in(theirs.implode()).mean() or 0.0) for mine, theirs in spellings)  # type: ignore[arg-type]


def _fill_orders(orders: Section, customers: Section | None, articles: Section | None) -> None:
    take, free = orders.take, orders.free
    take("day", _best(free(), lambda c: c.is_day, DAY, ORDER_DAY, OTHER_DAY), "holds days")
    for key, words, table in (("customer", CUSTOMER, customers), ("article", ARTICLE, articles)):
        if table is None:
            ids = [column for column in free() if not (column.is_number and _is_named(column, NUMBERS))]
            named = _named(ids, _is_id, words, ID, NO_ID)
            take(key, named, "by its name")
            take(key, None if named else _best(ids, _is_id, ""), "A GUESS: the first column that could be ids")
    take("units", _named(free(), _is_quantity, UNITS), "by its name")
    take("price", _named(free(), lambda c: c.is_number, PRICE, PRICE_ITSELF, OTHER_AMOUNT), "by its name")
    if {"price", "units"} <= {*orders.columns} and _is_named(orders.columns["price"], OF_LINE):
        orders.keys["price_is"] = ('"line"', "the name speaks of a total; else say unit")
    take("channel", _named(free(), lambda c: 1 < c.different <= 20, CHANNEL), "by its name, with few values")
    _take_flags(orders)
    for key in ("customer", "article", "day"):
        if key not in orders.keys:
            orders.keys[key] = ('"?"', "NOT FOUND: write the name of the column")


def _take_flags(orders: Section) -> None:
    """Values for returns and for rows that are no sale; one column may hold both."""
    columns = [column for column in orders.free() if column.different <= 20]
    cancelled = next(filter(_is_cancelled_day, orders.free()), None)
    flags: dict[str, _Flags] = {"returns": {}, "leave_out": {cancelled.name: [ANY]} if cancelled else {}}
    orders.used.update(flags["leave_out"])
    reasons = {"returns": f"by its values; {TAKEN_BACK}", "leave_out": "by its values"}
    for key, texts, names in (("returns", RETURNED, RETURN_NAME), ("leave_out", NO_SALE, NO_SALE_NAME)):
        found = next((column for column in columns if column.share(texts)), None)
        pattern = texts if found else YES
        found = found or next(
            (c for c in columns if c.is_flag and _is_named(c, names) and c.name not in orders.used), None
        )
        if found is not None:
            if key == "returns" and _marks_purchases(orders, found, pattern):
                key, reasons["leave_out"] = "leave_out", f"by its values; {ITSELF}"
            flags[key][found.name] = sorted([*flags[key].get(found.name, []), *_values(found, pattern)], key=str)
            orders.used.add(found.name)
    for key, values in flags.items():
        if values:
            orders.keys[key] = (toml_value(values), reasons[key])


def _values(column: Column, pattern: str) -> list[str | bool]:
    """Those that match; True for those of a column that says yes or no."""
    return [True] if pattern == YES else column.known.filter(column.known.str.contains(pattern)).unique().to_list()


def _is_cancelled_day(column: Column) -> bool:
    """Whether it says of some rows when they were cancelled."""
    return column.is_day and _is_named(column, NO_SALE_NAME) and len(column.known) < len(column.values)


def _marks_purchases(orders: Section, column: Column, pattern: str) -> bool:
    """Whether most rows with a flag have no earlier purchase of their customer and article: they took nothing back.

    Nothing is said where the first rows of a long file are the newest: earlier purchases are not among them.
    """
    pair = [orders.columns[key].values for key in ("customer", "article") if key in orders.columns]
    if len(pair) < 2 or "day" not in orders.columns:
        return False
    day = orders.columns["day"].days
    if len(day) >= MAX_ROWS and day.is_sorted(descending=True):
        return False
    rows = pl.DataFrame(pair).with_columns(day.alias(DAY_OF), column.values.str.contains(pattern).alias(IS_FLAGGED))
    names = [each.name for each in pair]
    bought = (
        rows.filter(~pl.col(IS_FLAGGED).fill_null(False)).group_by(names).agg(pl.col(DAY_OF).min().alias(FIRST))
    )
    flagged = rows.filter(IS_FLAGGED).join(bought, on=names, how="left")
    return flagged.filter(pl.col(FIRST) <= pl.col(DAY_OF)).height < (1 - MAX_ORPHANS) * flagged.height


def _fill_articles(articles: Section) -> None:
    take, free = articles.take, articles.free
    take("picture", _best(free(), lambda c: c.share(PICTURE) > 0.8, ""), "paths of pictures")
    take("name", _named(free(), lambda c: not c.is_number, NAME), "by its name")
    take("text", _named(free(), lambda c: c.length > 20, TEXT), "by its name")
    take("text", None if "text" in articles.keys else _best(free(), _is_long_text, ""), "long texts")
    take(
        "name", None if "name" in articles.keys else _named(free(), lambda c: not c.is_number, TEXT), "short texts"
    )
    take("product", _named(free(), lambda c: not c.is_unique and c.different > 1, PRODUCT), "by its name")


def _fill_customers(customers: Section) -> None:
    customers.take("age", _named(customers.free(), lambda c: c.share(r"^\d") > 0.5, AGE), "by its name")
    customers.take("region", _named(customers.free(), lambda c: c.different > 1, REGION), "by its name")


def _is_long_text(column: Column) -> bool:
    return column.length > 40 and column.different > 20


def _best(
    columns: list[Column], fits: Callable[[Column], bool], words: str, better: str = "", worse: str = ""
) -> Column | None:
    """Of those that fit, that with the best name: one of `words` and of `better` ones, and none of `worse` ones."""

    def rank(column: Column) -> int:
        return _is_named(column, words) + _is_named(column, better) - 3 * _is_named(column, worse)

    return max(filter(fits, columns), key=rank, default=None)  # the first of equals


def _named(
    columns: list[Column], fits: Callable[[Column], bool], words: str, better: str = "", worse: str = ""
) -> Column | None:
    """The same of those alone whose names have `words`."""
    return _best([column for column in columns if _is_named(column, words)], fits, words, better, worse)


def _is_named(column: Column, words: str) -> bool:
    return bool(words) and _matches(column.name, words)


def _matches(name: str, words: str) -> bool:
    return re.search(words, name.casefold()) is not None


def _is_id(column: Column) -> bool:
    return column.different > 1 and not column.is_day and not (column.is_number and not column.is_whole)


def _is_quantity(column: Column) -> bool:
    return column.is_whole and not _is_named(column, f"{PRICE_ITSELF}|cost")  # such as unit_price


def _comment(text: str) -> str:
    """A comment that stays in its line, whatever the shop's values hold."""
    return "# " + "".join(sign if sign.isprintable() else " " for sign in text)


def _why_unused(sample: Sample, sections: list[Section]) -> str:
    """Why a file is not used that is named like those of a section."""
    used = next((section.sample for section in sections if section.sample.stem == sample.stem), None)
    if used is None:
        return ""
    other, more, less = used.files[0].name, {*sample.names} - {*used.names}, {*used.names} - {*sample.names}
    if not more | less:
        return f" (named like {other}, with the same columns: add it to `file` if its rows are others)"
    found = f"has {', '.join(sorted(more))}" * bool(more) + " and " * bool(more and less)
    found += f"lacks {', '.join(sorted(less))}" * bool(less)
    return f" (DOUBT: it {found}, unlike {other}, and the files of a table need the same columns)"


def _decimal(numbers: list[Column]) -> list[str]:
    """The key for the decimal sign of these columns, where it is a comma or may be one."""
    signs = [column.decimal for column in numbers]
    if "," in signs:
        return ['decimal = ","']
    unclear = next((column for column in numbers if column.is_unclear and "." not in signs), None)
    if unclear is None:
        return []
    text = f'DOUBT: thousands or fractions? Write decimal = "." or "," for {unclear.name}, such as {unclear.shown}'
    return [_comment(text)]


def _doubts(section: Section) -> Iterator[str]:
    """What is wrong with the files of the orders: rows that several of them hold would count several times."""
    sample, day = section.sample, section.columns.get("day")
    if section.name == "orders" and day and len(sample.files) > 1:
        found = repeated_rows(sample.per_file(), day.name)
        if found:
            text = found.text([file.name for file in sample.files])
            yield f"DOUBT: {text}, and count each time. Do the exports overlap? Name files that share no rows"


def _written(sections: list[Section], unused: list[Sample], folder: Path) -> str:
    lines = ["# Drafted by `forsys map`: read the reasons, correct what is wrong, then run `forsys check`."]
    for section in sections:
        sample = section.sample
        specs = [toml_value(spec) for spec in sample.specs(folder)]
        file = specs[0] if len(specs) == 1 else f"[{', '.join(specs)}]"
        lines += ["", f"[{section.name}]", f"file = {file}", *map(_comment, _doubts(section))]
        if sample.delimiter and sample.delimiter != ",":
            lines.append(f"delimiter = {toml_value(sample.delimiter)}")
        if sample.encoding:
            lines.append(f'encoding = "{sample.encoding}"  # some bytes are no UTF-8')
        lines += _decimal([section.columns[key] for key in ("units", "price") if key in section.columns])
        lines += [f"{key} = {value}  {_comment(reason)}" for key, (value, reason) in section.keys.items()]
        rest = section.free()
        if section.name in ("orders", "promotions"):
            texts = (f"not used: {toml_value(each.name)} ({each.kind}, such as {each.shown})" for each in rest)
            lines += map(_comment, texts)
        elif rest and section.name != "recommend_to":
            lines.append(_comment(f"attributes, all others: {', '.join(column.name for column in rest)}"))
    for sample in unused:
        lines += ["", _comment(f"not used: {', '.join(sample.specs(folder))}{_why_unused(sample, sections)}")]
    return "\n".join(lines) + "\n"
