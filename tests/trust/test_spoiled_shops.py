"""Odd shops through every stage: a valid list for everyone, or a message that says what the shop lacks."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from trust.bench import STAGES, Bench
from trust.spoiled import (
    ARTICLES,
    CUSTOMERS,
    LISTED,
    LOG,
    Case,
    Spoil,
    added,
    both,
    column,
    refused,
    rows,
    text,
    tolerated,
    without_column,
)
from world import flags, lists_in

ALL = " ".join(STAGES)
BUYER = "076e1cc0fa8f5d67b2811a91b49f46a60b42a80d95856b2ad09f7eb207a8ad57"  # of the log's first row
HOLDOUT = "2024-06-24"  # its first day


def log(keep: Callable[[list[list[str]]], list[list[str]]]) -> Spoil:
    """Some rows of the log: day, customer, article, price, channel."""
    return rows(LOG, lambda all_: [all_[0], *keep(all_[1:])])


def first_purchases(all_: list[list[str]]) -> list[list[str]]:
    """The first row of each customer."""
    return sorted({row[1]: row for row in reversed(all_)}.values())


def quiet_week(all_: list[list[str]]) -> list[list[str]]:
    """One row on each day of the last week."""
    last = {row[0]: row for row in all_ if row[0] >= HOLDOUT}
    return [*(row for row in all_ if row[0] < HOLDOUT), *sorted(last.values())]


def new_every_week(folder: Path) -> None:
    """Nine articles sell in each week, others than in the week before."""
    lines = (folder / "articles.csv").read_text(encoding="utf-8").splitlines()[1:]
    ids = [line.partition(",")[0] for line in lines]

    def article(row: list[str], i: int) -> str:
        return ids[(date.fromisoformat(row[0]).toordinal() // 7 * 9 + i % 9) % len(ids)]

    log(lambda all_: [[*row[:2], article(row, i), *row[3:]] for i, row in enumerate(all_)])(folder)


def shop(name: str, spoil: Spoil, *words: str) -> Case:
    """A shop for which every stage must work."""
    return tolerated(name, spoil, *words, "submission.csv; valid", commands=ALL)


BASKET = [f"2024-06-30,{BUYER},{article},0.05,2" for article in ("0118235001", "0118235002")] * 1500
QUICK = [
    shop("gifts", column(LOG, "price", lambda p, i: "0" if i % 20 == 0 else p), "108 rows have the price 0"),
    shop("new articles every week", new_every_week),
    refused("one article", column(LOG, "article_id", lambda *_: "0118235001"), "different article", commands=ALL),
]
LONG = [
    shop("everything is free", column(LOG, "price", lambda *_: "0"), "2,160 rows have the price 0"),
    shop(
        "ids alone", both(*(rows(stem, lambda all_: [row[:1] for row in all_]) for stem in (ARTICLES, CUSTOMERS)))
    ),
    shop("one channel", column(LOG, "sales_channel_id", lambda *_: "1")),
    shop("one listed customer", text(LISTED, lambda old: "".join(old.splitlines(keepends=True)[:2]))),
    shop("one product", column(ARTICLES, "product_code", lambda *_: "108775")),
    shop("no descriptions", without_column(ARTICLES, "detail_desc")),
    shop("a basket of 3,000", added(LOG, *BASKET)),
    shop("one purchase each", log(first_purchases)),
    shop("seven rows in the last week", log(quiet_week), "customers who bought 7 articles"),
    shop(
        "one row in the last week",
        log(lambda all_: [*(row for row in all_ if row[0] < HOLDOUT), all_[-1]]),
        "far from the other days",
    ),
    refused(
        "one buyer", log(lambda all_: [row for row in all_ if row[1] == BUYER]), "different article", commands=ALL
    ),
]


@pytest.mark.parametrize(
    "case",
    [*QUICK, *(pytest.param(case, marks=pytest.mark.long) for case in LONG)],
    ids=lambda case: case.name,
)
def test_spoiled_shop(case: Case, bench: Bench) -> None:
    options = tuple(flags(bench.shop)[2:])
    bench.judge("odd shops", Case(case.name, case.spoil, case.code, case.words, case.commands, options))
    if case.code == 0:
        wanted = (bench.shop / "sample_submission.csv").read_text(encoding="utf-8").splitlines()[1:]
        lists = lists_in(bench.home / "submissions" / "submission.csv")
        assert list(lists) == [row.split(",")[0] for row in wanted]
        assert all(len(set(found)) == 12 for found in lists.values())
