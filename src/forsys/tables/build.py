"""Kaggle's tables as checked, typed Parquet with dense ids."""

import datetime
from pathlib import Path
from typing import Any

import polars as pl

from forsys.errors import DataError
from forsys.store import whole, write_json, write_parquet
from forsys.tables.catalogue import (
    article_table,
    customer_table,
    read_articles,
    read_customers,
    read_submission,
    submission_table,
)
from forsys.tables.findings import Findings
from forsys.tables.ids import extended
from forsys.tables.layout import ARTICLES, CUSTOMERS, ENDINGS, SUBMISSION, TRANSACTIONS
from forsys.tables.purchases import Purchases, read_transactions
from forsys.tables.reading import Table, open_table
from forsys.tables.source import DataSet, find_table, what_is_in
from forsys.tables.unpacking import scratch_beside

ROW_GROUP = 250_000  # about a week of the shop's busy days: reading a range of days skips the rest


def build_tables(dataset: DataSet, out: Path, *, max_rejected: float = 0.01) -> dict[str, Any]:
    """Write articles, customers, transactions, submission_customers and rejected.parquet, then tables.json.

    Returns what tables.json holds: counts, first and last day, rejected rows by reason and notes. Numbers of
    articles and customers follow their files; ids that occur only elsewhere come last, sorted. The same
    files give the same bytes. DataError where a file is missing or broken, or where more than the share
    `max_rejected` of a table's rows cannot be used; rejected.parquet is written even then.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "tables.json").unlink(missing_ok=True)  # it vouches for the others, which change now
    findings = Findings(out / "rejected.parquet", max_rejected)
    with scratch_beside(out) as scratch:
        articles = read_articles(_required(dataset, ARTICLES, scratch), findings)
        customers = read_customers(_required(dataset, CUSTOMERS, scratch), findings)
        purchases = read_transactions(
            _required(dataset, TRANSACTIONS, scratch),
            customers["customer_id"],
            articles["article_id"],
            findings,
        )
        listed = _submission(dataset, scratch, findings)
    customer_ids = _with_listed(purchases.customer_ids, listed)
    _note_unknown(articles, customers, purchases, customer_ids, findings)

    _write_transactions(purchases.frame, out / "transactions.parquet")
    write_parquet(article_table(articles, purchases.article_ids), out / "articles.parquet")
    write_parquet(customer_table(customers, customer_ids), out / "customers.parquet")
    wanted = submission_table(listed, customer_ids)
    write_parquet(wanted, out / "submission_customers.parquet")
    findings.write()
    summary = {
        **_counts(articles, customers, purchases, customer_ids),
        "submission_customers": wanted.height,
        "rejected": findings.counts,
        "notes": findings.notes,
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
            f"holds {what_is_in(dataset.folder)}. Put Kaggle's file there, or name another folder."
        )
    return open_table(path, stem, scratch)


def _submission(dataset: DataSet, scratch: Path, findings: Findings) -> pl.Series | None:
    path = find_table(dataset.folder, SUBMISSION)
    if path is None:
        findings.notes.append(f"no {SUBMISSION}: the customers to predict for are all customers")
        return None
    return read_submission(open_table(path, SUBMISSION, scratch), findings)


def _with_listed(customer_ids: pl.Series, listed: pl.Series | None) -> pl.Series:
    if listed is None:
        return customer_ids
    return extended(customer_ids, listed.filter(~listed.is_in(customer_ids.implode())))


def _note_unknown(
    articles: pl.DataFrame,
    customers: pl.DataFrame,
    purchases: Purchases,
    customer_ids: pl.Series,
    findings: Findings,
) -> None:
    only = "only in the transactions: kept, with unknown attributes"
    new_customers = len(purchases.customer_ids) - customers.height
    new_articles = len(purchases.article_ids) - articles.height
    findings.note(new_customers, f"1 customer occurs {only}", f"{{}} customers occur {only}")
    findings.note(new_articles, f"1 article occurs {only}", f"{{}} articles occur {only}")
    only = only.replace("transactions", SUBMISSION)
    new_listed = len(customer_ids) - len(purchases.customer_ids)
    findings.note(new_listed, f"1 customer occurs {only}", f"{{}} customers occur {only}")


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
    with whole(path) as part:
        frame.rechunk().write_parquet(
            part, compression="zstd", compression_level=1, row_group_size=ROW_GROUP, statistics=True
        )
