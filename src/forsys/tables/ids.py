"""The shop's ids as text, and the dense ids that stand for them."""

import polars as pl

ARTICLE_DIGITS = 10
MIN_CODED_DIGITS = 8  # of an id that begins with a product code, leading zeros not counted; Kaggle's have 9


def parse_article_id(column: str) -> pl.Expr:
    """An article id as Int64; null where the column holds anything but one to ten digits."""
    text = pl.col(column)
    signed = text.str.starts_with("-") | text.str.starts_with("+")
    return pl.when((text.str.len_bytes() <= ARTICLE_DIGITS) & ~signed).then(text.cast(pl.Int64, strict=False))


def tidy_number(text: pl.Expr) -> pl.Expr:
    """A number without white space around it and, where it is whole, without a trailing .0."""
    return text.str.strip_chars().str.replace(r"^(\d+)\.0+$", "$1")


def format_article_id(number: pl.Expr) -> pl.Expr:
    """An article id as ten digits, with the leading zeros that a spreadsheet or an integer column drops."""
    return number.cast(pl.String).str.zfill(ARTICLE_DIGITS)


def lost_zero(column: str) -> pl.Expr:
    """Whether an article id came without its leading zero."""
    return pl.col(column).str.len_bytes() < ARTICLE_DIGITS


def product_code(article_id: pl.Expr, *, has_codes: bool = True) -> pl.Expr:
    """The shop's product code of a ten-digit article id: all but its last three digits.

    Where the ids do not hold a code (`has_codes`), each article is a product of its own, as its id says.
    """
    return (article_id.str.head(ARTICLE_DIGITS - 3) if has_codes else article_id).cast(pl.Int32)


def hold_codes(article_ids: pl.Series) -> bool:
    """Whether ten-digit article ids begin with a product code: short numbers such as 1, 2, 3 do not."""
    return bool((article_ids.str.strip_chars_start("0").str.len_bytes() >= MIN_CODED_DIGITS).any())


def dense_ids(rows: pl.LazyFrame, column: str, ids: pl.Series) -> pl.LazyFrame:
    """Replace the values of `column` by their positions in `ids` (distinct, no null): Int32, null where not found.

    Joined by a 64-bit hash: two of 1.4 million ids collide in one of 20 million shops. Of 31.8 million rows
    with 1.37 million customers it takes 0.6 of the time of casts to an Enum.
    """
    position = pl.int_range(pl.len(), dtype=pl.Int32).alias("__position__")
    keys = ids.to_frame(column).lazy().select(pl.col(column).hash(), position)
    hashed = rows.with_columns(pl.col(column).hash())
    joined = hashed.join(keys, on=column, how="left", maintain_order="left")
    return joined.with_columns(pl.col("__position__").alias(column)).drop("__position__")


def append_sorted(ids: pl.Series, more: pl.Series) -> pl.Series:
    """`ids`, then `more` in sorted order."""
    return pl.concat([ids, more.rename(ids.name).sort()]).rechunk()
