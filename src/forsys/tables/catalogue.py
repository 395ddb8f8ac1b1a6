"""Articles, customers and the customers to predict for: the tables other than the transactions."""

import polars as pl

from forsys.errors import DataError
from forsys.schema import ARTICLE_ATTRIBUTES, ARTICLES, CUSTOMERS, SUBMISSION_CUSTOMERS
from forsys.tables.columns import UNUSED
from forsys.tables.ids import (
    dense_ids,
    format_article_id,
    hold_codes,
    lost_zero,
    parse_article_id,
    product_code,
    tidy_number,
)
from forsys.tables.limits import MAX_CUSTOMER_ID
from forsys.tables.reading import Table, shown
from forsys.tables.rejected import BAD_ARTICLE_ID, Checks, DataIssues, reason_code

NUMERIC = {"FN": "fn", "Active": "active", "age": "age"}
TEXTS = ("club_member_status", "fashion_news_frequency")
AGES = (0, 120)
FLAGS = {"true": "1", "false": "0"}  # as some programs write FN and Active
UNWRITABLE = r'[,"\r\n\x00]'  # what a line of the submission cannot hold without quotes


def read_articles(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The articles with the columns of ARTICLES except `article`, in the order of the file, each id once."""
    note_columns(table, ["article_id", "product_code", *ARTICLE_ATTRIBUTES], issues)
    rows = table.rows(["article_id", "product_code", *ARTICLE_ATTRIBUTES])
    rows = rows.with_columns(tidy_number(pl.col("article_id")), tidy_number(pl.col("product_code")))
    checks: Checks = {
        "article_id is missing": pl.col("article_id").is_null(),
        BAD_ARTICLE_ID: parse_article_id("article_id").is_null(),
        "article_id occurs a second time": ~parse_article_id("article_id").is_first_distinct(),
    }
    code = reason_code(checks, ["article_id", *ARTICLE_ATTRIBUTES])
    frame = issues.keep_valid(table, table.collect(rows.with_columns(code)), checks)
    note_lost_zeros(table, int(frame.select(lost_zero("article_id").sum()).item()), issues)
    given = pl.col("product_code").cast(pl.Int32, strict=False)
    note_unreadable(table, frame, "product_code", given, issues)
    article_id = format_article_id(parse_article_id("article_id"))
    has_codes = hold_codes(frame.select(article_id).to_series()) or "product_code" in table.columns
    if not has_codes:
        issues.notes.append(f"{table.path.name}: its ids hold no product code, every article is its own product")
    derived = product_code(article_id, has_codes=has_codes)
    return frame.with_columns(article_id, product_code=pl.coalesce(given, derived))


def read_customers(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The customers with the columns of CUSTOMERS except `customer`, in the order of the file, each id once."""
    names = ["customer_id", *NUMERIC, *TEXTS, "postal_code"]
    note_columns(table, names, issues)
    checks = _customer_checks()
    query = table.rows(names).with_columns(reason_code(checks, names))
    rows = table.collect(query)
    refuse_unwritable(table, rows["customer_id"])
    frame = issues.keep_valid(table, rows, checks)
    frame = frame.with_columns(_flags(frame[column]) for column in NUMERIC if column != "age")
    for column in NUMERIC:
        note_unreadable(table, frame, column, _numeric(column), issues)
    postal_codes = frame["postal_code"].drop_nulls().unique(maintain_order=True)
    return (
        dense_ids(frame.lazy(), "postal_code", postal_codes)
        .select(
            "customer_id",
            *(_numeric(column).alias(name) for column, name in NUMERIC.items() if column != "age"),
            *TEXTS,
            _numeric("age"),
            "postal_code",
        )
        .collect()
    )


def read_submission(table: Table, issues: DataIssues) -> pl.Series:
    """The ids of the customers to predict for, in the order of the file, each once."""
    note_columns(table, ["customer_id"], issues)
    checks = _customer_checks()
    query = table.rows(["customer_id"]).with_columns(reason_code(checks, ["customer_id"]))
    rows = table.collect(query)
    refuse_unwritable(table, rows["customer_id"])
    return issues.keep_valid(table, rows, checks)["customer_id"]


def article_table(known: pl.DataFrame, article_ids: pl.Series) -> pl.DataFrame:
    """`known`, then the rest of `article_ids` without attributes, as ARTICLES."""
    rest = article_ids.slice(known.height).to_frame("article_id")
    rest = rest.with_columns(product_code=product_code(pl.col("article_id"), has_codes=hold_codes(article_ids)))
    both = pl.concat([known, rest], how="diagonal").with_row_index("article")
    return both.select(list(ARTICLES)).cast(ARTICLES).rechunk()  # type: ignore[arg-type]


def customer_table(known: pl.DataFrame, customer_ids: pl.Series) -> pl.DataFrame:
    """`known`, then the rest of `customer_ids` without attributes, as CUSTOMERS; spelled as in `customer_ids`."""
    known = known.with_columns(customer_ids.head(known.height).alias("customer_id"))
    rest = customer_ids.slice(known.height).to_frame("customer_id")
    both = pl.concat([known, rest], how="diagonal").with_row_index("customer")
    return both.select(list(CUSTOMERS)).cast(CUSTOMERS).rechunk()  # type: ignore[arg-type]


def submission_table(listed: pl.Series | None, customer_ids: pl.Series) -> pl.DataFrame:
    """Dense ids as SUBMISSION_CUSTOMERS: those of `listed`, in the same order, or else of all customers."""
    if listed is None:
        return pl.DataFrame({"customer": range(len(customer_ids))}, schema=SUBMISSION_CUSTOMERS)
    return dense_ids(listed.to_frame("customer").lazy(), "customer", customer_ids).collect()


def note_columns(table: Table, used: list[str], issues: DataIssues) -> None:
    """Note the columns that this program does not know, and those of `used` that the file lacks."""
    known = {*used, *UNUSED[table.stem]}
    extra = [name or "(no name)" for name in table.columns if name not in known]
    missing = [name for name in used if name not in table.columns]
    if extra:
        issues.notes.append(f"{table.path.name}: unknown columns ignored: {', '.join(extra)}")
    if missing:
        issues.notes.append(f"{table.path.name}: no column {', '.join(missing)}; taken as unknown")


def refuse_unwritable(table: Table, ids: pl.Series) -> None:
    """DataError where one of a table's customer ids is none that a submission can hold."""
    is_bad = pl.col("customer_id").str.contains(UNWRITABLE)
    is_bad |= pl.col("customer_id").str.len_chars() > MAX_CUSTOMER_ID
    bad = ids.to_frame("customer_id").filter(is_bad)
    if not bad.is_empty():
        line, first = table.first(is_bad, "customer_id")
        raise DataError(
            f"{table.path}: line {line}: the customer_id {shown(first)} holds a comma, a quote or a line "
            f"break, or more than {MAX_CUSTOMER_ID} characters, and so do {bad.height - 1:,} other ids. The "
            "submission cannot hold them. Give these customers other ids in every table."
        )


def note_lost_zeros(table: Table, count: int, issues: DataIssues) -> None:
    """Note how many article ids had lost their leading zero."""
    text = f"{table.path.name}: {{}} article_id had lost leading zeros, put back to 10 digits"
    issues.note(count, text.format(1), text)


def note_unreadable(table: Table, frame: pl.DataFrame, column: str, parsed: pl.Expr, issues: DataIssues) -> None:
    """Note how many values of `column` became null in `parsed`."""
    lost = pl.col(column).is_not_null() & parsed.is_null()
    text = f"{table.path.name}: {{}} values of {column} unreadable or out of range, taken as unknown"
    issues.note(int(frame.select(lost.sum()).item()), text.replace("values", "value").format(1), text)


def _customer_checks() -> Checks:
    return {
        "customer_id is missing": pl.col("customer_id").is_null(),
        "customer_id occurs a second time": ~pl.col("customer_id").is_first_distinct(),
    }


def _flags(column: pl.Series) -> pl.Series:
    """The column with 1 and 0 for true and false, however they are spelled."""
    if column.is_in([*FLAGS, "True", "False", "TRUE", "FALSE"]).any():
        return column.str.to_lowercase().replace(FLAGS)
    return column


def _numeric(column: str) -> pl.Expr:
    """The column as Float32; null where it is not finite or, for the age, not within AGES."""
    value = pl.col(column).cast(pl.Float32, strict=False)
    allowed = value.is_between(*AGES) if column == "age" else value.is_finite()
    return pl.when(allowed).then(value).alias(column)
