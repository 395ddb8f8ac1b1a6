"""A shop file drafted from the files alone needs at most two corrections."""

import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import shops
from forsys.cli import main
from forsys.errors import DataError
from forsys.onboarding.draft import draft
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet
from forsys.tables.files import find
from forsys.tables.shop_file import read_shop_file

SHOPS = (shops.order_lines, shops.marketplace, shops.grocer)
MAX_CORRECTIONS = 2
# Read the same, however they are spelled.
SAME: dict[str, Callable[[Any], Any]] = {
    "encoding": lambda _: "one byte per character",
    "file": lambda value: value.replace("2024-*", "*"),
    "returns": lambda value: {name: [each] if isinstance(each, str) else each for name, each in value.items()},
}


def drafted(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "shop.toml"]
    return draft(files, folder)


def keys(text: str) -> dict[str, Any]:
    """section.key -> value."""
    return {
        f"{section}.{key}": SAME.get(key, lambda same: same)(value)
        for section, values in tomllib.loads(text).items()
        for key, value in values.items()
    }


@pytest.mark.parametrize("make", SHOPS)
def test_at_most_two_corrections(make: Callable[[Path], Path], tmp_path: Path) -> None:
    right = keys(make(tmp_path / "shop").read_text(encoding="utf-8"))
    found = keys(drafted(tmp_path / "shop"))
    optional = {"orders.leave_out", "orders.delimiter", "articles.delimiter", "customers.delimiter"}
    optional |= {"orders.decimal", "articles.decimal", "customers.decimal", "customers.encoding", "orders.ignore"}
    different = [key for key in right.keys() | found.keys() if right.get(key) != found.get(key)]
    corrections = [key for key in different if key not in optional]
    assert len(corrections) <= MAX_CORRECTIONS, corrections


@pytest.mark.parametrize("make", SHOPS)
def test_a_draft_is_a_shop_file_with_a_reason_for_each_column(make: Callable[[Path], Path], tmp_path: Path) -> None:
    make(tmp_path / "shop")
    text = drafted(tmp_path / "shop")
    (tmp_path / "shop" / "drafted.toml").write_text(text, encoding="utf-8")
    read_shop_file(tmp_path / "shop" / "drafted.toml")
    for line in text.splitlines():
        if line.startswith(("day", "customer", "article", "id", "units", "price", "name")):
            assert "#" in line


def test_the_same_files_in_another_order_give_the_same_draft(tmp_path: Path) -> None:
    shops.order_lines(tmp_path / "shop")
    files = sorted((tmp_path / "shop" / "Export").iterdir())
    assert draft(files, tmp_path) == draft(files[::-1], tmp_path)


