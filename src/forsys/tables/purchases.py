"""The transactions, streamed: text in, 18 bytes a row out."""

from dataclasses import dataclass

import polars as pl

from forsys.schema import TRANSACTIONS
from forsys.tables.catalogue import note_columns, note_lost_zeros
from forsys.tables.findings import REASON, Checks, Findings, reason_code
from forsys.tables.ids import article_number, article_text, extended, lost_zero, numbered
from forsys.tables.layout import REQUIRED
from forsys.tables.layout import TRANSACTIONS as STEM
from forsys.tables.reading import TAIL_MISSING, Table

CHANNELS = (1, 2)  # store, online
DAY = len("YYYY-MM-DD")
MIDNIGHT = len(" 00:00:00")

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
    """The transactions as TRANSACTIONS, and the ids that their numbers stand for."""

    frame: pl.DataFrame  # ordered by t_dat, then as in the file
    customer_ids: pl.Series  # those given, then the ones met only here, sorted
    article_ids: pl.Series  # likewise


def read_transactions(
    table: Table, customer_ids: pl.Series, article_ids: pl.Series, findings: Findings
) -> Purchases:
    """Read the transactions against the known ids; ids that are not known get the next numbers."""
    note_columns(table, list(REQUIRED[STEM]), findings)
    frame = table.collect(_numbered(table, customer_ids, article_ids))
    is_new = pl.col("customer").is_null() | pl.col("article").is_null()
    if frame.select((is_new & (pl.col(REASON) == 0)).any()).item():
        # Rare, so more readings of the file cost less than keeping the ids' text for every row would.
        del frame
        customer_ids = extended(customer_ids, _unknown(table, pl.col("customer_id"), customer_ids))
        article_ids = extended(article_ids, _unknown(table, article_text(pl.col("article")), article_ids))
        frame = table.collect(_numbered(table, customer_ids, article_ids))
    frame = findings.keep_good(table, frame, CHECKS)
    note_lost_zeros(table, int(frame["lost_zero"].sum()), findings)
    frame = frame.select(list(TRANSACTIONS)).cast(TRANSACTIONS)  # type: ignore[arg-type]
    if not frame["t_dat"].is_sorted():
        findings.notes.append(f"{table.path.name}: not in the order of days, sorted")
        frame = frame.sort("t_dat", maintain_order=True)
    return Purchases(frame, customer_ids, article_ids)


def _numbered(table: Table, customer_ids: pl.Series, article_ids: pl.Series) -> pl.LazyFrame:
    """TRANSACTIONS' columns with REASON, TAIL_MISSING and lost_zero, row for row as in the file."""
    texts = _checked(table).select(
        pl.col("day").alias("t_dat"),
        pl.col("customer_id").alias("customer"),
        "article",
        pl.col("amount").alias("price"),
        "channel",
        "lost_zero",
        REASON,
        TAIL_MISSING,
    )
    return numbered(numbered(texts, "customer", customer_ids), "article", article_ids.cast(pl.Int64))


def _checked(table: Table) -> pl.LazyFrame:
    names = list(REQUIRED[STEM])
    parsed = table.rows(names).with_columns(
        _day(pl.col("t_dat")).alias("day"),
        article_number("article_id").alias("article"),
        pl.col("price").cast(pl.Float32, strict=False).alias("amount"),
        pl.col("sales_channel_id").cast(pl.Int8, strict=False).alias("channel"),
        lost_zero("article_id").alias("lost_zero"),
    )
    return parsed.with_columns(reason_code(CHECKS, names))


def _unknown(table: Table, text: pl.Expr, known: pl.Series) -> pl.Series:
    """The distinct ids of good rows that are not among `known`."""
    good = _checked(table).filter(pl.col(REASON) == 0)
    met = table.collect(good.select(text.unique())).to_series()
    return met.filter(~met.is_in(known.implode()))


def _day(text: pl.Expr) -> pl.Expr:
    """YYYY-MM-DD, also with a time of midnight behind it, as Date; else null."""
    length = text.str.len_bytes()
    is_midnight = (length == DAY + MIDNIGHT) & text.str.ends_with("00:00:00")
    day = text.str.head(DAY).str.to_date("%Y-%m-%d", strict=False)
    return pl.when((length == DAY) | is_midnight).then(day)
