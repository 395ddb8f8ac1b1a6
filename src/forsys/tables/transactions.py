"""The transactions, streamed from text into 18 bytes per row."""

from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from forsys.errors import DataError
from forsys.schema import TRANSACTIONS
from forsys.tables.catalogue import note_columns, note_lost_zeros, refuse_unwritable
from forsys.tables.columns import ARTICLES, CUSTOMERS, REQUIRED
from forsys.tables.columns import TRANSACTIONS as STEM
from forsys.tables.days import RowsPerDay
from forsys.tables.ids import append_sorted, dense_ids, format_article_id, lost_zero, parse_article_id, tidy_number
from forsys.tables.limits import FIRST_DAY, LAST_DAY
from forsys.tables.lost_days import LostRows, refuse_lost_days
from forsys.tables.matching import Ids, Key, applied, as_written, matching_key
from forsys.tables.reading import TAIL_MISSING, Table
from forsys.tables.rejected import BAD_ARTICLE_ID, BAD_DAY, BLANK, FAR_DAY, REASON, Checks, DataIssues, reason_code

CHANNELS = (1, 2)  # store, online
DAY_LENGTH = len("YYYY-MM-DD")
MIDNIGHT_LENGTH = len(" 00:00:00")
QUANTITIES = ("quantity", "qty", "units", "unit", "count", "pieces", "pcs", "menge", "anzahl", "stück", "stueck")

# A day with a time of day behind it, whatever the time zone: the day as it is written.
DAY_AND_TIME = (
    r"^(\d{4}-\d{2}-\d{2})[ T](?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?"
    r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?$"
)
DIGITS_OF_DAY = r"^(\d{4})(\d{2})(\d{2})(?:\.0+)?$"

OUTSIDE = f"t_dat is not between {FIRST_DAY} and {LAST_DAY}"
BAD_PRICE = "price is not a number"
BAD_CHANNEL = "sales_channel_id is neither 1 nor 2"
TIDIED = (BAD_DAY, BAD_ARTICLE_ID, BAD_PRICE, BAD_CHANNEL)  # what another exact spelling may be taken for


@dataclass(frozen=True)
class Purchases:
    """The transactions as TRANSACTIONS, and the shop's ids in the order of their dense ids."""

    frame: pl.DataFrame  # ordered by t_dat, then as in the file
    customer_ids: pl.Series  # those of the customers table, then those that occur only here, sorted
    article_ids: pl.Series  # the same for articles


@dataclass(frozen=True)
class _Log:
    """How the file is read: as Kaggle writes it until its rows show that it is written in another way."""

    table: Table
    customer_ids: pl.Series
    article_ids: pl.Series
    is_tidied: bool = False  # whether other exact spellings of days and numbers are read too
    customer_key: Key = field(default=as_written)
    days: tuple[date, date] | None = None  # the first and the last, where others are stray

    def checks(self) -> Checks:
        """Reason → rows that fail."""
        far = {FAR_DAY: ~pl.col("day").is_between(*self.days)} if self.days else {}
        return {
            "t_dat is missing": pl.col("t_dat").is_null(),
            BAD_DAY: pl.col("day").is_null(),
            OUTSIDE: ~pl.col("day").is_between(FIRST_DAY, LAST_DAY),
            "customer_id is missing": pl.col("customer_id").is_null(),
            "article_id is missing": pl.col("article_id").is_null(),
            BAD_ARTICLE_ID: pl.col("article").is_null(),
            "price is missing": pl.col("price").is_null(),
            BAD_PRICE: pl.col("amount").is_null(),
            "price is not finite": ~pl.col("amount").is_finite(),
            "price is below 0": pl.col("amount") < 0,
            "sales_channel_id is missing": pl.col("sales_channel_id").is_null(),
            BAD_CHANNEL: ~pl.col("channel").is_between(*CHANNELS).fill_null(False),
            **far,
        }

    def codes(self, *reasons: str) -> list[int]:
        """REASON of each of `reasons`."""
        return [number for number, reason in enumerate(self.checks(), start=1) if reason in reasons]

    def checked(self) -> pl.LazyFrame:
        """The file's columns, what they mean, and REASON."""
        names = list(REQUIRED[STEM])
        rows = self.table.rows(names)
        if self.is_tidied:
            numbers = [tidy_number(pl.col(name)) for name in ("article_id", "price", "sales_channel_id")]
            rows = rows.with_columns(_tidy_day(pl.col("t_dat")), *numbers)
        parsed = rows.with_columns(
            _day(pl.col("t_dat")).alias("day"),
            parse_article_id("article_id").alias("article"),
            pl.col("price").cast(pl.Float32, strict=False).alias("amount"),
            pl.col("sales_channel_id").cast(pl.Int8, strict=False).alias("channel"),
            lost_zero("article_id").alias("lost_zero"),
        )
        return parsed.with_columns(reason_code(self.checks(), names))

    def read(self) -> pl.DataFrame:
        """TRANSACTIONS' columns with REASON, TAIL_MISSING and lost_zero, all rows in the order of the file."""
        same = ("article", "channel", "lost_zero", REASON, TAIL_MISSING)
        key = self.customer_key(pl.col("customer_id"))
        texts = self.checked().select(*same, t_dat="day", customer=key, price="amount")
        known = dense_ids(texts, "customer", applied(self.customer_key, self.customer_ids))
        return self.table.collect(dense_ids(known, "article", self.article_ids.cast(pl.Int64)))

    def unknown(self, text: pl.Expr, known: pl.Series) -> pl.Series:
        """The distinct ids of valid rows that are not among `known`."""
        valid = self.checked().filter(pl.col(REASON) == 0)
        ids = self.table.collect(valid.select(text.unique())).to_series()
        return ids.filter(~ids.is_in(known.implode()))


