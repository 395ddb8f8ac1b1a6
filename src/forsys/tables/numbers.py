"""Numbers as files write them."""

import polars as pl

# A comma before the fraction: 1,5 or 12,50 or 1.234,5 or 0,125. 1,234 may be either, and tells nothing.
HAS_COMMA = r"^\s*[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+,\d+|\d+,(?:\d{1,2}|\d{4,})|0,\d+)\s*$"
HAS_DOT = r"^\s*[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+\.\d+|\d*\.(?:\d{1,2}|\d{4,})|0\.\d+)\s*$"
THOUSANDS = r"^\s*[+-]?\d{1,3}(?:,\d{3})+\.\d+\s*$"  # 1,234.50
COMMA_NUMBER = r"^\s*[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?\s*$"


def is_decimal_comma(texts: pl.Expr) -> pl.Expr:
    """One value: whether some of the texts have a comma as their decimal sign, and none a dot."""
    return texts.str.contains(HAS_COMMA).any() & ~has_dot(texts)


def has_dot(texts: pl.Expr) -> pl.Expr:
    """One value: whether some of the texts have a dot as their decimal sign."""
    return texts.str.contains(HAS_DOT).any()


def decimal_sign(texts: pl.Series, named: str | None) -> str:
    """The sign that the shop file names; else a comma where the texts tell so (`is_decimal_comma`), else a dot."""
    is_comma = named is None and texts.to_frame("text").select(is_decimal_comma(pl.col("text"))).item()
    return named or ("," if is_comma else ".")


def number(text: pl.Expr, decimal: str) -> pl.Expr:
    """Float64; null where a text is no number, or one that is not finite as Float32."""
    value = with_dot(text.str.strip_chars(), decimal).cast(pl.Float64, strict=False)
    return pl.when(value.cast(pl.Float32).is_finite()).then(value)


def without_thousands(text: pl.Expr) -> pl.Expr:
    """1,234.50 as 1234.50; anything else, such as 1,234, as it is."""
    return pl.when(text.str.contains(THOUSANDS)).then(text.str.replace_all(",", "", literal=True)).otherwise(text)


def with_dot(text: pl.Expr, decimal: str) -> pl.Expr:
    """Numbers with the decimal sign `decimal` as numbers with a dot; null where a comma number is none."""
    if decimal == ".":
        return text
    plain = text.str.strip_chars().str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.when(text.str.contains(COMMA_NUMBER)).then(plain)
