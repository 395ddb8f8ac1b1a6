"""Kaggle's tables become Parquet: what is kept, which dense ids it gets, and the messages for broken files."""

import datetime
import gzip
import json
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forsys import schema
from forsys.errors import DataError
from forsys.tables import build, csv_faults, reading, rejected
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet
from world import KAGGLE_ROLES

ARTICLES = """\
article_id,product_code,prod_name,product_type_no,detail_desc
0108775015,108775,Strap top,253,"Jersey top, narrow straps."
0108775044,108775,Strap top,253,
0706016001,706016,Jade trousers,272,High waist.
"""
CUSTOMERS = """\
customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code
c1,,,ACTIVE,NONE,49.0,p9
c2,1.0,1.0,ACTIVE,Regularly,24.0,p1
c3,,,PRE-CREATE,NONE,,p9
"""
TRANSACTIONS = """\
t_dat,customer_id,article_id,price,sales_channel_id
2020-09-16,c2,0706016001,0.05,2
2020-09-16,c1,0108775015,0.01,1
2020-09-17,c2,0706016001,0.05,2
2020-09-18,c3,0108775044,0.02,2
"""
SUBMISSION = "customer_id,prediction\nc3,0706016001 0108775015\nc1,0706016001\nc2,0706016001\n"
GOOD = {
    "articles": ARTICLES,
    "customers": CUSTOMERS,
    "transactions_train": TRANSACTIONS,
    "sample_submission": SUBMISSION,
}


