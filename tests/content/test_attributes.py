"""Attributes as codes."""

import polars as pl

from forsys.content.attributes import encode_attributes

COLUMNS = ("colour", "kind", "unknown")


def test_codes_and_names() -> None:
    rows = {column: ["b", None, "a", "b"] for column in COLUMNS} | {"unknown": [None] * 4}
    codes, names = encode_attributes(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)), COLUMNS)
    assert codes.dtype == pl.Array(pl.Int32, 3)
    assert codes.to_list() == [[code, code, 0] for code in (2, 0, 1, 2)]
    assert names["kind"] == [None, "a", "b"]
    assert names["unknown"] == [None]


def test_only_the_named_columns() -> None:
    codes, names = encode_attributes(pl.DataFrame({"kind": ["a"], "text": ["long"]}), ["kind"])
    assert (codes.to_list(), list(names)) == ([[1]], ["kind"])


def test_a_shop_without_attributes() -> None:
    codes, names = encode_attributes(pl.DataFrame({"article": [0, 1]}), [])
    assert (codes.to_list(), names) == ([[0], [0]], {})
