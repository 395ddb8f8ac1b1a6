"""Fuzzing for a bounded time: whatever the bytes, the answer is a result that adds up, or a DataError.

Examples are the same in every run. What fuzzing finds becomes a case of the other files.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forsys.content.decoding import STATUSES, decode
from forsys.errors import DataError
from forsys.ranking.features import chosen
from forsys.retrieval.registry import check_sources
from forsys.settings import Section, Settings, load_settings
from forsys.submission_check import validate
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet
from trust.spoiled import CLEAR, SILENT, STEMS, TOLERATED, TRACEBACK, record, wrong_tables
from trust.test_spoiled_pictures import picture

QUICK, LONG = 40, 2_000  # examples
Check = Callable[..., None]


def fuzz(request: pytest.FixtureRequest, check: Check, **strategies: st.SearchStrategy[Any]) -> None:
    """Run `check` on examples: few, or with --all many."""
    count = LONG if request.config.getoption("--all") else QUICK
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    bounded = settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=slow
    )
    bounded(given(**strategies)(check))()


def outcome(area: str, work: Callable[[], list[str]]) -> None:
    """Record what came of one example; fails for an exception that is no DataError, and for a wrong result."""
    try:
        wrong = work()
    except DataError as error:
        record(area, CLEAR)
        assert str(error)
        return
    except BaseException:
        record(area, TRACEBACK)
        raise
    record(area, SILENT if wrong else TOLERATED)
    assert not wrong


# --- settings ---

SECTIONS = {name: getattr(load_settings(), name) for name in Settings.model_fields}
KEYS = [
    *SECTIONS,
    *(
        f"{name}.{key}"
        for name, found in SECTIONS.items()
        if isinstance(found, Section)
        for key in type(found).model_fields
    ),
    *(f"retrieval.sources.{name}" for name in ("als", "bpr", "mine", '"../x"', "next_item.cell", "als.factors")),
    'tuning.grid."als.alpha"',
    'tuning.grid."best_sellers.half_life"',
    "compare.network.dropout",
]
WORDS = [
    "true",
    "false",
    "nan",
    "inf",
    "-inf",
    "0",
    "-1",
    "1e400",
    "0x10",
    "1_0",
    "2020-01-01",
    "[]",
    "{}",
    '""',
    "'",
    '"',
]
SOURCE = '{ class = "forsys.retrieval.als:ALS" }'
VALUES = st.one_of(
    st.sampled_from([*WORDS, SOURCE, '{ class = "os:system" }', '["lists"]', "[[]]"]),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=20),
    st.lists(st.sampled_from(WORDS), max_size=3).map(lambda found: f"[{', '.join(found)}]"),
)


def test_settings(request: pytest.FixtureRequest) -> None:
    def check(overrides: list[tuple[str, str]]) -> None:
        def work() -> list[str]:
            found = load_settings(overrides=[f"{key}={value}" for key, value in overrides])
            check_sources(found)
            chosen(found.ranking.features)
            return []

        outcome("fuzz: settings", work)

    keys = st.sampled_from(KEYS) | st.text(max_size=12)
    fuzz(request, check, overrides=st.lists(st.tuples(keys, VALUES), min_size=1, max_size=3))


def test_presets(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"

    def work() -> list[str]:
        check_sources(load_settings(str(path)))
        return []

    def check(content: bytes) -> None:
        path.write_bytes(content)
        outcome("fuzz: settings", work)

    lines = st.tuples(st.sampled_from(KEYS), VALUES).map(" = ".join)
    sections = st.sampled_from(["[ranking]", "[retrieval.sources]", "[tuning.grid]", "[", "[a.b.c]", "[[x]]"])
    text = st.lists(lines | sections, max_size=5).map("\n".join)
    fuzz(request, check, content=st.binary(max_size=60) | text.map(lambda found: found.encode("utf-8", "replace")))


# --- tables ---

PIECES = [
    b",",
    b'"',
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b";",
    b" ",
    b"-",
    b"1e9",
    b"nan",
    b"2099-01-01",
    b"0",
    "é".encode(),
    b"x" * 300,
    b",,,,",
    b'""',
    b".0",
    b"\t",
    b"0001-01-01",
]
Edit = tuple[float, int, bytes]  # where (a share of the file), how many bytes are replaced, by what
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from([0, 0, 1, 2, 9, 40]), st.sampled_from(PIECES) | st.binary(max_size=4)
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[Edit]) -> bytes:
    for share, length, piece in edits:
        at = int(share * len(content))
        content = content[:at] + piece + content[at + length :]
    return content


@pytest.fixture(scope="module")
def small(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first rows of the tiny shop's log, and the other tables whole."""
    folder = tmp_path_factory.mktemp("small") / "tiny"
    folder.mkdir()
    for stem in STEMS:
        lines = (shop / f"{stem}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{stem}.csv").write_text("".join(lines[:400]), encoding="utf-8")
    return folder


