"""The attributes that have a few values each, as numbers: encoded once here, for all who use them."""

import polars as pl

from forsys.schema import ARTICLE_ATTRIBUTES

FREE_TEXT = ("prod_name", "detail_desc")
COLUMNS = tuple(name for name in ARTICLE_ATTRIBUTES if name not in FREE_TEXT)

Names = dict[str, list[str | None]]


def encode_attributes(articles: pl.DataFrame) -> tuple[pl.Series, Names]:
    """Codes of COLUMNS, Array(Int32, len(COLUMNS)) an article, and the names of the codes.

    names[column][code] is the value that the code stands for; code 0 is an unknown value, the others follow
    the alphabet.
    """
    names: Names = {column: [None, *articles[column].drop_nulls().unique().sort()] for column in COLUMNS}
    codes = articles.select(
        pl.col(column).replace_strict(values[1:], list(range(1, len(values))), default=0, return_dtype=pl.Int32)
        for column, values in names.items()
    )
    return codes.select(attributes=pl.concat_arr(COLUMNS))["attributes"], names
