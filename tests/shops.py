"""Three shops of other shapes than Kaggle's, each written with its shop file: for the tables and for whole runs.

Each has 250 customers, 200 articles and 12 weeks up to LAST_DAY. A customer's taste is one of 8 groups of articles,
and 4 of 5 purchases follow it.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

CUSTOMERS, ARTICLES, WEEKS, GROUPS = 250, 200, 12, 8
LAST_DAY = date(2024, 6, 30)
FIRST_DAY = LAST_DAY - timedelta(7 * WEEKS - 1)


@dataclass(frozen=True)
class Line:
    """An order line: numbers of customer and article, and how many were bought."""

    at: datetime
    customer: int
    article: int
    units: int


def purchases(seed: int, units: int = 1) -> list[Line]:
    """About 3,800 order lines in the order of time, of 1 to `units` units each."""
    rng, lines = np.random.default_rng(seed), []
    for day in range(7 * WEEKS):
        for customer in np.flatnonzero(rng.random(CUSTOMERS) < 0.09).tolist():
            minute = int(rng.integers(8 * 60, 20 * 60))
            for _ in range(int(rng.integers(1, 4))):
                group = customer % GROUPS if rng.random() < 0.8 else int(rng.integers(GROUPS))
                article = group + GROUPS * int(ARTICLES // GROUPS * rng.random() ** 2)
                at = datetime.combine(FIRST_DAY + timedelta(day), datetime.min.time()) + timedelta(minutes=minute)
                lines.append(Line(at, customer, article, int(rng.integers(1, units + 1))))
    return lines


# --- order lines of a fashion shop: SKUs, times, returns, semicolons, decimal commas, Latin-1 ---

CHANNELS = ("Onlineshop", "Filiale", "Telefon")  # the most common first
RETURNED = 60  # of the first lines, every fifth: half of them as units below 0, half flagged
ORPHANS, TESTS = 2, 5
ORDER_LINES = """\
[orders]
file = "Export/Bestellungen.csv"
encoding = "latin-1"
day = "Zeitpunkt"
customer = "Kunde"
article = "Artikelnr"
units = "Menge"
price = "Preis"
channel = "Kanal"
ignore = ["Bestellung"]
returns = { Status = "Retoure" }
leave_out = { Status = ["Test", "Storno"] }

[articles]
file = "Export/Artikel.csv"
encoding = "latin-1"
id = "Artikelnr"
product = "Modell"
name = "Bezeichnung"
text = "Beschreibung"
picture = "Bild"

[customers]
file = "Export/Kunden.csv"
encoding = "latin-1"
id = "Kunde"
age = "Alter"
region = "PLZ"
"""


def sku(article: int) -> str:
    """Two colours of a model follow each other."""
    return f"AB-{1000 + article // 2}/{'rot' if article % 2 else 'weiß'}"


def order_lines(folder: Path) -> Path:
    """Write the shop; its shop file."""
    lines = purchases(1)
    rows = [_order_line(i, line, line.units, "") for i, line in enumerate(lines)]
    back = lines[: 5 * RETURNED : 5]
    for i, line in enumerate(back):
        later = Line(line.at + timedelta(days=3), line.customer, line.article, 1)
        rows.append(_order_line(9000 + i, later, -1 if i % 2 else 1, "" if i % 2 else "Retoure"))
    bought = {line.article for line in lines if line.customer == 0}
    never = Line(lines[0].at, 0, next(a for a in range(ARTICLES) if a not in bought), 1)
    rows += [_order_line(9500 + i, never, -5, "Retoure") for i in range(ORPHANS)]
    rows += [_order_line(9900 + i, line, 1, "Test") for i, line in enumerate(lines[:TESTS])]
    export = folder / "Export"
    export.mkdir(parents=True)
    header = "Bestellung;Zeitpunkt;Kunde;Artikelnr;Menge;Preis;Kanal;Status\n"
    (export / "Bestellungen.csv").write_text(header + "".join(rows), encoding="latin-1")
    (export / "Artikel.csv").write_text(_articles(), encoding="latin-1")
    known = "".join(f"K{c:05};{18 + c % 60};{c % 40:05};{'ja' if c % 3 else 'nein'}\n" for c in range(CUSTOMERS))
    (export / "Kunden.csv").write_text(f"Kunde;Alter;PLZ;Newsletter\n{known}", encoding="latin-1")
    (folder / "shop.toml").write_text(ORDER_LINES, encoding="utf-8")
    return folder / "shop.toml"


def _order_line(number: int, line: Line, units: int, status: str) -> str:
    price = f"{9.95 + line.article:.2f}".replace(".", ",")
    channel = CHANNELS[0 if line.customer % 2 else 1 + (line.customer % 10 == 0)]
    time = line.at.strftime("%d.%m.%Y %H:%M")
    return f"B{number};{time};K{line.customer:05};{sku(line.article)};{units};{price};{channel};{status}\n"


def _articles() -> str:
    header = "Artikelnr;Modell;Bezeichnung;Beschreibung;Farbe;Warengruppe;Bild\n"
    kinds = ("Hose", "Kleid", "Mütze", "Jacke", "Hemd", "Schal", "Rock", "Pullover")
    return header + "".join(
        f'{sku(a)};{1000 + a // 2};{kinds[a % GROUPS]} {a};"Für den Sommer; aus Baumwolle";'
        f"{'rot' if a % 2 else 'weiß'};{kinds[a % GROUPS]};bilder/{a}.jpg\n"
        for a in range(ARTICLES)
    )


# --- a marketplace: UUIDs, neither a table of articles nor prices ---

MARKETPLACE = """\
[orders]
file = "events.csv"
day = "created_at"
customer = "buyer"
article = "listing"
"""


def uuid_of(kind: str, number: int) -> str:
    """Always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{number}"))