def read_transactions(
    table: Table, customer_ids: pl.Series, article_ids: pl.Series, issues: DataIssues
) -> Purchases:
    """Read the transactions with the dense ids of the known ids; unknown ids get the next ones.

    The file is read again, which is rare, where it is spelled in another way than Kaggle's, has stray days or has
    unknown ids: that costs less than keeping texts for every row. DataError where its ids are not those of the
    other tables, or where the newest days would lose rows.
    """
    note_columns(table, list(REQUIRED[STEM]), issues)
    _refuse_returns(table)
    log = _Log(table, customer_ids, article_ids)
    frame = log.read()
    if frame[REASON].max() and frame[REASON].is_in(log.codes(*TIDIED)).any():
        valid = int((frame[REASON] == 0).sum())
        del frame
        log = replace(log, is_tidied=True)
        frame = log.read()
        text = (
            f"{table.path.name}: {{}} rows have a time of day, a whole number as 1.0 or white space: read as meant"
        )
        issues.note(int((frame[REASON] == 0).sum()) - valid, text.replace("rows have", "row has").format(1), text)
    per_day, hints = _days(frame), {}
    if hint := per_day.strays():
        del frame
        log, hints = replace(log, days=per_day.within()), {FAR_DAY: hint}
        frame = log.read()
        per_day = _days(frame)
    is_new = pl.col("customer").is_null() | pl.col("article").is_null()
    if frame.select((is_new & (pl.col(REASON) == 0)).any()).item():
        log = _with_unknown(log, frame, issues)
        del frame
        frame = log.read()
    lost = LostRows.of(frame, [BLANK, *log.codes(OUTSIDE, FAR_DAY)], per_day)
    frame = issues.keep_valid(table, frame, log.checks(), hints)
    if pause := per_day.pause():
        issues.notes.append(f"{table.path.name}: {pause}: are the days after it right?")
    refuse_lost_days(table, lost, per_day, list(log.checks()), issues)
    note_lost_zeros(table, int(frame["lost_zero"].sum()), issues)
    text = f"{table.path.name}: {{}} rows have the price 0, taken as unknown"
    issues.note(int((frame["price"] == 0).sum()), text.replace("rows have", "row has").format(1), text)
    frame = frame.select(list(TRANSACTIONS)).cast(TRANSACTIONS)  # type: ignore[arg-type]
    if not frame["t_dat"].is_sorted():
        issues.notes.append(f"{table.path.name}: not in the order of days, sorted")
        frame = frame.sort("t_dat", maintain_order=True)
    return Purchases(frame, log.customer_ids, log.article_ids)


def _days(frame: pl.DataFrame) -> RowsPerDay:
    codes = frame[REASON]
    return RowsPerDay.of(frame["t_dat"] if codes.max() == 0 else frame.filter(codes == 0)["t_dat"])


def _with_unknown(log: _Log, frame: pl.DataFrame, issues: DataIssues) -> _Log:
    """The log with its unknown ids, and with the key under which its customers are those of the customers table."""
    valid, name = frame.filter(frame[REASON] == 0), log.table.path.name
    strange = log.unknown(pl.col("customer_id"), log.customer_ids)
    log = replace(log, customer_key=_customer_key(log, valid["customer"], strange, issues))
    known = applied(log.customer_key, log.customer_ids)
    strange = strange.filter(~applied(log.customer_key, strange).is_in(known.implode()))
    refuse_unwritable(log.table, strange)
    articles = log.unknown(format_article_id(pl.col("article")), log.article_ids)
    found = log.article_ids.gather(valid["article"].drop_nulls().unique().sort())
    others = Ids(name, pl.concat([found, articles.rename(found.name)]))
    matching_key(Ids(f"the table {ARTICLES}", log.article_ids), others, issues.notes)
    return replace(
        log,
        customer_ids=append_sorted(log.customer_ids, strange),
        article_ids=append_sorted(log.article_ids, articles),
    )


def _customer_key(log: _Log, customers: pl.Series, strange: pl.Series, issues: DataIssues) -> Key:
    found = log.customer_ids.gather(customers.drop_nulls().unique().sort())
    others = Ids(log.table.path.name, pl.concat([found, strange.rename(found.name)]))
    return matching_key(Ids(f"the table {CUSTOMERS}", log.customer_ids), others, issues.notes)


def _refuse_returns(table: Table) -> None:
    """DataError where a column of quantities has values below 0: every row counts as one purchase."""
    for name in table.columns:
        if name.strip().casefold() not in QUANTITIES:
            continue
        is_return = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) < 0
        returns = int(table.collect(table.scan().select(is_return.sum())).item())
        if returns:
            line, _ = table.first(is_return, name)
            raise DataError(
                f"{table.path}: rows with a {name} below 0: {returns:,}, the first is line {line}. These "
                "are returns, and every row would count as a purchase. Delete these rows and the purchases "
                f"that they return, or delete the column {name} to count them as purchases."
            )


def _day(text: pl.Expr) -> pl.Expr:
    """YYYY-MM-DD, alone or followed by a time of midnight, as Date; else null."""
    length = text.str.len_bytes()
    is_midnight = (length == DAY_LENGTH + MIDNIGHT_LENGTH) & text.str.ends_with("00:00:00")
    day = text.str.head(DAY_LENGTH).str.to_date("%Y-%m-%d", strict=False)
    return pl.when((length == DAY_LENGTH) | is_midnight).then(day)


def _tidy_day(text: pl.Expr) -> pl.Expr:
    """A day with a time of day behind it, or as eight digits, as YYYY-MM-DD; anything else as it is."""
    return text.str.strip_chars().str.replace(DAY_AND_TIME, "$1").str.replace(DIGITS_OF_DAY, "$1-$2-$3")
