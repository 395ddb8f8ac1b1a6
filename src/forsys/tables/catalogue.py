"""Articles, customers and the customers to predict for: the tables other than the transactions."""

import polars as pl

from forsys.schema import ARTICLE_ATTRIBUTES, ARTICLES, CUSTOMERS, SUBMISSION_CUSTOMERS
from forsys.tables.columns import UNUSED
from forsys.tables.ids import dense_ids, format_article_id, lost_zero, parse_article_id, product_code
from forsys.tables.reading import Table
from forsys.tables.rejected import Checks, DataIssues, reason_code

NUMERIC = {"FN": "fn", "Active": "active", "age": "age"}
TEXTS = ("club_member_status", "fashion_news_frequency")
AGES = (0, 120)


def read_articles(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The articles with the columns of ARTICLES except `article`, in the order of the file, each id once."""
    note_columns(table, ["article_id", "product_code", *ARTICLE_ATTRIBUTES], issues)
    rows = table.rows(["article_id", "product_code", *ARTICLE_ATTRIBUTES])
    checks: Checks = {
        "article_id is missing": pl.col("article_id").is_null(),
        "article_id is not up to 10 digits": parse_article_id("article_id").is_null(),
        "article_id occurs a second time": ~parse_article_id("article_id").is_first_distinct(),
    }
    code = reason_code(checks, ["article_id", *ARTICLE_ATTRIBUTES])
    frame = issues.keep_valid(table, table.collect(rows.with_columns(code)), checks)
    note_lost_zeros(table, int(frame.select(lost_zero("article_id").sum()).item()), issues)
    given = pl.col("product_code").cast(pl.Int32, strict=False)
    note_unreadable(table, frame, "product_code", given, issues)
    article_id = format_article_id(parse_article_id("article_id"))
    return frame.with_columns(article_id, product_code=pl.coalesce(given, product_code(article_id)))


def read_customers(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The customers with the columns of CUSTOMERS except `customer`, in the order of the file, each id once."""
    names = ["customer_id", *NUMERIC, *TEXTS, "postal_code"]
    note_columns(table, names, issues)
    checks = _customer_checks()
    query = table.rows(names).with_columns(reason_code(checks, names))
    frame = issues.keep_valid(table, table.collect(query), checks)
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
    return issues.keep_valid(table, table.collect(query), checks)["customer_id"]


def article_table(known: pl.DataFrame, article_ids: pl.Series) -> pl.DataFrame:
    """`known`, then the rest of `article_ids` without attributes, as ARTICLES."""
    rest = article_ids.slice(known.height).to_frame("article_id")
    rest = rest.with_columns(product_code=product_code(pl.col("article_id")))
    both = pl.concat([known, rest], how="diagonal").with_row_index("article")
    return both.select(list(ARTICLES)).cast(ARTICLES).rechunk()  # type: ignore[arg-type]


def customer_table(known: pl.DataFrame, customer_ids: pl.Series) -> pl.DataFrame:
    """`known`, then the rest of `customer_ids` without attributes, as CUSTOMERS."""
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


def _numeric(column: str) -> pl.Expr:
    """The column as Float32; null where it is not finite or, for the age, not within AGES."""
    value = pl.col(column).cast(pl.Float32, strict=False)
    allowed = value.is_between(*AGES) if column == "age" else value.is_finite()
    return pl.when(allowed).then(value).alias(column)
