"""The purchases, streamed from text into 18 bytes per row."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import accumulate, pairwise

import polars as pl

from forsys.errors import DataError
from forsys.schema import RETURNS, TRANSACTIONS
from forsys.tables.attributes import FLAGS
from forsys.tables.catalogue import note_columns, note_lost_zeros, refuse_unwritable
from forsys.tables.channels import Channels, channels_of
from forsys.tables.day_forms import DayForm, day_advice, recognised
from forsys.tables.days import RowsPerDay
from forsys.tables.ids import ArticleIds, append_sorted, dense_ids, tidy_number
from forsys.tables.limits import FIRST_DAY, LAST_DAY, MAX_ORPHANS, MAX_UNITS
from forsys.tables.lost_days import LostRows, refuse_lost_days
from forsys.tables.matching import Ids, Key, applied, as_written, matching_key
from forsys.tables.numbers import UNCLEAR, UNCLEAR_DOT, has_dot, is_decimal_comma, plain, with_dot
from forsys.tables.reading import TAIL_MISSING, Table, shown
from forsys.tables.rejected import BLANK, LEFT_OUT, NO_UNITS, REASON, Checks, DataIssues, reason_code
from forsys.tables.repeats import repeated_rows
from forsys.tables.returns import split_returns
from forsys.tables.shop_file import ANY, ISO, Flags, Orders

QUANTITIES = ("quantity", "qty", "units", "unit", "count", "pieces", "pcs", "menge", "anzahl", "stück", "stueck")
DAY, ARTICLE, AMOUNT, CHANNEL, UNITS, LOST_ZERO = (
    f"__{n}__" for n in ["day", "article", "amount", "channel", "units", "zero"]
)


@dataclass(frozen=True)
class Purchases:
    """The purchases as TRANSACTIONS (and units, where the shop has them), and the ids in dense order."""

    frame: pl.DataFrame  # ordered by t_dat, then as in the file
    returns: pl.DataFrame  # as RETURNS
    customer_ids: pl.Series  # those of the customers table, then those that occur only here, sorted
    article_ids: pl.Series  # the same for articles
    channels: tuple[str, ...]  # their names in the order of the codes from 1


SHOWN_VALUES = 5  # of a column of flags, in a message
SIGNS = {",": is_decimal_comma, ".": has_dot}  # what tells of a decimal sign
UNCLEAR_HINT = (
    'decimal = "." in the shop file reads 1.381 as a fraction and 1,381 as thousands, decimal = "," the other way '
    "round"
)


@dataclass(frozen=True)
class _Log:
    """How the file is read: as its shop file says until its rows show that it is written in another way."""

    table: Table
    orders: Orders
    articles: ArticleIds
    channels: Channels
    customer_ids: pl.Series
    article_ids: pl.Series
    form: DayForm
    signs: Mapping[str, str] = field(default_factory=dict)  # column of numbers → decimal sign, where it is known
    is_tidied: bool = False  # whether other exact spellings of days and numbers are read too
    customer_key: Key = field(default=as_written)
    article_key: Key = field(default=as_written)
    days: tuple[date, date] | None = None  # the first and the last, where others are stray

    @property
    def bad_day(self) -> str:
        return f"{self.orders.day} is not a day as {self.form.name}"

    @property
    def far_day(self) -> str:
        return f"{self.orders.day} is far from the other days"

    @property
    def outside(self) -> str:
        return f"{self.orders.day} is not between {FIRST_DAY} and {LAST_DAY}"

    @property
    def amounts(self) -> list[str]:
        """The columns of numbers."""
        return [name for name in (self.orders.price, self.orders.units) if name]

    @property
    def bad_numbers(self) -> list[str]:
        return [f"{name} is not a number" for name in self.amounts]

    @property
    def unclear(self) -> list[str]:
        return [reason for name in self.amounts for reason in self._unclear(name)]

    def _unclear(self, column: str) -> Checks:
        """Rows with a number such as 1,234, where nothing tells which decimal sign the column has.

        At first only 1.234, which is one as it stands: what it is shows when the signs are looked for.
        """
        if column in self.signs:
            return {}
        pattern = UNCLEAR if self.is_tidied else UNCLEAR_DOT
        return {f"{column} may be thousands or a fraction": pl.col(column).str.contains(pattern)}

    @property
    def tidied(self) -> list[str]:
        """The reasons of rows whose exact spelling may be another one."""
        orders = self.orders
        bad_channel = [self.channels.bad(orders.channel)] if orders.channel else []
        return [
            self.bad_day,
            self.articles.bad(orders.article),
            *self.unclear,
            *self.bad_numbers,
            *bad_channel,
        ]

    def checks(self) -> Checks:
        """Reason → rows that fail."""
        orders = self.orders
        far = {self.far_day: ~pl.col(DAY).is_between(*self.days)} if self.days else {}
        no_key = {self.articles.bad(orders.article): pl.col(ARTICLE).is_null()} if self.articles.digits else {}
        return {
            f"{orders.day} is missing": pl.col(orders.day).is_null(),
            self.bad_day: pl.col(DAY).is_null(),
            self.outside: ~pl.col(DAY).is_between(FIRST_DAY, LAST_DAY),
            f"{orders.customer} is missing": pl.col(orders.customer).is_null(),
            f"{orders.article} is missing": pl.col(orders.article).is_null(),
            **no_key,
            **self._price_checks(),
            **self._channel_checks(),
            **self._unit_checks(),
            **far,
        }

    def _price_checks(self) -> Checks:
        if (price := self.orders.price) is None:
            return {}
        checks = {
            f"{price} is missing": pl.col(price).is_null(),
            **self._unclear(price),
            f"{price} is not a number": pl.col(AMOUNT).is_null(),
            f"{price} is not finite": ~pl.col(AMOUNT).is_finite(),
            f"{price} is below 0": pl.col(AMOUNT) < 0,
        }
        if not self._has_units:
            return checks
        return {reason: fails & ~self._is_return() for reason, fails in checks.items()}

    def _channel_checks(self) -> Checks:
        if (channel := self.orders.channel) is None or not self.channels.are_all:
            return {}
        return {
            f"{channel} is missing": pl.col(channel).is_null(),
            self.channels.bad(channel): pl.col(CHANNEL).is_null(),
        }

    def _unit_checks(self) -> Checks:
        if (units := self.orders.units) is None:
            return {}
        return {
            f"{units} is missing": pl.col(units).is_null(),
            **self._unclear(units),
            f"{units} is not a number": pl.col(UNITS).is_null() | pl.col(UNITS).is_nan(),
            f"{units} is more than {MAX_UNITS:,}": pl.col(UNITS).abs() > MAX_UNITS,
        }

    @property
    def _has_units(self) -> bool:
        """Whether rows may be returns or several units."""
        return bool(self.orders.units or self.orders.returns)

    def _is_return(self) -> pl.Expr:
        flagged = _has(self.orders.returns)
        return flagged | (pl.col(UNITS) < 0).fill_null(False) if self.orders.units else flagged

    def no_sale(self) -> dict[int, pl.Expr]:
        """Code → rows that are no sale."""
        zero = {NO_UNITS: (pl.col(UNITS) == 0).fill_null(False)} if self.orders.units else {}
        return zero | ({LEFT_OUT: _has(self.orders.leave_out)} if self.orders.leave_out else {})

    def codes(self, *reasons: str) -> list[int]:
        """REASON of each of `reasons`."""
        return [number for number, reason in enumerate(self.checks(), start=1) if reason in reasons]

    def checked(self) -> pl.LazyFrame:
        """The file's columns, what they mean, and REASON."""
        orders, names = self.orders, self.orders.read()
        rows = self.table.rows(names)
        if self.is_tidied:
            named = orders.channel if orders.channels else None
            rows = rows.with_columns(plain(pl.col(name), self.signs.get(name)) for name in self.amounts)
            channel = [tidy_number(pl.col(named))] if named else []
            rows = rows.with_columns(self.articles.tidied(orders.article), *channel)
        parsed = rows.with_columns(
            self.form.parsed(pl.col(orders.day), is_tidied=self.is_tidied).alias(DAY),
            self.articles.key(orders.article).alias(ARTICLE),
            self._number(orders.price, pl.Float64() if orders.price_is == "line" else pl.Float32()).alias(AMOUNT),
            self._channel().alias(CHANNEL),
            self._number(orders.units, pl.Float64()).alias(UNITS),
            self.articles.lost_zero(orders.article).alias(LOST_ZERO),
        )
        return parsed.with_columns(reason_code(self.checks(), names, self.no_sale()))

    def _number(self, column: str | None, dtype: pl.DataType) -> pl.Expr:
        if column is None:
            return pl.lit(None, dtype)
        return with_dot(pl.col(column), self.signs.get(column)).cast(dtype, strict=False)

    def _channel(self) -> pl.Expr:
        return self.channels.code(pl.col(self.orders.channel)) if self.orders.channel else pl.lit(0, pl.Int8)

    def read(self) -> pl.DataFrame:
        """TRANSACTIONS' columns with REASON, TAIL_MISSING and LOST_ZERO, all rows in the order of the file.

        Units are there where the shop has units or returns: below 0 for returns, and the price that of a unit.
        """
        same = (LOST_ZERO, REASON, TAIL_MISSING)
        customer, article = self.customer_key(pl.col(self.orders.customer)), self.article_key(pl.col(ARTICLE))
        texts = self.checked().select(
            *same,
            channel=CHANNEL,
            t_dat=DAY,
            customer=customer,
            article=article,
            price=self._price(),
            **self._units(),
        )
        known = dense_ids(texts, "customer", applied(self.customer_key, self.customer_ids))
        articles = applied(self.article_key, self.articles.keys(self.article_ids))
        return self.table.collect(dense_ids(known, "article", articles))

    def _price(self) -> pl.Expr:
        if self.orders.price is None:
            return pl.lit(0, pl.Float32)
        is_line = self.orders.price_is == "line"
        return (pl.col(AMOUNT) / pl.col(UNITS).abs()).cast(pl.Float32) if is_line else pl.col(AMOUNT)

    def _units(self) -> dict[str, pl.Expr]:
        """Units, a fraction counted as one; below 0 for returns."""
        if not self._has_units:
            return {}
        units = pl.col(UNITS).abs().ceil() if self.orders.units else pl.lit(1.0)
        return {"units": pl.when(self._is_return()).then(-units).otherwise(units).cast(pl.Int32, strict=False)}

    def unknown(self, text: pl.Expr, known: pl.Series) -> pl.Series:
        """The distinct ids of valid rows that are not among `known`."""
        valid = self.checked().filter(pl.col(REASON) == 0)
        ids = self.table.collect(valid.select(text.unique())).to_series()
        return ids.filter(~ids.is_in(known.implode()))


