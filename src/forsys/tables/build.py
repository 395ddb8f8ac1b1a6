"""The stage `tables`: Kaggle's files become checked, typed Parquet tables with dense ids."""

import datetime
from pathlib import Path
from typing import Any

import polars as pl

from forsys.errors import DataError
from forsys.store import atomic_write, write_json, write_parquet
from forsys.tables.catalogue import (
    article_table,
    customer_table,
    read_articles,
    read_customers,
    read_submission,
    submission_table,
)
from forsys.tables.columns import ARTICLES, CUSTOMERS, ENDINGS, SUBMISSION, TRANSACTIONS
from forsys.tables.dataset import DataSet, find_table, folder_contents
from forsys.tables.ids import append_sorted
from forsys.tables.reading import Table, open_table
from forsys.tables.rejected import DataIssues
from forsys.tables.transactions import Purchases, read_transactions
from forsys.tables.unpacking import scratch_beside

ROW_GROUP = 250_000  # about a week of the shop's busy days: reading a range of days skips the rest


def build_tables(dataset: DataSet, out: Path, *, max_rejected: float = 0.01) -> dict[str, Any]:
    """Write articles, customers, transactions, submission_customers and rejected.parquet, then tables.json.

    Returns the content of tables.json: counts, first and last day, rejected rows by reason and notes. Articles
    and customers get their ids in the order of their files, those that occur only in other files come last,
    sorted. The same files give the same bytes. DataError where a file is missing or broken, or where more than
    the share `max_rejected` of a table's rows cannot be used; rejected.parquet is written even then.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "tables.json").unlink(missing_ok=True)  # it says that the other files are complete, and they change now
    issues = DataIssues(out / "rejected.parquet", max_rejected)
    with scratch_beside(out) as scratch:
        articles = read_articles(_required(dataset, ARTICLES, scratch), issues)
        customers = read_customers(_required(dataset, CUSTOMERS, scratch), issues)
        transactions = _required(dataset, TRANSACTIONS, scratch)
        purchases = read_transactions(transactions, customers["customer_id"], articles["article_id"], issues)
        listed = _submission(dataset, scratch, issues)
    customer_ids = _with_listed(purchases.customer_ids, listed)
    counts = _counts(articles, customers, purchases, customer_ids)
    _note_unknown(counts, issues)

    _write_transactions(purchases.frame, out / "transactions.parquet")
    write_parquet(article_table(articles, purchases.article_ids), out / "articles.parquet")
    write_parquet(customer_table(customers, customer_ids), out / "customers.parquet")
    submission = submission_table(listed, customer_ids)
    write_parquet(submission, out / "submission_customers.parquet")
    issues.write()
    summary = {
        **counts,
        "submission_customers": submission.height,
        "rejected": issues.counts,
        "notes": issues.notes,
        "generated": dataset.generated,
        "dataset": dataset.name,
    }
    write_json(summary, out / "tables.json")
    return summary


def _required(dataset: DataSet, stem: str, scratch: Path) -> Table:
    path = find_table(dataset.folder, stem)
    if path is None:
        raise DataError(
            f"{dataset.folder}: no {stem} table ({' or '.join(stem + end for end in ENDINGS)}). The folder "
            f"holds {folder_contents(dataset.folder)}. Put Kaggle's file there, or name another folder."
        )
    return open_table(path, stem, scratch)


def _submission(dataset: DataSet, scratch: Path, issues: DataIssues) -> pl.Series | None:
    path = find_table(dataset.folder, SUBMISSION)
    if path is None:
        issues.notes.append(f"no {SUBMISSION}: the customers to predict for are all customers")
        return None
    return read_submission(open_table(path, SUBMISSION, scratch), issues)


def _with_listed(customer_ids: pl.Series, listed: pl.Series | None) -> pl.Series:
    if listed is None:
        return customer_ids
    return append_sorted(customer_ids, listed.filter(~listed.is_in(customer_ids.implode())))


def _note_unknown(counts: dict[str, Any], issues: DataIssues) -> None:
    for key, what, table in (
        ("unknown_customers", "customer", "transactions"),
        ("unknown_articles", "article", "transactions"),
        ("unknown_submission_customers", "customer", SUBMISSION),
    ):
        only = f"only in the {table}: kept, with unknown attributes"
        issues.note(counts[key], f"1 {what} occurs {only}", f"{{}} {what}s occur {only}")


def _counts(
    articles: pl.DataFrame, customers: pl.DataFrame, purchases: Purchases, customer_ids: pl.Series
) -> dict[str, Any]:
    days = purchases.frame["t_dat"]
    return {
        "rows": purchases.frame.height,
        "customers": len(customer_ids),
        "articles": len(purchases.article_ids),
        "unknown_customers": len(purchases.customer_ids) - customers.height,
        "unknown_articles": len(purchases.article_ids) - articles.height,
        "unknown_submission_customers": len(customer_ids) - len(purchases.customer_ids),
        "first_day": _iso(days.first()),
        "last_day": _iso(days.last()),
    }


def _iso(day: object) -> str:
    assert isinstance(day, datetime.date)
    return day.isoformat()


def _write_transactions(frame: pl.DataFrame, path: Path) -> None:
    with atomic_write(path) as part:
        frame.rechunk().write_parquet(
            part, compression="zstd", compression_level=1, row_group_size=ROW_GROUP, statistics=True
        )
