"""The tree of settings as text: every key with its value and meaning, as `forsys settings` prints it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

from forsys.retrieval.registry import make_source
from forsys.settings import Settings

WIDTH = 46  # of the keys and values, before the meaning


def settings_text(settings: Settings) -> str:
    """The tree as TOML with comments; it can be used as a preset."""
    return "\n".join(_section(settings, ""))


def _section(section: BaseModel, name: str) -> Iterator[str]:
    """The values of a section, and then the sections within it."""
    if name:
        yield f"\n[{name}]  # {_first_line(type(section).__doc__)}"
    inner = {}
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, (BaseModel, dict)):
            inner[key] = value
        else:
            yield _line(key, value, field.description)
    for key, value in inner.items():
        path = f"{name}.{key}" if name else key
        if isinstance(value, BaseModel):
            yield from _section(value, path)
        elif path == "retrieval.sources":
            yield from _sources(value)
        else:
            yield f"\n[{path}]  # {_first_line(type(section).model_fields[key].description)}"
            yield from (_line(_quoted(entry), each, None) for entry, each in value.items())


def _sources(sources: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Every source with all parameters, also those that its config leaves at their defaults."""
    for name, config in sources.items():
        source: Any = make_source(name, config)
        yield f"\n[retrieval.sources.{name}]  # {_first_line(type(source).__doc__)}"
        yield _line("class", config["class"], None)
        for field in fields(source):
            yield _line(field.name, getattr(source, field.name), _meaning(type(source), field.name))


def _meaning(source: type, parameter: str) -> str | None:
    """The docstring of a parameter: of the class itself, or of the nearest base that has one."""
    described = (base.__dict__.get("__pydantic_fields__", {}) for base in source.__mro__)
    return next(
        (
            known[parameter].description
            for known in described
            if parameter in known and known[parameter].description
        ),
        None,
    )


def _line(key: str, value: Any, meaning: str | None) -> str:
    text = f"{key} = {_toml(value)}" if value is not None else f"# {key} ="
    return f"{text:<{WIDTH}}  # {_first_line(meaning)}" if meaning else text


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_quoted(key)} = {_toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # but for that one, TOML's text


def _quoted(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _toml(key)


def _first_line(text: str | None) -> str:
    """The first paragraph in one line."""
    return " ".join(cleandoc(text or "").split("\n\n")[0].split())
