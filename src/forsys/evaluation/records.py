"""Tables as rows: what JSON files and pages are made of."""

import math
from typing import Any

import pandas as pd
import polars as pl


def records(table: pd.DataFrame | pl.DataFrame) -> list[dict[str, Any]]:
    """One dict per row, column -> value, in the order of the table; None for missing, NaN and infinite values.

    JSON has no NaN and no infinity.
    """
    rows = table.to_dicts() if isinstance(table, pl.DataFrame) else table.to_dict("records")
    return [{str(name): None if _is_blank(value) else value for name, value in row.items()} for row in rows]


def _is_blank(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # also NaT and NA