def data_set(folder: Path, **changed: str | bytes | None) -> DataSet:
    """The good tables as .csv files, some replaced, or left out where None."""
    folder.mkdir(exist_ok=True)
    for stem, text in {**GOOD, **changed}.items():
        if text is not None:
            (folder / f"{stem}.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return DataSet(folder.name, folder, False, f"--input {folder}")


class Built:
    """The tables made from some files."""

    def __init__(self, folder: Path, max_rejected: float = 0.01, /, **changed: str | bytes | None) -> None:
        self.out = folder / "out"
        self.summary = build_tables(data_set(folder / "data", **changed), self.out, max_rejected=max_rejected)

    def __getattr__(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.out / f"{name}.parquet")


def rejected_reasons(built: Built) -> dict[int, str]:
    return dict(built.rejected.select("line", "reason").rows())


def error_of(folder: Path, max_rejected: float = 0.01, /, **changed: str | bytes | None) -> str:
    """The message of the DataError that the tables raise. No incomplete file may be left."""
    with pytest.raises(DataError) as caught:
        Built(folder, max_rejected, **changed)
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
    assert not (folder / "out/tables.json").exists()
    return str(caught.value)


# --- what a good set of tables becomes ---


def test_the_tables_have_the_schemas(tmp_path: Path) -> None:
    built = Built(tmp_path)
    assert built.articles.schema == schema.ARTICLES
    assert built.customers.schema == schema.CUSTOMERS
    assert built.transactions.schema == schema.TRANSACTIONS
    assert built.submission_customers.schema == schema.SUBMISSION_CUSTOMERS
    assert built.rejected.schema == schema.REJECTED
    assert sorted(path.name for path in built.out.iterdir()) == [
        "articles.parquet",
        "customers.parquet",
        "promotions.parquet",
        "rejected.parquet",
        "returns.parquet",
        "submission_customers.parquet",
        "tables.json",
        "transactions.parquet",
    ]


def test_the_tables_hold_what_the_files_hold(tmp_path: Path) -> None:
    built = Built(tmp_path)
    day = datetime.date(2020, 9, 16)
    assert built.transactions.select("t_dat", "customer", "article", "channel").rows() == [
        (day, 1, 2, 2),
        (day, 0, 0, 1),
        (day + datetime.timedelta(1), 1, 2, 2),
        (day + datetime.timedelta(2), 2, 1, 2),
    ]
    assert built.transactions["price"].to_list() == pytest.approx([0.05, 0.01, 0.05, 0.02])
    assert built.articles["article_id"].to_list() == ["0108775015", "0108775044", "0706016001"]
    assert built.articles["product_code"].to_list() == [108775, 108775, 706016]
    assert built.articles["detail_desc"].to_list() == ["Jersey top, narrow straps.", None, "High waist."]
    assert built.customers.rows() == [
        (0, "c1", None, None, "ACTIVE", "NONE", 49.0, 0),
        (1, "c2", 1.0, 1.0, "ACTIVE", "Regularly", 24.0, 1),
        (2, "c3", None, None, "PRE-CREATE", "NONE", None, 0),
    ]
    assert built.submission_customers["customer"].to_list() == [2, 0, 1]


def test_the_summary(tmp_path: Path) -> None:
    built = Built(tmp_path, articles=GOOD["articles"])
    missing = [name for name in schema.ARTICLE_ATTRIBUTES if name not in ARTICLES]
    assert json.loads((built.out / "tables.json").read_text()) == built.summary
    assert built.summary == {
        "rows": 4,
        "customers": 3,
        "articles": 3,
        "listed_articles": 3,
        "submission_customers": 3,
        "roles": KAGGLE_ROLES.as_json(),
        "unknown_customers": 0,
        "unknown_articles": 0,
        "unknown_submission_customers": 0,
        "first_day": "2020-09-16",
        "last_day": "2020-09-18",
        "rejected": {},
        "notes": [f"articles.csv: no column {', '.join(missing)}; taken as unknown"],
        "generated": False,
        "dataset": "data",
    }


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    unknown = TRANSACTIONS + "2020-09-18,x2,0108775077,0.1,1\n2020-09-18,x1,0108775066,0.1,1\n"
    first = Built(tmp_path / "1", transactions_train=unknown).out
    second = Built(tmp_path / "2", transactions_train=unknown).out
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_a_range_of_days_can_be_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(build, "ROW_GROUP", 2)
    file = pq.ParquetFile(Built(tmp_path).out / "transactions.parquet")
    stats = [file.metadata.row_group(i).column(0).statistics for i in range(file.num_row_groups)]
    assert [(s.min.day, s.max.day) for s in stats] == [(16, 16), (17, 18)]


# --- where rows come from and in which order ---


def test_days_out_of_order_are_sorted_stably(tmp_path: Path) -> None:
    lines = TRANSACTIONS.splitlines()
    built = Built(tmp_path, transactions_train="\n".join([lines[0], lines[4], lines[2], lines[1], lines[3]]))
    assert built.transactions["t_dat"].dt.day().to_list() == [16, 16, 17, 18]
    assert built.transactions["customer"].to_list() == [0, 1, 1, 2]
    assert "transactions_train.csv: not in the order of days, sorted" in built.summary["notes"]


def test_the_newest_first_is_turned_round(tmp_path: Path) -> None:
    """Shops export so; within a day too the last line is the first purchase."""
    head, *rows = TRANSACTIONS.splitlines()
    folders = (tmp_path / "1", tmp_path / "2")
    for folder in folders:
        folder.mkdir()
    built = Built(folders[0], transactions_train="\n".join([head, *rows[::-1]]))
    assert built.transactions.equals(Built(folders[1]).transactions)


def test_unknown_ids_are_kept_after_the_known_ones(tmp_path: Path) -> None:
    more = "2020-09-18,x2,0999999002,0.1,1\n2020-09-18,x1,0999999001,0.1,2\n2020-09-18,x2,0706016001,0.1,2\n"
    listed = SUBMISSION + "z2,\nz1,\nx1,\n"
    built = Built(tmp_path, transactions_train=TRANSACTIONS + more, sample_submission=listed)
    assert built.customers["customer_id"].to_list() == ["c1", "c2", "c3", "x1", "x2", "z1", "z2"]
    assert built.customers["customer"].to_list() == list(range(7))
    assert built.customers.row(4)[2:] == (None,) * 6
    assert built.articles["article_id"].to_list()[3:] == ["0999999001", "0999999002"]
    assert built.articles.row(3)[2:] == (999999, *[None] * len(schema.ARTICLE_ATTRIBUTES))
    assert built.transactions.tail(3).select("customer", "article").rows() == [(4, 4), (3, 3), (4, 2)]
    assert built.submission_customers["customer"].to_list() == [2, 0, 1, 6, 5, 3]
    counts = {name: n for name, n in built.summary.items() if name.startswith("unknown")}
    assert counts == {"unknown_customers": 2, "unknown_articles": 2, "unknown_submission_customers": 2}
    assert built.summary["notes"][-3:] == [
        "2 customers occur only in the transactions: kept, with unknown attributes",
        "2 articles occur only in the transactions: kept, with unknown attributes",
        "2 customers occur only in the sample_submission: kept, with unknown attributes",
    ]


def test_without_a_submission_all_customers_are_predicted_for(tmp_path: Path) -> None:
    more = "2020-09-18,x1,0706016001,0.1,1\n"
    built = Built(tmp_path, transactions_train=TRANSACTIONS + more, sample_submission=None)
    assert built.submission_customers["customer"].to_list() == [0, 1, 2, 3]
    assert any("no sample_submission" in note for note in built.summary["notes"])


@pytest.mark.parametrize("row", ["c2,\n", ",\n"])
def test_a_submission_row_that_cannot_be_used(tmp_path: Path, row: str) -> None:
    built = Built(tmp_path, 0.5, sample_submission=SUBMISSION.replace("c1,", row + "c1,"))
    assert built.submission_customers.height == 3
    assert built.rejected.height == (1 if row == "c2,\n" else 0)  # a row of nothing is an empty line


# --- ids ---


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**10 - 1), max_size=20, unique=True), st.integers(10**7, 10**8), st.data())
def test_article_ids_survive_as_number_and_as_text(ids: list[int], coded: int, data: st.DataObject) -> None:
    ids = [*(number for number in ids if number != coded), coded]  # at least one that holds a product code

    def written(number: int) -> str:
        return data.draw(st.sampled_from([str(number), f"{number:010d}"]))

    articles = "article_id\n" + "".join(f"{written(number)}\n" for number in ids)
    head = TRANSACTIONS.splitlines()[0]
    bought = "".join(f"2020-09-16,c1,{written(number)},0.1,1\n" for number in ids)
    with tempfile.TemporaryDirectory() as folder:
        built = Built(Path(folder), articles=articles, transactions_train=f"{head}\n{bought}")
        assert built.articles["article_id"].to_list() == [f"{number:010d}" for number in ids]
        assert built.transactions["article"].to_list() == list(range(len(ids)))
        assert built.articles["product_code"].to_list() == [number // 1000 for number in ids]


def test_lost_zeros_are_put_back_with_a_note(tmp_path: Path) -> None:
    built = Built(
        tmp_path,
        articles=ARTICLES.replace("\n0", "\n"),
        transactions_train=TRANSACTIONS.replace(",0706016001", ",706016001"),
    )
    assert built.articles["article_id"].to_list() == ["0108775015", "0108775044", "0706016001"]
    assert built.transactions["article"].to_list() == [2, 0, 2, 1]
    assert "articles.csv: 3 article_id had lost leading zeros, put back to 10 digits" in built.summary["notes"]
    assert any("transactions_train.csv: 2 article_id had lost" in note for note in built.summary["notes"])


@pytest.mark.parametrize("bad", ["108775015.5", "01087750150", "x108775015", "-108775015", "108 775015"])
def test_a_bad_article_id_is_rejected(tmp_path: Path, bad: str) -> None:
    built = Built(
        tmp_path,
        0.5,
        articles=f"{ARTICLES}{bad},,,,\n",
        transactions_train=f"{TRANSACTIONS}2020-09-18,c1,{bad},0.1,1\n",
    )
    assert built.articles.height == 3
    assert built.rejected.select("file", "line", "reason").rows() == [
        ("articles.csv", 5, "article_id is not up to 10 digits"),
        ("transactions_train.csv", 6, "article_id is not up to 10 digits"),
    ]


def test_a_second_row_of_an_id_is_rejected(tmp_path: Path) -> None:
    built = Built(
        tmp_path,
        0.5,
        articles=f"{ARTICLES}108775015,1,Other,1,\n",
        customers=f"{CUSTOMERS}c2,,,,,30,\n",
        sample_submission=f"{SUBMISSION}c3,\n",
    )
    assert built.articles["prod_name"].to_list()[0] == "Strap top"
    assert built.customers["age"].to_list() == [49.0, 24.0, None]
    assert built.submission_customers["customer"].to_list() == [2, 0, 1]
    assert built.rejected.select("file", "line", "reason").rows() == [
        ("articles.csv", 5, "article_id occurs a second time"),
        ("customers.csv", 5, "customer_id occurs a second time"),
        ("sample_submission.csv", 5, "customer_id occurs a second time"),
    ]
    assert built.summary["rejected"]["customers.csv: customer_id occurs a second time"] == 1


# --- columns ---


@pytest.mark.parametrize(("name", "shown"), [("Unnamed: 0", "Unnamed: 0"), ("", "(no name)")])
def test_an_unknown_column_is_ignored_with_a_note(tmp_path: Path, name: str, shown: str) -> None:
    rows = TRANSACTIONS.splitlines()
    text = "\n".join([f"{name},{rows[0]}", *(f"{i},{row}" for i, row in enumerate(rows[1:]))])
    built = Built(tmp_path, transactions_train=text)
    assert built.transactions.height == 4
    assert f"transactions_train.csv: columns that are not used: {shown}" in built.summary["notes"]


def test_attributes_may_be_missing(tmp_path: Path) -> None:
    built = Built(
        tmp_path,
        articles="article_id\n0108775015\n0108775044\n0706016001\n",
        customers="customer_id\nc1\nc2\nc3\n",
    )
    assert built.articles["product_code"].to_list() == [108775, 108775, 706016]
    assert built.customers.select(pl.exclude("customer", "customer_id").null_count()).row(0) == (3,) * 6
    notes = "\n".join(built.summary["notes"])
    assert "articles.csv: no column product_code, prod_name" in notes
    assert "customers.csv: no column FN, Active" in notes


@pytest.mark.parametrize("age", ["old", "-1", "121", "nan", "inf"])
def test_an_unreadable_age_is_unknown_and_counted(tmp_path: Path, age: str) -> None:
    built = Built(tmp_path, customers=CUSTOMERS.replace("49.0", age))
    assert built.customers["age"].to_list() == [None, 24.0, None]
    assert "customers.csv: 1 value of age unreadable or out of range, taken as unknown" in built.summary["notes"]


@pytest.mark.parametrize(
    ("stem", "old", "new", "expected"),
    [
        ("articles", "article_id", "article", "Rename 'article' to 'article_id'"),
        ("customers", "customer_id", "Customer_ID", "Rename 'Customer_ID' to 'customer_id'"),
        ("transactions_train", "t_dat", "when", "Add a column 't_dat'"),
        ("transactions_train", "price", "prices", "Rename 'prices' to 'price'"),
        (
            "sample_submission",
            "customer_id",
            "",
            "column 'customer_id' is missing; found are: '', 'prediction'",
        ),
        ("transactions_train", "price", "t_dat", "column 't_dat' occurs 2 times"),
    ],
)
def test_a_missing_column(tmp_path: Path, stem: str, old: str, new: str, expected: str) -> None:
    message = error_of(tmp_path, **{stem: GOOD[stem].replace(old, new, 1)})
    assert expected in message
    assert f"{stem}.csv" in message


# --- rows of the transactions ---

BAD_ROWS = {
    ",c1,0108775015,0.1,1": "t_dat is missing",
    "2020-02-30,c1,0108775015,0.1,1": "t_dat is not a day as YYYY-MM-DD",
    "16/09/2020,c1,0108775015,0.1,1": "t_dat is not a day as YYYY-MM-DD",
    "2020-9-16,c1,0108775015,0.1,1": "t_dat is not a day as YYYY-MM-DD",
    "2020-09-16 25:00:00,c1,0108775015,0.1,1": "t_dat is not a day as YYYY-MM-DD",
    "1969-12-31,c1,0108775015,0.1,1": "t_dat is not between 1970-01-01 and 2099-12-31",
    "2020-09-16,,0108775015,0.1,1": "customer_id is missing",
    '2020-09-16,"",0108775015,0.1,1': "customer_id is missing",
    "2020-09-16,c1,,0.1,1": "article_id is missing",
    "2020-09-16,c1,shoe,0.1,1": "article_id is not up to 10 digits",
    "2020-09-16,c1,+108775015,0.1,1": "article_id is not up to 10 digits",
    "2020-09-16,c1,-108775015,0.1,1": "article_id is not up to 10 digits",
    "2020-09-16,c1,00108775015,0.1,1": "article_id is not up to 10 digits",
    "2020-09-16,c1,0108775015,,1": "price is missing",
    "2020-09-16,c1,0108775015,cheap,1": "price is not a number",
    "2020-09-16,c1,0108775015,-0.1,1": "price is below 0",
    "2020-09-16,c1,0108775015,inf,1": "price is not finite",
    "2020-09-16,c1,0108775015,nan,1": "price is not finite",
    "2020-09-16,c1,0108775015,1e99,1": "price is not finite",
    "2020-09-16,c1,0108775015,0.1,": "sales_channel_id is missing",
    "2020-09-16,c1,0108775015,0.1,3": "sales_channel_id is neither 1 nor 2",
    "2020-09-16,c1,0108775015,0.1,store": "sales_channel_id is neither 1 nor 2",
}


def test_each_bad_row_is_rejected_with_its_line_and_reason(tmp_path: Path) -> None:
    built = Built(tmp_path, 0.9, transactions_train=TRANSACTIONS + "\n".join(BAD_ROWS) + "\n")
    assert built.transactions.height == 4
    assert rejected_reasons(built) == dict(enumerate(BAD_ROWS.values(), start=6))
    assert built.rejected["file"].unique().to_list() == ["transactions_train.csv"]
    assert json.loads(built.rejected["row"][8]) == {
        "t_dat": "2020-09-16",
        "customer_id": "c1",
        "article_id": None,
        "price": "0.1",
        "sales_channel_id": "1",
    }
    assert sum(built.summary["rejected"].values()) == len(BAD_ROWS)
    assert built.summary["rejected"]["transactions_train.csv: price is not finite"] == 3


def test_unknown_ids_of_rejected_rows_get_no_dense_id(tmp_path: Path) -> None:
    built = Built(tmp_path, 0.5, transactions_train=TRANSACTIONS + "2020-09-16,x1,0999999001,-1,1\n")
    assert (built.customers.height, built.articles.height) == (3, 3)


@pytest.mark.parametrize("day", ["2020-09-16 00:00:00", "2020-09-16T00:00:00"])
def test_a_day_with_midnight_is_a_day(tmp_path: Path, day: str) -> None:
    built = Built(tmp_path, transactions_train=TRANSACTIONS.replace("2020-09-16", day))
    assert built.transactions["t_dat"][0] == datetime.date(2020, 9, 16)


def test_too_many_rejected_rows_are_an_error_that_keeps_them(tmp_path: Path) -> None:
    bad = "2020-09-16,c1,0108775015,-1,1\n2020-09-16,c1,0108775015,0.1,9\n2020-09-16,c1,0108775015,-2,1\n"
    message = error_of(tmp_path, 0.4, transactions_train=TRANSACTIONS + bad)
    assert "3 of 7 rows cannot be used, more than 40.00%" in message
    assert "price is below 0: 2; sales_channel_id is neither 1 nor 2: 1" in message
    assert "The first is line 6 (price is below 0)" in message
    assert "--max-rejected 0.43" in message
    kept = tmp_path / "out/rejected.parquet"
    assert str(kept) in message
    assert pl.read_parquet(kept)["line"].to_list() == [6, 7, 8]


def test_the_hint_is_at_least_five_percent(tmp_path: Path) -> None:
    many = TRANSACTIONS + "2020-09-18,c1,0108775015,0.1,1\n" * 60 + "2020-09-18,c1,0108775015,0.1,0\n"
    assert "--max-rejected 0.05" in error_of(tmp_path, transactions_train=many)


def test_a_table_of_bad_rows_alone_is_an_error(tmp_path: Path) -> None:
    bad = TRANSACTIONS.replace(",2\n", ",3\n").replace(",1\n", ",3\n")
    assert "No row is left" in error_of(tmp_path, 1.0, transactions_train=bad)


def test_the_kept_rejected_rows_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "MAX_KEPT", 2)
    built = Built(tmp_path, 0.9, transactions_train=TRANSACTIONS + "\n".join(BAD_ROWS))
    assert built.rejected["line"].to_list() == [6, 7]
    assert "rejected.parquet holds the first 2 rejected rows" in "\n".join(built.summary["notes"])


