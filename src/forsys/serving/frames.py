"""Frames in and out: pandas and polars, without pyarrow."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from forsys.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def as_polars(what: str, frame: Any) -> pl.DataFrame:
    """A pandas or polars frame as a polars one; missing values become null.

    Raises DataError for anything else, for two columns of one name, and for a column that no file can hold.
    """
    found = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    if not isinstance(found, pl.DataFrame):
        found = _of_pandas(what, found)
    objects = [name for name, kind in found.schema.items() if kind == pl.Object]
    if objects:
        raise DataError(
            f"{what}: the column {objects[0]} holds Python objects. Make it a column of texts, numbers or days."
        )
    return found


def _of_pandas(what: str, frame: Any) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{what}: this is a {type(frame).__name__}. Give a frame of pandas or polars.")
    names = [str(name) for name in frame.columns]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{what}: {len(twice)} columns are called {twice[0]}. Give each a name of its own.")
    columns = (frame.iloc[:, i] for i in range(len(names)))
    return pl.DataFrame([_as_polars(what, *each) for each in zip(names, columns, strict=True)])


def _as_polars(what: str, name: str, column: "pd.Series[Any]") -> pl.Series:
    if isinstance(column.dtype.type, type) and column.dtype.kind in "iufbM" and hasattr(column.dtype, "itemsize"):
        if getattr(column.dtype, "tz", None) is not None:
            column = column.dt.tz_localize(None)  # the day where the shop is
        if not column.isna().any():
            array = column.to_numpy()
            has_seconds = array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] == "s"  # unknown to polars
            return pl.Series(name, array.astype("datetime64[ms]") if has_seconds else array)
    values = [_as_written(value) for value in column.astype(object).where(column.notna(), None)]
    try:
        found = pl.Series(name, values)
        return pl.Series(name, [_as_text(value) for value in values]) if found.dtype == pl.Object else found
    except (TypeError, UnicodeError, pl.exceptions.PolarsError) as error:
        fault = str(error).partition("\n")[0]
        raise DataError(f"{what}: the column {name} mixes types ({fault}). Make it a column of texts.") from error


def _as_text(value: Any) -> Any:
    """An interval, a period, a UUID as a text. What holds others stays, and what has no text but its address."""
    has_text = str(value) != object.__repr__(value)
    return str(value) if value is not None and has_text and not isinstance(value, Collection) else value


def _as_written(value: Any) -> Any:
    """A point in time without its zone: the day where the shop is."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def as_pandas(frame: pl.DataFrame) -> "pd.DataFrame":
    """A polars frame as a pandas one."""
    import pandas as pd

    return pd.DataFrame({column.name: column.to_numpy() for column in frame})
