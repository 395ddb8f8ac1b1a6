"""Tables that would give a wrong result, fill the disk or the memory, or end in a file that cannot be written."""

import csv
import gzip
import io
import os
import re
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_shop import ARTICLES, CUSTOMERS, HEADER, log, tables
from test_reading import Built, data_set, error_of

from forsys.errors import DataError
from forsys.tables import csv_faults, unpacking
from forsys.tables.build import build_tables
from forsys.tables.limits import MAX_COLUMNS, MAX_LINE

STEMS = ("articles", "customers", "transactions_train", "sample_submission")


def with_line(stem: str, number: int, change: str) -> dict[str, str | bytes | None]:
    """The tables, one line of one of them replaced: {} stands for the old one."""
    lines = str(tables()[stem]).splitlines()
    lines[number - 1] = change.format(lines[number - 1])
    return tables() | {stem: "\n".join(lines) + "\n"}


# --- rows with too many or too few fields ---


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("change", ["x,{}", "{},", "{},x"])
@pytest.mark.parametrize("number", [2, 17, 31])
def test_a_row_with_too_many_fields(tmp_path: Path, stem: str, change: str, number: int) -> None:
    message = error_of(tmp_path, **with_line(stem, number, change))
    assert re.search(rf"{stem}\.csv: line {number}: \d fields, expected \d as in the header", message)


@pytest.mark.parametrize("unread", [1, 3, 30])
def test_also_where_the_last_columns_are_not_read(tmp_path: Path, unread: int) -> None:
    lines = [f"{line}{',0' * unread}" for line in str(tables()["articles"]).splitlines()]
    lines[0] = "article_id,product_code,prod_name" + "".join(f",extra{i}" for i in range(unread))
    lines[4] = lines[4].replace("Shirt", "Shirt, blue")
    message = error_of(tmp_path, **tables() | {"articles": "\n".join(lines) + "\n"})
    assert f"line 5: {4 + unread} fields, expected {3 + unread}" in message
    lines[4] = lines[4].replace("Shirt, blue", '"Shirt, blue"')
    Built(tmp_path, **tables() | {"articles": "\n".join(lines) + "\n"})
    lines[4] = lines[4].replace(',"Shirt, blue"', "")
    (tmp_path / "short").mkdir()
    message = error_of(tmp_path / "short", **tables() | {"articles": "\n".join(lines) + "\n"})
    assert f"line 5: {2 + unread} fields, expected {3 + unread}" in message


@pytest.mark.parametrize(
    ("stem", "short"), [("articles", "0199999001"), ("customers", "c1,30"), ("sample_submission", "c1")]
)
def test_a_row_with_too_few_fields(tmp_path: Path, stem: str, short: str) -> None:
    message = error_of(tmp_path, **with_line(stem, 9, short))
    assert f"{stem}.csv: line 9: {short.count(',') + 1} fields, expected" in message


