"""Everything that is wrong or doubtful in a shop's data, in one go: it doesn't stop at the first fault."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl

from forsys.calendar import Calendar
from forsys.errors import DataError
from forsys.onboarding.doubts import doubts_of_ids, doubts_of_orders, doubts_of_visits
from forsys.ranking.tuning import short_lists
from forsys.tables.build import (
    articles_of,
    count_rows,
    customers_of,
    known_ids,
    listed_of,
    note_alike,
    note_cold,
    note_unknown,
    open_required_table,
    promotions_of,
    roles_of,
    with_listed,
)
from forsys.tables.catalogue import article_table, customer_table, submission_table
from forsys.tables.dataset import DataSet
from forsys.tables.ids import ArticleIds
from forsys.tables.matching import Ids
from forsys.tables.promotions import promotion_kinds
from forsys.tables.rejected import DataIssues
from forsys.tables.shop_file import ShopFile
from forsys.tables.transactions import Purchases, read_transactions

Found = TypeVar("Found")
UNKNOWN = Ids(None, pl.Series("id", [], pl.String))  # ids of a table that is not there, or not to be used


@dataclass(frozen=True)
class Report:
    """Faults stop a run, doubts are for a person to judge, notes say what was counted or assumed."""

    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For a terminal."""
        titles = {"FAULTS": self.faults, "DOUBTS": self.doubts, "NOTES": self.notes}
        parts = [
            "\n".join([f"{title}:", *(f"{number:3}. {text}" for number, text in enumerate(found, 1))])
            for title, found in titles.items()
            if found
        ]
        return "\n\n".join([*parts, f"Next: {self.next_step}"])

    @property
    def next_step(self) -> str:
        """What to do now."""
        if self.faults:
            return "correct the faults, and run `forsys check` again."
        looked = "look at the doubts; " if self.doubts else ""
        return f"{looked}nothing stands in the way of `forsys run`."


@dataclass(frozen=True)
class _Reader:
    """Reads each table strictly, and where that fails once more with all rows allowed to be rejected."""

    report: Report
    scratch: Path
    max_rejected: float

    def read(self, what: Callable[[DataIssues], Found]) -> Found | None:
        for share in dict.fromkeys((self.max_rejected, 1.0)):
            issues = DataIssues(self.scratch / "rejected.parquet", share)
            try:
                found = what(issues)
            except DataError as error:
                self._add(self.report.faults, str(error).replace(f" They are kept in {issues.rejected_path}.", ""))
                continue
            for note in issues.notes:
                if note in issues.doubts:
                    self._add(self.report.doubts, note)
                elif note not in issues.rejections:
                    self._add(self.report.notes, note)
                elif share == self.max_rejected:  # else they are among the faults
                    self._add(self.report.doubts, note)
            return found
        return None

    @staticmethod
    def _add(texts: list[str], text: str) -> None:
        if text not in texts:
            texts.append(text)


def check(dataset: DataSet, *, max_rejected: float, holdout_days: int, k: int, today: date) -> Report:
    """Read the shop file and all tables of a shop, and report all that is wrong with them."""
    try:
        shop = dataset.shop()
    except DataError as error:
        return Report(faults=dataset.shop_file_faults() or [str(error)])
    report, purchases = _check_tables(shop, max_rejected)
    if purchases is not None:
        report.faults.extend(_faults_of_length(purchases.frame, holdout_days, k))
        report.doubts.extend(doubts_of_orders(purchases, holdout_days, today))
        report.doubts.extend(doubts_of_visits(purchases.frame, shop.orders.customer))
        report.doubts.extend(doubts_of_ids(purchases.customer_ids, shop.orders.customer))
        report.doubts.extend(doubts_of_ids(purchases.article_ids, shop.orders.article))
    return report


def _check_tables(shop: ShopFile, max_rejected: float) -> tuple[Report, Purchases | None]:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="forsys-check-") as folder:
        scratch = Path(folder)
        reader = _Reader(report, scratch, max_rejected)
        articles = reader.read(lambda issues: articles_of(shop, scratch, issues))
        customers = reader.read(lambda issues: customers_of(shop, scratch, issues))
        listed = reader.read(lambda issues: listed_of(shop, scratch, issues))
        known_customers = UNKNOWN if customers is None else known_ids(shop.customers, customers["customer_id"])
        known_articles = UNKNOWN if articles is None else known_ids(shop.articles, articles["article_id"])
        purchases, is_matched = _purchases(shop, reader, known_customers, known_articles)
        if purchases is None:
            return report, None
        promotions = reader.read(partial(promotions_of, shop, scratch, purchases.article_ids))
        if articles is not None and customers is not None:
            article_ids, customer_ids = articles["article_id"], customers["customer_id"]
            if is_matched:
                article_ids = purchases.article_ids
                customer_ids = _all_customers(shop, reader, articles, customers, purchases, listed)
            rows = article_table(articles, article_ids, ArticleIds.of(shop.articles))
            buyers = customer_table(customers, customer_ids)
            kinds = () if promotions is None else promotion_kinds(promotions)
            reader.read(partial(roles_of, shop, rows, buyers, purchases.channels, promotions=kinds))
    return report, purchases


def _all_customers(
    shop: ShopFile,
    reader: _Reader,
    articles: pl.DataFrame,
    customers: pl.DataFrame,
    purchases: Purchases,
    listed: pl.Series | None,
) -> pl.Series:
    """The ids of all customers, with what a run notes of those that not all tables have."""
    ids = reader.read(partial(with_listed, purchases.customer_ids, listed, shop))
    if ids is None:
        ids, listed = purchases.customer_ids, None

    def note(issues: DataIssues) -> None:
        note_unknown(count_rows(shop, articles, customers, purchases, ids), shop, issues)
        note_alike(shop, ids, purchases.article_ids, issues)
        note_cold(purchases, submission_table(listed, ids), len(ids), shop, issues)

    reader.read(note)
    return ids


def _faults_of_length(purchases: pl.DataFrame, holdout_days: int, k: int) -> list[str]:
    """What stops a run later: too few days for the holdout, or too few articles for a list."""
    first, last = purchases["t_dat"].min(), purchases["t_dat"].max()
    assert isinstance(first, date) and isinstance(last, date)
    try:
        before = Calendar(first, last, holdout_days).holdout.as_of
    except DataError as error:
        return [str(error)]
    sold = purchases.filter(pl.col("t_dat") < before)["article"].n_unique()
    return [fault] if (fault := short_lists(sold, before, k)) else []


def _purchases(shop: ShopFile, reader: _Reader, customers: Ids, articles: Ids) -> tuple[Purchases | None, bool]:
    """The orders, and whether their ids are those of the other tables.

    Where they are not, the orders are read on their own, to see what else is wrong.
    """
    for known in ((customers, articles), (UNKNOWN, articles), (UNKNOWN, UNKNOWN)):
        found = reader.read(partial(_read_orders, shop, reader.scratch, *known))
        if found is not None:
            return found, known[0] is customers and known[1] is articles
    return None, False


def _read_orders(shop: ShopFile, scratch: Path, customers: Ids, articles: Ids, issues: DataIssues) -> Purchases:
    table, ids = open_required_table(shop, shop.orders, scratch), ArticleIds.of(shop.articles)
    return read_transactions(table, ids, customers, articles, issues)
