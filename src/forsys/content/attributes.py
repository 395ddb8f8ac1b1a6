"""The categorical attributes as codes, encoded here once for everything that uses them."""

from collections.abc import Sequence

import polars as pl

CodeNames = dict[str, list[str | None]]


def encode_attributes(articles: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.Series, CodeNames]:
    """Codes of `columns`, Array(Int32, len(columns)) per article, and the names of the codes.

    names[column][code] is the value of the code. Code 0 is an unknown value; the others are in alphabetical order.
    Without columns the codes are of one that is unknown everywhere.
    """
    names: CodeNames = {column: [None, *articles[column].drop_nulls().unique().sort()] for column in columns}
    codes = articles.select(
        pl.col(column).replace_strict(values[1:], list(range(1, len(values))), default=0, return_dtype=pl.Int32)
        for column, values in names.items()
    )
    if not names:
        codes = pl.DataFrame({"none": pl.zeros(len(articles), pl.Int32, eager=True)})
    return codes.select(attributes=pl.concat_arr(codes.columns))["attributes"], names