fields = st.text('ab,"\n\r', max_size=6)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.lists(fields, min_size=1, max_size=4), min_size=1, max_size=8), block=st.integers(1, 40))
def test_short_rows_are_told_among_quotes_and_line_breaks(
    rows: list[list[str]], block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As Python's reader counts the fields of each row; rows with too many are refused before."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["a", "b", "c", "d"], *rows])
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    path.write_text(text.getvalue(), newline="")
    with path.open(newline="") as file:
        is_short = any(record and len(record) < 4 for record in csv.reader(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_faults, "BLOCK", block)
        if is_short:
            with pytest.raises(DataError, match="fields, expected 4"):
                csv_faults.Text(path, path, 4).check_widths()
        else:
            csv_faults.Text(path, path, 4).check_widths()


# --- a last row that was cut ---


@pytest.mark.parametrize(
    ("stem", "cut"),
    [
        ("articles", 4),
        ("articles", 10),
        ("customers", 1),
        ("customers", 40),
        ("customers", 64),
        ("customers", 70),
        ("transactions_train", 1),
        ("transactions_train", 5),
        ("transactions_train", 60),
    ],
)
def test_a_last_row_that_was_cut_is_named(tmp_path: Path, stem: str, cut: int) -> None:
    text = str(tables()[stem]).removesuffix("\n")
    message = error_of(tmp_path, **tables() | {stem: text[:-cut] if stem != "articles" else text[: -cut - 3]})
    assert f"{stem}.csv: line {len(text.splitlines())}:" in message
    assert "it was cut off" in message


def test_a_quoted_text_that_was_cut_is_named(tmp_path: Path) -> None:
    text = str(tables()["articles"]).replace("Shirt", '"Shirt, blue"').removesuffix('"\n')
    assert "was cut off" in error_of(tmp_path, **tables() | {"articles": text})


def test_a_letter_that_was_cut_is_named(tmp_path: Path) -> None:
    text = str(tables()["articles"]).replace("Shirt", "Caf\xe9").encode().removesuffix(b"\xa9\n")
    message = error_of(tmp_path, **tables() | {"articles": text})
    assert "line 31: The file ends in the middle of this line" in message


@pytest.mark.parametrize("stem", STEMS)
def test_a_whole_last_row_without_a_line_break_is_kept(tmp_path: Path, stem: str) -> None:
    built = Built(tmp_path, **tables() | {stem: str(tables()[stem]).removesuffix("\n")})
    assert built.summary["rows"] == len(log())


def test_a_rejected_last_row_without_a_line_break_may_be_cut(tmp_path: Path) -> None:
    text = str(tables()["transactions_train"]).removesuffix("2\n") + "9"
    built = Built(tmp_path, 0.1, **tables() | {"transactions_train": text})
    assert any("was the file cut off?" in note for note in built.summary["notes"])


# --- columns ---


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("first", ["{}\r", "{}\r,x", 'x"{}', '"{}'])
def test_a_header_with_a_stray_sign(tmp_path: Path, stem: str, first: str) -> None:
    name, _, rest = str(tables()[stem]).partition(",")
    assert f"{stem}.csv: " in error_of(tmp_path, **tables() | {stem: f"{first.format(name)},{rest}"})


@pytest.mark.parametrize(
    ("stem", "old", "new", "twice"),
    [
        ("transactions_train", "sales_channel_id", "price", "'price'"),
        ("articles", "prod_name", "product_code", "'product_code'"),
        ("customers", "postal_code", "age", "'age'"),
        ("customers", "age,postal_code", "note,note", "'note'"),
        ("customers", "age,postal_code", ",", "''"),
    ],
)
def test_a_column_that_occurs_twice(tmp_path: Path, stem: str, old: str, new: str, twice: str) -> None:
    message = error_of(tmp_path, **tables() | {stem: str(tables()[stem]).replace(old, new, 1)})
    assert f"column {twice} occurs 2 times" in message


@pytest.mark.parametrize("name", ["quantity", "Qty", "units", "Menge", " ANZAHL "])
@pytest.mark.parametrize("value", ["-1", "-2.0", " -1"])
def test_negative_quantities_are_returns(tmp_path: Path, name: str, value: str) -> None:
    text = (
        HEADER + f",{name}\n" + "".join(f"{line[:-1]},{value if i == 7 else 1}\n" for i, line in enumerate(log()))
    )
    message = error_of(tmp_path, **tables() | {"transactions_train": text})
    for words in (f"rows with a {name} below 0: 1, the first is line 9", "returns", "delete the column"):
        assert words in message


@pytest.mark.parametrize("name", ["quantity", "margin", "quantity_in_stock"])
def test_other_columns_are_ignored(tmp_path: Path, name: str) -> None:
    text = HEADER + f",{name}\n" + "".join(f"{line[:-1]},{1 if name == 'quantity' else -1}\n" for line in log())
    built = Built(tmp_path, **tables() | {"transactions_train": text})
    assert f"transactions_train.csv: columns that are not used: {name}" in built.summary["notes"]


def test_prices_of_0_are_kept_and_said(tmp_path: Path) -> None:
    lines = [line.replace("0.05", "0.0") if i % 20 == 0 else line for i, line in enumerate(log())]
    built = Built(tmp_path, **tables(lines))
    assert built.transactions["price"].to_list()[:2] == [0, pytest.approx(0.05)]
    assert "transactions_train.csv: 36 rows have the price 0, taken as unknown" in built.summary["notes"]


# --- ids ---

UNWRITABLE = ("Doe, Jane", 'Jane "J" Doe', "Jane\nDoe", "Jane\rDoe", "x" * 257)


@pytest.mark.parametrize("customer", UNWRITABLE)
@pytest.mark.parametrize("stem", ["customers", "sample_submission", "transactions_train"])
def test_a_customer_id_that_a_submission_cannot_hold(tmp_path: Path, customer: str, stem: str) -> None:
    quoted = '"' + customer.replace('"', '""') + '"'
    start = "2024-02-29," if stem == "transactions_train" else ""
    end = (
        f"{ARTICLES[0]},0.05,2"
        if stem == "transactions_train"
        else ",".join("1" * str(tables()[stem]).split("\n")[0].count(","))
    )
    text = str(tables()[stem])
    lines = text.count("\n")
    message = error_of(tmp_path, **tables() | {stem: f"{text}{start}{quoted},{end}\n"})
    assert f"{stem}.csv: line {lines + 1}: the customer_id" in message
    assert customer not in message
    assert "other ids in every table" in message


@pytest.mark.parametrize("customer", ["Jane Doe", "jane@doe.org", "x" * 256, "é", "=1+1", "a;b", "'a'"])
def test_other_ids_are_kept(tmp_path: Path, customer: str) -> None:
    changed = {stem: str(text).replace(CUSTOMERS[3], customer) for stem, text in tables().items()}
    assert Built(tmp_path, **changed).customers["customer_id"][3] == customer


@pytest.mark.parametrize("article", ["SKU-0001", "01234567890", "1.5"])
def test_article_ids_that_are_no_numbers(tmp_path: Path, article: str) -> None:
    changed = {stem: re.sub(r"01000\d\d001", article, str(text)) for stem, text in tables().items()}
    message = error_of(tmp_path, **changed)
    assert "Article ids are whole numbers of up to 10 digits; number the articles in every table" in message


def test_short_article_ids_hold_no_product_code(tmp_path: Path) -> None:
    names = {article: str(i + 1) for i, article in enumerate(ARTICLES)}
    short = {stem: re.sub("|".join(ARTICLES), lambda m: names[m[0]], str(text)) for stem, text in tables().items()}
    short["articles"] = "article_id\n" + "".join(f"{n}\n" for n in names.values() if n != "30")
    built = Built(tmp_path, **short)
    assert built.articles["product_code"].to_list() == list(range(1, 31))
    assert any("its ids hold no product code" in note for note in built.summary["notes"])


# --- bounds ---


def test_a_file_that_unpacks_to_far_more_than_tables_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "RATIO_COUNTS_FROM", 1 << 20)
    monkeypatch.setattr(unpacking, "BLOCK", 1 << 16)
    for ending in ("gz", "zip"):
        folder = tmp_path / ending
        folder.mkdir()
        dataset = data_set(folder / "data", **tables() | {"customers": None})
        path, content = dataset.folder / f"customers.csv.{ending}", b"customer_id\n" + bytes(20 << 20)
        if ending == "gz":
            path.write_bytes(gzip.compress(content))
        else:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("customers.csv", content)
        written: list[int] = []
        check = unpacking._check_size
        monkeypatch.setattr(
            unpacking,
            "_check_size",
            lambda path, size, packed, w=written, c=check: (w.append(size), c(path, size, packed)),
        )
        with pytest.raises(
            DataError, match="stopped unpacking it: it unpacks to more than 200 times its packed size"
        ):
            build_tables(dataset, folder / "out")
        assert max(written) < 8 << 20  # not after all of it
        assert sorted(path.name for path in folder.iterdir()) == ["data", "out"]
        monkeypatch.setattr(unpacking, "_check_size", check)


def test_a_file_that_unpacks_to_more_than_the_largest_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MAX_BYTES", 1000)
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    (dataset.folder / "customers.csv.gz").write_bytes(gzip.compress(str(tables()["customers"]).encode()))
    with pytest.raises(DataError, match="the most that a table may have"):
        build_tables(dataset, tmp_path / "out")


@pytest.mark.parametrize("free", [0, 1 << 20, 200 << 20])
def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    (dataset.folder / "customers.csv.gz").write_bytes(gzip.compress(str(tables()["customers"]).encode()))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, free))
    with pytest.raises(DataError, match=f"{free >> 20} MiB are free"):
        build_tables(dataset, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


@pytest.mark.parametrize("name", ["../../evil.csv", "/tmp/evil.csv", "..\\evil.csv", "a/../../evil.csv"])
def test_names_in_a_zip_are_no_paths(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    dataset = data_set(folder / "data", **tables() | {"customers": None})
    with zipfile.ZipFile(dataset.folder / "customers.csv.zip", "w") as archive:
        archive.writestr(name, str(tables()["customers"]))
    build_tables(dataset, folder / "out")
    assert not Path("/tmp/evil.csv").exists()
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("at", [0, 5])
def test_a_line_without_an_end(tmp_path: Path, stem: str, at: int) -> None:
    lines = str(tables()[stem]).splitlines()
    lines[at] += "x" * MAX_LINE
    start = len("\n".join(lines[:at])) + (at > 0)
    message = error_of(tmp_path, **tables() | {stem: "\n".join(lines) + "\n"})
    assert f"a line is longer than {MAX_LINE:,} bytes" in message
    assert f"begins at byte {start} " in message


def test_a_long_text_is_kept(tmp_path: Path) -> None:
    text = str(tables()["articles"]).replace("Shirt", "x" * (MAX_LINE // 2))
    assert (
        Built(tmp_path, **tables() | {"articles": text}).articles["prod_name"].str.len_bytes()[0] == MAX_LINE // 2
    )


@pytest.mark.parametrize("columns", [MAX_COLUMNS + 1, 50_000])
def test_too_many_columns(tmp_path: Path, columns: int) -> None:
    more = columns - 1
    text = "customer_id" + "".join(f",a{i}" for i in range(more)) + f"\nc1{',' * more}\n"
    assert f"{columns:,} columns; at most 1,000" in error_of(tmp_path, **tables() | {"customers": text})


# --- privacy ---


@pytest.mark.parametrize("stem", STEMS)
def test_a_table_without_a_header_shows_no_customer(tmp_path: Path, stem: str) -> None:
    rows = str(tables()[stem]).partition("\n")[2]
    message = error_of(tmp_path, **tables() | {stem: rows})
    assert "is missing; found are" in message
    assert not re.search(r"[0-9a-f]{12}|e{9}|f{9}", message.partition("found are")[2].replace(ARTICLES[0], ""))


@pytest.mark.parametrize("first", ["Jane Doe of Main Street", "jane.doe@example.org", "5d36bdc7c804", "1234567890"])
def test_nor_where_its_ids_are_names(tmp_path: Path, first: str) -> None:
    message = error_of(tmp_path, **tables() | {"customers": f"{first},31,12345 Somewhere\nx,30,y\n"})
    assert first[:8] in message
    assert first[:9] not in message
    assert "12345 So" in message
    assert "Somewhere" not in message


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_nor_with_another_separator(tmp_path: Path, separator: str) -> None:
    rows = str(tables()["customers"]).partition("\n")[2].replace(",", separator)
    message = error_of(tmp_path, **tables() | {"customers": rows})
    assert "separates its columns" in message
    assert not re.search(r"e{9}|f{9}", message)


@pytest.mark.parametrize("stem", ["customers", "transactions_train", "sample_submission"])
def test_rejected_rows_in_messages_are_shortened(tmp_path: Path, stem: str) -> None:
    text = str(tables()[stem])
    if stem == "transactions_train":
        text = text.replace("0.05", "-1")
    else:
        text += text.partition("\n")[2]
    message = error_of(tmp_path, **tables() | {stem: text})
    assert "customer_id '00ceeeee…'" in message
    assert not re.search(r"e{9}|f{9}|postal", message)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_rejected_rows_are_for_their_owner_only(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        lines = [*log()[:300], log()[300].replace("0.05", "-1"), *log()[301:]]
        built = Built(tmp_path, **tables(lines))
    finally:
        os.umask(before)
    assert stat.S_IMODE((built.out / "rejected.parquet").stat().st_mode) == 0o600
    assert pl.read_parquet(built.out / "rejected.parquet").height == 1


@pytest.mark.parametrize("seed", range(60))
def test_damaged_parquet_is_said(tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Bytes that are changed anywhere, most of them in the file's description of itself."""
    random, dataset = np.random.default_rng(seed), data_set(tmp_path / "data", **tables() | {"customers": None})
    path = dataset.folder / "customers.parquet"
    pl.read_csv(str(tables()["customers"]).encode()).write_parquet(path)
    content = bytearray(path.read_bytes())
    start = random.choice([0, len(content) * 2 // 3])
    for _ in range(3):
        content[random.integers(start, len(content))] = random.integers(256)
    path.write_bytes(bytes(content))
    try:
        build_tables(dataset, tmp_path / "out")
    except DataError as error:
        assert "customers.parquet" in str(error)
    assert capfd.readouterr().err == ""
