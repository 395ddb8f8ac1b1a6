"""Attributes as codes."""

import polars as pl

from forsys.content.attributes import COLUMNS, encode_attributes


def test_codes_and_names() -> None:
    rows = {column: ["b", None, "a", "b"] for column in COLUMNS} | {"index_name": [None] * 4}
    codes, names = encode_attributes(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)))
    assert codes.dtype == pl.Array(pl.Int32, 11)
    position = COLUMNS.index("index_name")
    for row, code in zip(codes.to_list(), [2, 0, 1, 2], strict=True):
        assert row == [code] * position + [0] + [code] * (10 - position)
    assert names["section_name"] == [None, "a", "b"]
    assert names["index_name"] == [None]


def test_free_text_is_not_encoded() -> None:
    assert len(COLUMNS) == 11
    assert not {"prod_name", "detail_desc"} & set(COLUMNS)
