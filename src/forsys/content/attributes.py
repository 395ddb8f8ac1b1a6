"""The categorical attributes as codes, encoded here once for everything that uses them."""

import polars as pl

from forsys.schema import ARTICLE_ATTRIBUTES

FREE_TEXT = ("prod_name", "detail_desc")
COLUMNS = tuple(name for name in ARTICLE_ATTRIBUTES if name not in FREE_TEXT)

CodeNames = dict[str, list[str | None]]


def encode_attributes(articles: pl.DataFrame) -> tuple[pl.Series, CodeNames]:
    """Codes of COLUMNS, Array(Int32, len(COLUMNS)) per article, and the names of the codes.

    names[column][code] is the value of the code. Code 0 is an unknown value; the others are in alphabetical order.
    """
    names: CodeNames = {column: [None, *articles[column].drop_nulls().unique().sort()] for column in COLUMNS}
    codes = articles.select(
        pl.col(column).replace_strict(values[1:], list(range(1, len(values))), default=0, return_dtype=pl.Int32)
        for column, values in names.items()
    )
    return codes.select(attributes=pl.concat_arr(COLUMNS))["attributes"], names
