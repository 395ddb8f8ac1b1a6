"""Files that are written in another way than Kaggle's: what has one meaning is read, what has none is named."""

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from plain_shop import CUSTOMERS, log, tables
from test_reading import Built, data_set, error_of

from forsys.errors import DataError
from forsys.tables.build import build_tables
from forsys.tables.dataset import file_states
from forsys.tables.file_kinds import foreign_kind

SAME = ("articles", "customers", "transactions", "submission_customers")


def assert_same(built: Built, folder: Path) -> None:
    """The tables are those of the plain shop."""
    (folder / "plain").mkdir()
    plain = Built(folder / "plain", **tables())
    for name in SAME:
        assert getattr(built, name).equals(getattr(plain, name)), name
    assert built.summary["rejected"] == {}


# --- days and numbers ---


@pytest.mark.parametrize(
    "behind",
    [
        " 00:00:00",
        "T00:00:00",
        " 14:05:00",
        "T14:05:00",
        " 14:05",
        " 14:05:00.123456",
        "T23:59:59.5Z",
        "T14:05:00Z",
        " 14:05:00 UTC",
        "T14:05:00+02:00",
        "T14:05:00-0530",
        " 14:05:00+02",
        " 2:05:00 PM",
        "T24:00:00",
        " ",
    ],
)
def test_a_time_of_day_is_the_day_as_written(tmp_path: Path, behind: str) -> None:
    lines = [line.replace(",", f"{behind},", 1) for line in log()]
    assert_same(Built(tmp_path, **tables(lines)), tmp_path)


def test_a_time_of_day_in_some_rows_is_said(tmp_path: Path) -> None:
    lines = [line.replace(",", " 14:05:00,", 1) if i % 3 else line for i, line in enumerate(log())]
    notes = Built(tmp_path, **tables(lines)).summary["notes"]
    assert any(note.startswith("transactions_train.csv: 480 rows have a time of day") for note in notes)


def test_days_as_eight_digits(tmp_path: Path) -> None:
    assert_same(Built(tmp_path, **tables([line.replace("-", "", 2) for line in log()])), tmp_path)


@pytest.mark.parametrize(
    "day", ["2024-01-01 x", "2024-01-01 25:00:00", "2024-01-01T14", "2024-13-01 14:05", "20241301"]
)
def test_what_is_no_day_stays_rejected(tmp_path: Path, day: str) -> None:
    lines = [*log()[:300], log()[0].replace("2024-01-01", day), *log()[300:]]
    built = Built(tmp_path, **tables(lines))
    assert built.summary["rejected"] == {"transactions_train.csv: t_dat is not a day as YYYY-MM-DD": 1}


@pytest.mark.parametrize(
    ("yes", "no"), [("True", "False"), ("true", "false"), ("TRUE", "FALSE"), ("1.0", "0"), ("1", "")]
)
def test_flags_of_customers(tmp_path: Path, yes: str, no: str) -> None:
    text = "customer_id,FN,Active\n" + "".join(f"{c},{yes},{no}\n" for c in CUSTOMERS)
    built = Built(tmp_path, **tables() | {"customers": text})
    assert built.customers["fn"].unique().to_list() == [1.0]
    assert built.customers["active"].unique().to_list() == [0.0 if no else None]
    assert not any("unreadable" in note for note in built.summary["notes"])


# --- the text of a file ---