def read_transactions(
    table: Table, articles: ArticleIds, known_customers: Ids, known_articles: Ids, issues: DataIssues
) -> Purchases:
    """Read the purchases with the dense ids of the known ids; unknown ids get the next ones.

    DataError where its ids are not those of the other tables, or where the newest days would lose rows.
    """
    orders = table.section
    assert isinstance(orders, Orders)
    note_columns(table, issues)
    _refuse_returns(table, orders)
    channels = channels_of(table, orders, issues)
    _note_flags(table, orders, issues)
    log = _Log(
        table,
        orders,
        articles,
        channels,
        known_customers.values,
        known_articles.values,
        DayForm(orders.day_format or ISO),
    )
    log = replace(log, signs={name: sign for name in log.amounts if (sign := table.named_decimal(name))})
    log, frame, per_day, hints = _read_as_meant(log, known_customers, known_articles, issues)
    no_days = [BLANK, LEFT_OUT, NO_UNITS, *log.codes(log.outside, log.far_day)]
    lost = LostRows.of(frame, no_days, per_day, orders.day)
    _note_no_sale(log, frame, issues)
    _doubt_repeats(table, frame, issues)
    frame = issues.keep_valid(
        table, frame, log.checks(), hints | dict.fromkeys(log.unclear, UNCLEAR_HINT), _advice(log, frame)
    )
    if pause := per_day.pause():
        issues.notes.append(f"{table.name}: {pause}: are the days after it right?")
    refuse_lost_days(table, lost, per_day, list(log.checks()), issues)
    note_lost_zeros(table, orders.article, int(frame[LOST_ZERO].sum()), articles, issues)
    _note_prices(log, frame, issues)
    return Purchases(*_purchases(log, frame, issues), log.customer_ids, log.article_ids, channels.names)


