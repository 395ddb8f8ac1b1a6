"""Submissions of three customers, spoiled in every way that was seen or feared."""

import errno
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forsys import schema, submission, submission_check
from forsys.errors import DataError
from forsys.submission_check import SEPARATORS, validate

K = 12
CUSTOMERS = ["aa", "bb", "cc", "dd"]  # bb is not in the sample submission
ORDER = [3, 0, 2]  # dense ids, in the order of the sample submission: dd, aa, cc
ARTICLES = [f"0{108775000 + i}" for i in range(15)]
LISTS = {0: [*range(12)], 2: [*range(3, 15)], 3: [*range(14, 2, -1)]}


def predicted(lists: dict[int, list[int]]) -> pl.DataFrame:
    rows = [(one, article, rank) for one, ids in lists.items() for rank, article in enumerate(ids, 1)]
    return pl.DataFrame(rows, schema=schema.PREDICTIONS, orient="row")


def write_tables(folder: Path) -> Path:
    (folder / "tables").mkdir()
    frames = {
        "customers": pl.DataFrame({"customer": range(4), "customer_id": CUSTOMERS}),
        "articles": pl.DataFrame({"article": range(len(ARTICLES)), "article_id": ARTICLES}),
        "submission_customers": pl.DataFrame({"customer": ORDER}, schema=schema.SUBMISSION_CUSTOMERS),
    }
    for name, frame in frames.items():
        frame.write_parquet(folder / "tables" / f"{name}.parquet")
    return folder / "tables"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return write_tables(tmp_path)


@pytest.fixture
def path(tmp_path: Path, tables: Path) -> Path:
    """A good submission."""
    path = tmp_path / "submissions" / "submission.csv"
    submission.write_submission(predicted(LISTS), tables, path, K)
    return path


def dated(path: Path) -> list[Path]:
    return sorted(path.parent.glob("submission-*.csv"))


def test_writes_the_shops_ids_in_the_order_of_the_sample(path: Path, tables: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "customer_id,prediction"
    assert [line.split(",")[0] for line in lines[1:]] == ["dd", "aa", "cc"]
    ids = [line.split(",")[1].split(" ") for line in lines[1:]]
    assert ids == [[ARTICLES[i] for i in LISTS[one]] for one in ORDER]
    assert validate(path, tables, K) == 3


def test_same_predictions_same_bytes(path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "SLICE", 2)
    predictions = predicted(LISTS)
    shuffled = predictions.sample(fraction=1, shuffle=True, seed=3)
    before = shuffled.clone()
    submission.write_submission(shuffled, tables, path.with_name("other.csv"), K)
    assert path.with_name("other.csv").read_bytes() == path.read_bytes()
    assert_frame_equal(shuffled, before)


def test_fewer_articles_a_customer(path: Path, tables: Path) -> None:
    submission.write_submission(predicted({one: ids[:2] for one, ids in LISTS.items()}), tables, path, k=2)
    assert path.read_text().splitlines()[2] == f"aa,{ARTICLES[0]} {ARTICLES[1]}"
    assert validate(path, tables, k=2) == 3


def without(customer: int, rank: int) -> pl.DataFrame:
    return predicted(LISTS).filter(~((pl.col("customer") == customer) & (pl.col("rank") == rank)))


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (
            predicted({0: LISTS[0], 2: LISTS[2]}),
            "1 customers have no predictions, the first is customer 3.*as best_sellers has",
        ),
        (predicted({**LISTS, 1: LISTS[0]}), "1 customers are not in the sample submission.*customer 1"),
        (without(2, 5), "1 customers have fewer than 12 rows, the first is customer 2.*as best_sellers has"),
        (
            pl.concat([predicted(LISTS), without(2, 5)]),
            "have more than 12 rows.* customer 0 .*other tables",
        ),
        (pl.concat([without(2, 5), predicted({2: [0]})]), "do not have the ranks 1 to 12.*customer 2"),
        (predicted({**LISTS, 0: [*range(11), 15]}), "have an article outside 0 to 14.*customer 0"),
        (predicted({**LISTS, 0: [*range(11), -1]}), "have an article outside 0 to 14.*customer 0"),
        # What only the validator sees: the message names the file as the user will know it.
        (predicted({**LISTS, 0: [0, *range(11)]}), r"/submission\.csv, line 3, customer aa: found .* twice"),
    ],
)
def test_unfit_predictions_are_refused_and_leave_the_file(
    predictions: pl.DataFrame, message: str, path: Path, tables: Path
) -> None:
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(DataError, match=message):
        submission.write_submission(predictions, tables, path, K)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_full_disk_leaves_the_file(path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file: file.read_bytes() for file in path.parent.iterdir()}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", full)
    with pytest.raises(OSError, match="No space left"):
        submission.write_submission(predicted({**LISTS, 0: LISTS[2]}), tables, path, K)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_dated_copies_keep_each_version_once(path: Path, tables: Path) -> None:
    first = path.read_bytes()
    (copy,) = dated(path)
    assert re.fullmatch(r"submission-\d{8}-\d{6}\.csv", copy.name)
    stamp = datetime.strptime(copy.stem, "submission-%Y%m%d-%H%M%S")
    assert abs((datetime.now() - stamp).total_seconds()) < 60

    submission.write_submission(predicted(LISTS), tables, path, K)
    assert dated(path) == [copy]

    for other in ({**LISTS, 0: LISTS[2]}, LISTS):  # another version, then the first one again
        submission.write_submission(predicted(other), tables, path, K)
        assert dated(path)[-1].read_bytes() == path.read_bytes()
    assert [file.read_bytes() == first for file in dated(path)] == [True, False, True]
    assert path.parent.joinpath(path.name).read_bytes() == first


