"""Spoiled tables: what has one meaning is read, what has none is refused, and nothing is lost without a word."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from trust.bench import Bench
from trust.damage import cut, flip
from trust.spoiled import (
    ARTICLES,
    CUSTOMERS,
    LISTED,
    LOG,
    STEMS,
    Case,
    Spoil,
    added,
    both,
    column,
    data,
    gone,
    ids,
    instead,
    line,
    parquet,
    refused,
    renamed,
    rows,
    same,
    text,
    tolerated,
    with_column,
    without_column,
)

LAST_DAY = "2024-06-30"
SECRET = "f" * 63 + "0"
A_ROW = f"2024-06-30,{SECRET},0118235001,0.05,2"  # of a customer who is in no other table
days, buyers, bought, prices, channels = (
    partial(column, LOG, name) for name in ("t_dat", "customer_id", "article_id", "price", "sales_channel_id")
)
known, wanted, ages = (
    partial(column, CUSTOMERS, "customer_id"),
    partial(column, LISTED, "customer_id"),
    partial(column, CUSTOMERS, "age"),
)
IN_TABLES = (CUSTOMERS, LOG, LISTED)


def zipped(*names: str) -> Callable[[bytes], bytes]:
    """The table in an archive, under each of these names."""

    def packed(old: bytes) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, old)
        return target.getvalue()

    return packed


def page(start: bytes) -> Callable[[bytes], bytes]:
    return lambda _: start + b"x" * 5000


def cr(old: str) -> str:
    return old.replace("\n", "\r")


def crlf(old: str) -> str:
    return old.replace("\n", "\r\n")


def plus(text_: str, days: int) -> str:
    return str(date.fromisoformat(text_) + timedelta(days))


def last_row_on(day: str) -> Spoil:
    """The last row of the log on another day."""
    return line(LOG, -1, lambda old: f"{day}{old[10:]}")


def every(count: int, new: Callable[[str], str]) -> Callable[[str, int], str]:
    """A value changed in every `count`th row."""
    return lambda old, i: new(old) if i % count == 0 else old


def first(count: int, new: str | Callable[[str], str]) -> Callable[[str, int], str]:
    """A value changed in the first `count` rows."""
    return lambda old, i: (new if isinstance(new, str) else new(old)) if i < count else old


def flipped(content: bytes) -> bytes:
    """One bit in the middle flipped."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere.data"))
    path.symlink_to("elsewhere.data")


def named_csv(folder: Path) -> None:
    (folder / f"{LOG}.parquet").replace(folder / f"{LOG}.csv")