def _read_as_meant(
    log: _Log, customers: Ids, articles: Ids, issues: DataIssues
) -> tuple[_Log, pl.DataFrame, RowsPerDay, dict[str, str]]:
    """How the file is read in the end, its rows, those of each day, and hints for the reasons of bad ones.

    It is read again, which is rare, where it is spelled in another way than its shop file says, has stray days or
    has unknown ids: that costs less than keeping texts for every row.
    """
    frame = log.read()
    if frame[REASON].max() and frame[REASON].is_in(log.codes(*log.tidied)).any():
        log, frame = _tidied(log, frame, issues)
    per_day, hints = _days(frame), {}
    if hint := per_day.strays():
        del frame
        log, hints = replace(log, days=per_day.within()), {log.far_day: hint}
        frame = log.read()
        per_day = _days(frame)
    is_new = pl.col("customer").is_null() | pl.col("article").is_null()
    if frame.select((is_new & (pl.col(REASON) == 0)).any()).item():
        log = _with_unknown(log, frame, customers, articles, issues)
        del frame
        frame = log.read()
    return log, frame, per_day, hints


def _purchases(log: _Log, frame: pl.DataFrame, issues: DataIssues) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The valid purchases in the order of days, and their returns."""
    has_units = log.orders.units is not None
    schema = TRANSACTIONS | ({"units": pl.Int32()} if "units" in frame.columns else {})
    frame = frame.select(list(schema)).cast(schema)  # type: ignore[arg-type]
    if not frame["t_dat"].is_sorted():
        if frame["t_dat"].is_sorted(descending=True):  # within a day too the newest stand first
            frame = frame.reverse()
        issues.notes.append(f"{log.table.name}: not in the order of days, sorted")
        frame = frame.sort("t_dat", maintain_order=True)
    returns = pl.DataFrame(schema=RETURNS)
    if "units" not in frame.columns:
        return frame, returns
    if number := int((frame["units"] < 0).sum()):
        frame, returns, orphans = split_returns(frame)
        of_them = f", {orphans:,} of them without an earlier purchase" if orphans else ""
        issues.notes.append(f"{log.table.name}: {number:,} returns taken off the purchases before them{of_them}")
        if log.orders.returns and orphans > MAX_ORPHANS * number:
            issues.doubt(
                f"{log.table.name}: {orphans:,} of {number:,} returns have no earlier purchase of that customer "
                "and article: does the flag mark the purchase itself? Then name it in leave_out, not in returns"
            )
        if frame["units"].sum() <= returns["units"].sum():
            raise DataError(f"{log.table.path}: every purchase was returned. Which values flag a return?")
    return frame if has_units else frame.drop("units"), returns


def _tidied(log: _Log, frame: pl.DataFrame, issues: DataIssues) -> tuple[_Log, pl.DataFrame]:
    """The log read with other spellings of days and numbers, as far as they have one meaning."""
    valid, orders, table = int(frame[REASON].is_in([0, *log.codes(*log.unclear)]).sum()), log.orders, log.table
    said = "a time of day, a whole number as 1.0, thousands set apart or white space"
    if orders.day_format is None and frame[REASON].is_in(log.codes(log.bad_day)).any():
        log = replace(log, form=recognised(table, orders.day))
        if log.form.form != ISO:
            issues.notes.append(f"{table.name}: {orders.day} is read as {log.form.name}")
    found = _decimal_signs(log)  # whatever the reasons say: a bad day hides a bad number
    commas = sorted(name for name, sign in found.items() if sign == ",")
    if commas:
        whose = "its numbers have" if {*commas} == {*log.amounts} else f"the numbers of {', '.join(commas)} have"
        issues.notes.append(f"{table.name}: {whose} a decimal comma")
    tidied = replace(log, is_tidied=True, signs={**log.signs, **found})
    frame = tidied.read()
    if log.form.form == (orders.day_format or ISO) and not commas:
        text = f"{table.name}: {{}} rows have {said}: read as meant"
        more = int((frame[REASON] == 0).sum()) - valid
        issues.note(max(more, 0), text.replace("{} rows have", "1 row has"), text)
    return tidied, frame


def _decimal_signs(log: _Log) -> dict[str, str]:
    """The decimal sign of each column of numbers where it was not known: what its texts tell, else the others'."""
    unknown = [name for name in log.amounts if name not in log.signs]
    if not unknown:
        return {}
    tells = {f"{sign} {name}": shows(pl.col(name)) for name in unknown for sign, shows in SIGNS.items()}
    found = log.table.collect(log.table.scan().select(**tells)).row(0, named=True)
    told = {name: next((sign for sign in SIGNS if found[f"{sign} {name}"]), None) for name in unknown}
    usual = next((sign for sign in SIGNS if sign in told.values()), None)
    return {name: sign for name in unknown if (sign := told[name] or usual)}