def test_dated_copy_without_hard_links(path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    submission.write_submission(predicted({**LISTS, 0: LISTS[2]}), tables, path, K)
    assert dated(path)[-1].read_bytes() == path.read_bytes()
    assert len(dated(path)) == 2


Spoil = Callable[[bytes], bytes]


def swap(old: str, new: str) -> Spoil:
    """Replace the first `old`, which must be there."""

    def spoil(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return spoil


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Spoil:
    return lambda content: b"".join(change(content.splitlines(keepends=True)))


def columns(change: Callable[[str, str], list[str]], separator: str = ",") -> Spoil:
    """Rewrite each row, the header too, from its two fields."""

    def spoil(content: bytes) -> bytes:
        rows = [change(*line.split(",")) for line in content.decode().splitlines()]
        return "".join(f"{separator.join(row)}\n" for row in rows).encode()

    return spoil


A0, A1, A11 = ARTICLES[0], ARTICLES[1], ARTICLES[11]
AA = f"aa,{' '.join(ARTICLES[:12])}\n"  # line 3
HEAD, HEADER_MUST_BE = "line 1: found the header ", "Allowed: 'customer_id,prediction'."


@pytest.mark.parametrize(
    ("spoil", "fragments"),
    [
        pytest.param(lambda _: b"", ["the file is empty (0 bytes)"], id="empty"),
        pytest.param(lambda c: c.decode().encode("utf-16"), ["line 1", "not UTF-8", "0xff"], id="utf-16"),
        pytest.param(lambda c: c.replace(b"cc", b"c\xe9"), ["line 4", "0xe9", "not UTF-8"], id="latin-1"),
        pytest.param(lambda c: b"\n" + c, [f"{HEAD}''", HEADER_MUST_BE], id="blank first line"),
        pytest.param(swap("customer_id", "customer"), [HEAD, HEADER_MUST_BE, "first line"], id="name"),
        pytest.param(lines(lambda ls: ls[1:]), [f"{HEAD}'dd,", HEADER_MUST_BE], id="no header"),
        pytest.param(
            columns(lambda a, b: [b, a]),
            [f"{HEAD}'prediction,customer_id'", "other order"],
            id="column order",
        ),
        pytest.param(columns(lambda a, b: [a, b, "1"]), [HEAD, "Leave out the other columns"], id="extra column"),
        pytest.param(
            columns(lambda a, b: ["" if a == "customer_id" else "0", a, b]),
            [f"{HEAD}',customer_id,prediction'", "index=False"],
            id="index column",
        ),
        pytest.param(lambda c: b"\xef\xbb\xbf" + c, [HEAD, r"\ufeff", "byte order mark"], id="BOM"),
        pytest.param(columns(lambda a, b: [a, b], ";"), [HEAD, "by commas"], id="semicolon"),
        pytest.param(columns(lambda a, b: [f'"{a}"', f'"{b}"']), [HEAD, "quotation marks"], id="quoted all"),
        pytest.param(lines(lambda ls: ls[:1]), ["a header and no row"], id="no rows"),
        pytest.param(
            lines(lambda ls: ls[:2]),
            ["2 customers are missing, the first is aa", "the 3 customers of the sample"],
            id="missing customers",
        ),
        pytest.param(
            lines(lambda ls: [*ls, ls[2].replace(b"aa", b"bb"), ls[2].replace(b"aa", b"zz")]),
            ["2 are unknown, the first on line 5: 'bb' (length 2)"],
            id="extra customers",
        ),
        pytest.param(
            swap("\ncc", "\nCC"),
            ["1 customers are missing, the first is cc", "1 are unknown, the first on line 4: 'CC'"],
            id="misspelt customer",
        ),
        pytest.param(
            lines(lambda ls: [*ls, ls[2]]), ["line 5, customer aa", "already has line 3"], id="customer twice"
        ),
        pytest.param(
            swap(AA, "aa,\n"), ["line 3, customer aa: found '', a blank prediction"], id="blank prediction"
        ),
        pytest.param(swap(AA, "aa,  \n"), ["line 3, customer aa: found '  ', a blank"], id="only spaces"),
        pytest.param(swap(AA, f"{AA}\n"), ["line 4: found 1 field(s) in '' (length 0)", "Delete"], id="blank line"),
        pytest.param(swap(AA, "aa\n"), ["line 3: found 1 field(s) in 'aa'", "comma"], id="no comma"),
        pytest.param(
            swap(f" {A11}\ncc", "\ncc"), ["line 3, customer aa: found 11 ids, too few", "exactly 12"], id="11"
        ),
        pytest.param(
            swap(f"{A11}\ncc", f"{A11} {ARTICLES[12]}\ncc"), ["customer aa: found 13 ids, too many"], id="13"
        ),
        pytest.param(
            swap(f"aa,{A0}", f"aa,{A0[1:]}"),
            ["customer aa: found '108775000'", "leading zero", "dtype"],
            id="lost zero",
        ),
        pytest.param(swap(f"aa,{A0}", f"aa,{A0[:8]}"), ["found '01087750', 8 digits"], id="8 digits"),
        pytest.param(swap(f"{A0} {A1}", f"{A0}{A1}"), ["20 digits", "one space"], id="no space"),
        pytest.param(
            columns(lambda a, b: [a, b.replace(" ", ",")]),
            ["line 2: found 13 field(s)", "one space, not by commas"],
            id="commas between",
        ),
        pytest.param(
            swap(AA, f'aa,"{AA[3:-1]}"\n'),
            [f"found '\"{A0}', which is not ten digits", "quotes"],
            id="quotes",
        ),
        pytest.param(swap(f"aa,{A0}", f"aa,[{A0}"), [f"found '[{A0}'", "brackets"], id="brackets"),
        pytest.param(swap(f"{A0} ", f"{A0};"), [f"'{A0};{A1}', which is not ten digits"], id="semicolons"),
        pytest.param(swap(f"{A0} ", f"{A0}\t"), ["which is not ten digits", "tabs"], id="tab"),
        pytest.param(swap(f"{A0} ", f"{A0}  "), ["customer aa: found ''", "two spaces meet"], id="two spaces"),
        pytest.param(swap(f"{A11}\ncc", f"{A11} \ncc"), ["found ''", "starts or ends"], id="space at the end"),
        pytest.param(swap(f"aa,{A0}", "aa,nan"), ["found 'nan'", "not ten digits"], id="nan"),
        pytest.param(swap(f"aa,{A0}", "aa,٠١٠٨٧٧٥٠٠٠"), ["which is not ten digits"], id="other digits"),
        pytest.param(swap(f"aa,{A0}", "aa,0.1e9"), ["found '0.1e9', a decimal number"], id="float"),
        pytest.param(swap(f"aa,{A0}", f"aa,{A0}.0"), [f"'{A0}.0', a decimal", "dtype"], id="trailing .0"),
        pytest.param(swap(f"aa,{A0}", f"aa,{A1}"), [f"customer aa: found '{A1}' twice"], id="same id twice"),
        pytest.param(swap(f"aa,{A0}", "aa,0999999999"), ["'0999999999', an unknown article"], id="unknown id"),
        pytest.param(
            lambda c: c[: c.index(b"\ncc") + 2],
            ["line 4: found 1 field(s) in 'c'", "it was cut off"],
            id="cut 1",
        ),
        pytest.param(lambda c: c[:-30], ["line 4, customer cc: found", "it was cut off"], id="cut 2"),
    ],
)
def test_spoiled(spoil: Spoil, fragments: list[str], path: Path, tables: Path) -> None:
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        validate(path, tables, K)
    for fragment in [f"{path}", "Allowed: ", *fragments]:
        assert fragment in str(caught.value)


def test_no_such_file(tmp_path: Path, tables: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="there is no such file"):
            validate(path, tables, K)


LONG = [f"{4 * one}{3 * '0123456789abcdef'}" for one in CUSTOMERS]  # as long as those of a shop


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lines(lambda ls: ls[1:]), "line 1: found the header 'dddddddd…' (length 188)"),
        (lambda c: c.replace(b" ", b"\xe9"), "line 2: found 'dddddddd…' (length 188) with a byte 0xe9"),
        (swap(f"{LONG[0]},", f"{LONG[0]} "), "line 3: found 1 field(s) in 'aaaaaaaa…' (length 188)"),
        (lambda c: c.replace(b" ", b","), "line 2: found 13 field(s) in 'dddddddd…' (length 188)"),
        (
            swap(LONG[0], LONG[1]),
            "the first is aaaaaaaa… and 1 are unknown, the first on line 3: 'bbbbbbbb…' (length 56)",
        ),
        (swap(LONG[0], LONG[0][:40]), "1 are unknown, the first on line 3: 'aaaaaaaa…' (length 40)"),
        (lines(lambda ls: [*ls, ls[2]]), "line 5, customer aaaaaaaa…: the customer already has line 3"),
        (swap(f"{LONG[0]},{A0}", f"{LONG[0]},"), "line 3, customer aaaaaaaa…: found ''"),
    ],
    ids=["no header", "not UTF-8", "no comma", "commas", "unknown", "cut", "twice", "prediction"],
)
def test_messages_show_eight_characters_of_a_customers_id(
    spoil: Spoil, found: str, tables: Path, tmp_path: Path
) -> None:
    pl.DataFrame({"customer": range(4), "customer_id": LONG}).write_parquet(tables / "customers.parquet")
    path = tmp_path / "submission.csv"
    submission.write_submission(predicted(LISTS), tables, path, K)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        validate(path, tables, K)
    assert found in str(caught.value)
    assert not any(one[:9] in str(caught.value) for one in LONG)