def parted(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """The log as a folder of two Parquet files, the second changed."""
    frame, target = pl.read_csv(folder / f"{LOG}.csv", infer_schema=False), folder / f"{LOG}.parquet"
    (folder / f"{LOG}.csv").unlink()
    target.mkdir()
    frame[:900].write_parquet(target / "part-00000.parquet")
    change(frame[900:]).write_parquet(target / "part-00001.parquet")
    (target / "_SUCCESS").touch()


ENCODINGS = [
    same("a byte order mark", data(CUSTOMERS, lambda old: b"\xef\xbb\xbf" + old)),
    same("a byte order mark in every table", both(*(data(s, lambda old: b"\xef\xbb\xbf" + old) for s in STEMS))),
    same("UTF-16 customers", text(CUSTOMERS, lambda old: old, "utf-16")),
    same("UTF-16 log", text(LOG, lambda old: old, "utf-16")),
    same("UTF-16 articles, lines of CR LF", text(ARTICLES, crlf, "utf-16")),
    same("UTF-16 big-endian", data(LISTED, lambda old: b"\xfe\xff" + old.decode().encode("utf-16-be"))),
    same("UTF-32", text(CUSTOMERS, lambda old: old, "utf-32")),
    refused("UTF-16 without a mark", text(CUSTOMERS, lambda old: old, "utf-16-le"), "customers.csv", "UTF-16"),
    refused("half a UTF-16 file", data(LOG, lambda old: old.decode().encode("utf-16")[:30_001]), "UTF-16"),
    refused(
        "Latin-1", data(ARTICLES, lambda old: old.replace(b"a", b"\xe4", 400)), "articles.csv", "UTF-8", "line "
    ),
    refused("one bad byte", data(CUSTOMERS, lambda old: old[:3000] + b"\xff" + old[3001:]), "line ", "not UTF-8"),
    refused("a byte of 0", data(CUSTOMERS, lambda old: old.replace(b"ACTIVE", b"ACT\0VE", 1)), "customers.csv"),
    refused(
        "a byte of 0 in an id",
        data(CUSTOMERS, lambda old: old[:-200] + old[-200:].replace(b"\n", b"\n\0", 1)),
        "line",
    ),
    same("lines of CR: customers", text(CUSTOMERS, cr)),
    same("lines of CR: articles", text(ARTICLES, cr)),
    same("lines of CR: log", text(LOG, cr)),
    same("lines of CR: submission", text(LISTED, cr)),
    same("lines of CR LF", both(*(text(s, crlf) for s in STEMS))),
    same("some lines of CR LF", text(LOG, lambda old: old.replace("\n", "\r\n", 700))),
    same("no line break at the end", text(LOG, lambda old: old.rstrip("\n"))),
    same("empty lines at the end", both(*(text(s, lambda old: old + "\n\n\n") for s in STEMS))),
    same("empty lines between", line(LOG, 100, lambda old: f"{old}\n\n\n")),
    same("lines of commas", line(CUSTOMERS, 100, lambda old: f"{old}\n,,,,,,")),
    same("sep=,", both(*(text(s, lambda old: f"sep=,\n{old}") for s in STEMS))),
    refused("sep=;", text(LOG, lambda old: "sep=;\n" + old.replace(",", ";")), "semicolons"),
    refused("semicolons", text(LOG, lambda old: old.replace(",", ";")), "semicolons", "transactions_train.csv"),
    refused("tabs", text(CUSTOMERS, lambda old: old.replace(",", "\t")), "tabs"),
    refused("bars", text(LISTED, lambda old: old.replace(",", "|")), "bars"),
    same(
        "quotes around everything",
        text(LOG, lambda old: old.replace("\n", '"\n"').replace(",", '","').join('""')[:-2]),
    ),
]

FILES = [
    *(refused(f"0 bytes: {s}", data(s, lambda _: b""), s, "empty") for s in STEMS),
    *(refused(f"a header only: {s}", text(s, lambda old: old.splitlines()[0] + "\n"), s, "no rows") for s in STEMS),
    *(refused(f"missing: {s}", gone(s), f"no {s} table") for s in STEMS[:3]),
    tolerated("missing: sample_submission", gone(LISTED), "no sample_submission"),
    refused("line breaks only", data(CUSTOMERS, lambda _: b"\n\n\n"), "customers.csv"),
    *(
        refused(f"{what} named .csv", data(stem, page(start)), f"{stem}.csv", what)
        for stem, what, start in (
            (CUSTOMERS, "web page", b"<!DOCTYPE html>\n<html><title>Sign in</title>"),
            (LOG, "web page", b"\n  <html>"),
            (ARTICLES, "JSON", b'{"error": "not logged in"}'),
            (LISTED, "XML", b'<?xml version="1.0"?>'),
            (LOG, "PDF", b"%PDF-1.7"),
            (CUSTOMERS, "SQLite", b"SQLite format 3\0"),
            (ARTICLES, "picture", b"\x89PNG\r\n\x1a\n"),
            (LOG, "Git LFS", b"version https://git-lfs.github.com/spec/v1\n"),
            (CUSTOMERS, "old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            (LOG, "7-Zip", b"7z\xbc\xaf\x27\x1c"),
            (LOG, "Zstandard", b"\x28\xb5\x2f\xfd"),
            (LOG, "xz file", b"\xfd7zXZ\0"),
            (LOG, "not a text", b"\x7fELF\2\1\1\0\0\0\1\3"),
        )
    ),
    refused("a ZIP archive named .csv", data(LOG, zipped("log.csv")), "ZIP", "transactions_train.csv.zip"),
    refused("a workbook named .csv", data(LOG, zipped("[Content_Types].xml", "xl/x")), "Excel workbook", "CSV"),
    refused("a gzip file named .csv", data(LOG, gzip.compress), "gzip", "transactions_train.csv.gz"),
    same("gzip", data(LOG, gzip.compress, ".csv.gz")),
    same("ZIP", data(CUSTOMERS, zipped("customers.csv"), ".csv.zip")),
    same("ZIP from a Mac", data(ARTICLES, zipped("articles.csv", "__MACOSX/._articles.csv.txt"), ".csv.zip")),
    same("gzip of UTF-16", data(CUSTOMERS, lambda old: gzip.compress(old.decode().encode("utf-16")), ".csv.gz")),
    refused("half a gzip file", data(LOG, lambda old: gzip.compress(old)[:9000], ".csv.gz"), "cannot be unpacked"),
    refused(
        "a gzip file with a flipped bit", data(LOG, lambda old: flipped(gzip.compress(old)), ".csv.gz"), "unpack"
    ),
    refused(
        "half a ZIP archive", data(LOG, lambda old: zipped("l.csv")(old)[:9000], ".csv.zip"), "cannot be unpacked"
    ),
    refused(
        "a ZIP archive of two tables", data(LOG, zipped("a.csv", "b.csv"), ".csv.zip"), "2 .csv files", "a.csv"
    ),
    refused("a ZIP archive of no table", data(LOG, zipped("log.txt"), ".csv.zip"), "0 .csv files", "log.txt"),
    refused("plain text named .gz", data(LOG, lambda old: old, ".csv.gz"), "cannot be unpacked"),
    refused("plain text named .zip", data(LOG, lambda old: old, ".csv.zip"), "cannot be unpacked"),
    refused("a packed web page", data(LOG, lambda _: gzip.compress(b"<html>no</html>"), ".csv.gz"), "web page"),
    refused("a packed nothing", data(LOG, lambda _: gzip.compress(b""), ".csv.gz"), "empty"),
    refused("a folder named .csv", instead(CUSTOMERS, Path.mkdir), "customers.csv", "folder"),
    refused("a pipe named .csv", instead(CUSTOMERS, os.mkfifo), "no customers table"),
    refused("a link to nothing", instead(CUSTOMERS, lambda path: path.symlink_to("nothing")), "no customers table"),
    refused("a link to itself", instead(CUSTOMERS, lambda path: path.symlink_to(path.name)), "customers"),
    same("a link to the table", lambda folder: linked(folder / "customers.csv")),
]

WIDTHS = [
    refused("an unquoted comma", line(ARTICLES, 6, lambda old: old.replace(" ", ", ", 1)), "line 6", "fields"),
    refused(
        "an unquoted comma in an ignored column", line(LISTED, 9, lambda old: f"{old},x"), "line 9", "3 fields"
    ),
    refused("a comma at the end of a row", line(LOG, 50, lambda old: f"{old},"), "line 50", "6 fields"),
    refused("a short row", line(LOG, 77, lambda old: old.rpartition(",")[0]), "line 77", "4 fields"),
    refused("a short row of customers", line(CUSTOMERS, 70, lambda old: old[:66]), "line 70", "fields"),
    *(refused(f"cut in the last row: {s}", data(s, lambda old: old[:-40]), s, "cut off") for s in (LOG, CUSTOMERS)),
    refused("cut in the last row: submission", data(LISTED, lambda old: old[:-150]), LISTED, "cut off"),
    refused("cut in the last row: articles", data(ARTICLES, lambda old: old[: old.rindex(b"\n0") + 60]), "cut off"),
    refused("cut before the channel", data(LOG, lambda old: old[:-2]), "cut off"),
    refused("cut within the last hash", data(CUSTOMERS, lambda old: old[:-9]), "cut off"),
    refused("cut within quotes", text(ARTICLES, lambda old: old[: old.rindex('"')]), "articles.csv", "cut off"),
    refused("a column twice", renamed(LOG, "sales_channel_id", "price"), "'price' occurs 2 times"),
    refused("the id's column twice", with_column(CUSTOMERS, "customer_id", str), "'customer_id' occurs 2 times"),
    refused("an ignored column twice", renamed(ARTICLES, "index_code", "section_no"), "occurs 2 times"),
    refused("a quote without its pair", line(LOG, 30, lambda old: f'"{old}'), "transactions_train.csv", "quot"),
    refused(
        "a quote within a name", line(ARTICLES, 5, lambda old: old.replace(" ", ' "', 1)), "articles.csv", "quot"
    ),
    tolerated("one more column", with_column(LOG, "shop", lambda _: "Oslo"), "columns that are not used: shop"),
    tolerated(
        "an index column", rows(LOG, lambda all_: [[str(i or ""), *r] for i, r in enumerate(all_)]), "(no name)"
    ),
    tolerated(
        "a comma at the end of each line", text(CUSTOMERS, lambda old: old.replace("\n", ",\n")), "(no name)"
    ),
    same("columns in another order", rows(LOG, lambda all_: [record[::-1] for record in all_])),
    refused(
        "1,200 columns", rows(CUSTOMERS, lambda all_: [r + [f"c{i}" for i in range(1200)] for r in all_]), "columns"
    ),
    refused("a line of 2 MB", line(ARTICLES, 5, lambda old: f"{old}{'x' * 2_000_000}"), "longer than"),
    *(
        refused(f"no header: {s}", text(s, lambda old: old.partition("\n")[2]), s, "is missing")
        for s in (CUSTOMERS, LOG, LISTED, ARTICLES)
    ),
    refused("another name for a column", renamed(LOG, "price", "prices"), "Rename 'prices' to 'price'"),
    refused("upper case in the header", line(CUSTOMERS, 1, str.upper), "Rename 'CUSTOMER_ID' to 'customer_id'"),
    refused("a space in the header", renamed(LOG, "t_dat", "t_dat "), "Rename 't_dat ' to 't_dat'"),
    *(
        refused(f"no column {n}", without_column(LOG, n), n, "is missing")
        for n in ("t_dat", "price", "customer_id")
    ),
    tolerated("no postal codes", without_column(CUSTOMERS, "postal_code"), "no column postal_code"),
    tolerated("customers' ids alone", rows(CUSTOMERS, lambda all_: [r[:1] for r in all_]), "no column FN, Active"),
    tolerated("articles' ids alone", rows(ARTICLES, lambda all_: [r[:1] for r in all_]), "no column product_code"),
    same("no column of predictions", rows(LISTED, lambda all_: [r[:1] for r in all_])),
]

DAYS = [
    same("a time of day", days(lambda d, i: f"{d} {10 + i % 12:02}:{i % 60:02}:00"), "time of day"),
    same("a time of day and a zone", days(lambda d, _: f"{d}T10:30:00Z"), "time of day"),
    same("a time of day and an offset", days(lambda d, _: f"{d} 10:30:00.125+02:00"), "time of day"),
    same("midnight", days(lambda d, _: f"{d} 00:00:00")),
    same("a time on the newest day", days(lambda d, _: f"{d} 14:05:00" if d == LAST_DAY else d)),
    same("eight digits", days(lambda d, _: d.replace("-", ""))),
    same("white space around days", days(lambda d, _: f" {d} ")),
    refused("day before month", days(lambda d, _: f"{d[8:]}/{d[5:7]}/{d[:4]}"), "YYYY-MM-DD", "line 2"),
    refused("two digits of the year", days(lambda d, _: d[2:]), "YYYY-MM-DD"),
    refused("a spreadsheet's numbers", days(lambda _, i: str(45390 + i // 26)), "YYYY-MM-DD"),
    tolerated(
        "one day that is none", line(LOG, 9, lambda old: f"2024-02-30{old[10:]}"), "1 row rejected", "line 9"
    ),
    tolerated("few days unreadable", days(first(5, "soon")), "5 rows rejected", "lines 2, 3, 4"),
    tolerated("few days missing", days(every(300, lambda _: "")), "8 rows rejected", "t_dat is missing"),
    *(
        tolerated(
            f"one row {days} days ahead", last_row_on(plus(LAST_DAY, days)), "far from the other days", "line 2161"
        )
        for days in (10, 158, 10_000)
    ),
    *(
        tolerated(f"one row in {day[:4]}", last_row_on(day), "1 row rejected", "line 2161")
        for day in (
            "0001-01-01",
            "1900-01-01",
            "1969-12-31",
            "1999-01-01",
            "2099-01-01",
            "2100-01-01",
            "9999-12-31",
        )
    ),
    tolerated("a first row in 1999", line(LOG, 2, lambda old: f"1999-01-01{old[10:]}"), "far from", "line 2"),
    tolerated(
        "three rows on three days ahead",
        added(LOG, *(f"{plus(LAST_DAY, n)}{A_ROW[10:]}" for n in (40, 41, 60))),
        "3 rows",
    ),
    tolerated("a slip in the year of many rows", days(lambda d, i: f"2042{d[4:]}" if i > 1500 else d), "2042"),
    tolerated(
        "a slip in the year of most rows", days(lambda d, i: f"2042{d[4:]}" if i > 900 else d), "no rows between"
    ),
    refused("the newest day unreadable", days(lambda d, _: "yesterday" if d == LAST_DAY else d), "newest"),
    refused(
        "the newest day lost",
        days(lambda d, _: "yesterday" if d == LAST_DAY else d),
        "newest",
        "2024-06-30",
        options=["--max-rejected", "0.05"],
    ),
    refused("much of the newest days lost", prices(lambda p, i: "" if i > 2140 else p), LAST_DAY, "newest"),
    refused(
        "a day in the middle lost",
        prices(lambda p, i: "x" if 1000 <= i < 1100 else p),
        "lose much of the day",
        options=["--max-rejected", "0.06"],
    ),
    tolerated("days in no order", rows(LOG, lambda all_: [all_[0], *all_[:0:-1]]), "not in the order of days"),
    refused("one day only", days(lambda *_: LAST_DAY), "1 day", commands="tables content tune"),
    refused(
        "days of one week", days(lambda _, i: f"2024-06-{24 + i // 360}"), "days", commands="tables content tune"
    ),
]

IDS = [
    tolerated("customers in upper case", buyers(lambda c, _: c.upper()), "upper and lower case"),
    tolerated("listed customers in upper case", wanted(lambda c, _: c.upper()), "upper and lower case"),
    tolerated("a space behind customers", buyers(lambda c, _: f"{c} "), "white space"),
    tolerated("a space behind known customers", known(lambda c, _: f" {c}"), "white space"),
    tolerated(
        "12.0 against 12",
        both(ids(IN_TABLES, "customer_id", lambda n: str(n + 1)), buyers(lambda c, _: f"{c}.0")),
        "trailing .0",
    ),
    tolerated(
        "customers' lost zeros",
        both(ids(IN_TABLES, "customer_id", lambda n: f"{n:05}"), buyers(lambda c, _: str(int(c)))),
        "leading zeros",
    ),
    tolerated(
        "the listed customers' lost zeros",
        both(ids(IN_TABLES, "customer_id", lambda n: f"{n:05}"), wanted(lambda c, _: str(int(c)))),
        "leading zeros",
    ),
    refused("numbers against hashes", buyers(lambda c, _: str(int(c[:4], 16))), "customer_id", "fewer than"),
    refused("customers of another shop", known(lambda c, _: c[::-1]), "fewer than", "customers"),
    refused("listed customers of another shop", wanted(lambda c, _: c[::-1]), LISTED, "fewer than"),
    refused(
        "articles of another shop",
        column(ARTICLES, "article_id", lambda a, _: f"09{a[2:]}"),
        "article_id",
        "fewer than",
    ),
    refused("9 of 10 customers of another shop", known(lambda c, i: c if i % 20 == 0 else c[::-1]), "fewer than"),
    tolerated(
        "half the customers unknown",
        rows(CUSTOMERS, lambda all_: all_[:1] + all_[1::2]),
        "occur only in the transactions",
    ),
    tolerated("one unknown customer", added(LOG, A_ROW), "1 customer occurs only in the transactions"),
    tolerated(
        "one unknown article", added(LOG, A_ROW.replace("0118235001", "0999999001")), "1 article occurs only"
    ),
    tolerated(
        "an unknown listed customer", added(LISTED, f"{SECRET},"), "1 customer occurs only in the sample_submission"
    ),
    same("articles' lost zeros", bought(lambda a, _: a.lstrip("0")), "leading zeros"),
    same(
        "articles' lost zeros in both tables",
        both(*(column(s, "article_id", lambda a, _: a.lstrip("0")) for s in (LOG, ARTICLES))),
        "leading zeros",
    ),
    same("articles as 118235001.0", bought(lambda a, _: f"{int(a)}.0"), "1.0"),
    same("known articles as 118235001.0", column(ARTICLES, "article_id", lambda a, _: f"{int(a)}.0")),
    same("a space behind articles", bought(lambda a, _: f"{a} ")),
    refused(
        "articles as SKU-0001",
        ids((ARTICLES, LOG), "article_id", lambda n: f"SKU-{n:04}"),
        "10 digits",
        "number the articles",
    ),
    refused("articles as 1.18E+08", bought(lambda a, _: f"{int(a):.2E}"), "10 digits"),
    refused("articles of 11 digits", ids((ARTICLES, LOG), "article_id", lambda n: f"{10**10 + n}"), "10 digits"),
    tolerated("few articles unreadable", bought(first(4, "none")), "4 rows rejected", "10 digits"),
    tolerated(
        "articles 1, 2, 3",
        both(ids((ARTICLES, LOG), "article_id", str), without_column(ARTICLES, "product_code")),
        "no product code",
    ),
    refused(
        "a comma in customers", ids(IN_TABLES, "customer_id", lambda n: f"Doe {n}, Jane"), "comma", "submission"
    ),
    refused("a comma in one customer", known(lambda c, i: "a,b" if i == 2 else c), "comma", "line 4"),
    refused("a comma in one listed customer", wanted(lambda c, i: "a,b" if i == 2 else c), "comma", "line 4"),
    refused("a comma in one customer of the log", buyers(lambda c, i: "a,b" if i == 2 else c), "comma", "line 4"),
    refused("a quote in a customer", known(lambda c, i: 'a"b' if i == 2 else c), "quote"),
    refused("a line break in a customer", known(lambda c, i: "a\nb" if i == 2 else c), "line break"),
    refused("a customer of 300 characters", known(lambda c, i: "a" * 300 if i == 2 else c), "256"),
    tolerated(
        "customers in other scripts", ids(IN_TABLES, "customer_id", lambda n: f"Ünal-é-顧客-{n}"), "250 customers"
    ),
    tolerated("customers with spaces", ids(IN_TABLES, "customer_id", lambda n: f"Jane Doe {n}"), "250 customers"),
    tolerated(
        "a customer twice", line(CUSTOMERS, -1, lambda old: f"{old}\n{old}"), "1 row rejected", "second time"
    ),
    tolerated(
        "a listed customer twice", line(LISTED, -1, lambda old: f"{old}\n{old}"), "1 row rejected", "second time"
    ),
    tolerated("an article twice", line(ARTICLES, -1, lambda old: f"{old}\n{old}"), "1 row rejected", "second time"),
    refused(
        "every customer twice",
        text(CUSTOMERS, lambda old: old + old.partition("\n")[2]),
        "second time",
        "rows cannot be used",
    ),
    tolerated(
        "few customers missing", buyers(every(500, lambda _: "")), "5 rows rejected", "customer_id is missing"
    ),
    refused("no customer anywhere", buyers(lambda *_: ""), "customer_id is missing"),
]

NUMBERS = [
    same("channels as 2.0", channels(lambda c, _: f"{c}.0"), "1.0"),
    same("a space behind channels", channels(lambda c, _: f"{c} ")),
    tolerated("few channels of 3", channels(first(5, "3")), "5 rows rejected", "neither 1 nor 2"),
    refused("channels of 3", channels(lambda *_: "3"), "neither 1 nor 2"),
    refused("channels in words", channels(lambda *_: "online"), "neither 1 nor 2"),
    tolerated("gifts", prices(every(20, lambda _: "0")), "108 rows have the price 0", "unknown"),
    tolerated("gifts of -0.0", prices(every(20, lambda _: "-0.0")), "108 rows have the price 0"),
    tolerated("few returns", prices(every(150, lambda p: f"-{p}")), "15 rows rejected", "below 0"),
    refused("many returns", prices(every(20, lambda p: f"-{p}")), "108 of 2,160", "below 0"),
    refused(
        "a quantity below 0",
        with_column(LOG, "quantity", lambda i: "-1" if i % 4 == 0 else "3"),
        "quantity",
        "line 2",
    ),
    tolerated("a quantity", with_column(LOG, "quantity", lambda _: "3"), "columns that are not used: quantity"),
    tolerated("few prices of nan", prices(first(3, "nan")), "3 rows rejected", "finite"),
    tolerated("few prices of inf", prices(first(3, "inf")), "3 rows rejected", "finite"),
    tolerated("few prices of 1e300", prices(first(3, "1e300")), "3 rows rejected"),
    tolerated("few prices missing", prices(first(3, "")), "3 rows rejected", "price is missing"),
    refused("prices with a comma", prices(lambda p, _: p.replace(".", ",")), "price is not a number"),
    refused("prices with a currency", prices(lambda p, _: f"€{p}"), "price is not a number"),
    same("a space before prices", prices(lambda p, _: f" {p}")),
    same("flags as true and false", column(CUSTOMERS, "FN", lambda f, _: "true" if f else f)),
    tolerated("few ages unreadable", ages(first(3, "old")), "values of age unreadable"),
    tolerated("ages out of range", ages(lambda *_: "999"), "values of age unreadable or out of range"),
    tolerated("flags unreadable", column(CUSTOMERS, "Active", first(9, "maybe")), "9 values of Active unreadable"),
]

PARQUET = [
    *(same(f"Parquet: {s}", parquet(s)) for s in STEMS),
    same(
        "Parquet of numbers",
        parquet(
            LOG,
            lambda frame: frame.with_columns(
                pl.col("price").cast(pl.Float64), pl.col("sales_channel_id").cast(pl.Int8)
            ),
        ),
    ),
    same("Parquet of days", parquet(LOG, lambda frame: frame.with_columns(pl.col("t_dat").str.to_date()))),
    same(
        "Parquet of times",
        parquet(LOG, lambda f: f.with_columns(pl.col("t_dat").str.to_datetime("%Y-%m-%d") + pl.duration(hours=14))),
    ),
    same(
        "Parquet of times in a zone",
        parquet(
            LOG,
            lambda f: f.with_columns(
                (pl.col("t_dat").str.to_datetime("%Y-%m-%d") + pl.duration(hours=14)).dt.replace_time_zone(
                    "Asia/Tokyo"
                )
            ),
        ),
    ),
    same("Parquet of whole ids", parquet(LOG, lambda frame: frame.cast({"article_id": pl.Int64})), "leading zeros"),
    same("Parquet of fractions as ids", parquet(LOG, lambda frame: frame.cast({"article_id": pl.Float64}))),
    same(
        "Parquet of categories",
        parquet(CUSTOMERS, lambda frame: frame.cast({"club_member_status": pl.Categorical})),
    ),
    same("a folder of Parquet", lambda folder: parted(folder, lambda part: part)),
    refused(
        "a folder of unlike Parquet",
        lambda folder: parted(folder, lambda part: part.drop("price")),
        "other columns",
    ),
    refused("a folder without Parquet", instead(LOG, Path.mkdir, ".parquet"), "without a Parquet file"),
    refused(
        "half a Parquet file", both(parquet(LOG), lambda f: cut(f / f"{LOG}.parquet")), "Parquet", "Fetch it again"
    ),
    refused("Parquet with a flipped bit", both(parquet(LOG), lambda f: flip(f / f"{LOG}.parquet")), "Parquet"),
    refused(
        "Parquet of lists",
        parquet(LOG, lambda frame: frame.with_columns(pl.concat_list("price").alias("price"))),
        "List",
    ),
    refused("Parquet without rows", parquet(LOG, pl.DataFrame.clear), "no rows"),
    refused("Parquet without a column", parquet(LOG, lambda frame: frame.drop("price")), "'price' is missing"),
    refused("CSV named .parquet", data(LOG, lambda old: old, ".parquet"), "Parquet"),
    refused("a web page named .parquet", data(LOG, lambda _: b"<html>no</html>", ".parquet"), "web page"),
    refused("0 bytes of Parquet", data(LOG, lambda _: b"", ".parquet"), "empty"),
    refused("Parquet named .csv", both(parquet(LOG), named_csv), "Parquet file", ".parquet"),
    tolerated(
        "few rows of null",
        parquet(LOG, lambda f: f.with_columns(pl.when(pl.int_range(pl.len()) > 3).then("price").alias("price"))),
        "4 rows rejected",
    ),
]


def area_of(area: str, cases: list[Case]) -> list[object]:
    return [pytest.param(area, case, id=f"{area}: {case.name}") for case in cases]


@pytest.mark.parametrize(
    ("area", "case"),
    [
        *area_of("tables: encodings and lines", ENCODINGS),
        *area_of("tables: kinds of file", FILES),
        *area_of("tables: columns and widths", WIDTHS),
        *area_of("tables: days", DAYS),
        *area_of("tables: ids", IDS),
        *area_of("tables: numbers", NUMBERS),
        *area_of("tables: Parquet", PARQUET),
    ],
)
def test_spoiled_table(area: str, case: Case, bench: Bench) -> None:
    bench.judge(area, case)
