"""The stage `tables`: the shop's files become checked, typed Parquet tables with dense ids."""

import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.remote import delete
from forsys.schema import PROMOTIONS
from forsys.store import atomic_write, write_json, write_parquet
from forsys.tables.catalogue import (
    NO_ARTICLES,
    NO_CUSTOMERS,
    article_table,
    customer_table,
    read_articles,
    read_customers,
    read_submission,
    submission_table,
)
from forsys.tables.dataset import DataSet
from forsys.tables.files import ENDINGS, find, folder_contents, missing
from forsys.tables.ids import ArticleIds, append_sorted
from forsys.tables.limits import MIN_MATCH
from forsys.tables.matching import Ids, applied, as_written, in_any_spelling, matching_key
from forsys.tables.promotions import promotion_kinds, read_promotions
from forsys.tables.reading import Table, open_table
from forsys.tables.rejected import DataIssues
from forsys.tables.roles import Roles, choose_roles
from forsys.tables.shop_file import ShopFile, TableSection
from forsys.tables.transactions import Purchases, read_transactions
from forsys.tables.unpacking import scratch_beside

ROW_GROUP = 250_000  # about a week of the shop's busy days: reading a range of days skips the rest
ONLINE_KEY = '[roles] online (in Python columns={"online": …})'


def build_tables(dataset: DataSet, out: Path, *, max_rejected: float = 0.01) -> dict[str, Any]:
    """Write transactions, returns, promotions, articles, customers, submission_customers, rejected and tables.json.

    Returns the content of tables.json: counts, first and last day, names of the channels, roles, rejected rows by
    reason and notes. Articles and customers get their ids in the order of their files, those that occur only in
    other files come last, sorted. The same files give the same bytes. DataError where the shop file or a table is
    missing, broken or beyond the bounds of limits.py, where the ids of two tables do not match, and where more than
    the share `max_rejected` of a table's rows cannot be used or a day of the log would be lost; rejected.parquet is
    written even then.
    """
    out.mkdir(parents=True, exist_ok=True)
    delete(out / "tables.json")  # it says that the other files are complete, and they change now
    issues, shop = DataIssues(out / "rejected.parquet", max_rejected), dataset.shop()
    with scratch_beside(out) as scratch:
        articles = articles_of(shop, scratch, issues)
        customers = customers_of(shop, scratch, issues)
        purchases = read_transactions(
            open_required_table(shop, shop.orders, scratch),
            ArticleIds.of(shop.articles),
            known_ids(shop.customers, customers["customer_id"]),
            known_ids(shop.articles, articles["article_id"]),
            issues,
        )
        promotions = promotions_of(shop, scratch, purchases.article_ids, issues)
        listed = listed_of(shop, scratch, issues)
    customer_ids = with_listed(purchases.customer_ids, listed, shop, issues)
    counts = count_rows(shop, articles, customers, purchases, customer_ids)
    note_unknown(counts, shop, issues)
    note_alike(shop, customer_ids, purchases.article_ids, issues)

    _write_transactions(purchases.frame, out / "transactions.parquet")
    write_parquet(purchases.returns, out / "returns.parquet")
    write_parquet(promotions, out / "promotions.parquet")
    article_rows = article_table(articles, purchases.article_ids, ArticleIds.of(shop.articles))
    customer_rows = customer_table(customers, customer_ids)
    write_parquet(article_rows, out / "articles.parquet")
    write_parquet(customer_rows, out / "customers.parquet")
    kinds = promotion_kinds(promotions)
    roles = roles_of(shop, article_rows, customer_rows, purchases.channels, issues, kinds)
    submission = submission_table(listed, customer_ids)
    note_cold(purchases, submission, len(customer_ids), shop, issues)
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


def open_required_table(shop: ShopFile, section: TableSection, scratch: Path) -> Table:
    """A table of the shop, opened as `open_table` does; DataError where one of its files is not there."""
    if absent := missing(section, shop.folder):
        raise DataError(_missing(shop, section, absent))
    return open_table(section, shop, scratch / type(section).__name__)


def _missing(shop: ShopFile, section: TableSection, absent: list[str]) -> str:
    folder = shop.folder
    for path in (folder / f"{spec}{end}" for spec in absent for end in ("", *ENDINGS)):
        if path.is_dir():
            return f"{path}: a folder without a Parquet file. Join its parts to one file."
    names = " or ".join(f"{absent[0]}{end}" for end in ENDINGS) if shop.is_shipped else ", ".join(absent)
    advice = "Put Kaggle's file there" if shop.is_shipped else f"Name the files in {shop.path}"
    return (
        f"{folder}: no {section.label} table ({names}). The folder holds {folder_contents(folder)}. "
        f"{advice}, or name another folder."
    )


def articles_of(shop: ShopFile, scratch: Path, issues: DataIssues) -> pl.DataFrame:
    """The articles as `read_articles`; NO_ARTICLES and a note where the shop has no such table."""
    if shop.articles is None:
        issues.notes.append("no table of articles: they are those of the orders, without attributes")
        return NO_ARTICLES
    return read_articles(open_required_table(shop, shop.articles, scratch), issues)


def customers_of(shop: ShopFile, scratch: Path, issues: DataIssues) -> pl.DataFrame:
    """The customers as `read_customers`; NO_CUSTOMERS and a note where the shop has no such table."""
    if shop.customers is None:
        issues.notes.append("no table of customers: they are those of the orders")
        return NO_CUSTOMERS
    return read_customers(open_required_table(shop, shop.customers, scratch), issues)


