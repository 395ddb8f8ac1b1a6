"""Values as TOML: what `tomllib` reads and does not write."""

import json
import re
from typing import Any


def toml_value(value: Any) -> str:
    """A text, number, truth value, list or table (in one line) as TOML; anything else as its text.

    Entries of a table that are None are left out, as TOML has no such value.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        entries = (f"{toml_key(key)} = {toml_value(each)}" for key, each in value.items() if each is not None)
        return f"{{ {', '.join(entries)} }}"
    if isinstance(value, (int, float)):
        return repr(value)
    # Texts are those of JSON but for one control character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else toml_value(key)