def _advice(log: _Log, frame: pl.DataFrame) -> dict[str, str]:
    """What to do about rejected rows, by reason."""
    orders, price = log.orders, log.orders.price
    is_bad = frame[REASON].is_in(log.codes(log.bad_day)).any()
    days = {log.bad_day: day_advice(log.table, orders.day, log.form, orders.day_format)} if is_bad else {}
    return {
        log.articles.bad(log.orders.article): (
            f"Article ids are whole numbers of up to {log.articles.digits} digits; number the articles in every "
            "table, or describe them in a shop file of your own."
        ),
        **days,
        log.far_day: "Correct their days, or delete these rows.",
        **dict.fromkeys(log.bad_numbers, _number_advice(log.table.section.decimal)),
        f"{price} is below 0": "Are these returns? Then name them in the shop file: units or returns.",
    }


def _number_advice(named: str | None) -> str:
    """`named`: the decimal sign in the shop file."""
    if named is None:
        return (
            "Write numbers as 12.50 or 1,234.50, or all of a column as 12,50 or 1.234,50. Currency signs must go."
        )
    other, sign = (".", "dot") if named == "," else (",", "comma")
    return f'Has it a decimal {sign}? Then write decimal = "{other}" in the shop file. Currency signs must go.'


def _note_no_sale(log: _Log, frame: pl.DataFrame, issues: DataIssues) -> None:
    if not log.no_sale():
        return
    columns = ", ".join(log.orders.leave_out)
    for code, why in ((NO_UNITS, f"{log.orders.units} is 0"), (LEFT_OUT, f"left out by {columns}")):
        text = f"{log.table.name}: {{}} rows are no sale, {why}"
        issues.note(int((frame[REASON] == code).sum()), text.replace("{} rows are", "1 row is"), text)