def test_a_folder_stands_for_its_tables(tmp_path: Path) -> None:
    shops.order_lines(tmp_path / "shop")
    export = tmp_path / "shop" / "Export"
    (export / "notes.md").write_text("no table", encoding="utf-8")
    (export / "._orders.csv").write_bytes(b"\x00\x05\x16\x07")  # macOS puts one beside each file of an archive
    assert draft([export], tmp_path) == draft(sorted(export.glob("[!.]*.csv")), tmp_path)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_names_that_say_nothing(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{1 + n % 28:02},c{n % 7},a{n % 11}\n" for n in range(60))
    text = draft([write(tmp_path, "x.csv", f"one,two,three\n{rows}")], tmp_path)
    assert 'day = "one"' in text
    assert text.count("A GUESS") == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "", "the file is empty"),
        ("x.csv", "a,b\n1,2\n1,3\n", "None of x.csv has a column of days"),
        ("x.csv", "date,customer\n2024-01-01,1\n2024-01-02,2\n", "None of x.csv has a column of days"),
        ("x.parquet", "no parquet", "not a complete Parquet file"),
        ("x.csv.gz", "no gzip", "cannot be unpacked"),
        ("x.zip", "no zip", "cannot be unpacked"),
    ],
)
def test_files_that_cannot_be_orders(name: str, content: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        draft([write(tmp_path, name, content)], tmp_path)
    assert words in str(raised.value)


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        draft([tmp_path / "absent.csv"], tmp_path)
    with pytest.raises(DataError, match="No files to map"):
        draft([], tmp_path)


def test_kaggle_s_own_files(shop: Path) -> None:
    """As if nothing were known of them."""
    text = draft([shop], shop)
    expected = {
        "orders.day": "t_dat", "orders.customer": "customer_id", "orders.article": "article_id",
        "orders.price": "price",
        "orders.channel": "sales_channel_id", "articles.id": "article_id", "articles.name": "prod_name",
        "articles.text": "detail_desc", "articles.product": "product_code", "customers.id": "customer_id",
        "customers.age": "age", "customers.region": "postal_code", "recommend_to.customer": "customer_id",
        "recommend_to.file": "sample_submission.csv",
    }  # fmt: skip
    found = keys(text)
    assert {key: found.get(key) for key in expected} == expected


def test_ids_of_eight_digits_are_no_days(tmp_path: Path) -> None:
    rows = "".join(f"{90_000_000 + n % 11},c{n % 7},2024010{1 + n % 9}\n" for n in range(60))
    text = draft([write(tmp_path, "x.csv", f"item,customer,sold\n{rows}")], tmp_path)
    assert 'day = "sold"' in text
    assert 'article = "item"' in text


ROWS = [(f"2024-01-{1 + n % 28:02}", f"c{n % 7}", f"a{n % 11}") for n in range(60)]


@pytest.mark.parametrize("sign", ["\n", "\r", "\x00", "\x1f", "\x7f", "\u2028", '"', "\\", "'", "#"])
def test_whatever_names_and_values_hold_the_draft_can_be_read(sign: str, tmp_path: Path) -> None:
    """In a Parquet file, which may hold any text; also in columns that stay unused, and in the names of files."""
    columns = {f"order{sign}day": 0, f"customer{sign}id": 1, f"article{sign}id": 2}
    frame = pl.DataFrame(
        {name: [f"a{sign}{row[i]}" if i else row[i] for row in ROWS] for name, i in columns.items()}
        | {f"about{sign}it": [f"x{sign}y{n}" for n in range(60)]}
    )
    name = f"or{sign}ders.parquet" if sign != "\x00" else "orders.parquet"
    frame.write_parquet(tmp_path / name)
    (tmp_path / "drafted.toml").write_text(draft([tmp_path / name], tmp_path), encoding="utf-8", newline="\n")
    found = read_shop_file(tmp_path / "drafted.toml")
    assert [found.orders.day, found.orders.customer, found.orders.article] == list(columns)
    assert found.orders.file == name


BOUGHT = "".join(f"2024-01-{1 + n % 28:02},c{n % 7},a{n % 11}\n" for n in range(60))
PERIODS = "".join(f"a{n},2024-01-0{1 + n % 7},2024-01-1{n % 7},{'ab'[n % 2]},{n % 4}.5\n" for n in range(11))


@pytest.mark.parametrize(
    ("name", "header", "keys"),
    [
        ("promotions.csv", "sku,valid_from,valid_to,kind,rate", ("valid_from", "valid_to", "kind")),
        ("Aktionen.csv", "Artikel,von,bis,Art,Rabatt", ("von", "bis", "Art")),
        ("x.csv", "product_id,start,end,partner,discount", ("start", "end", None)),
        ("prices.csv", "sku,valid_from,valid_to,list,price", None),  # nothing says that these are promotions
        ("promotions.csv", "sku,calendar,vonda,kind,rate", None),  # no first and last day by these names
    ],
)
def test_promotions(name: str, header: str, keys: tuple[str | None, ...] | None, tmp_path: Path) -> None:
    """Also where each article is promoted once, and there is no other table."""
    files = [
        write(tmp_path, "orders.csv", f"day,customer,sku\n{BOUGHT}"),
        write(tmp_path, name, f"{header}\n{PERIODS}"),
    ]
    found = tomllib.loads(draft(files, tmp_path))
    if keys is None:
        assert "promotions" not in found
        return
    section = found["promotions"]
    assert (section["start"], section["end"], section.get("kind")) == keys
    assert section["article"] == header.partition(",")[0] and "articles" not in found


def test_orders_without_ids(tmp_path: Path) -> None:
    """What is not found is said in the draft."""
    rows = "".join(f"{day},{n % 5}.5,{n % 3}.25\n" for n, (day, _, _) in enumerate(ROWS))
    found = tomllib.loads(draft([write(tmp_path, "x.csv", f"date,net,gross\n{rows}")], tmp_path))
    assert found["orders"]["customer"] == found["orders"]["article"] == "?"


@pytest.mark.parametrize("target", ["shop", "shop/below", "elsewhere"])
@pytest.mark.parametrize("is_relative", [True, False])
def test_the_draft_finds_the_files_from_where_it_lies(
    target: str, is_relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / target
    folder.mkdir(parents=True)
    (tmp_path / "shop").mkdir(exist_ok=True)
    rows = "".join(f"{','.join(row)}\n" for row in ROWS)
    file = write(tmp_path / "shop", "orders.csv", f"day,customer,article\n{rows}")
    given = file.relative_to(tmp_path) if is_relative else file
    (folder / "drafted.toml").write_text(draft([given], Path(target)), encoding="utf-8")
    shop = read_shop_file(folder / "drafted.toml")
    assert [path.resolve() for path in find(shop.orders, shop.folder)] == [file]


@pytest.mark.parametrize(
    ("names", "others", "expected"),
    [
        (["sales-1.csv", "sales-2.csv"], [], "sales-*.csv"),
        (["2024-1.csv", "2024-2.csv"], ["customers.csv"], ["2024-1.csv", "2024-2.csv"]),
        (["sales1.csv", "sales2.csv"], ["sales_notes.csv"], ["sales1.csv", "sales2.csv"]),
        (["a[x]1.csv", "a[x]2.csv"], [], ["a[x]1.csv", "a[x]2.csv"]),
    ],
)
def test_a_glob_only_where_it_finds_no_other_file(
    names: list[str], others: list[str], expected: str | list[str], tmp_path: Path
) -> None:
    rows = "".join(f"{','.join(row)}\n" for row in ROWS)
    files = [write(tmp_path, name, f"day,customer,article\n{rows}") for name in names]
    for name in others:
        write(tmp_path, name, "text\nnone\n")
    found = tomllib.loads(draft(files, tmp_path))["orders"]["file"]
    assert found == expected


def test_a_folder_without_tables(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(DataError, match=r"no table in this folder; it holds notes\.md\. Name the files"):
        draft([tmp_path], tmp_path)


@pytest.mark.parametrize("is_price", [True, False])
def test_only_prices_and_units_tell_the_decimal_sign(is_price: bool, tmp_path: Path) -> None:
    """Sizes such as 38,40 do not; without the key, the sign of each attribute is recognised on its own."""
    price, size = ("12,50", "38.40") if is_price else ("12.50", "38,40")
    orders = "".join(f"{day};{c};{a};{price};{size}\n" for day, c, a in ROWS)
    articles = "".join(f"a{n};{size};{price}\n" for n in range(11))
    files = [
        write(tmp_path, "orders.csv", f"order_date;customer_id;product_id;unit_price;size\n{orders}"),
        write(tmp_path, "articles.csv", f"product_id;size;price\n{articles}"),
    ]
    found = tomllib.loads(draft(files, tmp_path))
    assert found["orders"].get("decimal") == ("," if is_price else None)
    assert "decimal" not in found["articles"]


@pytest.mark.parametrize("given", [["orders.csv", "."], [".", "../shop"], ["sub/../orders.csv", "orders.csv"]])
def test_a_file_that_is_given_twice_counts_once(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "shop")
    write(tmp_path / "shop", "orders.csv", f"day,customer,sku\n{BOUGHT}")
    found = tomllib.loads(draft([Path(name) for name in given], Path()))
    assert isinstance(found["orders"]["file"], str)


HEADER = "id,name\n"
NAMES = "".join(f"a{n},Rock größe {n}\n" for n in range(11))


@pytest.mark.parametrize(
    ("texts", "encoding"),
    [
        ((NAMES.encode(), "b1,Café\nb2,Tee\n".encode()), None),
        ((NAMES.encode("cp1252"), "b1,Café\nb2,Tee\n".encode("cp1252")), "cp1252"),
        ((NAMES.encode("cp1252"), b"b1,Saft\nb2,Tee\n"), "cp1252"),  # ASCII is the same in both
        ((b"b1,Saft\nb2,Tee\n", NAMES.encode("cp1252")), "cp1252"),
    ],
)
def test_one_encoding_for_all_files_of_a_table(
    texts: tuple[bytes, bytes], encoding: str | None, tmp_path: Path
) -> None:
    files = [write(tmp_path, "orders.csv", f"day,customer,sku\n{BOUGHT}")]
    for number, text in enumerate(texts, 1):
        files.append(write(tmp_path, f"art{number}.csv", ""))
        files[-1].write_bytes(HEADER.encode() + text)
    found = tomllib.loads(draft(files, tmp_path))["articles"]
    assert found["file"] == "art*.csv"
    assert found.get("encoding") == encoding


def test_files_of_a_table_in_different_encodings(tmp_path: Path) -> None:
    """No shop file could say so: it would misread the names of one of them."""
    files = [write(tmp_path, "orders.csv", f"day,customer,sku\n{BOUGHT}")]
    for number, encoding in enumerate(("cp1252", "utf-8"), 1):
        files.append(tmp_path / f"art{number}.csv")
        files[-1].write_text(HEADER + NAMES, encoding=encoding)
    with pytest.raises(DataError) as raised:
        draft(files, tmp_path)
    assert f"{files[1]} is CP1252 and {files[2]} is UTF-8" in str(raised.value)
    assert "Save all of them as UTF-8" in str(raised.value)


def test_files_of_a_table_with_different_delimiters(tmp_path: Path) -> None:
    """The delimiter of each is recognised, unless the shop file names one."""
    text = f"day;customer;sku\n{BOUGHT.replace(',', ';')}"
    files = [write(tmp_path, "o-1.csv", text), write(tmp_path, "o-2.csv", text.replace(";", "\t"))]
    found = tomllib.loads(draft(files, tmp_path))["orders"]
    assert found["file"] == "o-*.csv"
    assert "delimiter" not in found


SOLD = "".join(f"2024-01-{1 + n % 28:02},{1 + n % 30},{1 + n % 5},{1 + n % 2}\n" for n in range(90))
PEOPLE = "".join(f"{n},{20 + n % 40},{n % 7}\n" for n in range(1, 31))
THINGS = "".join(f"{n},thing {n},{'red' if n % 2 else 'blue'}\n" for n in range(1, 6))


@pytest.mark.parametrize(
    ("header", "people", "things"),
    [
        ("date,customer_id,product_id,qty", ("customers.csv", "id"), ("articles.csv", "id")),
        ("date,customer_id,product_id,qty", ("b.csv", "id"), ("a.csv", "id")),
        ("date,customer_id,product_id,qty", ("a.csv", "id"), ("b.csv", "id")),
        ("date,uid,product_id,qty", ("a.csv", "user_id"), ("b.csv", "id")),
        ("date,c,p,qty", ("clients.csv", "id"), ("items.csv", "id")),
        ("date,c,p,qty", ("Kunden.csv", "id"), ("Artikel.csv", "id")),
        ("date,customer_id,product_id,qty", None, ("a.csv", "id")),
        ("date,customer_id,product_id,qty", ("b.csv", "id"), None),
    ],
)
def test_ids_that_customers_and_articles_share(
    header: str, people: tuple[str, str] | None, things: tuple[str, str] | None, tmp_path: Path
) -> None:
    """Numbers from 1 on: names and the share of the orders' ids tell whose they are."""
    files = [write(tmp_path, "orders.csv", f"{header}\n{SOLD}")]
    for table, columns, rows in ((people, "age,zip", PEOPLE), (things, "name,colour", THINGS)):
        if table is not None:
            files.append(write(tmp_path, table[0], f"{table[1]},{columns}\n{rows}"))
    for given in (files, files[::-1]):
        found = tomllib.loads(draft(given, tmp_path))
        _, customer, article, _ = header.split(",")
        assert (found["orders"]["customer"], found["orders"]["article"]) == (customer, article)
        assert found.get("customers", {}).get("file") == (people[0] if people else None)
        assert found.get("articles", {}).get("file") == (things[0] if things else None)


@pytest.mark.parametrize(
    ("status", "kind", "returns", "leave_out"),
    [
        (("ok", "returned", "cancelled"), ("x", "y"), {"status": ["returned"]}, {"status": ["cancelled"]}),
        (("ok", "storniert", "Retoure"), ("x", "y"), {"status": ["Retoure"]}, {"status": ["storniert"]}),
        (("ok", "returned"), ("x", "test"), {"status": ["returned"]}, {"kind": ["test"]}),
        (("ok", "void", "dummy"), ("x", "refund"), {"kind": ["refund"]}, {"status": ["dummy", "void"]}),
        (("ok", "sent"), ("x", "y"), None, None),
    ],
)
def test_flags_of_returns_and_of_rows_that_are_no_sale(
    status: tuple[str, ...],
    kind: tuple[str, ...],
    returns: dict[str, list[str]] | None,
    leave_out: dict[str, list[str]] | None,
    tmp_path: Path,
) -> None:
    """Also where one column holds both: else cancelled lines would be purchases.

    Rows that are the only ones of their customer and article take nothing back: they are no sale themselves.
    """
    rows = [f"{','.join(row)},{status[n % len(status)]},{kind[n % len(kind)]}\n" for n, row in enumerate(ROWS)]
    bought = [f"2023-12-01,{row[1]},{row[2]},ok,x\n" for row in ROWS]
    file = write(tmp_path, "orders.csv", f"day,customer,sku,status,kind\n{''.join(bought + rows)}")
    found = tomllib.loads(draft([file], tmp_path))["orders"]
    assert (found.get("returns"), found.get("leave_out")) == (returns, leave_out)

    write(tmp_path, "orders.csv", f"day,customer,sku,status,kind\n{''.join(rows)}")
    text = draft([file], tmp_path)
    found, both = tomllib.loads(text)["orders"], (returns or {}, leave_out or {})
    flags = {name: sorted(v for each in both for v in each.get(name, [])) for name in {**both[0], **both[1]}}
    assert (found.get("returns"), found.get("leave_out")) == (None, flags or None)
    assert ("purchases that came back" in text) == (returns is not None)


@pytest.mark.parametrize("day", ["2024/06/01", "01.06.24", "2024.6.1 10:00"])
def test_days_of_a_form_that_is_not_known(day: str, tmp_path: Path) -> None:
    """The message names the column, and the forms that are."""
    rows = "".join(f"{day[:-1]}{n % 9},c{n % 7},a{n % 11}\n" for n in range(60))
    with pytest.raises(DataError) as raised:
        draft([write(tmp_path, "orders.csv", f"sold,customer,sku\n{rows}")], tmp_path)
    text = str(raised.value)
    assert f"Is sold of orders.csv one of days, such as {day[:-1]}" in text
    assert "2024-06-30, 20240630, 30/06/2024 and 06/30/2024" in text and "day_format" in text


@pytest.mark.parametrize(
    ("key", "worse", "better"),
    [
        ("day", "updated_at", "order_date"),
        ("day", "updated_at", "ts"),
        ("day", "delivery_date", "date"),
        ("day", "order_updated_at", "created_at"),
        ("price", "discount_amount", "unit_price"),
        ("price", "discount_amount", "amount"),
        ("price", "shipping_cost", "total"),
        ("units", "discount", "quantity"),
        ("units", "country", "qty"),
        ("units", "unit_price", "qty"),
        ("customer", "customer_name", "customer_id"),
        ("article", "product_group", "product"),
    ],
)
def test_the_better_name_wins(key: str, worse: str, better: str, tmp_path: Path) -> None:
    """Whichever column comes first."""
    values = {"day": 0, "customer": 1, "article": 2}
    names = {"day": "when", "customer": "buyer", "article": "sku"}
    names.pop(key, None)
    for both in ((worse, better), (better, worse)):
        header = ",".join([*both, *names.values()])
        rows = "".join(
            f"{','.join([row[values[key]] if key in values else str(1 + n % 4)] * 2)},"
            f"{','.join(row[values[name]] for name in names)}\n"
            for n, row in enumerate(ROWS)
        )
        found = tomllib.loads(draft([write(tmp_path, "x.csv", f"{header}\n{rows}")], tmp_path))["orders"]
        assert found[key] == better


@pytest.mark.parametrize("name", ["discount", "country", "account_type", "unit_price"])
def test_a_name_that_only_holds_a_word_is_no_quantity(name: str, tmp_path: Path) -> None:
    """Rows of 0 units would be no sale."""
    rows = "".join(f"{','.join(row)},{n % 4}\n" for n, row in enumerate(ROWS))
    found = tomllib.loads(draft([write(tmp_path, "x.csv", f"day,buyer,sku,{name}\n{rows}")], tmp_path))
    assert "units" not in found["orders"]


@pytest.mark.parametrize(
    ("second", "doubt"),
    [
        (BOUGHT + "2024-02-01,c1,a1\n", "# DOUBT: 60 of the 60 rows of o-1.csv stand in o-2.csv too"),
        (BOUGHT.replace("2024-01", "2024-02"), None),
        (BOUGHT.replace("c", "d"), None),
    ],
)
def test_files_that_repeat_rows_are_told(second: str, doubt: str | None, tmp_path: Path) -> None:
    files = [write(tmp_path, f"o-{n}.csv", f"day,customer,sku\n{text}") for n, text in ((1, BOUGHT), (2, second))]
    text = draft(files, tmp_path)
    assert 'file = "o-*.csv"' in text
    assert (doubt in text) if doubt else ("DOUBT" not in text)


@pytest.mark.parametrize(
    ("prices", "decimal"),
    [
        (("899", "1.381"), "DOUBT"),
        (("654", "1,381"), "DOUBT"),
        (("89,90", "1.381"), 'decimal = ","'),
        (("89.90", "1,381"), None),
        (("89", "1 381,50"), 'decimal = ","'),
        (("89", "1'381"), None),
    ],
)
def test_prices_with_thousands(prices: tuple[str, str], decimal: str | None, tmp_path: Path) -> None:
    rows = "".join(f"{';'.join(row)};{prices[n % 2]}\n" for n, row in enumerate(ROWS))
    text = draft([write(tmp_path, "orders.csv", f"day;customer;sku;price\n{rows}")], tmp_path)
    found = tomllib.loads(text)["orders"]
    assert found["price"] == "price"
    assert ('# DOUBT: thousands or fractions? Write decimal = "." or ","' in text) == (decimal == "DOUBT")
    assert ('decimal = ","\n' in text) == (decimal == 'decimal = ","')


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y %H:%M"])
@pytest.mark.parametrize(("days_between", "key"), [(-9, "leave_out"), (0, "returns"), (9, "returns")])
def test_only_earlier_purchases_are_taken_back(days_between: int, key: str, form: str, tmp_path: Path) -> None:
    """A flagged row whose customer buys the article again later is a purchase that came back itself."""
    rows = []
    for n, (day, who, what) in enumerate(ROWS):
        there = date.fromisoformat(day)
        rows.append(
            (there, f"{there:{form}},{who},{what},returned" if n % 3 == 0 else f"{there:{form}},x,{what},ok")
        )
        bought = there - timedelta(days_between)
        rows.append((bought, f"{bought:{form}},{who},{what},ok"))
    text = "\n".join(["day,customer,sku,status", *(row for _, row in sorted(rows))]) + "\n"
    found = tomllib.loads(draft([write(tmp_path, "orders.csv", text)], tmp_path))["orders"]
    assert found[key] == {"status": ["returned"]}


@pytest.mark.parametrize(
    ("name", "yes_and_no", "key"),
    [
        ("is_returned", ("True", "False"), "returns"),
        ("is_returned", ("true", "false"), "returns"),
        ("returned", ("1", "0"), "returns"),
        ("refunded", ("1.0", "0.0"), "returns"),
        ("is_cancelled", ("True", "False"), "leave_out"),
        ("is_test", ("1", "0"), "leave_out"),
        ("is_returned", (True, False), "returns"),
        ("is_returnable", ("True", "False"), None),
        ("tested", ("True", "False"), None),
        ("returned", ("2", "0"), None),
        ("is_returned", ("False", "False"), None),
    ],
)
def test_columns_that_say_yes_or_no(
    name: str, yes_and_no: tuple[str | bool, str | bool], key: str | None, tmp_path: Path
) -> None:
    """Also of a Parquet file; `check` then reads them as they are."""
    bought = [(f"2023-12-{1 + n % 28:02}", *row[1:], yes_and_no[1]) for n, row in enumerate(ROWS)]
    rows = bought + [(*row, yes_and_no[n % 3 > 0]) for n, row in enumerate(ROWS)]
    frame = pl.DataFrame(rows, schema=["day", "customer", "sku", name], orient="row")
    frame.write_parquet(tmp_path / "orders.parquet")
    text = draft([tmp_path / "orders.parquet"], tmp_path)
    found = tomllib.loads(text)["orders"]
    assert {each: found[each] for each in ("returns", "leave_out") if each in found} == (
        {key: {name: [True]}} if key else {}
    )
    write(tmp_path, "shop.toml", text)
    notes = build_tables(DataSet("shop", tmp_path, False, ""), tmp_path / "out")["notes"]
    told = [note for note in notes if "returns taken off" in note or "no sale" in note]
    assert len(told) == bool(key) and all(" 20 " in note for note in told)


SHOPIFY = (
    "Name,Email,Financial Status,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,"
    "Cancelled at,Source"
)


def shopify() -> str:
    """Its standard export: an order number such as #1132, and the day on which an order was cancelled."""
    rows = [SHOPIFY]
    for n, (day, who, what) in enumerate(ROWS):
        status = ("paid", "paid", "refunded", "voided")[n % 4]
        cancelled = f"{day} 12:00:00 +0100" if n % 9 == 0 else ""
        line = f"{1 + n % 3},Thing {what},{10 + n % 7}.50,SKU-{what},{cancelled},web"
        rows.append(f"#{1100 + n},{who}@example.org,{status},{40 + n}.00,{day} 10:11:12 +0100,{line}")
    return "\n".join(rows) + "\n"


def test_the_standard_export_of_shopify(tmp_path: Path) -> None:
    file = write(tmp_path, "orders_export.csv", shopify())
    found = tomllib.loads(draft([file], tmp_path))["orders"]
    assert found == {
        "file": "orders_export.csv",
        "day": "Created at",
        "customer": "Email",
        "article": "Lineitem sku",
        "units": "Lineitem quantity",
        "price": "Lineitem price",
        "leave_out": {"Cancelled at": ["*"], "Financial Status": ["refunded", "voided"]},
    }
    write(tmp_path, "shop.toml", draft([file], tmp_path))
    assert read_shop_file(tmp_path / "shop.toml").orders.leave_out["Cancelled at"] == ["*"]


@pytest.mark.parametrize(
    ("columns", "customer", "article"),
    [
        ("date,email,sku", "email", "sku"),
        ("date,customer_email,customer_id,sku", "customer_id", "sku"),
        ("date,email,Kunde,Artikel", "Kunde", "Artikel"),
        ("date,user e-mail,item_count,item", "user e-mail", "item"),
        ("date,client,item price,item name", "client", "item name"),
    ],
)
def test_names_of_ids(columns: str, customer: str, article: str, tmp_path: Path) -> None:
    names = columns.split(",")
    rows = [
        ",".join("2024-01-02" if "date" in name else f"{n % (5 + i)}" for i, name in enumerate(names))
        for n in range(60)
    ]
    rows[0] = rows[0].replace("2024-01-02", "2024-01-03")
    found = tomllib.loads(draft([write(tmp_path, "x.csv", "\n".join([columns, *rows]) + "\n")], tmp_path))["orders"]
    assert (found["customer"], found["article"]) == (customer, article)


@pytest.mark.parametrize(
    ("price", "is_line"),
    [
        ("Lineitem price", False),
        ("online_price", False),
        ("price", False),
        ("line_price", True),
        ("price of line", True),
        ("line total", True),
        ("order_value", True),
    ],
)
def test_names_of_prices_of_a_line(price: str, is_line: bool, tmp_path: Path) -> None:
    rows = "".join(f"{','.join(row)},{1 + n % 3},{n}.5\n" for n, row in enumerate(ROWS))
    file = write(tmp_path, "orders.csv", f"day,customer,sku,quantity,{price}\n{rows}")
    found = tomllib.loads(draft([file], tmp_path))["orders"]
    assert found["price"] == price
    assert (found.get("price_is") == "line") == is_line


@pytest.mark.parametrize(
    ("in_orders", "in_articles", "is_found"),
    [
        ("{:05}", "{}", True),
        ("{}", "{:05}", True),
        ("{}", "{}.0", True),
        ("sku-{}", "SKU-{}", True),
        ("sku-{}", " sku-{} ", True),
        ("0{}", "{}.0 ", True),
        ("sku-{}", "art-{}", False),
    ],
)
def test_ids_that_a_run_would_match(in_orders: str, in_articles: str, is_found: bool, tmp_path: Path) -> None:
    """Whatever their leading zeros, case, white space and trailing .0."""
    orders = "".join(f"{day},c{n % 7},{in_orders.format(1 + n % 11)}\n" for n, (day, _, _) in enumerate(ROWS))
    articles = "".join(f'"{in_articles.format(n)}",{"red" if n % 2 else "blue"}\n' for n in range(1, 12))
    files = [
        write(tmp_path, "orders.csv", f"day,customer,sku\n{orders}"),
        write(tmp_path, "articles.csv", f"sku,colour\n{articles}"),
    ]
    text = draft(files, tmp_path)
    assert ("articles" in tomllib.loads(text)) == is_found
    if is_found:
        write(tmp_path, "shop.toml", text)
        summary = build_tables(DataSet("shop", tmp_path, False, ""), tmp_path / "out")
        assert summary["articles"] == summary["listed_articles"] == 11


def test_ids_that_another_spelling_makes_equal_stay_as_they_are(tmp_path: Path) -> None:
    """As in a run: 1 and 01 of one table are two articles."""
    orders = "".join(f"{day},c{n % 7},A{n % 11}\n" for n, (day, _, _) in enumerate(ROWS))
    articles = "".join(f"{sku},red\n" for n in range(11) for sku in (f"a{n}", f"a{n}.", f" a{n}"))
    files = [
        write(tmp_path, "orders.csv", f"day,customer,sku\n{orders}"),
        write(tmp_path, "articles.csv", f"sku,colour\n{articles}"),
    ]
    assert "articles" not in tomllib.loads(draft(files, tmp_path))


MONTH = "day,customer,sku"


@pytest.mark.parametrize(
    ("name", "header", "words"),
    [
        (
            "sales_3.csv",
            f"{MONTH},coupon",
            "(DOUBT: it has coupon, unlike sales_1.csv, and the files of a table need",
        ),
        ("sales_3.csv", "day,customer,article", "(DOUBT: it has article and lacks sku, unlike sales_1.csv, and"),
        ("sales_3.csv", "day,customer", "(DOUBT: it lacks sku, unlike sales_1.csv, and"),
        ("sales_3.txt", MONTH, "(named like sales_1.csv, with the same columns: add it"),
        ("notes.csv", "day,text,x", ""),
    ],
)
def test_why_a_file_is_not_used(name: str, header: str, words: str, tmp_path: Path) -> None:
    """A month with another column would be missing in silence."""
    files = [write(tmp_path, f"sales_{n}.csv", f"{MONTH}\n{BOUGHT.replace('2024', f'202{n}')}") for n in (1, 2)]
    rows = "".join(f"{','.join(line.split(',')[: header.count(',') + 1])}\n" for line in BOUGHT.split())
    if "coupon" in header:
        rows = rows.replace("\n", ",c5\n")
    text = draft([*files, write(tmp_path, name, f"{header}\n{rows}")], tmp_path)
    (line,) = [line for line in text.splitlines() if line.startswith(f"# not used: {name}")]
    assert line.startswith(f"# not used: {name} {words}" if words else f"# not used: {name}")
    assert bool(words) == ("(" in line)
    names = "sales_*.csv" if name != "sales_3.csv" else ["sales_1.csv", "sales_2.csv"]
    assert tomllib.loads(text)["orders"]["file"] == names


def test_what_is_in_doubt_is_said_where_the_draft_is_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, header in ((1, MONTH), (2, MONTH), (3, "day,customer")):
        rows = BOUGHT.replace("2024", f"202{number}")
        rows = "".join(f"{','.join(line.split(',')[: header.count(',') + 1])}\n" for line in rows.split())
        write(tmp_path, f"sales_{number}.csv", f"{header}\n{rows}")
    assert main(["map", str(tmp_path), "--to", str(tmp_path / "shop.toml")]) == 0
    first, *doubts = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path / 'shop.toml'}: a draft.")
    assert any(line.startswith("# not used: sales_3.csv (DOUBT: it lacks sku") for line in doubts)


def test_the_same_columns_in_another_order_are_one_table(tmp_path: Path) -> None:
    """As the run reads them."""
    turned = "".join(f"{','.join(line.split(',')[::-1])}\n" for line in BOUGHT.replace("2024", "2025").split())
    files = [write(tmp_path, "sales_1.csv", f"{MONTH}\n{BOUGHT}")]
    files.append(write(tmp_path, "sales_2.csv", f"sku,customer,day\n{turned}"))
    text = draft(files, tmp_path)
    assert 'file = "sales_*.csv"' in text and "not used" not in text
    write(tmp_path, "shop.toml", text)
    assert build_tables(DataSet("shop", tmp_path, False, ""), tmp_path / "out")["rows"] == 120