def marketplace(folder: Path) -> Path:
    """Write the shop; its shop file."""
    folder.mkdir(parents=True)
    rows = [
        f"{line.at:%Y-%m-%dT%H:%M:%S}Z,{uuid_of('buyer', line.customer)},{uuid_of('listing', line.article)}\n"
        for line in purchases(2)
    ]
    (folder / "events.csv").write_text("created_at,buyer,listing\n" + "".join(rows), encoding="utf-8")
    (folder / "shop.toml").write_text(MARKETPLACE, encoding="utf-8")
    return folder / "shop.toml"


# --- a grocer: 40 attributes, units, a Parquet file a month ---

NO_ROW = 10  # articles without a row in the table of products
GROCER = """\
[orders]
file = "sales/2024-*.parquet"
day = "sold_at"
customer = "household"
article = "product"
units = "quantity"
price = "amount"
price_is = "line"
channel = "store"
ignore = ["basket"]

[articles]
file = "products.parquet"
id = "product"
name = "description"

[customers]
file = "households.parquet"
id = "household"
age = "age"

[promotions]
file = "leaflets.parquet"
article = "product"
start = "valid_from"
end = "valid_to"
kind = "medium"
"""


def grocer(folder: Path) -> Path:
    """Write the shop; its shop file. Every 50th line is free, and every 70th has no units; a tenth is promoted."""
    (folder / "sales").mkdir(parents=True)
    lines = purchases(3, units=4)
    units = [0 if i % 70 == 69 else line.units for i, line in enumerate(lines)]
    prices = [0.0 if i % 50 == 49 else 0.5 + line.article / 10 for i, line in enumerate(lines)]
    frame = pl.DataFrame(
        {
            "basket": range(len(lines)),
            "sold_at": [line.at for line in lines],
            "household": [line.customer + 1 for line in lines],
            "product": [line.article + 25_001 for line in lines],
            "quantity": units,
            "amount": [price * count for price, count in zip(prices, units, strict=True)],
            "store": [330 + line.customer % 3 % 2 for line in lines],
        }
    )
    for (month,), part in frame.group_by(pl.col("sold_at").dt.strftime("%Y-%m"), maintain_order=True):
        part.write_parquet(folder / "sales" / f"{month}.parquet")
    _products().write_parquet(folder / "products.parquet")
    known = np.arange(0, CUSTOMERS, 2)
    ages = ["25-34" if c % 4 else "65+" for c in known]
    households = pl.DataFrame({"household": known + 1, "age": ages, "kids": known % 4, "home": known % 3 == 0})
    households.write_parquet(folder / "households.parquet")
    _leaflets().write_parquet(folder / "leaflets.parquet")
    (folder / "shop.toml").write_text(GROCER, encoding="utf-8")
    return folder / "shop.toml"


def _leaflets() -> pl.DataFrame:
    """20 products a week from the day before each cut-off on, in one of two media; also after the log."""
    number = np.arange(20 * (WEEKS + 1))
    first = [FIRST_DAY + timedelta(7 * week - 1) for week in (number // 20).tolist()]
    columns = {"product": number * 7 % ARTICLES + 25_001, "valid_from": first}
    last = [day + timedelta(6) for day in first]
    return pl.DataFrame(columns | {"valid_to": last, "medium": ["leaflet" if n % 3 else "display" for n in number]})


def _products() -> pl.DataFrame:
    """40 attributes: group and brand, 35 of few values, a weight, and two that tell nothing."""
    number = np.arange(ARTICLES - NO_ROW)
    few = {f"trait {i:02}": np.random.default_rng(i).integers(i % 5 + 2, size=len(number)) for i in range(35)}
    return pl.DataFrame(
        {
            "product": number + 25_001,
            "description": [f"Item {n}" for n in number],
            "group": [f"group {n % GROUPS}" for n in number],
            "brand": [None if n % 9 == 0 else f"brand {n % 13}" for n in number],
            "weight": (number * 37 % 191) / 8,
            "country": ["Norway"] * len(number),
            "ean": 7_000_000_000_000 + number,
            **few,
        }
    )