def _doubt_repeats(table: Table, frame: pl.DataFrame, issues: DataIssues) -> None:
    """A doubt where a file's rows stand in another file too: both count."""
    if len(table.parts) == 1:
        return
    ends = accumulate((part.height for part in table.parts), initial=0)
    files = [frame[start:end].select(pl.exclude(LOST_ZERO, TAIL_MISSING)) for start, end in pairwise(ends)]
    valid = [rows if rows[REASON].max() == 0 else rows.filter(pl.col(REASON) == 0) for rows in files]
    if found := repeated_rows(valid, "t_dat"):
        issues.doubt(
            f"{table.name}: {found.text(table.part_names)}, and count each time: do these exports overlap? Name "
            "files that share no rows"
        )


def _note_prices(log: _Log, frame: pl.DataFrame, issues: DataIssues) -> None:
    if log.orders.price is None:
        issues.notes.append("no price: taken as unknown")
        return
    text = f"{log.table.name}: {{}} rows have the price 0, taken as unknown"
    issues.note(int((frame["price"] == 0).sum()), text.replace("{} rows have", "1 row has"), text)


def _days(frame: pl.DataFrame) -> RowsPerDay:
    codes = frame[REASON]
    return RowsPerDay.of(frame["t_dat"] if codes.max() == 0 else frame.filter(codes == 0)["t_dat"])