def test_lines_are_counted_across_texts_with_line_breaks(tmp_path: Path) -> None:
    articles = ARTICLES.replace("top, narrow", "top,\nnarrow") + "shoe,,,,\n\n0706016001,,,,\n"
    built = Built(tmp_path, 0.9, articles=articles)
    assert built.articles["detail_desc"][0] == "Jersey top,\nnarrow straps."
    assert built.rejected["line"].to_list() == [6, 8]


# --- formats of the file ---


def packed_gz(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))


def packed_zip(path: Path) -> None:
    with zipfile.ZipFile(path.with_name(path.name + ".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
        archive.writestr("__MACOSX/._" + path.name, "x")


def as_parquet(path: Path) -> None:
    frame = pl.read_csv(path, try_parse_dates=True)  # ids become integers, days become dates
    frame.write_parquet(path.with_suffix(".parquet"))


def as_parquet_of_pandas(path: Path) -> None:
    frame = pl.read_csv(path, try_parse_dates=True)
    dates = pl.selectors.date().cast(pl.Datetime("ns"))
    frame.with_columns(dates).to_pandas().to_parquet(path.with_suffix(".parquet"))


@pytest.mark.parametrize("pack", [packed_gz, packed_zip, as_parquet, as_parquet_of_pandas])
def test_packed_tables_and_parquet_give_the_same(tmp_path: Path, pack: Callable[[Path], None]) -> None:
    (tmp_path / "plain").mkdir()
    plain = Built(tmp_path / "plain")
    dataset = data_set(tmp_path / "data")
    for path in sorted(dataset.folder.iterdir()):
        pack(path)
        path.unlink()
    build_tables(dataset, tmp_path / "out")
    for name in ("articles", "customers", "transactions", "submission_customers"):
        assert pl.read_parquet(tmp_path / f"out/{name}.parquet").equals(getattr(plain, name)), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out", "plain"]


def test_a_parquet_row_that_cannot_be_used(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", transactions_train=None)
    frame = pl.read_csv(TRANSACTIONS.encode(), try_parse_dates=True)
    price = pl.when(pl.int_range(pl.len()) == 2).then(-1.0).otherwise("price").alias("price")
    frame.with_columns(price).write_parquet(dataset.folder / "transactions_train.parquet")
    build_tables(dataset, tmp_path / "out", max_rejected=0.5)
    row = pl.read_parquet(tmp_path / "out/rejected.parquet").row(0)
    assert row[:3] == ("transactions_train.parquet", 4, "price is below 0")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n",
        lambda text: re.sub(r"^([^,\n]+)", r'"\1"', text, flags=re.MULTILINE),
    ],
    ids=["byte order mark", "windows lines", "no last line break", "empty lines", "quotes"],
)
def test_harmless_formats(tmp_path: Path, change: Callable[[str], str]) -> None:
    (tmp_path / "plain").mkdir()
    plain = Built(tmp_path / "plain")
    built = Built(tmp_path, **{stem: change(text) for stem, text in GOOD.items()})
    for name in ("articles", "customers", "transactions", "submission_customers", "rejected"):
        assert getattr(built, name).equals(getattr(plain, name)), name
    assert built.summary == plain.summary


# --- faults of a file ---

HEAD = TRANSACTIONS.splitlines()[0]


@pytest.mark.parametrize(
    ("stem", "content", "expected"),
    [
        ("articles", None, "no articles table"),
        ("customers", None, "no customers table"),
        ("transactions_train", None, "no transactions_train table"),
        ("articles", "", "the file is empty"),
        ("sample_submission", "", "the file is empty"),
        ("transactions_train", HEAD + "\n", "a header and no rows"),
        ("transactions_train", HEAD, "a header and no rows"),
        ("customers", "customer_id\n\n\n", "a header and no rows"),
        ("transactions_train", TRANSACTIONS.replace(",", ";"), "separates its columns with semicolons"),
        ("customers", CUSTOMERS.replace(",", "\t"), "separates its columns with tabs"),
        (
            "articles",
            ARTICLES.replace("Jade", "J\xe4de").encode("latin1"),
            "line 4: the byte 0xe4 at offset 175 of the file is not UTF-8",
        ),
        ("articles", ARTICLES.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (
            "transactions_train",
            TRANSACTIONS + "2020-09-18,c1,0108775015,0,1,2\n",
            "line 6: 6 fields, expected 5",
        ),
        ("transactions_train", TRANSACTIONS + "2020-09-18,c1,01087", "line 6: 3 fields, expected 5"),
        ("customers", CUSTOMERS + "c4,,,ACTIVE\nc5,,,,,,\n", "line 5: 4 fields, expected 7"),
        ("articles", ARTICLES.replace('straps."', "straps."), "broken quoting"),
        ("articles", ARTICLES.replace('straps."', 'straps." x'), "broken quoting"),
        ("articles", ARTICLES.replace("Jade", 'J"ade'), 'line 4: a quote (") without its pair'),
    ],
)
def test_a_broken_file(tmp_path: Path, stem: str, content: str | bytes | None, expected: str) -> None:
    message = error_of(tmp_path, **{stem: content})
    assert expected in message
    assert stem in message


@pytest.mark.parametrize("line", ["1", "1,2", ",", " ", '"1,2,3"'])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_short_row_is_told_from_an_empty_last_field(tmp_path: Path, line: str, line_break: str) -> None:
    path, rows = tmp_path / "rows.csv", ["a,b,c", "1,2,3", "1,2,", "", ",,"] * 100_000
    path.write_text(line_break.join(rows), newline="")
    csv_faults.Text(path, path, 3).check_widths()
    path.write_text(line_break.join([*rows, line, *rows]), newline="")
    with pytest.raises(DataError, match=r"line 500001: [12] fields, expected 3"):
        csv_faults.Text(path, path, 3).check_widths()


def test_a_bad_byte_far_down_is_found(tmp_path: Path) -> None:
    row = b"2020-09-18,c\xc3\xa4,0108775015,0.1,1\n"  # two bytes, so that a block may end between them
    text = TRANSACTIONS.encode() + row * 100_000 + b"2020-09-18,\xff,0108775015,0.1,1\n"
    message = error_of(tmp_path, transactions_train=text)
    assert f"line 100006: the byte 0xff at offset {text.index(0xFF)}" in message


@pytest.mark.parametrize("ending", ["csv.gz", "csv.zip", "parquet"])
@pytest.mark.parametrize("damage", ["cut", "zeros", "text"])
def test_a_damaged_packed_file(tmp_path: Path, ending: str, damage: str) -> None:
    dataset = data_set(tmp_path / "data")
    source = tmp_path / "data/transactions_train.csv"
    source.write_text(TRANSACTIONS + "".join(f"2020-09-18,c1,{i:010d},0.1,1\n" for i in range(5000)))
    {"csv.gz": packed_gz, "csv.zip": packed_zip, "parquet": as_parquet}[ending](source)
    source.unlink()
    path = tmp_path / f"data/transactions_train.{ending}"
    data = path.read_bytes()
    half = len(data) // 2
    damaged = {"cut": data[:half], "zeros": data[:half] + bytes(len(data) - half), "text": b"not packed"}
    path.write_bytes(damaged[damage])
    with pytest.raises(DataError, match=f"transactions_train.{ending}"):
        build_tables(dataset, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]
    assert not list((tmp_path / "out").iterdir())


def test_a_zip_must_hold_one_table(tmp_path: Path) -> None:
    dataset = data_set(tmp_path / "data", articles=None)
    with zipfile.ZipFile(tmp_path / "data/articles.csv.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(DataError, match=re.escape("0 .csv files inside (readme.txt), expected one")):
        build_tables(dataset, tmp_path / "out")


def test_a_full_disk_is_no_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reading, "unpack", full)
    assert "No space left on device. Check" in error_of(tmp_path)


def test_a_later_error_deletes_the_old_summary(tmp_path: Path) -> None:
    Built(tmp_path)
    error_of(tmp_path, transactions_train=HEAD)


def test_an_interrupted_run_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = data_set(tmp_path / "data")
    for path in list(dataset.folder.iterdir()):
        packed_gz(path)
        path.unlink()

    def interrupted(_: pl.DataFrame, path: Path, **__: Any) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.DataFrame, "write_parquet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_tables(dataset, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


# --- a whole shop ---


def test_every_row_of_a_generated_shop_is_kept(shop: Path, tmp_path: Path) -> None:
    summary = build_tables(DataSet("tiny", shop, True, ""), tmp_path)
    rows = len((shop / "transactions_train.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert pl.read_parquet(tmp_path / "transactions.parquet").height == rows
    assert (summary["rows"], summary["rejected"], summary["notes"]) == (rows, {}, [])
