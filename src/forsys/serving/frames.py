"""Frames in and out: pandas and polars, without pyarrow."""

from typing import TYPE_CHECKING, Any

import polars as pl

from forsys.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def as_polars(what: str, frame: Any) -> pl.DataFrame:
    """A pandas or polars frame as a polars one; missing values become null. Raises DataError for anything else."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{what}: this is a {type(frame).__name__}. Give a frame of pandas or polars.")
    return pl.DataFrame([_as_polars(what, str(name), column) for name, column in frame.items()])


def _as_polars(what: str, name: str, column: "pd.Series[Any]") -> pl.Series:
    if isinstance(column.dtype.type, type) and column.dtype.kind in "iufbM" and hasattr(column.dtype, "itemsize"):
        if getattr(column.dtype, "tz", None) is not None:
            column = column.dt.tz_localize(None)  # the day where the shop is
        if not column.isna().any():
            return pl.Series(name, column.to_numpy())
    values = column.astype(object).where(column.notna(), None).to_list()
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{what}: the column {name} mixes types ({error}). Make it a column of texts.") from error


def as_pandas(frame: pl.DataFrame) -> "pd.DataFrame":
    """A polars frame as a pandas one."""
    import pandas as pd

    return pd.DataFrame({column.name: column.to_numpy() for column in frame})