def _with_unknown(log: _Log, frame: pl.DataFrame, customers: Ids, articles: Ids, issues: DataIssues) -> _Log:
    """The log with its unknown ids, and with the keys under which its ids are those of the other tables."""
    valid = frame.filter(frame[REASON] == 0)
    strange = log.unknown(pl.col(log.orders.customer), log.customer_ids)
    key, strange = _matched(log.table, customers, valid["customer"], strange, issues)
    refuse_unwritable(log.table, log.orders.customer, strange)
    ids = log.unknown(log.articles.text(pl.col(ARTICLE)), log.article_ids)
    article_key, strange_ids = _matched(log.table, articles, valid["article"], ids, issues)
    if log.articles.digits is None:
        log, ids = replace(log, article_key=article_key), strange_ids
        refuse_unwritable(log.table, log.orders.article, ids)
    return replace(
        log,
        customer_key=key,
        customer_ids=append_sorted(log.customer_ids, strange),
        article_ids=append_sorted(log.article_ids, ids),
    )


def _matched(
    table: Table, known: Ids, found: pl.Series, strange: pl.Series, issues: DataIssues
) -> tuple[Key, pl.Series]:
    """How to compare the log's ids with the known ones (dense ids `found`), and those that are unknown even so."""
    if known.where is None:
        return as_written, strange
    same = known.values.gather(found.drop_nulls().unique().sort())
    others = Ids(table.name, pl.concat([same, strange.rename(same.name)]))
    key = matching_key(known, others, issues.notes)
    keys = applied(key, known.values)
    return key, strange.filter(~applied(key, strange).is_in(keys.implode()))


def _has(flags: Flags) -> pl.Expr:
    """Whether any of the columns has one of its values."""
    found = [_has_one(column, values) for column, values in flags.items()]
    return pl.any_horizontal(found) if found else pl.lit(False)


def _has_one(column: str, values: list[str]) -> pl.Expr:
    text = _flag_form(pl.col(column))
    named = pl.select(_flag_form(pl.lit(pl.Series(values)))).to_series()
    return (text != "" if ANY in values else text.is_in(named.implode())).fill_null(False)


def _flag_form(text: pl.Expr) -> pl.Expr:
    """What flags are compared by: True as true and 1, 1.0 as 1, Returned as returned."""
    return tidy_number(text).str.to_lowercase().replace(FLAGS)


def _note_flags(table: Table, orders: Orders, issues: DataIssues) -> None:
    """Doubt the values that the shop file names and no row has: a slip there would make purchases of returns."""
    flags = [(c, v) for named in (orders.returns, orders.leave_out) for c, values in named.items() for v in values]
    if not flags:
        return
    found = [_has_one(column, [value]).any().alias(str(i)) for i, (column, value) in enumerate(flags)]
    for (column, value), is_there in zip(flags, table.collect(table.scan().select(found)).row(0), strict=True):
        if not is_there:
            there = _values_there(table, column)
            issues.doubt(f"{table.name}: no row has the {column} {value!r} that the shop file names; {there}")


def _values_there(table: Table, column: str) -> str:
    """The most common values of a column, for a message."""
    counts = table.collect(table.scan().select(pl.col(column).drop_nulls()).group_by(column).agg(__rows__=pl.len()))
    values = counts.sort("__rows__", column, descending=[True, False])[column]
    names = ", ".join(shown(value, 20) for value in values.head(SHOWN_VALUES))
    more = f" and {len(values) - SHOWN_VALUES:,} more" if len(values) > SHOWN_VALUES else ""
    return f"there are {names}{more}" if len(values) else "all are empty"


def _refuse_returns(table: Table, orders: Orders) -> None:
    """DataError where an unnamed column of quantities has values below 0: every row would count as a purchase."""
    if orders.units or orders.returns:
        return
    for name in table.columns:
        if name.strip().casefold() not in QUANTITIES or name in [*orders.read(), *orders.ignore]:
            continue
        is_return = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) < 0
        returns = int(table.collect(table.scan().select(is_return.sum())).item())
        if returns:
            place, _ = table.first(is_return, name)
            raise DataError(
                f"{table.path}: rows with a {name} below 0: {returns:,}, the first is {place.rpartition(': ')[2]}. "
                "These are returns, and every row would count as a purchase. Name the column as `units` in a shop "
                f"file, and they are taken off; or delete the column {name} to count them as purchases."
            )