def built(folder: Path, content: bytes) -> list[str]:
    """What is wrong with the tables of a folder; counts are compared where two readers must agree on the rows."""
    out = folder.parent / "tables"
    summary = build_tables(DataSet("tiny", folder, True, "fuzzing"), out, max_rejected=0.5)
    text = "\n".join(summary["notes"])
    is_plain = not any(piece in content for piece in (b'"', b"\r", b"\0", b"\xef"))
    return wrong_tables(folder, out, text, None) if is_plain else []


@pytest.mark.parametrize("stem", STEMS)
def test_tables(stem: str, request: pytest.FixtureRequest, small: Path) -> None:
    good = (small / f"{stem}.csv").read_bytes()

    def check(edits: list[Edit]) -> None:
        content = edited(good, edits)
        with tempfile.TemporaryDirectory() as scratch:
            folder = shutil.copytree(small, Path(scratch) / "tiny")
            (folder / f"{stem}.csv").write_bytes(content)
            outcome("fuzz: CSV", lambda: built(folder, content))

    fuzz(request, check, edits=EDITS)


def test_parquet(request: pytest.FixtureRequest, small: Path, tmp_path: Path) -> None:
    pl.read_csv(small / "transactions_train.csv", infer_schema=False).write_parquet(tmp_path / "log.parquet")
    good = (tmp_path / "log.parquet").read_bytes()

    def check(edits: list[Edit]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            folder = shutil.copytree(small, Path(scratch) / "tiny")
            (folder / "transactions_train.csv").unlink()
            (folder / "transactions_train.parquet").write_bytes(edited(good, edits))
            outcome("fuzz: Parquet", lambda: built(folder, b'"'))

    fuzz(request, check, edits=EDITS)


# --- submissions ---


def test_submissions(request: pytest.FixtureRequest, finished: Path, tmp_path: Path) -> None:
    good = (finished / "submissions" / "submission.csv").read_bytes()
    tables, path = finished / "output" / "tiny" / "tables", tmp_path / "s.csv"
    customers = set(pl.read_parquet(tables / "customers.parquet")["customer_id"])
    articles = set(pl.read_parquet(tables / "articles.parquet")["article_id"])

    def wrong() -> list[str]:
        assert validate(path, tables, 12) == len(customers)
        rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        lists = [row[1].split(" ") for row in rows]
        valid = all(len(set(each)) == len(each) == 12 and articles.issuperset(each) for each in lists)
        return [] if valid and sorted(row[0] for row in rows) == sorted(customers) else ["an invalid file passed"]

    def check(edits: list[Edit]) -> None:
        path.write_bytes(edited(good, edits))
        outcome("fuzz: submissions", wrong)

    fuzz(request, check, edits=EDITS)


# --- pictures ---


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_pictures(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    good, path = picture(kind), tmp_path / "p.jpg"

    def work() -> list[str]:
        pixels, status = decode(path)
        return [] if status in STATUSES and (pixels is None) == (status != "ok") else [status]

    def check(edits: list[Edit]) -> None:
        path.write_bytes(edited(good, edits))
        outcome("fuzz: pictures", work)

    fuzz(request, check, edits=EDITS)
