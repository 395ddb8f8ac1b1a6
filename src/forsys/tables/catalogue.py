"""Articles, customers and the customers to predict for: the tables other than the purchases."""

import polars as pl

from forsys.errors import DataError
from forsys.schema import CONTENT, SUBMISSION_CUSTOMERS
from forsys.tables.attributes import (
    as_numbers,
    attribute_columns,
    binned,
    readable_numbers,
    renamed,
    telling,
)
from forsys.tables.ids import ArticleIds, dense_ids, tidy_number
from forsys.tables.limits import MAX_ID
from forsys.tables.numbers import decimal_sign, number
from forsys.tables.reading import Table, shown
from forsys.tables.rejected import Checks, DataIssues, reason_code
from forsys.tables.roles import ARTICLE_COLUMNS, CUSTOMER_COLUMNS
from forsys.tables.shop_file import Articles, Customers, RecommendTo

AGES = (0, 120)
SHOWN_COLUMNS = 15
AGE_RANGE = r"^\s*(\d{1,3})\s*(?:-|–|to)\s*(\d{1,3})\s*$"
AGE_FROM = r"^\s*(\d{1,3})\s*\+\s*$"
UNWRITABLE = r'[,"\r\n\x00]'  # what a line of Kaggle's submission cannot hold without quotes
UNREADABLE = r"[\r\n\x00]"  # what no list that people read can hold
RESERVED = {*ARTICLE_COLUMNS, *CONTENT}  # no attribute may have these names