def test_messages_do_not_show_a_whole_line(path: Path, tables: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b" ", b";"))
    with pytest.raises(DataError) as caught:
        validate(path, tables, K)
    assert len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(lambda c: c.replace(b"\n", b"\r\n"), id="CR LF"),
        pytest.param(lambda c: c[:-1], id="no line end at the end"),
        pytest.param(lines(lambda ls: [ls[0], *ls[:0:-1]]), id="other order of rows"),
    ],
)
def test_what_kaggle_accepts_is_accepted(harmless: Spoil, path: Path, tables: Path) -> None:
    path.write_bytes(harmless(path.read_bytes()))
    assert validate(path, tables, K) == 3


def test_a_fault_in_a_later_slice_is_found(path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission_check, "SLICE", 2)
    path.write_bytes(path.read_bytes()[:-11] + b"0999999999\n")
    with pytest.raises(DataError, match=r"line 4, customer cc: found '0999999999'"):
        validate(path, tables, K)


@contextmanager
def folder() -> Iterator[Path]:
    """A fresh folder for each example of hypothesis, which pytest's own fixture is not."""
    with TemporaryDirectory() as name:
        yield Path(name)


@settings(deadline=None, max_examples=50)  # each writes files; a busy machine is no fault
@given(st.permutations(range(15)), st.permutations(range(15)), st.permutations(range(15)), st.randoms())
def test_any_good_submission_passes_and_reads_back(
    a: list[int], c: list[int], d: list[int], rng: random.Random
) -> None:
    lists = {0: a[:K], 2: c[:K], 3: d[:K]}
    with folder() as here:
        tables, path = write_tables(here), here / "submission.csv"
        submission.write_submission(predicted(lists), tables, path, K)
        head, *rows = path.read_bytes().splitlines(keepends=True)
        rng.shuffle(rows)
        path.write_bytes(head + b"".join(rows))
        assert validate(path, tables, K) == 3

        # Back to dense ids, with other means than the writer's.
        read = pl.read_csv(path, schema={"customer_id": pl.String, "prediction": pl.String})
        back = {
            CUSTOMERS.index(one): [ARTICLES.index(article) for article in ids.split()]
            for one, ids in read.iter_rows()
        }
        assert back == lists