def known_ids(section: TableSection | None, ids: pl.Series) -> Ids:
    """The ids of a table, with what messages call it; `section` is None where the shop has no such table."""
    return Ids(f"the table {section.label}" if section else None, ids)


def listed_of(shop: ShopFile, scratch: Path, issues: DataIssues) -> pl.Series | None:
    """The ids of the customers who want a list, as `read_submission`; None where the shop names none: all do."""
    section = shop.recommend_to
    if section is None:
        return None
    if shop.is_shipped and not find(section, shop.folder):
        issues.notes.append(f"no {section.label}: the customers to predict for are all customers")
        return None
    return read_submission(open_required_table(shop, section, scratch), issues)


def promotions_of(shop: ShopFile, scratch: Path, article_ids: pl.Series, issues: DataIssues) -> pl.DataFrame:
    """The promotions as `read_promotions`; no rows where the shop has no such table."""
    if shop.promotions is None:
        return pl.DataFrame(schema=PROMOTIONS)
    table = open_required_table(shop, shop.promotions, scratch)
    return read_promotions(table, ArticleIds.of(shop.articles), article_ids, issues)


def roles_of(
    shop: ShopFile,
    articles: pl.DataFrame,
    customers: pl.DataFrame,
    channels: tuple[str, ...],
    issues: DataIssues,
    promotions: tuple[str, ...],
) -> Roles:
    """The roles of the finished tables, as `choose_roles`; of several channels, a note says which is online."""
    roles = choose_roles(articles, customers, shop.roles, channels, partial(shop.place, "roles"), promotions)
    if len(channels) > 1 and "online" not in shop.roles.model_fields_set:
        found = (
            f"{_online_by_name(roles.online)}; {ONLINE_KEY} names another"
            if roles.online
            else f"no channel is known as the online shop; if one is, name it: {ONLINE_KEY}"
        )
        issues.notes.append(f"{shop.orders.label}: {found}")
    return roles


def _online_by_name(channels: tuple[str, ...]) -> str:
    if len(channels) == 1:
        return f"the channel {channels[0]} is taken as the online shop, by its name"
    return f"the channels {', '.join(channels)} are taken as the online shop, by their names"


def with_listed(ids: pl.Series, listed: pl.Series | None, shop: ShopFile, issues: DataIssues) -> pl.Series:
    """All customers, those that occur only in `listed` last; where spellings differ, spelled as in `listed`."""
    if listed is None or (strange := listed.filter(~listed.is_in(ids.implode()))).is_empty():
        return ids
    where = " and ".join(section.label for section in (shop.customers, shop.orders) if section)
    wanted = Ids(_listed_in(shop), listed.rename(ids.name))
    key = matching_key(Ids(f"the tables {where}", ids), wanted, issues.notes)
    if key is not as_written:
        keys = pl.DataFrame({"key": applied(key, ids)}).with_row_index("position")
        found = pl.DataFrame({"key": applied(key, listed), "id": listed}).join(keys, on="key")
        ids = ids.scatter(found["position"], found["id"])
        strange = listed.filter(~listed.is_in(ids.implode()))
    return append_sorted(ids, strange)


def _listed_in(shop: ShopFile) -> str:
    """What the table of those to predict for is called."""
    return shop.recommend_to.label if shop.recommend_to else "table of customers to predict for"


def note_cold(
    purchases: Purchases, submission: pl.DataFrame, customers: int, shop: ShopFile, issues: DataIssues
) -> None:
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
            f"only {share:.1%} of the customers to predict for occur in the {shop.orders.label}: nearly all lists "
            "will be those of customers without purchases. Are all tables of the same shop?"
        )


def note_unknown(counts: dict[str, Any], shop: ShopFile, issues: DataIssues) -> None:
    """Note how many customers and articles are in no table of their own. counts: of `count_rows`."""
    for key, what, table in (
        ("unknown_customers", "customer", "transactions"),
        ("unknown_articles", "article", "transactions"),
        ("unknown_submission_customers", "customer", _listed_in(shop)),
    ):
        only = f"only in the {table}: kept, with unknown attributes"
        issues.note(counts[key], f"1 {what} occurs {only}", f"{{}} {what}s occur {only}")


def note_alike(shop: ShopFile, customers: pl.Series, articles: pl.Series, issues: DataIssues) -> None:
    """Note ids that differ from another one in their spelling alone; those of Kaggle's shop are of one program."""
    for what, ids in {"customer": customers, "article": articles}.items() if not shop.is_shipped else ():
        alike = len(ids) - applied(in_any_spelling, ids).n_unique()
        differ = "from another one in white space, case, leading zeros or a trailing .0 alone"
        issues.note(
            alike,
            f"1 {what} id differs {differ}: these count as two {what}s",
            f"{{}} {what} ids differ {differ}: each counts as its own {what}",
        )


def count_rows(
    shop: ShopFile, articles: pl.DataFrame, customers: pl.DataFrame, purchases: Purchases, customer_ids: pl.Series
) -> dict[str, Any]:
    """What the tables hold, and the first and the last day.

    Unknown are those who are in no table of their own, where the shop has one.
    """
    days = purchases.frame["t_dat"]
    return {
        "rows": purchases.frame.height,
        "customers": len(customer_ids),
        "articles": len(purchases.article_ids),
        "listed_articles": articles.height,
        "unknown_customers": len(purchases.customer_ids) - customers.height if shop.customers else 0,
        "unknown_articles": len(purchases.article_ids) - articles.height if shop.articles else 0,
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
