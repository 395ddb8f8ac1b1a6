"""Tables become rows that every reader of JSON can read."""

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forsys.evaluation.records import records

NAN, INF = float("nan"), float("inf")
ROWS = [{"name": "a", "value": 0.5, "n": 1}, {"name": None, "value": None, "n": 2}]


@pytest.mark.parametrize("blank", [NAN, INF, -INF, None])
def test_a_value_that_is_no_number_is_null(blank: float | None) -> None:
    columns: dict[str, Any] = {"name": ["a", None], "value": [0.5, blank], "n": [1, 2]}
    for table in (pd.DataFrame(columns), pl.DataFrame(columns)):
        assert records(table) == ROWS


@pytest.mark.parametrize("kind", [np.float32, np.float64, object])
def test_values_of_every_kind_can_be_written(kind: type) -> None:
    table = pd.DataFrame({"value": np.array([1.5, NAN, INF], kind), "whole": np.arange(3, dtype=np.int32)})
    found = json.loads(json.dumps(records(table), allow_nan=False))
    assert [row["value"] for row in found] == [1.5, None, None]
    assert [row["whole"] for row in found] == [0, 1, 2]


@pytest.mark.parametrize("blank", [None, pd.NaT, pd.NA, np.datetime64("NaT"), np.timedelta64("NaT"), NAN])
def test_every_kind_of_missing_value_is_null(blank: Any) -> None:
    assert records(pd.DataFrame({"value": pd.Series(["x", blank], dtype=object)})) == [
        {"value": "x"},
        {"value": None},
    ]


@pytest.mark.parametrize("kind", ["datetime64[us]", "timedelta64[us]", "Int64", "string", "boolean"])
def test_missing_values_of_every_type_are_null(kind: str) -> None:
    assert records(pd.DataFrame({"value": pd.Series([None], dtype=kind)})) == [{"value": None}]


def test_lists_stay() -> None:
    assert records(pl.DataFrame({"value": [[1, None], None]})) == [{"value": [1, None]}, {"value": None}]


def test_rows_without_a_column_have_null_there() -> None:
    assert records(pd.DataFrame([{"a": 1.5}, {"b": "x"}])) == [{"a": 1.5, "b": None}, {"a": None, "b": "x"}]


def test_no_rows() -> None:
    assert records(pd.DataFrame()) == records(pl.DataFrame()) == []