def read_articles(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The articles as `article_table` takes them, in the order of the file, each id once.

    article_id; product_code (Int32 where ids hold it, else the text of the column); prod_name, detail_desc and
    picture, where the shop has them; then its attributes, as texts.
    """
    section = table.section
    assert isinstance(section, Articles)
    ids = ArticleIds.of(section)
    own = [section.id, *(c for c in (section.product, section.name, section.text, section.picture) if c)]
    columns = attribute_columns(table, section.attributes, own)
    note_columns(table, issues, columns)
    used = list(dict.fromkeys([*own, *columns.values()]))
    numbers = [section.product] if section.product and ids.product_digits else []
    rows = table.rows(used).with_columns(ids.tidied(section.id), *(tidy_number(pl.col(name)) for name in numbers))
    checks = _id_checks(section.id, ids)
    frame = table.collect(rows.with_columns(reason_code(checks, used)))
    if ids.digits is None:
        refuse_unwritable(table, section.id, frame[section.id])
    frame = issues.keep_valid(table, frame, checks, advice=_id_advice(section.id, ids))
    note_lost_zeros(table, section.id, int(frame.select(ids.lost_zero(section.id).sum()).item()), ids, issues)
    known = frame.select(ids.text(ids.key(section.id)).alias("article_id"))
    texts = {"prod_name": section.name, "detail_desc": section.text, "picture": section.picture}
    attributes = _article_attributes(frame, columns, section.attributes is None, table, issues)
    return known.with_columns(
        _products(table, frame, known["article_id"], ids, issues),
        *(frame[column].alias(name) for name, column in texts.items() if column),
        *attributes,
    )


def _article_attributes(
    frame: pl.DataFrame, columns: dict[str, str], is_default: bool, table: Table, issues: DataIssues
) -> list[pl.Series]:
    """The attributes; by default without those that tell nothing, and with ranges of numbers."""
    values = frame.select(list(dict.fromkeys(columns.values())))
    if is_default:
        values = binned(values.select(telling(values, table, issues)), table, issues)
    kept = {name: column for name, column in columns.items() if column in values.columns}
    names = renamed(kept, RESERVED, table, issues)
    return [values[column].alias(name) for name, column in names.items()]


def _products(
    table: Table, frame: pl.DataFrame, article_ids: pl.Series, ids: ArticleIds, issues: DataIssues
) -> pl.Series:
    """product_code: the column's text, or with `product_digits` its number, else that of the id."""
    section = table.section
    assert isinstance(section, Articles)
    if not ids.product_digits:
        product = frame[section.product] if section.product else pl.Series([None] * frame.height, dtype=pl.String)
        return product.alias("product_code")
    column = section.product
    given = pl.col(column).cast(pl.Int32, strict=False) if column else pl.lit(None, pl.Int32)
    if column:
        note_unreadable(table, frame[column], frame.select(given).to_series(), issues)
    has_codes = ids.hold_products(article_ids) or column in table.columns
    if not has_codes:
        issues.notes.append(f"{table.name}: its ids hold no product code, every article is its own product")
    both = frame.with_columns(article_ids.alias("__id__"))
    return both.select(
        product_code=pl.coalesce(given, ids.product(pl.col("__id__"), has_codes=has_codes))
    ).to_series()


def read_customers(table: Table, issues: DataIssues) -> pl.DataFrame:
    """The customers as `customer_table` takes them, in the order of the file, each id once.

    customer_id; the attributes, Float32 where they are numbers, else String; age, Float32; postal_code, Int32.
    """
    section = table.section
    assert isinstance(section, Customers)
    own = [section.id, *(column for column in (section.age, section.region) if column)]
    columns = attribute_columns(table, section.attributes, own)
    note_columns(table, issues, columns)
    used = list(dict.fromkeys([section.id, *columns.values(), *own[1:]]))
    checks = _id_checks(section.id, ArticleIds())
    rows = table.collect(table.rows(used).with_columns(reason_code(checks, used)))
    refuse_unwritable(table, section.id, rows[section.id])
    frame = issues.keep_valid(table, rows, checks)
    return pl.DataFrame([frame[section.id].alias("customer_id")]).with_columns(
        *_customer_attributes(frame, columns, section, table, issues),
        _ages(frame, section, table, issues),
        _regions(frame, section.region),
    )


def _customer_attributes(
    frame: pl.DataFrame, columns: dict[str, str], section: Customers, table: Table, issues: DataIssues
) -> list[pl.Series]:
    values = frame.select(list(dict.fromkeys(columns.values())))
    if section.attributes is None:
        values = values.select(telling(values, table, issues))
    kept = {name: column for name, column in columns.items() if column in values.columns}
    found = []
    for name, column in renamed(kept, CUSTOMER_COLUMNS, table, issues).items():
        numbers = _customer_numbers(values[column], section, table, issues)
        found.append((values[column] if numbers is None else numbers.cast(pl.Float32)).alias(name))
    return found


def _customer_numbers(texts: pl.Series, section: Customers, table: Table, issues: DataIssues) -> pl.Series | None:
    """An attribute as numbers, null where unknown; None where it stays a text."""
    if texts.name in section.numbers:
        numbers = readable_numbers(texts, table.named_decimal(texts.name))
        note_unreadable(table, texts, numbers, issues)
        return numbers
    are_all_named = section.attributes is not None and section.numbers
    return None if are_all_named else as_numbers(texts, table.named_decimal(texts.name))


def _ages(frame: pl.DataFrame, section: Customers, table: Table, issues: DataIssues) -> pl.Series:
    """Float32; of an age group, such as 25-34 or 65+, the middle or where it begins."""
    column = section.age
    if column is None:
        return pl.Series("age", [None] * frame.height, dtype=pl.Float32)
    text = pl.col(column)
    age = number(text, decimal_sign(frame[column], table.named_decimal(column))).cast(pl.Float32)
    if frame.select((age.is_null() & text.is_not_null()).any()).item():  # slow, and most tables have no groups
        low, high = (text.str.extract(AGE_RANGE, group).cast(pl.Float32) for group in (1, 2))
        age = pl.coalesce(age, (low + high) / 2, text.str.extract(AGE_FROM).cast(pl.Float32))
    ages = frame.select(age=pl.when(age.is_between(*AGES)).then(age)).to_series()
    note_unreadable(table, frame[column], ages, issues)
    return ages


def _regions(frame: pl.DataFrame, column: str | None) -> pl.Series:
    """Int32: dense codes of the regions in the order in which they occur first."""
    if column is None:
        return pl.Series("postal_code", [None] * frame.height, dtype=pl.Int32)
    regions = frame[column].alias("postal_code").drop_nulls().unique(maintain_order=True)
    only = frame.lazy().select(pl.col(column).alias("postal_code"))
    return dense_ids(only, "postal_code", regions).collect()["postal_code"]


def read_submission(table: Table, issues: DataIssues) -> pl.Series:
    """The ids of the customers to predict for, in the order of the file, each once."""
    section = table.section
    assert isinstance(section, RecommendTo)
    note_columns(table, issues)
    checks = _id_checks(section.customer, ArticleIds())
    query = table.rows([section.customer]).with_columns(reason_code(checks, [section.customer]))
    rows = table.collect(query)
    refuse_unwritable(table, section.customer, rows[section.customer])
    return issues.keep_valid(table, rows, checks)[section.customer].rename("customer_id")


def article_table(known: pl.DataFrame, article_ids: pl.Series, ids: ArticleIds) -> pl.DataFrame:
    """`known`, then the rest of `article_ids` without attributes.

    article, article_id, product_code, prod_name, the attributes in the order of `known`, detail_desc, picture.
    """
    rest = article_ids.slice(known.height).to_frame("article_id")
    if ids.product_digits:
        product = ids.product(pl.col("article_id"), has_codes=ids.hold_products(article_ids))
        rest = rest.with_columns(product_code=product)
    both = pl.concat([known, rest], how="diagonal").with_row_index("article")
    if not ids.product_digits:
        both = both.with_columns(_product_codes(both["product_code"]))
    texts = [name for name in ("prod_name", "detail_desc") if name not in both.columns]
    both = both.with_columns(pl.lit(None, pl.String).alias(name) for name in texts)
    last = ["detail_desc", *(["picture"] if "picture" in both.columns else [])]
    first = ["article", "article_id", "product_code", "prod_name"]
    attributes = [name for name in both.columns if name not in ARTICLE_COLUMNS]
    both = both.select(*first, *attributes, *last)
    return both.cast({"article": pl.Int32, "product_code": pl.Int32}).rechunk()


def _product_codes(products: pl.Series) -> pl.Series:
    """Dense codes of the products in the order in which they occur first; an article without one is its own."""
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    own = pl.when(pl.col("product").is_null()).then(number)
    key = products.to_frame("product").with_columns(own.alias("own"), number.alias("number"))
    first = pl.col("number").min().over("product", "own")
    return key.select(first.rank("dense").cast(pl.Int32) - 1).to_series().rename("product_code")


def customer_table(known: pl.DataFrame, customer_ids: pl.Series) -> pl.DataFrame:
    """`known`, then the rest of `customer_ids` without attributes; spelled as in `customer_ids`.

    customer, customer_id, the attributes in the order of `known`, age, postal_code.
    """
    known = known.with_columns(customer_ids.head(known.height).alias("customer_id"))
    rest = customer_ids.slice(known.height).to_frame("customer_id")
    both = pl.concat([known, rest], how="diagonal").with_row_index("customer")
    attributes = [name for name in both.columns if name not in CUSTOMER_COLUMNS]
    both = both.select("customer", "customer_id", *attributes, "age", "postal_code")
    return both.cast({"customer": pl.Int32}).rechunk()


NO_ARTICLES = pl.DataFrame(schema={"article_id": pl.String, "product_code": pl.String})
NO_CUSTOMERS = pl.DataFrame(schema={"customer_id": pl.String, "age": pl.Float32, "postal_code": pl.Int32})


def submission_table(listed: pl.Series | None, customer_ids: pl.Series) -> pl.DataFrame:
    """Dense ids as SUBMISSION_CUSTOMERS: those of `listed`, in the same order, or else of all customers."""
    if listed is None:
        return pl.DataFrame({"customer": range(len(customer_ids))}, schema=SUBMISSION_CUSTOMERS)
    return dense_ids(listed.to_frame("customer").lazy(), "customer", customer_ids).collect()


def note_columns(table: Table, issues: DataIssues, more: dict[str, str] | None = None) -> None:
    """Note the columns that the shop file does not know, and those that it names and the file lacks."""
    used = list(dict.fromkeys([*table.section.read(), *(more or {}).values()]))
    known = {*used, *table.section.ignore}
    extra = [name or "(no name)" for name in table.columns if name not in known]
    missing = [name for name in used if name not in table.columns]
    if extra:
        more_of_them = f", … ({len(extra)} columns)" if len(extra) > SHOWN_COLUMNS else ""
        names = ", ".join(extra[:SHOWN_COLUMNS])
        issues.notes.append(f"{table.name}: columns that are not used: {names}{more_of_them}")
    if missing:
        issues.notes.append(f"{table.name}: no column {', '.join(missing)}; taken as unknown")


def refuse_unwritable(table: Table, column: str, ids: pl.Series) -> None:
    """DataError where one of a table's ids is none that a submission can hold."""
    signs = UNWRITABLE if table.is_shipped else UNREADABLE
    is_bad = pl.col(column).str.contains(signs) | (pl.col(column).str.len_chars() > MAX_ID)
    bad = ids.to_frame(column).filter(is_bad)
    if not bad.is_empty():
        place, first = table.first(is_bad, column)
        what = "a comma, a quote or a line break" if table.is_shipped else "a line break"
        raise DataError(
            f"{place}: the {column} {shown(first)} holds {what}, or more than {MAX_ID} characters, and so do "
            f"{bad.height - 1:,} other ids. The submission cannot hold them. Give these other ids in every table."
        )


def note_lost_zeros(table: Table, column: str, count: int, ids: ArticleIds, issues: DataIssues) -> None:
    """Note how many article ids had lost their leading zero."""
    text = f"{table.name}: {{}} {column} had lost leading zeros, put back to {ids.digits} digits"
    issues.note(count, text.replace("{}", "1"), text)


def note_unreadable(table: Table, texts: pl.Series, values: pl.Series, issues: DataIssues) -> None:
    """Note how many of a column's texts have become null in `values`."""
    text = f"{table.name}: {{}} values of {texts.name} unreadable or out of range, taken as unknown"
    issues.note(values.null_count() - texts.null_count(), text.replace("{} values", "1 value"), text)


def _id_checks(column: str, ids: ArticleIds) -> Checks:
    """Reason → rows whose id is missing, no id, or one of an earlier row."""
    bad = {ids.bad(column): ids.key(column).is_null()} if ids.digits else {}
    return {
        f"{column} is missing": pl.col(column).is_null(),
        **bad,
        f"{column} occurs a second time": ~ids.key(column).is_first_distinct(),
    }


def _id_advice(column: str, ids: ArticleIds) -> dict[str, str]:
    whole = f"Article ids are whole numbers of up to {ids.digits} digits"
    return {ids.bad(column): f"{whole}; number the articles in every table, or describe them in a shop file."}
