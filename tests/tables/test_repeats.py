"""Exports that overlap: the rows that stand in several files of a table count several times, and that is said."""

import gzip
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forsys.errors import DataError
from forsys.tables import repeats
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet
from forsys.tables.repeats import repeated_rows

FIRST = date(2026, 11, 1)
SHOP = '[orders]\nfile = {}\nday = "day"\ncustomer = "who"\narticle = "what"\nprice = "price"\n'


def rows(first: int, last: int, *, form: str = "%Y-%m-%d", store: str = "") -> list[str]:
    """20 order lines of each of the days `first` to `last`, the same in each call."""
    return [
        f"{FIRST + timedelta(day):{form}},c{store}{(day * 7 + n) % 40},a{n % 25},{1 + n % 9}.5\n"
        for day in range(first, last + 1)
        for n in range(20)
    ]


def notes_of(folder: Path, files: dict[str, list[str]], spec: str = '"orders*"') -> list[str]:
    """What a run notes of a shop with these files."""
    for name, lines in files.items():
        text = "".join(["day,who,what,price\n", *lines])
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    (folder / "shop.toml").write_text(SHOP.format(spec), encoding="utf-8")
    notes: list[str] = build_tables(DataSet("shop", folder, False, ""), folder / "out")["notes"]
    return [note for note in notes if "overlap" in note]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"orders_06.csv": rows(0, 5), "orders_13.csv": rows(0, 12), "orders_20.csv": rows(0, 19)},
            "260 of the 260 rows of orders_13.csv stand in orders_20.csv too (3 files hold rows of others)",
        ),
        (
            {"orders_1.csv": rows(0, 19), "orders_2.csv": rows(10, 29)},
            "200 of the 400 rows of orders_1.csv stand in orders_2.csv too, and count each time",
        ),
        (
            {"orders_1.csv": rows(0, 19), "orders_2.csv": rows(19, 40), "orders_3.csv": rows(41, 50)},
            "20 of the 400 rows of orders_1.csv stand in orders_2.csv too",
        ),
        (
            {"orders_1.csv": rows(0, 19, form="%d.%m.%Y"), "orders_2.csv": rows(5, 30, form="%d.%m.%Y")},
            "300 of the 400 rows of orders_1.csv stand in orders_2.csv too",
        ),
        (
            {"orders_1.csv": rows(0, 19), "orders_2.csv": rows(0, 18) + rows(20, 30)},
            "380 of the 400 rows of orders_1.csv",
        ),
    ],
)
def test_exports_that_overlap(files: dict[str, list[str]], words: str, tmp_path: Path) -> None:
    (note,) = notes_of(tmp_path, files)
    assert note.startswith(f"orders*: {words}"), note
    assert note.endswith("Name files that share no rows")


@pytest.mark.parametrize(
    "files",
    [
        {"orders_1.csv": rows(0, 9), "orders_2.csv": rows(10, 19)},
        {"orders_a.csv": rows(0, 19, store="x"), "orders_b.csv": rows(0, 19)},
        {"orders_1.csv": rows(0, 9) + rows(10, 10)[:9], "orders_2.csv": rows(10, 10)[9:] + rows(11, 19)},
        {"orders_1.csv": rows(0, 20), "orders_2.csv": rows(20, 20)[:3] + rows(21, 29)},  # by chance
        {"orders_1.csv": rows(0, 19)[::2] * 2, "orders_2.csv": rows(0, 19)[1::2]},  # twice in one file
        {"orders.csv": rows(0, 9)},
    ],
)
def test_files_that_share_no_rows(files: dict[str, list[str]], tmp_path: Path) -> None:
    assert notes_of(tmp_path, files) == []


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    files = {"1/orders.csv": rows(0, 9), "2/orders.csv": rows(0, 12)}
    (note,) = notes_of(tmp_path, files, '"?/orders.csv"')
    assert f"rows of {tmp_path / '1/orders.csv'} stand in {tmp_path / '2/orders.csv'} too" in note


@pytest.mark.parametrize(
    ("names", "spec"),
    [
        (["orders.csv", "orders.csv.gz"], '"orders*"'),
        (["orders_1.csv", "orders_2.csv", "orders_2.csv.gz"], '"orders*"'),
        (["orders.csv", "orders.txt"], '["orders.csv", "orders.txt"]'),
    ],
)
def test_two_files_of_one_name_are_refused(names: list[str], spec: str, tmp_path: Path) -> None:
    """Such as a file and its packed copy."""
    files = {name: rows(number, number) for number, name in enumerate(names)}
    with pytest.raises(DataError) as raised:
        notes_of(tmp_path, files, spec)
    assert f"{tmp_path / names[-2]} and {names[-1]} have the same name but for the ending" in str(raised.value)


@pytest.mark.parametrize("alike", [0.1, 0.9])
def test_a_log_cut_at_random(alike: float) -> None:
    """A tenth of a log's rows may be alike, as in H&M's: that is no overlap."""
    random = np.random.default_rng(1)
    log = pl.DataFrame({"day": random.integers(50, size=4_000), "who": np.arange(4_000)})
    again = log.sample(fraction=alike, seed=1)
    mixed = pl.concat([log, again]).sample(fraction=1, shuffle=True, seed=2)
    found = repeated_rows([mixed[:2_000], mixed[2_000:]], "day")
    assert (found is not None) == (alike > 0.5)


def test_a_sample_of_many_rows_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = pl.DataFrame({"day": np.arange(9_000) // 100, "who": np.arange(9_000)})
    files = [log[:4_000], log[3_000:6_000], log[6_000:]]
    whole = repeated_rows(files, "day")
    monkeypatch.setattr(repeats, "MAX_COMPARED", 500)
    assert whole == repeated_rows(files, "day") == repeats.Repeats(0, 1, 1_000, 4_000, 2)
