"""Values as TOML: `tomllib` reads back what was written."""

import tomllib
from typing import Any

import pytest

from forsys.toml_text import toml_key, toml_value


@pytest.mark.parametrize(
    "value",
    [
        True,
        3,
        2.5,
        1e-9,
        float("inf"),
        "",
        'a "quoted" C:\\path',
        "line\nbreak\x7f\u2028",
        "\U0001f457",
        [1, [2, "x"]],
        {"a b": {"c": 1}},
    ],
)
def test_is_read_back(value: Any) -> None:
    key = 'odd "key"'
    assert tomllib.loads(f"{toml_key(key)} = {toml_value(value)}\n") == {key: value}


def test_what_is_none_is_left_out() -> None:
    assert toml_value({"a": None, "b": 1}) == "{ b = 1 }"
