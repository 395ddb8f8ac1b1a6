"""The tree of settings as text: every key with its value and meaning, as `forsys settings` prints it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

from forsys.retrieval.registry import make_source
from forsys.settings import CompareSettings, Settings, SourceConfig, load_settings
from forsys.toml_text import toml_key, toml_value

WIDTH = 46  # of the keys and values, before the meaning


def settings_text(settings: Settings) -> str:
    """The tree as TOML with comments. As a preset it gives these settings: what only the default has is `false`."""
    default = load_settings()
    compare = _whole_compare(settings.compare, default.compare)
    return "\n".join(_section(settings.model_copy(update={"compare": compare}), default, ""))


def _section(section: BaseModel, default: BaseModel, name: str) -> Iterator[str]:
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
        usual = getattr(default, key)
        if isinstance(value, BaseModel):
            yield from _section(value, usual, path)
            continue
        heading = f"\n[{path}]  # {_first_line(type(section).model_fields[key].description)}"
        if path == "retrieval.sources":
            yield from _sources(value, usual, heading)
        else:
            every = value | _switched_off(value, usual) if path == "tuning.grid" else value
            yield heading
            yield from (_line(toml_key(entry), each, None) for entry, each in every.items())


def _sources(sources: Mapping[str, SourceConfig], usual: Iterable[str], heading: str) -> Iterator[str]:
    """Every source with all parameters, also those that its config leaves at their defaults."""
    if off := _switched_off(sources, usual):
        yield heading
        yield from (_line(name, each, None) for name, each in off.items())
    for name, config in sources.items():
        source: Any = make_source(name, config)
        yield f"\n[retrieval.sources.{name}]  # {_first_line(type(source).__doc__)}"
        yield _line("class", config["class"], None)
        for field in fields(source):
            yield _line(field.name, getattr(source, field.name), _meaning(type(source), field.name))


def _switched_off(entries: Mapping[str, Any], usual: Iterable[str]) -> dict[str, bool]:
    """`false` for each of the `usual` names that `entries` lack: a preset is merged with the default one."""
    return {name: False for name in usual if name not in entries}


def _whole_compare(compare: CompareSettings, default: CompareSettings) -> CompareSettings:
    """`compare` with all that the default names, so that nothing of it comes back in a preset."""
    network = _whole("compare.network", compare.network, default.network)
    ids_only = _whole("compare.network", network | compare.ids_only, default.ids_only)
    usual = default.mixture["members"]
    members = {
        name: _whole(f"compare.mixture.members.{name}", of, usual.get(name)) if isinstance(of, dict) else of
        for name, of in compare.mixture["members"].items()
    }
    members |= _switched_off(members, usual)
    own = {key: value for key, value in ids_only.items() if key in default.ids_only or key in compare.ids_only}
    return CompareSettings(network=network, ids_only=own, mixture=compare.mixture | {"members": members})


def _whole(name: str, config: SourceConfig, usual: Any) -> SourceConfig:
    """`config` with the parameters of the `usual` config that it lacks, at what they are without it."""
    lacking = [key for key in usual if key not in config] if isinstance(usual, dict) else []
    source = make_source(name, config)
    return config | {key: getattr(source, key) for key in lacking if hasattr(source, key)}


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
    text = f"{key} = {toml_value(value)}" if value is not None else f"# {key} ="
    return f"{text:<{WIDTH}}  # {_first_line(meaning)}" if meaning else text


def _first_line(text: str | None) -> str:
    """The first paragraph in one line."""
    return " ".join(cleandoc(text or "").split("\n\n")[0].split())