TEXTS: dict[str, Callable[[str], bytes]] = {
    "CR line ends": lambda text: text.replace("\n", "\r").encode(),
    "CR LF line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "CR line ends, none at the end": lambda text: text.rstrip("\n").replace("\n", "\r").encode(),
    "UTF-8 byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 with CR LF": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "sep=,": lambda text: b"sep=,\n" + text.encode(),
    "sep=, of Excel": lambda text: ("\ufeffsep=,\r\n" + text.replace("\n", "\r\n")).encode(),
    '"sep=,"': lambda text: b'"sep=,"\n' + text.encode(),
    "sep=, in UTF-16": lambda text: ("sep=,\r\n" + text.replace("\n", "\r\n")).encode("utf-16"),
    "sep=, with CR": lambda text: b"sep=,\r" + text.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("how", TEXTS)
def test_other_texts_of_the_same_table(tmp_path: Path, how: str) -> None:
    changed = {stem: TEXTS[how](str(text)) for stem, text in tables().items()}
    assert_same(Built(tmp_path, **changed), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out", "plain"]


def test_a_packed_file_may_be_written_so_too(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables())
    for path in list(dataset.folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_text().encode("utf-16")))
        path.unlink()
    build_tables(dataset, tmp_path / "out")
    (tmp_path / "1").mkdir()
    assert pl.read_parquet(tmp_path / "out/articles.parquet").equals(Built(tmp_path / "1", **tables()).articles)


@pytest.mark.parametrize("how", ["sep=,", "sep=, of Excel", "CR line ends"])
def test_lines_are_those_of_the_users_file(tmp_path: Path, how: str) -> None:
    lines = log()
    lines[10] = lines[10].replace("0.05", "-1")
    text = TEXTS[how](str(tables(lines)["transactions_train"]))
    built = Built(tmp_path, **tables() | {"transactions_train": text})
    assert built.rejected["line"].to_list() == [12 + ("sep" in how)]
    short = TEXTS[how](str(tables([*log()[:5], "2024-01-01,x\n", *log()[5:]])["transactions_train"]))
    (tmp_path / "short").mkdir()
    message = error_of(tmp_path / "short", **tables() | {"transactions_train": short})
    assert f"line {7 + ('sep' in how)}: 2 fields, expected 5" in message


def test_a_cut_utf_16_is_named(tmp_path: Path) -> None:
    text = str(tables()["customers"]).encode("utf-16")[:-1]
    assert "not readable as UTF-16" in error_of(tmp_path, **tables() | {"customers": text})


def test_another_separator_that_is_told(tmp_path: Path) -> None:
    text = "sep=;\n" + str(tables()["customers"]).replace(",", ";")
    assert "separates its columns with semicolons" in error_of(tmp_path, **tables() | {"customers": text})


# --- files of another kind ---

KINDS: dict[str, tuple[bytes, str]] = {
    "zip": (b"PK\x03\x04" + bytes(26) + b"customers.csv", "a ZIP archive"),
    "gzip": (gzip.compress(b"customer_id\nc1\n"), "a gzip file"),
    "xlsx": (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "an Excel workbook"),
    "ods": (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument", "an Excel workbook"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel workbook"),
    "parquet": (b"PAR1" + bytes(100), "a Parquet file"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
    "html": (b"\n <!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "a web page (HTML)"),
    "html without a doctype": (b"<html lang='en'><body>Sign in</body></html>", "a web page (HTML)"),
    "xml": (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
    "json": (b'{"code": 401, "message": "Unauthorized"}', "a JSON document"),
    "json lines": (b'[{"customer_id": "c1"}]', "a JSON document"),
    "sqlite": (b"SQLite format 3\x00" + bytes(100), "an SQLite database"),
    "picture": (b"\xff\xd8\xff\xe0" + bytes(100), "a picture"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a pointer of Git LFS"),
    "zeros": (bytes(5000), "UTF-16 without a byte order mark"),
    "some zeros": (b"customer_id\nc1\x00\x00\x00\n", "not a text"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stem", ["articles", "customers", "transactions_train", "sample_submission"])
def test_a_file_of_another_kind_is_named_by_its_kind(tmp_path: Path, kind: str, stem: str) -> None:
    content, name = KINDS[kind]
    message = error_of(tmp_path, **tables() | {stem: content})
    assert f"{stem}.csv: this is {name}" in message
    assert f"Expected is the table {stem}" in message


def test_also_inside_a_packed_file(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    (dataset.folder / "customers.csv.gz").write_bytes(gzip.compress(KINDS["html"][0]))
    with pytest.raises(DataError, match=r"customers\.csv\.gz: this is a web page"):
        build_tables(dataset, tmp_path / "out")


@pytest.mark.parametrize("kind", ["html", "gzip", "json"])
def test_and_where_parquet_is_expected(tmp_path: Path, kind: str) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    (dataset.folder / "customers.parquet").write_bytes(KINDS[kind][0])
    with pytest.raises(DataError, match=r"customers\.parquet is an? .*, not a Parquet file"):
        build_tables(dataset, tmp_path / "out")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "é,ü\n", "", '"a","b"\n', "\ufeffa,b", "PKW,a\n", "BAZ\n"])
def test_a_table_is_of_no_other_kind(text: str) -> None:
    assert foreign_kind(text.encode()) is None


# --- Parquet ---


def as_parquet(dataset_folder: Path, stem: str, **columns: Any) -> pl.DataFrame:
    path = dataset_folder / f"{stem}.csv"
    frame = pl.read_csv(path, infer_schema=False).with_columns(**columns)
    path.unlink()
    return frame


DAY = pl.col("t_dat").str.to_date()
TYPES: dict[str, dict[str, Any]] = {
    "date": {"t_dat": DAY},
    "timestamp": {"t_dat": DAY.cast(pl.Datetime("us")) + pl.duration(hours=14, minutes=5)},
    "timestamp of pandas": {"t_dat": DAY.cast(pl.Datetime("ns")) + pl.duration(hours=23, microseconds=5)},
    "timestamp with a zone": {
        "t_dat": (DAY.cast(pl.Datetime("ms")) + pl.duration(hours=23)).dt.replace_time_zone("America/New_York")
    },
    "integer day": {"t_dat": DAY.dt.to_string("%Y%m%d").cast(pl.Int64)},
    "integers": {"article_id": pl.col("article_id").cast(pl.Int64), "sales_channel_id": pl.lit(2, pl.Int8)},
    "floats": {"article_id": pl.col("article_id").cast(pl.Float64), "sales_channel_id": pl.lit(2.0)},
    "dictionary": {
        "customer_id": pl.col("customer_id").cast(pl.Categorical),
        "t_dat": pl.col("t_dat").cast(pl.Categorical),
    },
    "decimal": {"price": pl.col("price").cast(pl.Decimal(10, 4))},
    "float price": {"price": pl.col("price").cast(pl.Float64)},
}


@pytest.mark.parametrize("types", TYPES)
def test_types_of_parquet_columns(tmp_path: Path, types: str) -> None:
    dataset = data_set(tmp_path / "data", **tables())
    frame = as_parquet(dataset.folder, "transactions_train", **TYPES[types])
    frame.write_parquet(dataset.folder / "transactions_train.parquet")
    summary = build_tables(dataset, tmp_path / "out")
    (tmp_path / "1").mkdir()
    assert pl.read_parquet(tmp_path / "out/transactions.parquet").equals(
        Built(tmp_path / "1", **tables()).transactions
    )
    assert summary["rejected"] == {}


def test_a_nested_column_is_named(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables())
    frame = as_parquet(dataset.folder, "customers", customer_id=pl.concat_list("customer_id"))
    frame.write_parquet(dataset.folder / "customers.parquet")
    with pytest.raises(DataError, match=r"column 'customer_id' is of type List"):
        build_tables(dataset, tmp_path / "out")


@pytest.mark.parametrize("stem", ["articles", "customers", "transactions_train", "sample_submission"])
def test_a_folder_of_parquet_parts(tmp_path: Path, stem: str) -> None:
    dataset = data_set(tmp_path / "data", **tables())
    frame, folder = as_parquet(dataset.folder, stem), dataset.folder / f"{stem}.parquet"
    folder.mkdir()
    (folder / "_SUCCESS").write_text("")
    third = frame.height // 3
    for number, part in enumerate(
        (frame[:third], frame[third : 2 * third].select(frame.columns[::-1]), frame[2 * third :])
    ):
        part.write_parquet(folder / f"part-0000{number}.parquet")
    before = file_states(dataset)
    build_tables(dataset, tmp_path / "out")
    (tmp_path / "1").mkdir()
    plain = Built(tmp_path / "1", **tables())
    for name in SAME:
        assert pl.read_parquet(tmp_path / f"out/{name}.parquet").equals(getattr(plain, name)), name
    frame[:1].write_parquet(folder / "part-00002.parquet")
    assert file_states(dataset) != before
    assert (f"{stem}.parquet/part-00000.parquet", (folder / "part-00000.parquet").stat().st_size) in [
        s[:2] for s in before
    ]


def test_parts_of_different_tables_are_refused(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    folder = dataset.folder / "customers.parquet"
    folder.mkdir()
    pl.DataFrame({"customer_id": CUSTOMERS}).write_parquet(folder / "a.parquet")
    pl.DataFrame({"article_id": ["1"]}).write_parquet(folder / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet has other columns than a\.parquet"):
        build_tables(dataset, tmp_path / "out")


def test_a_folder_without_parts_is_named(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    (dataset.folder / "customers.csv").mkdir()
    with pytest.raises(DataError, match=r"customers\.csv: a folder without a Parquet file"):
        build_tables(dataset, tmp_path / "out")


def test_the_summary_is_as_before_for_a_plain_shop(tmp_path: Path) -> None:
    summary = json.loads((Built(tmp_path, **tables()).out / "tables.json").read_text())
    assert summary["last_day"] == str(date(2024, 2, 29))
    assert [note for note in summary["notes"] if "no column" not in note] == []


def test_a_zip_inside_a_zip_is_named(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", **tables() | {"customers": None})
    with zipfile.ZipFile(dataset.folder / "customers.csv.zip", "w") as archive:
        archive.writestr("customers.csv", KINDS["zip"][0])
    with pytest.raises(DataError, match=r"customers\.csv\.zip: this is a ZIP archive"):
        build_tables(dataset, tmp_path / "out")
