"""Stray days at either end of the log, and days whose rows were lost."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from plain_shop import DAYS, FIRST, LAST, PER_DAY, log, row, tables
from test_reading import Built, error_of

from forsys.tables.days import RowsPerDay

FAR, OUTSIDE = "t_dat is far from the other days", "t_dat is not between 1970-01-01 and 2099-12-31"


def count(days: np.ndarray) -> RowsPerDay:
    found, rows = np.unique(days, return_counts=True)
    return RowsPerDay(found, rows)


def strays(built: Built) -> list[tuple[int, str]]:
    return built.rejected.select("line", "reason").rows()


@pytest.mark.parametrize("days", [3, 5, 10, 158, 400, 9_000])
@pytest.mark.parametrize("rows", [1, 3, 5])
def test_a_few_rows_after_the_last_day_steer_nothing(tmp_path: Path, days: int, rows: int) -> None:
    far = LAST + timedelta(days)
    built = Built(tmp_path, **tables([*log(), *(row(far, i) for i in range(rows))]))
    assert built.summary["last_day"] == str(LAST)
    assert built.summary["rows"] == DAYS * PER_DAY
    assert strays(built) == [(DAYS * PER_DAY + 2 + i, FAR) for i in range(rows)]
    (note,) = [note for note in built.summary["notes"] if FAR in note]
    assert f"{far}: {days} days after {LAST}" in note
    assert f"(line {DAYS * PER_DAY + 2})" in note or f"(lines {DAYS * PER_DAY + 2}, " in note


@pytest.mark.parametrize("days", [40, 400, 15_000])
def test_a_few_rows_long_before_the_first_day(tmp_path: Path, days: int) -> None:
    built = Built(tmp_path, **tables([row(FIRST - timedelta(days)), *log()]))
    assert built.summary["first_day"] == str(FIRST)
    assert strays(built) == [(2, FAR)]


@pytest.mark.parametrize("day", ["9999-12-31", "2100-01-01", "0001-01-01", "1969-12-31", "0000-01-01"])
def test_a_day_of_no_shop_is_rejected(tmp_path: Path, day: str) -> None:
    built = Built(tmp_path, **tables([*log(), row(day)]))
    assert (built.summary["first_day"], built.summary["last_day"]) == (str(FIRST), str(LAST))
    assert strays(built) == [(DAYS * PER_DAY + 2, OUTSIDE)]


@pytest.mark.parametrize("days", [(10, 20), (10, 158), (3, 5, 200, 9_000), (400, 401)])
def test_several_stray_days(tmp_path: Path, days: tuple[int, ...]) -> None:
    built = Built(tmp_path, **tables([*log(), *(row(LAST + timedelta(d)) for d in days)]))
    assert built.summary["last_day"] == str(LAST)
    assert [reason for _, reason in strays(built)] == [FAR] * len(days)


def test_stray_days_do_not_bring_customers_or_articles(tmp_path: Path) -> None:
    built = Built(tmp_path, **tables([*log(), row("2033-01-01", customer="stranger")]))
    assert built.summary["unknown_customers"] == 0


@pytest.mark.parametrize("far", [LAST + timedelta(158), date(2050, 1, 1), date(1970, 1, 1)])
def test_too_many_rows_of_a_stray_day_are_refused(tmp_path: Path, far: date) -> None:
    message = error_of(tmp_path, **tables([*log(), *(row(far, i) for i in range(30))]))
    for words in (FAR, str(far), f"line {DAYS * PER_DAY + 2}", "--max-rejected 0.05", "30 of 750"):
        assert words in message


def test_an_allowed_share_sets_them_aside(tmp_path: Path) -> None:
    built = Built(tmp_path, 0.05, **tables([*log(), *(row("2050-01-01", i) for i in range(30))]))
    assert built.summary["rejected"] == {f"transactions_train.csv: {FAR}": 30}


def test_a_shop_that_opens_again_keeps_its_days_and_says_so(tmp_path: Path) -> None:
    again = [row(LAST + timedelta(15 + i // PER_DAY), i) for i in range(3 * PER_DAY)]
    built = Built(tmp_path, **tables([*log(), *again]))
    assert built.summary["rejected"] == {}
    assert any(f"no rows between {LAST} and {LAST + timedelta(15)}" in note for note in built.summary["notes"])


@pytest.mark.parametrize("rate", [0.2, 1, 2, 5, 12, 30])
@pytest.mark.parametrize(
    "kind", ["every day", "weekdays", "weekly", "monthly", "winter closed", "growing", "season"]
)
@pytest.mark.parametrize("length", [40, 84, 730])
def test_no_day_of_a_shops_own_rhythm_is_stray(rate: float, kind: str, length: int) -> None:
    time = np.arange(length)
    sales = {
        "every day": np.ones(length),
        "weekdays": time % 7 < 5,
        "weekly": 7 * (time % 7 == 3),
        "monthly": 30 * (time % 30 == 11),
        "winter closed": time % 365 < 350,
        "growing": np.exp((time - length) / length * 4),
        "season": 1 + np.cos(time / 58),
    }[kind]
    for seed in range(10):
        days = np.repeat(time, np.random.default_rng(seed).poisson(rate * sales)) + 19_000
        assert not len(days) or count(days).strays() == "", seed


def test_the_rows_of_each_day() -> None:
    days = RowsPerDay.of(pl.Series([date(1970, 1, 3), date(1970, 1, 5), date(1970, 1, 3)]))
    assert (days.days.tolist(), days.rows.tolist(), days.usual()) == ([2, 4], [2, 1], 1.5)
    assert RowsPerDay.of(pl.Series([], dtype=pl.Date)).strays() == ""


# --- days that would be lost ---

BAD = {
    "price is below 0": {"price": "-1"},
    "price is missing": {"price": ""},
    "sales_channel_id is neither 1 nor 2": {"channel": "7"},
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize(("ago", "bad"), [(0, 12), (0, 3), (3, 5), (6, 2), (7, 5), (30, 12), (30, 5)])
def test_newest_days_must_not_lose_rows_and_no_day_all_of_them(
    tmp_path: Path, reason: str, ago: int, bad: int
) -> None:
    day = LAST - timedelta(ago)
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    start = (139 - ago) * PER_DAY
    lines[start : start + bad] = [row(day, i, **BAD[reason]) for i in range(bad)]
    if bad == PER_DAY or (ago < 7 and bad >= 3):
        message = error_of(tmp_path, **tables(lines))
        for words in (str(day), f"{bad} of its {PER_DAY}", reason, f"line {start + 2}", "--max-rejected 0.1"):
            assert words in message
        assert pl.read_parquet(tmp_path / "out/rejected.parquet").height == bad
        Built(tmp_path, 0.1, **tables(lines))  # allowed
    else:
        built = Built(tmp_path, **tables(lines))
        assert built.summary["rejected"] == {f"transactions_train.csv: {reason}": bad}


@pytest.mark.parametrize("text", ["30.06.2024", "6/30/2024", "June 30", ""])
def test_a_newest_day_in_another_form_is_not_lost_in_silence(tmp_path: Path, text: str) -> None:
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    lines[-PER_DAY:] = [row(text, i) for i in range(PER_DAY)]
    message = error_of(tmp_path, **tables(lines))
    assert "would lose" in message
    assert f"line {139 * PER_DAY + 2}" in message


@pytest.mark.parametrize("max_rejected", [0.01, 0.05, 0.09])
def test_the_day_that_is_lost_is_named_whatever_its_rows_say(tmp_path: Path, max_rejected: float) -> None:
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    lines[-PER_DAY:] = [row("yesterday", i) for i in range(PER_DAY)]
    message = error_of(tmp_path, max_rejected, **tables(lines))
    assert f"the day {LAST}: 12 of its 12 rows" in message
    assert Built(tmp_path, 0.1, **tables(lines)).summary["last_day"] == str(LAST - timedelta(1))


@pytest.mark.parametrize("bad", [1, 2])
def test_a_bad_row_or_two_at_the_end_are_no_day(tmp_path: Path, bad: int) -> None:
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    built = Built(tmp_path, **tables([*lines, *(row("yesterday", i) for i in range(bad))]))
    assert sum(built.summary["rejected"].values()) == bad


@pytest.mark.parametrize("split", [0.3, 0.5, 0.8])
def test_a_gap_of_years_in_the_middle_is_said(tmp_path: Path, split: float) -> None:
    lines = [line.replace("2024-", "2044-") if i > split * len(log()) else line for i, line in enumerate(log())]
    notes = Built(tmp_path, **tables(lines)).summary["notes"]
    assert any("no rows between 2024-0" in note for note in notes)


@pytest.mark.parametrize("text", ["30.06.2024", "6/30/2024", "2024-06-31"])
def test_nor_where_the_rows_are_in_no_order(tmp_path: Path, text: str) -> None:
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    lines[-PER_DAY:] = [row(text, i) for i in range(PER_DAY)]
    message = error_of(tmp_path, **tables(sorted(lines, key=lambda line: line.partition(",")[2])))
    assert repr(text) in message
    assert "12 of its 12" in message


def test_rejected_rows_are_told_with_their_first_lines(tmp_path: Path) -> None:
    lines = [row(LAST - timedelta(139 - i // PER_DAY), i) for i in range(140 * PER_DAY)]
    for at in (100, 300, 500, 700):
        lines[at] = row(lines[at][:10], price="-1")
    lines[900] = row(lines[900][:10], price="x")
    notes = Built(tmp_path, **tables(lines)).summary["notes"]
    assert "transactions_train.csv: 4 rows rejected, price is below 0 (lines 102, 302, 502, …)" in notes
    assert "transactions_train.csv: 1 row rejected, price is not a number (line 902)" in notes
