"""The transactions, streamed from text into 18 bytes per row."""

from dataclasses import dataclass

import polars as pl

from forsys.schema import TRANSACTIONS
from forsys.tables.catalogue import note_columns, note_lost_zeros
from forsys.tables.columns import REQUIRED
from forsys.tables.columns import TRANSACTIONS as STEM
from forsys.tables.ids import append_sorted, dense_ids, format_article_id, lost_zero, parse_article_id
from forsys.tables.reading import TAIL_MISSING, Table
from forsys.tables.rejected import REASON, Checks, DataIssues, reason_code

CHANNELS = (1, 2)  # store, online
DAY_LENGTH = len("YYYY-MM-DD")
MIDNIGHT_LENGTH = len(" 00:00:00")

CHECKS: Checks = {
    "t_dat is missing": pl.col("t_dat").is_null(),
    "t_dat is not a day as YYYY-MM-DD": pl.col("day").is_null(),
    "customer_id is missing": pl.col("customer_id").is_null(),
    "article_id is missing": pl.col("article_id").is_null(),
    "article_id is not up to 10 digits": pl.col("article").is_null(),
    "price is missing": pl.col("price").is_null(),
    "price is not a number": pl.col("amount").is_null(),
    "price is not finite": ~pl.col("amount").is_finite(),
    "price is below 0": pl.col("amount") < 0,
    "sales_channel_id is missing": pl.col("sales_channel_id").is_null(),
    "sales_channel_id is neither 1 nor 2": ~pl.col("channel").is_between(*CHANNELS).fill_null(False),
}


@dataclass(frozen=True)
class Purchases:
    """The transactions as TRANSACTIONS, and the shop's ids in the order of their dense ids."""

    frame: pl.DataFrame  # ordered by t_dat, then as in the file
    customer_ids: pl.Series  # those of the customers table, then those that occur only here, sorted
    article_ids: pl.Series  # the same for articles


def read_transactions(
    table: Table, customer_ids: pl.Series, article_ids: pl.Series, issues: DataIssues
) -> Purchases:
    """Read the transactions with the dense ids of the known ids; unknown ids get the next ones."""
    note_columns(table, list(REQUIRED[STEM]), issues)
    frame = table.collect(_with_dense_ids(table, customer_ids, article_ids))
    is_new = pl.col("customer").is_null() | pl.col("article").is_null()
    if frame.select((is_new & (pl.col(REASON) == 0)).any()).item():
        # Rare, so reading the file again costs less than keeping the ids as text for every row.
        del frame
        customer_ids = append_sorted(customer_ids, _unknown(table, pl.col("customer_id"), customer_ids))
        unknown_articles = _unknown(table, format_article_id(pl.col("article")), article_ids)
        article_ids = append_sorted(article_ids, unknown_articles)
        frame = table.collect(_with_dense_ids(table, customer_ids, article_ids))
    frame = issues.keep_valid(table, frame, CHECKS)
    note_lost_zeros(table, int(frame["lost_zero"].sum()), issues)
    frame = frame.select(list(TRANSACTIONS)).cast(TRANSACTIONS)  # type: ignore[arg-type]
    if not frame["t_dat"].is_sorted():
        issues.notes.append(f"{table.path.name}: not in the order of days, sorted")
        frame = frame.sort("t_dat", maintain_order=True)
    return Purchases(frame, customer_ids, article_ids)


def _with_dense_ids(table: Table, customer_ids: pl.Series, article_ids: pl.Series) -> pl.LazyFrame:
    """TRANSACTIONS' columns with REASON, TAIL_MISSING and lost_zero, all rows in the order of the file."""
    same = ("article", "channel", "lost_zero", REASON, TAIL_MISSING)
    texts = _checked(table).select(*same, t_dat="day", customer="customer_id", price="amount")
    return dense_ids(dense_ids(texts, "customer", customer_ids), "article", article_ids.cast(pl.Int64))


def _checked(table: Table) -> pl.LazyFrame:
    names = list(REQUIRED[STEM])
    parsed = table.rows(names).with_columns(
        _day(pl.col("t_dat")).alias("day"),
        parse_article_id("article_id").alias("article"),
        pl.col("price").cast(pl.Float32, strict=False).alias("amount"),
        pl.col("sales_channel_id").cast(pl.Int8, strict=False).alias("channel"),
        lost_zero("article_id").alias("lost_zero"),
    )
    return parsed.with_columns(reason_code(CHECKS, names))


def _unknown(table: Table, text: pl.Expr, known: pl.Series) -> pl.Series:
    """The distinct ids of valid rows that are not among `known`."""
    valid = _checked(table).filter(pl.col(REASON) == 0)
    ids = table.collect(valid.select(text.unique())).to_series()
    return ids.filter(~ids.is_in(known.implode()))


def _day(text: pl.Expr) -> pl.Expr:
    """YYYY-MM-DD, alone or followed by a time of midnight, as Date; else null."""
    length = text.str.len_bytes()
    is_midnight = (length == DAY_LENGTH + MIDNIGHT_LENGTH) & text.str.ends_with("00:00:00")
    day = text.str.head(DAY_LENGTH).str.to_date("%Y-%m-%d", strict=False)
    return pl.when((length == DAY_LENGTH) | is_midnight).then(day)
