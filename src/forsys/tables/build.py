"""The stage `tables`: Kaggle's files become checked, typed Parquet tables with dense ids."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
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
from forsys.tables.limits import MIN_MATCH
from forsys.tables.matching import Ids, applied, as_written, matching_key
from forsys.tables.reading import Table, open_table
from forsys.tables.rejected import DataIssues
from forsys.tables.roles import choose_roles, kaggle_roles
from forsys.tables.transactions import Purchases, read_transactions
from forsys.tables.unpacking import scratch_beside

ROW_GROUP = 250_000  # about a week of the shop's busy days: reading a range of days skips the rest


def build_tables(dataset: DataSet, out: Path, *, max_rejected: float = 0.01) -> dict[str, Any]:
    """Write articles, customers, transactions, submission_customers and rejected.parquet, then tables.json.

    Returns the content of tables.json: counts, first and last day, rejected rows by reason and notes. Articles
    and customers get their ids in the order of their files, those that occur only in other files come last,
    sorted. The same files give the same bytes. DataError where a file is missing, broken or beyond the bounds of
    limits.py, where the ids of two tables do not match, and where more than the share `max_rejected` of a table's
    rows cannot be used or a day of the log would be lost; rejected.parquet is written even then.
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
    customer_ids = _with_listed(purchases.customer_ids, listed, issues)
    counts = _counts(articles, customers, purchases, customer_ids)
    _note_unknown(counts, issues)

    _write_transactions(purchases.frame, out / "transactions.parquet")
    article_rows = article_table(articles, purchases.article_ids)
    customer_rows = customer_table(customers, customer_ids)
    write_parquet(article_rows, out / "articles.parquet")
    write_parquet(customer_rows, out / "customers.parquet")
    roles = choose_roles(article_rows, customer_rows, kaggle_roles())
    submission = submission_table(listed, customer_ids)
    _note_cold(purchases, submission, len(customer_ids), issues)
    write_parquet(submission, out / "submission_customers.parquet")
    issues.write()
    summary = {
        **counts,
        "submission_customers": submission.height,
        "rejected": issues.counts,
        "notes": issues.notes,
        "generated": dataset.generated,
        "dataset": dataset.name,
        "roles": roles.as_json(),
    }
    write_json(summary, out / "tables.json")
    return summary


def _required(dataset: DataSet, stem: str, scratch: Path) -> Table:
    path = find_table(dataset.folder, stem)
    if path is None:
        for folder in (dataset.folder / f"{stem}{end}" for end in ENDINGS):
            if folder.is_dir():
                raise DataError(f"{folder}: a folder without a Parquet file. Join its parts to one file.")
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


def _with_listed(ids: pl.Series, listed: pl.Series | None, issues: DataIssues) -> pl.Series:
    """All customers, those that occur only in `listed` last; where spellings differ, spelled as in `listed`."""
    if listed is None or (strange := listed.filter(~listed.is_in(ids.implode()))).is_empty():
        return ids
    where = f"the tables {CUSTOMERS} and {TRANSACTIONS}"
    key = matching_key(Ids(where, ids), Ids(SUBMISSION, listed.rename(ids.name)), issues.notes)
    if key is not as_written:
        keys = pl.DataFrame({"key": applied(key, ids)}).with_row_index("position")
        found = pl.DataFrame({"key": applied(key, listed), "id": listed}).join(keys, on="key")
        ids = ids.scatter(found["position"], found["id"])
        strange = listed.filter(~listed.is_in(ids.implode()))
    return append_sorted(ids, strange)


def _note_cold(purchases: Purchases, submission: pl.DataFrame, customers: int, issues: DataIssues) -> None:
    """Note where next to nobody of those to predict for has bought anything: nearly all lists would be the same."""
    has_bought = np.zeros(customers, dtype=bool)
    wanted, share = submission["customer"].to_numpy(), 0.0
    for rows in purchases.frame["customer"].to_frame().iter_slices(ROW_GROUP):
        has_bought[rows["customer"].to_numpy()] = True
        share = float(has_bought[wanted].mean())
        if share >= MIN_MATCH:  # soon, in a shop's own log
            return
    if len(wanted):
        issues.notes.append(
            f"only {share:.1%} of the customers to predict for occur in the {TRANSACTIONS}: nearly all lists will "
            "be those of customers without purchases. Are all tables of the same shop?"
        )


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
