"""The shop file, key by key: what it makes of a shop's files, and the messages where it cannot be used."""

import gzip
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from forsys.errors import DataError
from forsys.tables import files
from forsys.tables.attributes import binned
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet, locate
from forsys.tables.shop_file import KAGGLE, Articles, read_shop_file

ORDERS = '[orders]\nfile = "orders.csv"\nday = "day"\ncustomer = "who"\narticle = "what"\n'
ROWS = ["2024-01-02,c1,A-1", "2024-01-02,c2,A-1", "2024-01-03,c1,b/2"]
LOG = "day,who,what\n" + "".join(f"{row}\n" for row in ROWS)
Content = str | bytes | pl.DataFrame


class Named:
    """Stands for a table and for what is said of it."""

    name = "a.csv"

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.section = self

    def named_decimal(self, _: str) -> None:
        """Nothing is named."""


def with_column(name: str, *values: str) -> str:
    """LOG with one more column, its values repeated."""
    rows = [f"{row},{values[i % len(values)]}" for i, row in enumerate(ROWS)]
    return "\n".join([f"day,who,what,{name}", *rows]) + "\n"


class Shop:
    """The tables made of some files and the text of a shop file."""

    def __init__(
        self, folder: Path, text: str = ORDERS, given_files: dict[str, Content] | None = None, share: float = 0.01
    ):
        self.folder, self.out = folder / "shop", folder / "out"
        for name, content in (given_files or {"orders.csv": LOG}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pl.DataFrame):
                content.write_parquet(path)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        (self.folder / "shop.toml").write_text(text, encoding="utf-8")
        dataset = DataSet("shop", self.folder, False, "")
        self.summary: dict[str, Any] = build_tables(dataset, self.out, max_rejected=share)
        self.notes = "\n".join(self.summary["notes"])

    def __getattr__(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.out / f"{name}.parquet")

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """The purchases: customer_id, article_id, and more columns."""
        ids = self.transactions.join(self.customers, on="customer").join(self.articles, on="article")
        return ids.select("customer_id", "article_id", *columns).rows()


def error_of(folder: Path, text: str = ORDERS, given_files: dict[str, Content] | None = None) -> str:
    with pytest.raises(DataError) as caught:
        Shop(folder, text, given_files)
    return str(caught.value)


PLAIN = [("c1", "A-1", date(2024, 1, 2)), ("c2", "A-1", date(2024, 1, 2)), ("c1", "b/2", date(2024, 1, 3))]


# --- which shop file ---