@settings(deadline=None, max_examples=50)  # each writes files; a busy machine is no fault
@given(st.binary(max_size=60), st.integers(0, 440))
def test_other_bytes_give_a_message_or_pass(junk: bytes, at: int) -> None:
    with folder() as here:
        tables, path = write_tables(here), here / "submission.csv"
        submission.write_submission(predicted(LISTS), tables, path, K)
        content = path.read_bytes()
        path.write_bytes(content[:at] + junk + content[at + len(junk) :])
        try:
            assert validate(path, tables, K) == 3
        except DataError as error:
            assert str(path) in str(error)


def test_ids_keep_their_zeros(tmp_path: Path) -> None:
    tables = write_tables(tmp_path)
    ids = [f"{i:010d}" for i in range(15)]  # from 0000000000 on
    pl.DataFrame({"article": range(15), "article_id": ids}).write_parquet(tables / "articles.parquet")
    submission.write_submission(predicted(LISTS), tables, tmp_path / "s.csv", K)
    assert f"aa,{' '.join(ids[:12])}\n" in (tmp_path / "s.csv").read_text()


def test_many_rows_in_several_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (submission, submission_check):
        monkeypatch.setattr(module, "SLICE", 64)
    tables = write_tables(tmp_path)
    count = 1000
    order = np.random.default_rng(0).permutation(count).astype(np.int32)
    names = [f"{i:064x}" for i in range(count)]
    pl.DataFrame({"customer": range(count), "customer_id": names}).write_parquet(tables / "customers.parquet")
    pl.DataFrame({"customer": order}).write_parquet(tables / "submission_customers.parquet")
    lists = {i: [(i + place) % 15 for place in range(K)] for i in range(count)}
    submission.write_submission(predicted(lists), tables, tmp_path / "s.csv", K)
    written = (tmp_path / "s.csv").read_text().splitlines()[1:]
    assert written == [f"{names[i]},{' '.join(ARTICLES[a] for a in lists[i])}" for i in order]


