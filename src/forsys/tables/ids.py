"""The shop's ids as text, and their dense numbers."""

import polars as pl

ARTICLE_DIGITS = 10


def article_text(column: str) -> pl.Expr:
    """An article id as ten digits; zeros that a spreadsheet or an integer column lost are put back.

    Null where the column holds anything but one to ten digits.
    """
    text = pl.col(column)
    return pl.when(text.str.contains(r"^[0-9]{1,10}$")).then(text.str.zfill(ARTICLE_DIGITS))


def lost_zero(column: str) -> pl.Expr:
    """Whether `article_text` had to put a zero back."""
    return pl.col(column).str.len_bytes() < ARTICLE_DIGITS


def product_code(article_id: pl.Expr) -> pl.Expr:
    """The shop's product code of a ten-digit article id: all but its last three digits."""
    return article_id.str.head(ARTICLE_DIGITS - 3).cast(pl.Int32)


def dense(text: pl.Expr, ids: pl.Series) -> pl.Expr:
    """The position of `text` in `ids` (distinct, no null) as Int32; null where it is not among them.

    A cast to an Enum is one hash lookup per row and, unlike a join, keeps the order of a stream for free:
    three million 64-hex ids against 1.37 million took 0.6 s, a left join 1.8 s.
    """
    return text.cast(pl.Enum(ids), strict=False).to_physical().cast(pl.Int32)


def extended(ids: pl.Series, more: pl.Series) -> pl.Series:
    """`ids`, then `more` in sorted order."""
    return pl.concat([ids, more.rename(ids.name).sort()]).rechunk()
