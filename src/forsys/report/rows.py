"""Rows of the tables that the stages wrote, as the page reads them."""

import math
from typing import Any

Row = dict[str, Any]


def known(value: Any) -> bool:
    """Whether there is a number: the union has no MAP, for example."""
    return value is not None and not math.isnan(value)


def by_score(rows: list[Row], column: str) -> list[Row]:
    """Best first; rows without a value last."""
    return sorted(rows, key=lambda row: -row[column] if known(row.get(column)) else math.inf)