ODD_IDS = {
    "spaces": [f"AB {i} / red" for i in range(15)],
    "commas": [f"AB,{i}" for i in range(15)],
    "quotes": [f'6" pipe {i}' for i in range(15)],
    "all separators": [f" |;/{i}" for i in range(15)],
    "other scripts": [f"шарф-{i}" for i in range(15)],
    "digits of several lengths": [str(10**i) for i in range(15)],
}


@pytest.mark.parametrize("ids", ODD_IDS.values(), ids=ODD_IDS)
def test_ids_of_any_form_are_written_and_validated(ids: list[str], tables: Path, tmp_path: Path) -> None:
    pl.DataFrame({"article": range(len(ids)), "article_id": ids}).write_parquet(tables / "articles.parquet")
    customers = ["Doe, Jane", 'Bob "Bo"', "c", "d"]
    pl.DataFrame({"customer": range(4), "customer_id": customers}).write_parquet(tables / "customers.parquet")
    path = tmp_path / "odd" / "submission.csv"
    submission.write_submission(predicted(LISTS), tables, path, K)
    assert validate(path, tables, K) == 3
    rows = pl.read_csv(path, infer_schema=False)
    assert rows["customer_id"].to_list() == [customers[one] for one in ORDER]
    for one, text in zip(ORDER, rows["prediction"], strict=True):
        found = [ids[i] for i in LISTS[one]]
        assert any(text == between.join(found) for between in SEPARATORS)
    in_file = ids[5].replace('"', '""')
    path.write_text(path.read_text(encoding="utf-8").replace(in_file, "unknown"), encoding="utf-8")
    with pytest.raises(DataError, match="unknown"):
        validate(path, tables, K)
