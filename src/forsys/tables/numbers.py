"""Numbers as files write them."""

import polars as pl

# Only a comma can begin the fraction: 1.234,5 or 1,5 or 12,50 or 0,125 or 1234,125; or dots set thousands apart, as
# in 1.234.567. Where all numbers look like 1,234 or 1.234, it may be either.
HAS_COMMA = (
    r"^\s*[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}"
    r"|\d+,(?:\d{1,2}|\d{4,})|(?:0|\d{4,}),\d+)\s*$"
)
HAS_DOT = (
    r"^\s*[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+\.\d+|[1-9]\d{0,2}(?:,\d{3}){2,}"
    r"|\d*\.(?:\d{1,2}|\d{4,})|(?:0|\d{4,})\.\d+)\s*$"
)
UNCLEAR, UNCLEAR_DOT = r"^\s*[+-]?[1-9]\d{0,2}[.,]\d{3}\s*$", r"^\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*$"
THOUSANDS = r"^\s*[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?\s*$"  # 1,234.50
COMMA_NUMBER = r"^\s*[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?\s*$"
SPACES = r"[ '’\x{a0}\x{202f}]"  # between thousands, whatever the decimal sign
SPACED = rf"^\s*[+-]?[1-9]\d{{0,2}}(?:{SPACES}\d{{3}})+(?:[.,]\d+)?\s*$"


def is_decimal_comma(texts: pl.Expr) -> pl.Expr:
    """One value: whether some of the texts have a comma as their decimal sign, and none a dot."""
    return without_spaces(texts).str.contains(HAS_COMMA).any() & ~has_dot(texts)


def has_dot(texts: pl.Expr) -> pl.Expr:
    """One value: whether some of the texts have a dot as their decimal sign."""
    return without_spaces(texts).str.contains(HAS_DOT).any()


def decimal_sign(texts: pl.Series, named: str | None) -> str | None:
    """The sign that the shop file names, else that which the texts tell; None where they tell neither."""
    if named is not None:
        return named
    text = pl.col("text")
    is_comma, is_dot = texts.to_frame("text").select(comma=is_decimal_comma(text), dot=has_dot(text)).row(0)
    return "," if is_comma else "." if is_dot else None


def number(text: pl.Expr, decimal: str | None) -> pl.Expr:
    """Float64; null where a text is no number, or one that is not finite as Float32."""
    value = with_dot(plain(text, decimal), decimal).cast(pl.Float64, strict=False)
    return pl.when(value.cast(pl.Float32).is_finite()).then(value)


def plain(text: pl.Expr, decimal: str | None) -> pl.Expr:
    """Numbers without white space around them and without what sets thousands apart.

    That is spaces, apostrophes and, where the decimal sign is a dot, commas: 1,234 stays as it is where the sign is
    not known (None).
    """
    text = without_spaces(text.str.strip_chars())
    if decimal != ".":
        return text
    return pl.when(text.str.contains(THOUSANDS)).then(text.str.replace_all(",", "", literal=True)).otherwise(text)


def without_spaces(text: pl.Expr) -> pl.Expr:
    """1 234,50 and 1'234.50 as 1234,50 and 1234.50; anything else as it is."""
    return pl.when(text.str.contains(SPACED)).then(text.str.replace_all(SPACES, "")).otherwise(text)


def with_dot(text: pl.Expr, decimal: str | None) -> pl.Expr:
    """Numbers with a decimal comma, where that is their sign, as numbers with a dot; null where one is none."""
    if decimal != ",":
        return text
    dotted = text.str.strip_chars().str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.when(text.str.contains(COMMA_NUMBER)).then(dotted)