def test_ids_are_texts(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.rows("t_dat") == PLAIN
    assert shop.articles["product_code"].to_list() == [0, 1]
    assert shop.customers["customer_id"].to_list() == ["c1", "c2"]
    assert "units" not in shop.transactions.columns


def test_input_may_be_the_shop_file(tmp_path: Path) -> None:
    (tmp_path / "fashion").mkdir()
    for name, expected in (("shop.toml", "fashion"), ("north.toml", "north")):
        path = tmp_path / "fashion" / name
        path.write_text(ORDERS)
        found = locate(path, {}, tmp_path)
        assert found == DataSet(expected, path.parent, False, f"--input {path}", path)
        assert found.shop().path == path
    assert locate(None, {"FORSYS_INPUT": str(tmp_path / "fashion")}, tmp_path) is not None


def test_a_shop_file_comes_before_kaggles_names(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text("x")
    dataset = DataSet("x", tmp_path, False, "")
    assert dataset.shop().path == KAGGLE
    assert dataset.shop().is_shipped
    (tmp_path / "shop.toml").write_text(ORDERS)
    assert dataset.shop().path == tmp_path / "shop.toml"
    assert not dataset.shop().is_shipped


def test_a_folder_without_a_shop_names_its_files(tmp_path: Path) -> None:
    (tmp_path / "export.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"It holds export\.xlsx; expected are shop\.toml.*forsys map"):
        locate(tmp_path, {}, tmp_path)


FAULTS = {
    "[orders": "is not a TOML file",
    "": "orders is missing",
    ORDERS.replace("customer", "custmer"): "line 4: [orders] custmer: unknown key; do you mean customer?",
    ORDERS.replace('customer = "who"\n', ""): "[orders] customer is missing",
    ORDERS + "colour = 1\n": "line 6: [orders] colour: unknown key",
    ORDERS + "[order]\n": "line 6: order: unknown key; do you mean orders?",
    ORDERS.replace('"what"', "3"): "line 5: [orders] article: Input should be a valid string (found '3')",
    ORDERS + 'price_is = "sum"\n': "line 6: [orders] price_is: Input should be 'unit' or 'line'",
    ORDERS + 'price = "p"\nprice_is = "line"\n': 'price_is = "line" needs the columns `price` and `units`',
    ORDERS + 'channels = { 1 = "web" }\n': "channels are named, but not the column",
    ORDERS.replace('"what"', '"who"'): "line 1: orders: customer and article name the same column, who. docs",
    ORDERS.replace('"who"', '"day"'): "orders: day and customer name the same column, day. docs",
    ORDERS + 'units = "n"\nprice = "n"\n': "orders: price and units name the same column, n. docs",
    ORDERS + 'channel = "who"\n': "orders: customer and channel name the same column, who. docs",
    ORDERS
    + '[promotions]\nfile = "p"\narticle = "a"\nstart = "d"\nend = "a"\n': "article and end name the same column",
    ORDERS + 'encoding = "latin-99"\n': "line 6: [orders] encoding: this encoding is not known",
    ORDERS + 'encoding = "base64"\n': "line 6: [orders] encoding: this encoding is not known",
    ORDERS + 'delimiter = ":"\n': "line 6: [orders] delimiter",
    ORDERS.replace('"orders.csv"', "[]"): "line 2: [orders] file: no name of a file",
    ORDERS + '[articles]\nfile = "a.csv"\nid = "a"\nproduct_digits = 3\n': "product_digits are the first",
    ORDERS + "[articles]\nattributes = [1]\n": "[articles] attributes",
    ORDERS + 'day_format = "DD.MM.YYYY"\n': "line 6: [orders] day_format: no form of days; write Y-M-D",
    ORDERS + 'day_format = "%Q"\n': "no form of days",
    ORDERS.replace('"who"', '"*"'): "line 4: [orders] customer: a column of this name cannot be read",
    ORDERS + '[roles]\nranker = "colour"\n': "line 7: [roles] ranker: write a list of names, such as",
    ORDERS + "[roles]\n\nranker = 5\n": "line 8: [roles] ranker: write a list of names",
    ORDERS + '[roles]\nkind = ["x"]\n': "line 7: [roles] kind: Input should be a valid string (found \"['x']\")",
    ORDERS
    + "[roles]\nmeanings = { x = 3 }\n": "line 7: [roles] meanings: Input should be a valid string (found '3')",
    ORDERS + '[roles]\ncounted = ["x", 3]\n': "line 7: [roles] counted: Input should be a valid string (found '3')",
    ORDERS + '[roles]\nnetwork = { x = "y" }\n': "line 7: [roles] network: write a list of names",
    "roles = 3\n" + ORDERS: "line 1: roles: a section holds keys; write [roles], and its keys below it (found '3')",
    ORDERS
    + "[[articles]]\nid = 1\n": "line 6: articles: a section holds keys; write [articles], and its keys below",
    "orders = true\n": "line 1: orders: a section holds keys; write [orders]",
    "recommend_to = []\n" + ORDERS: "line 1: recommend_to: a section holds keys; write [recommend_to]",
    ORDERS + "[roles]\nnaive_bayes = []\n": "line 7: [roles] naive_bayes: name at least one attribute",
    ORDERS + "[roles]\nrankr = []\n": "line 7: [roles] rankr: unknown key; do you mean ranker?",
    "\ufeff" + ORDERS + 'unit = "x"\n': "do you mean units?",
    ORDERS + 'order = "no"\n': "line 6: [orders] order: no longer a key, since nothing read it; put its column",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_of_a_shop_file(tmp_path: Path, text: str) -> None:
    message = error_of(tmp_path, text)
    assert str(tmp_path / "shop/shop.toml") in message
    assert FAULTS[text] in message
    assert "docs/shop-file.md" in message
    assert "instance of" not in message
    assert "\n" not in message


def test_a_shop_file_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(ORDERS.replace("who", "größe").encode("latin-1"))
    with pytest.raises(DataError, match="is not a TOML file"):
        read_shop_file(path)


def test_roles_are_passed_on(tmp_path: Path) -> None:
    shop = Shop(tmp_path, ORDERS + '[roles]\nchannels = ["web"]\ncounted = ["product_code"]\n')
    assert shop.summary["roles"]["channels"] == ["web"]
    assert shop.summary["roles"]["counted"] == ["product_code"]


# --- files ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_delimiters_and_marked_encodings_are_recognised(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = LOG.replace(",", delimiter).encode(encoding)
    assert Shop(tmp_path, given_files={"orders.csv": text}).rows("t_dat") == PLAIN


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    text = LOG.replace("b/2", "weiß").encode(encoding)
    shop = Shop(tmp_path / "1", f'{ORDERS}encoding = "{encoding}"\n', {"orders.csv": text})
    assert shop.articles["article_id"].to_list() == ["A-1", "weiß"]
    assert "UTF-" in error_of(tmp_path / "2", given_files={"orders.csv": text})


def zipped(text: str) -> bytes:
    import io

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("orders.csv", text)
    return target.getvalue()


PACKED: dict[str, Content] = {
    "orders.csv.gz": gzip.compress(LOG.encode()),
    "orders.csv.zip": zipped(LOG),
    "orders.parquet": pl.read_csv(LOG.encode()),
    "orders.txt": LOG,
    "deep/er/orders.tsv": LOG.replace(",", "\t"),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files(tmp_path: Path, name: str) -> None:
    text = ORDERS.replace("orders.csv", name)
    assert Shop(tmp_path, text, {name: PACKED[name]}).rows("t_dat") == PLAIN


HEAD = LOG.partition("\n")[0]
MONTHS: dict[str, Content] = {f"m/2024-{i}.csv": f"{HEAD}\n{row}\n" for i, row in enumerate(ROWS)}


@pytest.mark.parametrize(
    "file",
    ['"m/2024-*.csv"', '"m/2024-?.csv"', '["m/2024-0.csv", "m/2024-[12].csv"]', '["m/2024-0.csv", "m/*.csv"]'],
)
def test_several_files(tmp_path: Path, file: str) -> None:
    shop = Shop(tmp_path, ORDERS.replace('"orders.csv"', file), MONTHS)
    assert shop.rows("t_dat") == PLAIN


def test_a_glob_leaves_hidden_files_out_unless_it_names_them(tmp_path: Path) -> None:
    """macOS puts a ._2024-0.csv, which is no table, beside each file of an archive."""
    hidden = MONTHS | {"m/._2024-0.csv": "\0\5\26\7"}
    assert Shop(tmp_path / "1", ORDERS.replace("orders.csv", "m/*.csv"), hidden).rows("t_dat") == PLAIN
    named = {name.replace("m/", "m/."): text for name, text in MONTHS.items()}
    assert Shop(tmp_path / "2", ORDERS.replace("orders.csv", "m/.2024-*"), named).rows("t_dat") == PLAIN


def test_files_may_differ_in_form(tmp_path: Path) -> None:
    mixed = MONTHS | {
        "m/2024-1.csv": str(MONTHS["m/2024-1.csv"]).replace(",", ";"),
        "m/2024-2.parquet": pl.read_csv(str(MONTHS["m/2024-2.csv"]).encode()).select("who", "what", "day"),
    }
    del mixed["m/2024-2.csv"]
    assert Shop(tmp_path, ORDERS.replace("orders.csv", "m/2024-*"), mixed).rows("t_dat") == PLAIN


def test_absolute_paths(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "1", given_files=MONTHS | {"orders.csv": LOG})
    for number, file in enumerate(("orders.csv", "m/*.csv")):
        text = ORDERS.replace("orders.csv", str(shop.folder / file))
        assert Shop(tmp_path / f"other{number}", text, {"x": ""}).rows("t_dat") == PLAIN


def test_a_bracket_may_be_part_of_a_name(tmp_path: Path) -> None:
    section = Articles(file="a [1].csv", id="a")
    (tmp_path / "a [1].csv").write_text("a\n1\n")
    assert files.find(section, tmp_path) == [tmp_path / "a [1].csv"]


def test_rejected_rows_of_several_files_have_their_own_lines(tmp_path: Path) -> None:
    bad = MONTHS | {"m/2024-1.csv": f'{HEAD}\n{ROWS[1]}\n"2024-01-02","c\n1",x\n\n2024-01-99,c1,A-1\n,c1,A-1\n'}
    bad["m/2024-1.csv"] = str(bad["m/2024-1.csv"]).replace('"2024-01-02","c\n1",x\n', "")
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", "m/*.csv"), bad, share=0.9)
    assert shop.rejected.select("file", "line", "reason").rows() == [
        ("2024-1.csv", 4, "day is not a day as YYYY-MM-DD"),
        ("2024-1.csv", 5, "day is missing"),
    ]
    assert "*.csv: 1 row rejected, day is missing (line 5 of 2024-1.csv)" in shop.notes


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("bad", [[0, 2, 3, 6], [3], [], [0, 1, 2, 3, 4, 5, 6], [2, 6]])
def test_rejected_rows_at_the_edges_of_files(tmp_path: Path, ending: str, bad: list[int]) -> None:
    """The files have 3, 0, 1 and 4 rows."""
    rows = [f"{'' if i in bad else '2024-01-02'},c1,A-1\n" for i in range(8)]
    given: dict[str, Content] = {}
    for name, (start, stop) in {"a": (0, 3), "b": (3, 3), "c": (3, 4), "d": (4, 8)}.items():
        text = f"{HEAD}\n{''.join(rows[start:stop])}"
        frame = pl.read_csv(text.encode(), schema=dict.fromkeys(HEAD.split(","), pl.String))
        given[f"m/{name}.{ending}"] = text if ending == "csv" else frame
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", f"m/*.{ending}"), given, share=0.99)
    places = [*(("a", i + 2) for i in range(3)), ("c", 2), *(("d", i + 2) for i in range(4))]
    assert shop.rejected.select("file", "line").rows() == [(f"{places[i][0]}.{ending}", places[i][1]) for i in bad]


def test_broken_files_among_several_are_named(tmp_path: Path) -> None:
    text = ORDERS.replace("orders.csv", "m/*.csv")
    short = MONTHS | {"m/2024-1.csv": f"{HEAD}\n2024-01-02,c1\n"}
    assert "2024-1.csv: line 2: 2 fields, expected 3" in error_of(tmp_path / "1", text, short)
    long = MONTHS | {"m/2024-2.csv": f"{HEAD}\n2024-01-02,c1,x,y\n"}
    assert "2024-2.csv: line 2: 4 fields, expected 3" in error_of(tmp_path / "2", text, long)
    other = MONTHS | {"m/2024-2.csv": "day,who,article\n2024-01-02,c1,x\n"}
    assert "2024-2.csv has other columns than 2024-0.csv" in error_of(tmp_path / "3", text, other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for number, section in enumerate(("articles", "customers")):
        text = f'{ORDERS}[{section}]\nfile = "{section}-*.csv"\nid = "id"\n'
        message = error_of(tmp_path / str(number), text)
        assert f"no {section}-* table ({section}-*.csv). The folder holds orders.csv, shop.toml" in message
        assert "Name the files in" in message
    text = f'{ORDERS}[recommend_to]\nfile = "list.csv"\ncustomer = "id"\n'
    assert "no list table" in error_of(tmp_path / "3", text)


@pytest.mark.parametrize("absent", ["more.csv", "more-*.csv"])
def test_one_of_several_files_is_missing(tmp_path: Path, absent: str) -> None:
    text = ORDERS.replace('"orders.csv"', f'["orders.csv", "{absent}"]')
    message = error_of(tmp_path, text, {"orders.csv": LOG})
    assert f"no orders table ({absent}). The folder holds orders.csv, shop.toml" in message


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("", 'ignore = ["wat"]\n'),
        ('[customers]\nfile = "c.csv"\nid = "who"\n', 'ignore = ["wat"]\n'),
        ('[customers]\nfile = "c.csv"\nid = "who"\n', 'numbers = ["wat"]\n'),
    ],
)
def test_a_misspelt_column_is_named(tmp_path: Path, section: str, line: str) -> None:
    message = error_of(tmp_path, ORDERS + section + line, {"orders.csv": LOG, "c.csv": "who,what\nc1,3\nc2,4\n"})
    assert "column 'wat' is missing" in message


def test_a_missing_column_says_which_key_names_it(tmp_path: Path) -> None:
    message = error_of(tmp_path, ORDERS.replace('"who"', '"whom"'))
    assert "column 'whom' is missing; found are: 'day', 'who', 'what'" in message
    assert "Write customer = 'who' in" in message
    text = f'{ORDERS}[customers]\nfile = "c.csv"\nid = "id"\nattributes = ["Haarfarbe"]\n'
    assert "column 'Haarfarbe' is missing" in error_of(
        tmp_path / "2", text, {"orders.csv": LOG, "c.csv": "id,x\nc1,1\n"}
    )


# --- days ---

DAYS = {
    "%Y%m%d": None,
    "%Y-%m-%d %H:%M:%S": None,
    "%Y-%m-%dT%H:%M:%S.%f+02:00": None,
    "%d/%m/%Y": "D/M/Y",
    "%d.%m.%Y": "D/M/Y",
    "%d-%m-%Y %H:%M": "D/M/Y",
    "%m/%d/%Y": "M/D/Y",
    "%m/%d/%Y, %I:%M %p": "M/D/Y",
}


def log_of(days: list[str], quote: str = '"') -> str:
    rows = "".join(f"{quote}{day}{quote},c{i % 9},a{i % 7}\n" for i, day in enumerate(days))
    return f"day,who,what\n{rows}"


@pytest.mark.parametrize("form", DAYS)
def test_days_that_tell_their_form(tmp_path: Path, form: str) -> None:
    days = [datetime(2024, 1, 5, 14, 30) + timedelta(i) for i in range(40)]
    shop = Shop(tmp_path, given_files={"orders.csv": log_of([f"{day:{form}}" for day in days])})
    assert shop.transactions["t_dat"].to_list() == [day.date() for day in days]
    name = {"D/M/Y": "DD/MM/YYYY", "M/D/Y": "MM/DD/YYYY"}.get(DAYS[form] or "")
    assert name is None or f"orders.csv: day is read as {name}" in shop.notes


@pytest.mark.parametrize("form", ["D/M/Y", "M/D/Y"])
@pytest.mark.parametrize("pad", [True, False])
def test_days_that_may_be_either_must_be_named(tmp_path: Path, form: str, pad: bool) -> None:
    days = [date(2024, 1 + i % 2, 1 + i // 2) for i in range(24)]
    order = "{d}/{m}/{y}" if form == "D/M/Y" else "{m}/{d}/{y}"
    width = 2 if pad else 1
    texts = [order.format(d=f"{t.day:0{width}}", m=f"{t.month:0{width}}", y=t.year) for t in days]
    message = error_of(tmp_path / "1", given_files={"orders.csv": log_of(texts)})
    assert "may be D/M/Y or M/D/Y" in message
    assert 'day_format = "D/M/Y"' in message
    shop = Shop(tmp_path / "2", f'{ORDERS}day_format = "{form}"\n', {"orders.csv": log_of(texts)})
    assert shop.transactions["t_dat"].to_list() == sorted(days)


@pytest.mark.parametrize("form", ["%d/%m/%y", "%y%m%d", "%d %b %Y", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z"])
def test_named_forms(tmp_path: Path, form: str) -> None:
    from datetime import UTC

    days = [datetime(2024, 1, 5, 23, 30, tzinfo=UTC) + timedelta(i) for i in range(40)]
    texts = [f"{day:{form}}" for day in days]
    shop = Shop(tmp_path, f'{ORDERS}day_format = "{form}"\n', {"orders.csv": log_of(texts)})
    assert shop.transactions["t_dat"].to_list() == [day.date() for day in days]


def test_a_wrong_form_is_said(tmp_path: Path) -> None:
    message = error_of(tmp_path, f'{ORDERS}day_format = "M/D/Y"\n')
    assert "day is not a day as MM/DD/YYYY: 3" in message


def test_days_mixed_with_few_of_another_form(tmp_path: Path) -> None:
    days = [f"{date(2024, 1, 5) + timedelta(i):%d.%m.%Y}" for i in range(200)]
    shop = Shop(tmp_path, given_files={"orders.csv": log_of([*days[:100], "soon", *days[100:]])}, share=0.05)
    assert shop.summary["rejected"] == {"orders.csv: day is not a day as DD/MM/YYYY": 1}


JANUARY = [f"2024-01-{day:02}" for day in range(2, 30)]


@pytest.mark.parametrize(
    ("days", "named", "is_left_out"),
    [
        ([datetime.fromisoformat(day) for day in JANUARY], "D/M/Y", True),
        ([date.fromisoformat(day) for day in JANUARY], "%d.%m.%y", True),
        (JANUARY, "D/M/Y", True),
        ([f"{day} 10:00" for day in JANUARY], "M/D/Y", True),
        ([f"{day[8:]}.01.2024" for day in JANUARY], "M/D/Y", True),
        ([f"{day[8:]}.01.24" for day in JANUARY], "D/M/Y", False),
        ([f"{day[8:]}.01.24" for day in JANUARY], None, False),
    ],
)
def test_a_form_that_need_not_be_named(
    tmp_path: Path, days: list[Any], named: str | None, is_left_out: bool
) -> None:
    """The advice is to leave the key out where the days are recognised without it, as those of Parquet files."""
    log = pl.DataFrame({"day": days, "who": ["c"] * len(days), "what": ["a"] * len(days)})
    text = ORDERS.replace("orders.csv", "orders.parquet") + (f'day_format = "{named}"\n' if named else "")
    message = error_of(tmp_path, text, {"orders.parquet": log})
    assert ("recognised without day_format: leave that key out" in message) == is_left_out
    assert ("Write every day as" in message) != is_left_out


# --- prices ---


@pytest.mark.parametrize("prices", [("1,5", "2", "1.234,50"), ("0,99", "10,00", "7")])
def test_a_decimal_comma_is_recognised(tmp_path: Path, prices: tuple[str, ...]) -> None:
    log = "\n".join(
        [
            ";".join(["day", "who", "what", "price"]),
            *(";".join([*row.split(","), price]) for row, price in zip(ROWS, prices, strict=True)),
        ]
    )
    shop = Shop(tmp_path, ORDERS + 'price = "price"\n', {"orders.csv": log + "\n"})
    expected = [float(price.replace(".", "").replace(",", ".")) for price in prices]
    assert shop.transactions["price"].to_list() == pytest.approx(expected)
    assert "its numbers have a decimal comma" in shop.notes


@pytest.mark.parametrize(
    ("price", "units", "read"),
    [
        ("12,50", ["0.350", "2", "2"], (12.5, [1, 2, 2])),
        ("12,50", ["1.200", "2", "2"], (12.5, [1200, 2, 2])),  # may be either: read as the prices are
        ("12.50", ["0,5", "3", "2"], (12.5, [1, 3, 2])),
        ("12,50", [0.125, 2.0, 2.0], (12.5, [1, 2, 2])),  # numbers in a Parquet file
        (12.125, ["0,5", "3", "2"], (12.125, [1, 3, 2])),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_each_column_has_its_own_decimal_sign(
    tmp_path: Path, price: Any, units: list[Any], read: tuple[float, list[int]], named: bool
) -> None:
    rows = [row.split(",") for row in ROWS]
    log = pl.DataFrame([[*row, price, each] for row, each in zip(rows, units, strict=True)], orient="row")
    log.columns = ["day", "who", "what", "price", "units"]
    keys = 'price = "price"\nunits = "units"\n'
    if named and price == "12,50" and units[0] != "0.350":
        keys += 'decimal = ","\n'
    text = ORDERS.replace("orders.csv", "orders.parquet") + keys
    shop = Shop(tmp_path, text, {"orders.parquet": log})
    assert shop.transactions["price"].to_list() == pytest.approx([read[0]] * 3)
    assert shop.transactions["units"].to_list() == read[1]


@pytest.mark.parametrize("files", [["1.parquet", "2.csv"], ["2.csv", "1.parquet"]])
def test_numbers_and_texts_in_one_column(tmp_path: Path, files: list[str]) -> None:
    rows = [row.split(",") for row in ROWS]
    typed = pl.DataFrame([[*row, 12.5] for row in rows], schema=["day", "who", "what", "price"], orient="row")
    texts = [";".join([*row, "12.5"]) for row in rows]
    keys = f'file = {files}\n{ORDERS.split("file = ", 1)[1].split(chr(10), 1)[1]}price = "price"\n'
    text = ORDERS.split("file = ", 1)[0] + keys
    log = "\n".join(["day;who;what;price", *texts, ""])
    shop = Shop(tmp_path / "1", text, {"1.parquet": typed, "2.csv": log})
    assert shop.transactions["price"].to_list() == [12.5] * 6
    commas: dict[str, Content] = {"1.parquet": typed, "2.csv": log.replace("12.5", "12,5")}
    message = error_of(tmp_path / "2", text + 'decimal = ","\n', commas)
    assert 'price holds numbers in 1.parquet and texts in 2.csv, so decimal = "," is right for one' in message
    assert "price is not a number" in error_of(tmp_path / "3", text, commas)


def priced(prices: tuple[str, ...], column: str = "price") -> str:
    """LOG with semicolons and a column of numbers."""
    rows = [f"{row.replace(',', ';')};{price}\n" for row, price in zip(ROWS, prices, strict=True)]
    return "".join([f"day;who;what;{column}\n", *rows])


@pytest.mark.parametrize(
    ("prices", "dot", "comma"),
    [
        (("1,234", "1,234", "1,234"), 1234, 1.234),
        (("899", "1.381", "12.500"), 1.381, 1381),
        (("654", "1,381", "89"), 1381, 1.381),
        (("1.000", "2.000", "3.000"), 2, 2000),
        (("1,234", "1.000", "7"), 1, 1000),
    ],
)
@pytest.mark.parametrize("column", ["price", "units"])
def test_a_sign_that_may_be_either_must_be_named(
    tmp_path: Path, prices: tuple[str, ...], dot: float, comma: float, column: str
) -> None:
    """Never read in silence; the message names both ways to say it, and either is then right for all rows."""
    log, text = priced(prices, column), f'{ORDERS}{column} = "{column}"\n'
    message = error_of(tmp_path / "1", text, {"orders.csv": log})
    count = sum("." in price or "," in price for price in prices)
    assert f"{column} may be thousands or a fraction: {count}" in message
    assert 'decimal = "." in the shop file reads 1.381 as a fraction' in message
    assert 'decimal = "," the other way round' in message
    for sign, expected in ((".", dot), (",", comma)):
        shop = Shop(tmp_path / sign.replace(".", "dot"), f'{text}decimal = "{sign}"\n', {"orders.csv": log})
        wanted = int(np.ceil(expected)) if column == "units" else pytest.approx(expected)
        assert shop.transactions[column][1] == wanted


@pytest.mark.parametrize(
    ("prices", "read"),
    [
        (("654.20", "1,381", "1,381,000"), [654.2, 1381, 1381000]),
        (("654,20", "1.381", "1.381.000"), [654.2, 1381, 1381000]),
        (("12.5", "1.381", "3"), [12.5, 1.381, 3]),
        (("0.381", "1.381", "3"), [0.381, 1.381, 3]),
        (("1234.125", "1.381", "3"), [1234.125, 1.381, 3]),
        (("7", "1.381.000", "1.381"), [7, 1381000, 1381]),
        (("7", "1,381,000", "1,381"), [7, 1381000, 1381]),
        (("1 381,50", "12 345", "7"), [1381.5, 12345, 7]),
        (("1'381.50", "1'234'567.25", "7"), [1381.5, 1234567.25, 7]),
        (("1’381", "12’345", "7"), [1381, 12345, 7]),
        (("1\u00a0381,50", "1\u202f381,5", "-0"), [1381.5, 1381.5, 0]),
        (("1\u202f381", "654", "7"), [1381, 654, 7]),
    ],
)
def test_thousands_that_are_set_apart(tmp_path: Path, prices: tuple[str, ...], read: list[float]) -> None:
    """Where some number tells which sign is which, or spaces and apostrophes leave no doubt."""
    shop = Shop(tmp_path, ORDERS + 'price = "price"\n', {"orders.csv": priced(prices)})
    assert shop.transactions["price"].to_list() == pytest.approx(read)


def test_the_other_numbers_tell_the_sign(tmp_path: Path) -> None:
    for number, (price, units) in enumerate((("12.50", 2), ("12,50", 2000))):
        log = priced((f"2.000;{price}",) * 3, "units;price")
        text = ORDERS + 'price = "price"\nunits = "units"\n'
        shop = Shop(tmp_path / str(number), text, {"orders.csv": log})
        assert shop.transactions["units"].to_list() == [units] * 3


def test_numbers_of_three_decimals_are_not_told_as_another_spelling(tmp_path: Path) -> None:
    shop = Shop(tmp_path, ORDERS + 'price = "price"\n', {"orders.csv": priced(("1.381", "12.50", "3"))})
    assert "read as meant" not in shop.notes
    shop = Shop(tmp_path / "2", ORDERS + 'price = "price"\n', {"orders.csv": priced(("1,381", "12.50", "3"))})
    assert "orders.csv: 1 row has a time of day, a whole number as 1.0, thousands set apart" in shop.notes


@pytest.mark.parametrize(
    ("named", "price", "words"),
    [
        (".", "12,5", 'Has it a decimal comma? Then write decimal = ","'),
        (",", "12.5", 'Has it a decimal dot? Then write decimal = "."'),
        (None, "€ 12", "Currency signs must go"),
        (".", "1,38,1", "price is not a number: 3"),
        (".", "1381,500.25", "price is not a number: 3"),
    ],
)
def test_numbers_that_cannot_be_read(tmp_path: Path, named: str | None, price: str, words: str) -> None:
    text = ORDERS + 'price = "price"\n' + (f'decimal = "{named}"\n' if named else "")
    assert words in error_of(tmp_path, text, {"orders.csv": priced((price,) * 3)})


def test_thousands_with_a_fraction_are_read(tmp_path: Path) -> None:
    log = "day;who;what;price\n" + "".join(
        f"{row.replace(',', ';')};{p}\n" for row, p in zip(ROWS, ("1,234.50", "12.5", "1,234,567.00"), strict=True)
    )
    shop = Shop(tmp_path, ORDERS + 'price = "price"\n', {"orders.csv": log})
    assert shop.transactions["price"].to_list() == [1234.5, 12.5, 1234567.0]


def test_dots_are_never_taken_for_thousands(tmp_path: Path) -> None:
    log = "day;who;what;price\n" + "".join(
        f"{row.replace(',', ';')};{p}\n" for row, p in zip(ROWS, ("1,5", "12.50", "3"), strict=True)
    )
    assert "price is not a number: 1" in error_of(tmp_path / "1", ORDERS + 'price = "price"\n', {"orders.csv": log})
    named = ORDERS + 'price = "price"\ndecimal = ","\n'
    assert "price is not a number: 1" in error_of(tmp_path / "2", named, {"orders.csv": log})


def test_the_price_of_a_line_is_that_of_its_units(tmp_path: Path) -> None:
    text = ORDERS + 'price = "sum"\nunits = "n"\nprice_is = "line"\n'
    log = "day,who,what,n,sum\n" + "".join(
        f"{row},{n},{s}\n" for row, n, s in zip(ROWS, (1, 2, 4), (3, 3, 0), strict=True)
    )
    shop = Shop(tmp_path, text, {"orders.csv": log})
    assert shop.transactions.select("units", "price").rows() == [(1, 3.0), (2, 1.5), (4, 0.0)]


def test_a_price_below_0_asks_for_returns(tmp_path: Path) -> None:
    log = with_column("price", "1", "-1", "1")
    message = error_of(tmp_path, ORDERS + 'price = "price"\n', {"orders.csv": log})
    assert "price is below 0: 1" in message
    assert "Are these returns?" in message


# --- units, returns and what is no sale ---

UNITS = ORDERS + 'units = "n"\n'


@pytest.mark.parametrize(
    ("units", "kept"),
    [
        (("1", "2", "3"), [1, 2, 3]),
        (("1.0", " 2", "3"), [1, 2, 3]),
        (("0.3", "1.5", "2"), [1, 2, 2]),
        (("0", "2", "0.0"), [2]),
        (("1000000", "1", "1"), [1000000, 1, 1]),
    ],
)
def test_units(tmp_path: Path, units: tuple[str, ...], kept: list[int]) -> None:
    shop = Shop(tmp_path, UNITS, {"orders.csv": with_column("n", *units)})
    assert shop.transactions["units"].to_list() == kept
    zeros = len(units) - len(kept)
    assert not zeros or f"{zeros} row{'s are' if zeros > 1 else ' is'} no sale, n is 0" in shop.notes


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "n is missing"),
        ("two", "n is not a number"),
        ("nan", "n is not a number"),
        ("1000001", "more than 1,000,000"),
    ],
)
def test_units_that_cannot_be_used(tmp_path: Path, value: str, reason: str) -> None:
    assert reason in error_of(tmp_path, UNITS, {"orders.csv": with_column("n", "1", value, "1")})


@pytest.mark.parametrize("flag", ['"back"', '["back", "BACK"]', '["x", "back"]'])
def test_rows_of_no_sale_are_left_out(tmp_path: Path, flag: str) -> None:
    log = with_column("state", "ok", " back", "ok")
    shop = Shop(tmp_path, f"{ORDERS}leave_out = {{ state = {flag} }}\n", {"orders.csv": log})
    assert shop.rows() == [("c1", "A-1"), ("c1", "b/2")]
    assert "orders.csv: 1 row is no sale, left out by state" in shop.notes
    assert shop.summary["rejected"] == {}
    assert shop.customers["customer_id"].to_list() == ["c1"]


@pytest.mark.parametrize(
    ("values", "kept"), [(("", "2024-01-05", ""), 2), (("x", "", " "), 2), (("*", "y", "z"), 0)]
)
def test_any_value_is_a_flag(tmp_path: Path, values: tuple[str, ...], kept: int) -> None:
    text, log = f'{ORDERS}leave_out = {{ cancelled = "*" }}\n', with_column("cancelled", *values)
    if kept:
        assert len(Shop(tmp_path, text, {"orders.csv": log}).rows()) == kept
    else:
        assert "leaves out all of its rows" in error_of(tmp_path, text, {"orders.csv": log})


@pytest.mark.parametrize("name", ["state", "count", "len"])
@pytest.mark.parametrize(
    ("states", "there"),
    [
        (("ok", "back", "ok"), "there are 'ok', 'back'"),
        (("ok", "back", ""), "there are 'back', 'ok'"),
        (("a", "b", "c"), "there are 'a', 'b', 'c'"),
        (("", "", ""), "all are empty"),
    ],
)
def test_a_flag_that_no_row_has_is_said(tmp_path: Path, states: tuple[str, ...], there: str, name: str) -> None:
    """With the values that there are."""
    text = f'{ORDERS}returns = {{ {name} = ["back", "Bakc"] }}\n'
    shop = Shop(tmp_path, text, {"orders.csv": with_column(name, *states)}, share=0.5)
    assert f"orders.csv: no row has the {name} 'Bakc' that the shop file names; {there}" in shop.notes
    assert ("'back' that" in shop.notes) == ("back" not in states)


def test_of_many_values_the_most_common_are_told(tmp_path: Path) -> None:
    days = [f"2024-01-{2 + i:02}" for i in range(8)]
    log = "day,who,what,state\n" + "".join(f"{day},c,a,s{max(i, 2)}\n" for i, day in enumerate(days))
    shop = Shop(tmp_path, f'{ORDERS}leave_out = {{ state = "x" }}\n', {"orders.csv": log})
    assert "there are 's2', 's3', 's4', 's5', 's6' and 1 more" in shop.notes


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("1", ("0", "1", "")),
        ("1", ("0.0", "1.0", "")),
        ("1", ("False", "True", "")),
        ("true", ("false", "true", "")),
        ("true", ("False", "True", "")),
        ("true", ("FALSE", " TRUE", "")),
        ("true", ("0", "1", "")),
        ("false", ("True", "False", "")),
        ('"Returned"', ("ok", "returned", "")),
        ('"returned"', ("ok", "RETURNED", "")),
        ('"zurück"', ("ok", "ZURÜCK ", "")),
        ('"1.0"', ("0", "1", "2")),
        ('"01"', ("1", "01", "001")),
    ],
)
def test_flags_in_other_spellings(tmp_path: Path, flag: str, values: tuple[str, ...]) -> None:
    log = with_column("test", *values)
    shop = Shop(tmp_path, f"{ORDERS}leave_out = {{ test = {flag} }}\n", {"orders.csv": log})
    assert shop.rows() == [("c1", "A-1"), ("c1", "b/2")]
    assert "no row has" not in shop.notes


@pytest.mark.parametrize("values", [[False, True, None], [0, 1, None], [0.0, 1.0, None]])
@pytest.mark.parametrize("flag", ["1", "true"])
def test_flags_of_a_parquet_file(tmp_path: Path, values: list[Any], flag: str) -> None:
    rows = [[*row.split(","), value] for row, value in zip(ROWS, values, strict=True)]
    log = pl.DataFrame(rows, schema=["day", "who", "what", "test"], orient="row")
    text = ORDERS.replace("orders.csv", "orders.parquet") + f"leave_out = {{ test = {flag} }}\n"
    assert Shop(tmp_path, text, {"orders.parquet": log}).rows() == [("c1", "A-1"), ("c1", "b/2")]


def test_a_shop_that_leaves_everything_out_is_refused(tmp_path: Path) -> None:
    text = f'{ORDERS}leave_out = {{ state = "ok" }}\n'
    assert "leaves out all of its rows" in error_of(tmp_path, text, {"orders.csv": with_column("state", "ok")})


def test_returns_without_units_end_their_purchase(tmp_path: Path) -> None:
    log = "day,who,what,state\n2024-01-02,c1,a,\n2024-01-03,c1,a,\n2024-01-04,c1,a,back\n2024-01-04,c2,a,back\n"
    shop = Shop(tmp_path, f'{ORDERS}returns = {{ state = "back" }}\n', {"orders.csv": log})
    assert shop.rows("t_dat") == [("c1", "a", date(2024, 1, 2)), ("c1", "a", date(2024, 1, 3))]
    assert shop.returns.select("t_dat", "returned_on", "units").rows() == [(date(2024, 1, 3), date(2024, 1, 4), 1)]
    assert "units" not in shop.transactions.columns
    assert "2 returns taken off the purchases before them, 1 of them without an earlier purchase" in shop.notes


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["c1,a,", "c1,b,back", "c2,a,back", "c2,b,"], "2 of 2 returns have no earlier purchase"),
        (["c1,a,", "c1,a,", "c1,a,back", "c1,b,back", "c2,a,back", "c2,c,", "c3,c,"], "2 of 3 returns"),
        (["c1,a,", "c1,a,back", "c1,b,back", "c2,a,"], ""),
        (["c1,a,", "c1,b,"], ""),
    ],
)
def test_a_flag_that_marks_the_purchase_itself_is_doubted(tmp_path: Path, rows: list[str], words: str) -> None:
    log = "day,who,what,state\n" + "".join(f"2024-01-{i:02},{row}\n" for i, row in enumerate(rows, 2))
    shop = Shop(tmp_path, f'{ORDERS}returns = {{ state = "back" }}\n', {"orders.csv": log})
    told = [note for note in shop.notes.split("\n") if "name it in leave_out" in note]
    assert len(told) == bool(words) and all(words in note for note in told)


def test_only_returns_are_refused(tmp_path: Path) -> None:
    log = with_column("n", "-1")
    assert "every purchase was returned" in error_of(tmp_path, UNITS, {"orders.csv": log})


def test_quantities_below_0_must_be_named(tmp_path: Path) -> None:
    message = error_of(tmp_path, ORDERS, {"orders.csv": with_column("Menge", "1", "-1", "1")})
    assert "rows with a Menge below 0: 1, the first is line 3" in message
    assert "Name the column as `units`" in message


# --- channels ---


def test_channels_by_how_common_they_are(tmp_path: Path) -> None:
    shop = Shop(tmp_path, ORDERS + 'channel = "c"\n', {"orders.csv": with_column("c", "web", "", "web")})
    assert shop.summary["roles"]["channels"] == ["web"]
    assert shop.transactions["channel"].to_list() == [1, 0, 1]
    more = Shop(tmp_path / "2", ORDERS + 'channel = "c"\n', {"orders.csv": with_column("c", "b", "a", "b")})
    assert more.summary["roles"]["channels"] == ["b", "a"]
    assert more.transactions["channel"].to_list() == [1, 2, 1]


@pytest.mark.parametrize(
    ("values", "roles", "online", "note"),
    [
        (("web", "store", "web"), "", ["web"], "the channel web is taken as the online shop, by its name"),
        (("a", "b", "b"), "", [], "no channel is known as the online shop"),
        (("1", "2", "2"), "online = 1", ["1"], None),
        (("web", "store", "web"), "online = []", [], None),
        (("web", "web", "web"), "", [], None),
        (
            ("App", "Store", "Web"),
            "",
            ["App", "Web"],
            "the channels App, Web are taken as the online shop, by their names; [roles] online (in",
        ),
        (("true", "false", "true"), "online = true", ["true"], None),
        (("web", "app", "store"), 'online = ["web", "app"]', ["web", "app"], None),
    ],
)
def test_the_online_shop(
    tmp_path: Path, values: tuple[str, ...], roles: str, online: list[str], note: str | None
) -> None:
    text = f'{ORDERS}channel = "c"\n[roles]\n{roles}\n'
    shop = Shop(tmp_path, text, {"orders.csv": with_column("c", *values)})
    assert shop.summary["roles"]["online"] == online
    assert note in shop.notes if note else "online" not in shop.notes


ARTICLES = '[articles]\nfile = "a.csv"\nid = "a"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ORDERS + ARTICLES + '[roles]\nkind = "x"\n', "line 10: [roles] kind: the table of articles has no column"),
        (
            ORDERS + ARTICLES + '[roles]\nkind = ""\n\n# more\nranker = ["x"]\n',
            "line 13: [roles] ranker: the table of articles has no column 'x'",
        ),
        (
            ORDERS + '[roles]\ncustomers = ["x"]\n',
            "line 7: [roles] customers: the table of customers has no column",
        ),
        (ORDERS + '[roles]\nonline = "x"\n', "line 7: [roles] online: the orders have no channel 'x'"),
        (ORDERS + '[roles]\nkind = ""\nonline = [\n"x"]\n', "line 8: [roles] online: the orders have no channel"),
        (
            'roles.kind = ""\nroles.online = "x"\n' + ORDERS,
            "line 2: [roles] online: the orders have no channel 'x'",
        ),
        ('\nroles = { kind = "", online = "x" }\n' + ORDERS, "line 2: [roles] online: the orders have no channel"),
    ],
)
def test_a_missing_column_or_channel_of_roles_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    tables: dict[str, Content] = {"orders.csv": LOG, "a.csv": "a,colour\nA-1,red\nb/2,blue\n"}
    message = error_of(tmp_path, text, tables)
    assert message.startswith(f"{tmp_path / 'shop' / 'shop.toml'}: {words}")
    assert "\n" not in message


def test_channels_are_the_same_in_any_spelling(tmp_path: Path) -> None:
    log = with_column("c", " web", "2.0", "2").replace("2024-01-02,", "2024-01-02 10:30,")
    shop = Shop(tmp_path, ORDERS + 'channel = "c"\n', {"orders.csv": log})
    assert shop.summary["roles"]["channels"] == ["2", "web"]
    assert shop.transactions["channel"].to_list() == [2, 1, 1]


def test_named_channels_are_all_there_are(tmp_path: Path) -> None:
    text = ORDERS + 'channel = "c"\nchannels = { S = "store", W = "web", P = "phone" }\n'
    shop = Shop(tmp_path / "1", text, {"orders.csv": with_column("c", "W", "S", "P")})
    assert shop.summary["roles"]["channels"] == ["store", "web", "phone"]
    assert shop.transactions["channel"].to_list() == [2, 1, 3]
    message = error_of(tmp_path / "2", text, {"orders.csv": with_column("c", "W", "S", "X")})
    assert "c is none of S, W, P: 1" in message
    assert "c is missing: 1" in error_of(tmp_path / "3", text, {"orders.csv": with_column("c", "W", "S", "")})


def test_at_most_100_channels(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-0{i % 5 + 1},c{i % 9},a{i % 7},shop{i % 150:03}\n" for i in range(301))
    shop = Shop(tmp_path, ORDERS + 'channel = "c"\n', {"orders.csv": f"day,who,what,c\n{rows}"})
    assert len(shop.summary["roles"]["channels"]) == 100
    assert shop.transactions["channel"].max() == 100
    assert "150 different values of c: the 100 most common" in shop.notes


# --- articles and customers ---

ARTICLES = '[articles]\nfile = "articles.csv"\nid = "id"\n'


def with_articles(table: str, text: str = "", **more: Content) -> tuple[str, dict[str, Content]]:
    return ORDERS + ARTICLES + text, {"orders.csv": LOG, "articles.csv": table, **more}


def test_products_are_dense_and_an_article_without_one_is_its_own(tmp_path: Path) -> None:
    table = "id,style\nA-1,s9\nx,\nb/2,s9\ny,s1\nz,\n"
    shop = Shop(tmp_path, *with_articles(table, 'product = "style"\n'))
    codes = dict(shop.articles.select("article_id", "product_code").rows())
    assert codes["A-1"] == codes["b/2"]
    assert len(set(codes.values())) == 4


def test_named_attributes_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = [f"a{i},{i},one,{i % 3}" for i in range(60)] + ["A-1,1,one,0", "b/2,2,one,1"]
    table = "id,size,same,kind\n" + "\n".join(rows) + "\n"
    named = Shop(tmp_path / "1", *with_articles(table, 'attributes = ["size", "same"]\n'))
    assert named.articles.select("size", "same").row(3) == ("3", "one")
    assert "kind" not in named.articles.columns
    assert "articles.csv: columns that are not used: kind" in named.notes
    default = Shop(tmp_path / "2", *with_articles(table, 'ignore = ["kind"]\n'))
    assert default.articles.columns[4:-1] == []  # sizes are whole numbers, nearly all different: another id
    assert "one value: same" in default.notes
    assert "kind" not in default.notes


def test_attributes_may_have_the_names_of_our_columns(tmp_path: Path) -> None:
    rows = "".join(f"a{i},p{i % 3},q{i % 4},{i % 5}\n" for i in range(40))
    table = f"id,article_id,article,picture\n{rows}A-1,p,q,1\nb/2,p,q,2\n"
    shop = Shop(tmp_path, *with_articles(table))
    assert shop.articles.columns[4:-1] == ["article_id_", "article_", "picture_"]
    assert "the attribute article_id is called article_id_ here" in shop.notes
    assert shop.articles["article_id"][0] == "a0"


def test_numbers_become_ranges(tmp_path: Path) -> None:
    rows = "".join(f'a{i},"{i / 4:.2f}",{"" if i % 10 else "x"}\n'.replace(".", ",") for i in range(100))
    table = f"id,weight,odd\n{rows}"
    shop = Shop(
        tmp_path,
        ORDERS + ARTICLES,
        {"orders.csv": LOG.replace("A-1", "a1").replace("b/2", "a2"), "articles.csv": table},
    )
    ranges = shop.articles["weight"].to_list()
    assert ranges[0] == "up to 2.5"
    assert ranges[50] == "10 to 12.5"
    assert ranges[-1] == "above 22.25"
    counts = shop.articles["weight"].value_counts()["count"].to_list()
    assert 8 <= min(counts) <= max(counts) <= 12


def test_ranges_of_large_numbers_differ() -> None:
    frame = pl.DataFrame({"launched": [str(20240101 + i) for i in range(28)]})
    named: Any = Named()
    ranges = binned(frame, named, named)["launched"]
    assert ranges.n_unique() > 5
    assert ranges[0] == "up to 20240104"


def test_ranges_of_numbers_that_are_nearly_all_the_same() -> None:
    for numbers in ([*range(30), *[99] * 1000], [*range(30, 60), *[0] * 1000]):
        frame = pl.DataFrame({"n": [str(n) for n in numbers]})
        found = binned(frame, Named(), Named())["n"]  # type: ignore[arg-type]
        assert found.n_unique() >= 2
        assert found.null_count() == 0


@pytest.mark.parametrize("name", ["x" * 5000, "***", "a/**b/*.csv", "\\u0000", "["])
def test_names_that_no_file_has(tmp_path: Path, name: str) -> None:
    assert "no " in error_of(tmp_path, ORDERS.replace("orders.csv", name))


@pytest.mark.parametrize("name", ["*", "^.*$", "__index_level_0__", "__row__", ""])
def test_odd_names_of_columns(tmp_path: Path, name: str) -> None:
    rows = "".join(f"a{i},{i % 3}\n" for i in range(30)) + "A-1,0\nb/2,1\n"
    given = with_articles(f"id,{name}\n{rows}")
    if name == "__row__":
        assert "a column is called '__row__'" in error_of(tmp_path, *given)
        return
    shop = Shop(tmp_path, *given)
    assert shop.articles.columns[4:-1] == ([name] if "index" in name else [])
    assert ("columns that are not used" in shop.notes) == ("index" not in name)


@pytest.mark.parametrize("change", [str.upper, lambda a: f" {a}", lambda a: f"{a} "])
def test_article_ids_in_another_spelling(tmp_path: Path, change: Any) -> None:
    table = "id,kind\n" + "".join(f"{change(a)},k\n" for a in ("a-1", "b/2", "c"))
    log = LOG.replace("A-1", "a-1")
    shop = Shop(tmp_path, ORDERS + ARTICLES, {"orders.csv": log, "articles.csv": table})
    assert shop.articles["article_id"].to_list() == [change(a) for a in ("a-1", "b/2", "c")]
    assert shop.transactions["article"].to_list() == [0, 0, 1]
    assert "compared in that way" in shop.notes


def test_articles_of_another_shop_are_refused(tmp_path: Path) -> None:
    message = error_of(tmp_path, *with_articles("id,kind\nSKU1,a\nSKU2,b\n"))
    assert "0.0% of its 2 different ids of article_id are in the table articles" in message


@pytest.mark.parametrize("sku", ['3/4" pipe, brass', "a b", "=1+1", "ß", "x" * 256, "1,5"])
def test_ids_may_hold_nearly_anything(tmp_path: Path, sku: str) -> None:
    frame = pl.read_csv(LOG.encode()).with_columns(pl.lit(sku).alias("what"), pl.lit("Doe, Jane").alias("who"))
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", "o.parquet"), {"o.parquet": frame})
    assert set(shop.rows()) == {("Doe, Jane", sku)}


@pytest.mark.parametrize("sku", ["a\nb", "x" * 257])
def test_ids_that_no_list_can_hold(tmp_path: Path, sku: str) -> None:
    frame = pl.read_csv(LOG.encode()).with_columns(pl.lit(sku).alias("what"))
    message = error_of(tmp_path, ORDERS.replace("orders.csv", "o.parquet"), {"o.parquet": frame})
    assert "line 2: the what" in message
    assert "holds a line break, or more than 256 characters" in message


def test_an_id_twice_is_rejected_by_its_own_name(tmp_path: Path) -> None:
    message = error_of(tmp_path, *with_articles("id,kind\nA-1,a\nA-1,b\nb/2,c\n"))
    assert "id occurs a second time: 1" in message
    assert "line 3" in message


CUSTOMERS = '[customers]\nfile = "customers.csv"\nid = "id"\n'


def test_attributes_of_customers_have_their_types(tmp_path: Path) -> None:
    rows = "".join(
        f"k{i},{i % 4},{'yes' if i % 3 else 'no'},0{i % 7},{i % 2 == 0},Name {i},{i / 3:.3f}\n" for i in range(40)
    )
    table = f"id,kids,news,code,member,name,spent\n{rows}c1,1,yes,07,True,Jo,2.5\nc2,,,,,,\n"
    shop = Shop(tmp_path, ORDERS + CUSTOMERS, {"orders.csv": LOG, "customers.csv": table})
    assert dict(shop.customers.schema) == {
        "customer": pl.Int32,
        "customer_id": pl.String,
        "kids": pl.Float32,
        "news": pl.String,
        "code": pl.String,
        "member": pl.Float32,
        "spent": pl.Float32,
        "age": pl.Float32,
        "postal_code": pl.Int32,
    }
    assert shop.customers.row(40)[1:] == ("c1", 1.0, "yes", "07", 1.0, 2.5, None, None)
    assert "nearly every row: name" in shop.notes


def customers_with(tmp_path: Path, values: list[str], text: str, decimal: str | None = None) -> Shop:
    """A shop whose customers have the column x with these values, which are quoted."""
    rows = "".join(f'c{i},"{value}"\n' for i, value in enumerate(values, 1))
    named = f'decimal = "{decimal}"\n' if decimal else ""
    return Shop(tmp_path, ORDERS + CUSTOMERS + named + text, {"orders.csv": LOG, "customers.csv": f"id,x\n{rows}"})


DECIMALS: list[tuple[list[str], str | None, list[float | None]]] = [
    (["12,5", "3", "0,25", ""], None, [12.5, 3, 0.25, None]),
    (["12,5", "1.234,5", "1,234"], None, [12.5, 1234.5, 1.234]),
    (["12,5", "3.25", "4"], None, [None, 3.25, 4]),  # a dot too: a comma is none
    (["12.5", "3.25", " 4 "], None, [12.5, 3.25, 4]),
    (["1,234", "2", "3"], None, [None, 2, 3]),  # may be either
    (["1,234", "2", "3"], ",", [1.234, 2, 3]),
    (["1,234", "2", "3"], ".", [1234, 2, 3]),
    (["1.234", "2", "3"], ",", [1234, 2, 3]),
    (["1,234", "2.5", "3"], None, [1234, 2.5, 3]),
    (["1 234,5", "1'234", "3"], None, [1234.5, 1234, 3]),
    (["12,5", "2", "3"], ".", [None, 2, 3]),
    (["12,5", "inf", "nan", "1e300", "x"], None, [12.5, None, None, None, None]),
]


@pytest.mark.parametrize(("values", "decimal", "numbers"), DECIMALS)
def test_decimal_commas_of_numbers_of_customers(
    tmp_path: Path, values: list[str], decimal: str | None, numbers: list[float | None]
) -> None:
    shop = customers_with(tmp_path, values, 'attributes = ["x"]\nnumbers = ["x"]\n', decimal)
    assert shop.customers["x"].to_list() == pytest.approx(numbers)
    lost = sum(number is None and value != "" for value, number in zip(values, numbers, strict=True))
    assert f"{lost} value" in shop.notes if lost else "unreadable" not in shop.notes


@pytest.mark.parametrize(("values", "decimal", "numbers"), DECIMALS)
def test_an_attribute_is_read_as_one_of_numbers(
    tmp_path: Path, values: list[str], decimal: str | None, numbers: list[float | None]
) -> None:
    """Where all of its values are numbers; else it stays as it is."""
    found = customers_with(tmp_path, values, 'attributes = ["x"]\n', decimal).customers["x"].to_list()
    is_all = all(number is not None or value == "" for value, number in zip(values, numbers, strict=True))
    assert found == (pytest.approx(numbers) if is_all else values)


@pytest.mark.parametrize(
    ("values", "decimal", "ages"),
    [
        (["34,5", "41", "25-34", "65+"], None, [34.5, 41, 29.5, 65]),
        (["34.5", "41,5", "20"], None, [34.5, None, 20]),
        (["34,50", "20", "200,5"], None, [34.5, 20, None]),
        (["34,123", "20", "30"], ",", [34.123, 20, 30]),
        (["34,5", "20", "30"], ".", [None, 20, 30]),
        (["34", " 41 ", "x"], None, [34, 41, None]),
    ],
)
def test_decimal_commas_of_ages(
    tmp_path: Path, values: list[str], decimal: str | None, ages: list[float | None]
) -> None:
    assert customers_with(tmp_path, values, 'age = "x"\n', decimal).customers["age"].to_list() == pytest.approx(
        ages
    )


@pytest.mark.parametrize(("decimal", "is_range"), [(None, False), (",", True)])
def test_a_named_decimal_comma_counts_for_attributes_of_articles(
    tmp_path: Path, decimal: str | None, is_range: bool
) -> None:
    rows = "".join(f'a{i},"{1 + i % 30},{100 + i}"\n' for i in range(60)) + 'A-1,"1,100"\nb/2,"1,100"\n'
    named = f'decimal = "{decimal}"\n' if decimal else ""
    text = ORDERS + ARTICLES + named + "\n"
    shop = Shop(tmp_path, text, {"orders.csv": LOG, "articles.csv": f"id,weight\n{rows}"})
    assert ("as ranges: weight" in shop.notes) == is_range


def test_age_groups_and_regions(tmp_path: Path) -> None:
    table = "id,age,plz\nc1,25-34,0123\nc2,65+,0456\nc3,41,0123\nc4,old,\n"
    text = ORDERS + CUSTOMERS + 'age = "age"\nregion = "plz"\n'
    shop = Shop(tmp_path, text, {"orders.csv": LOG, "customers.csv": table})
    assert shop.customers["age"].to_list() == [29.5, 65.0, 41.0, None]
    assert shop.customers["postal_code"].to_list() == [0, 1, 0, None]
    assert "1 value of age unreadable" in shop.notes


def test_who_wants_a_list(tmp_path: Path) -> None:
    text = f'{ORDERS}[recommend_to]\nfile = "list.csv"\ncustomer = "client"\n'
    shop = Shop(tmp_path, text, {"orders.csv": LOG, "list.csv": "client\nc2\nnew\nc1\n"})
    wanted = shop.submission_customers.join(shop.customers, on="customer", maintain_order="left")
    assert wanted["customer_id"].to_list() == ["c2", "new", "c1"]
    assert "1 customer occurs only in the list" in shop.notes


# --- native types of Parquet ---

NATIVE = {
    "integers": pl.Series([7, 7, 12]),
    "floats": pl.Series([7.0, 7.0, 12.0]),
    "large integers": pl.Series([2**62, 2**62, 5]),
    "text": pl.Series(["7", "7", "12"]),
    "categories": pl.Series(["x", "x", "y"], dtype=pl.Categorical),
    "booleans": pl.Series([True, True, False]),
}


@pytest.mark.parametrize("kind", NATIVE)
def test_ids_of_any_type(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"day": [date(2024, 1, 2)] * 3, "who": ["c1", "c2", "c1"], "what": NATIVE[kind]})
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", "orders.parquet"), {"orders.parquet": frame})
    expected = [
        str(int(v)) if isinstance(v, float) else str(v).lower()
        for v in NATIVE[kind].cast(pl.Int64 if kind == "floats" else NATIVE[kind].dtype)
    ]
    assert [article for _, article in shop.rows()] == expected


@pytest.mark.parametrize(
    ("values", "kind"), [([timedelta(1), timedelta(2)], "Duration"), ([b"\xff\xd8\xff", b"\x89PNG"], "Binary")]
)
def test_spans_of_time_and_pictures_are_left_out(tmp_path: Path, values: list[Any], kind: str) -> None:
    frame = pl.DataFrame({"id": ["A-1", "b/2"], "odd": values, "kind": ["k", "l"]})
    text = ORDERS + ARTICLES.replace(".csv", ".parquet")
    shop = Shop(tmp_path / "1", text, {"orders.csv": LOG, "articles.parquet": frame})
    assert shop.articles.columns[4:-1] == ["kind"]
    named = f'{text}attributes = ["odd"]\n'
    message = error_of(tmp_path / "2", named, {"orders.csv": LOG, "articles.parquet": frame})
    assert f"column 'odd' is of type {kind}" in message


def test_bytes_that_are_a_text_are_read(tmp_path: Path) -> None:
    """Some programs write texts so."""
    frame = pl.DataFrame({"id": [b"A-1", b"b/2"], "kind": ["k", "l"]})
    text = ORDERS + ARTICLES.replace(".csv", ".parquet")
    shop = Shop(tmp_path, text, {"orders.csv": LOG, "articles.parquet": frame})
    assert shop.articles["article_id"].to_list()[:2] == ["A-1", "b/2"]


def test_ids_in_two_spellings_count_as_two_and_are_told(tmp_path: Path) -> None:
    ids = ["7", "007", "c1", "c1 ", "C1", "d2"]
    log = "day,who,what\n" + "".join(f"2024-01-0{i + 1},{who},A-{i % 2}\n" for i, who in enumerate(ids))
    shop = Shop(tmp_path / "1", given_files={"orders.csv": log})
    assert shop.customers.height == 6
    assert "3 customer ids differ from another one in white space, case" in shop.notes
    assert "article id" not in shop.notes
    two = Shop(tmp_path / "2", given_files={"orders.csv": LOG + "2024-01-04,c1,a-1\n"})
    assert "1 article id differs from another one" in two.notes


def test_lists_that_nobody_needs_are_left_out(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["A-1", "b/2"], "tags": [["x"], []], "kind": ["k", "l"]})
    text = ORDERS + ARTICLES.replace(".csv", ".parquet")
    shop = Shop(tmp_path, text, {"orders.csv": LOG, "articles.parquet": frame})
    assert shop.articles.columns[4:-1] == ["kind"]
    assert "one value: tags" in shop.notes
    named = f'{text}attributes = ["tags"]\n'
    assert "column 'tags' is of type List" in error_of(
        tmp_path / "2", named, {"orders.csv": LOG, "articles.parquet": frame}
    )


def test_nulls_and_nan_are_missing(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "day": [date(2024, 1, 2), None, date(2024, 1, 2), date(2024, 1, 2)],
            "who": [1.0, 2.0, float("nan"), 3.0],
            "what": [1, 1, 1, None],
        }
    )
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", "orders.parquet"), {"orders.parquet": frame}, share=0.9)
    assert shop.rows() == [("1", "1")]
    assert sorted(shop.rejected["reason"]) == ["day is missing", "what is missing", "who is missing"]


def test_days_of_a_zone_are_those_of_its_clocks(tmp_path: Path) -> None:
    late = datetime(2024, 1, 2, 23, 30)
    frame = pl.DataFrame({"day": [late] * 3, "who": ["c1", "c2", "c1"], "what": ["a", "a", "b"]})
    frame = frame.with_columns(pl.col("day").dt.replace_time_zone("America/New_York"))
    shop = Shop(tmp_path, ORDERS.replace("orders.csv", "orders.parquet"), {"orders.parquet": frame})
    assert shop.transactions["t_dat"].unique().to_list() == [date(2024, 1, 2)]


# --- what messages show ---


def test_messages_shorten_ids_of_customers(tmp_path: Path) -> None:
    long = "jane.doe@example.org"
    log = LOG.replace("c1", long)
    message = error_of(
        tmp_path,
        ORDERS + 'price = "p"\n',
        {"orders.csv": log.replace("what", "what,p").replace("A-1", "A-1,x").replace("b/2", "b/2,x")},
    )
    assert "who 'jane.doe…'" in message
    assert long not in message


def test_a_file_without_a_header_shows_no_customer(tmp_path: Path) -> None:
    message = error_of(tmp_path, given_files={"orders.csv": "2024-01-02,jane.doe@example.org,A-1\n"})
    assert "'jane.doe…'" in message
    assert not re.search("jane.doe@", message)


def test_what_is_missing_is_said_once(tmp_path: Path) -> None:
    assert Shop(tmp_path).summary["notes"] == [
        "no table of articles: they are those of the orders, without attributes",
        "no table of customers: they are those of the orders",
        "no channel: taken as unknown",
        "no price: taken as unknown",
    ]
