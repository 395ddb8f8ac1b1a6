"""Which settings differ from the default ones, by the keys that `--set` takes."""

from collections.abc import Iterator
from typing import Any

from forsys.settings import Settings, load_settings


def changed_settings(settings: Settings) -> dict[str, Any]:
    """Key, such as retrieval.sources.als.factors -> JSON-like value; False for a source that is switched off."""
    default = load_settings()
    usual = dict(_leaves(default.model_dump(mode="json")))
    ours = dict(_leaves(settings.model_dump(mode="json")))
    off = sorted(set(default.retrieval.sources) - set(settings.retrieval.sources))
    changed = {key: value for key, value in ours.items() if key not in usual or usual[key] != value}
    return changed | {f"retrieval.sources.{name}": False for name in off}


def _leaves(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table, by its dotted key."""
    for name, value in tree.items():
        key = path + (f'"{name}"' if "." in name else name)
        if isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value
