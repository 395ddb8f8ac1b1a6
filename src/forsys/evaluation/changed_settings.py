"""Which settings differ from the default ones, by the keys that `--set` takes."""

from collections.abc import Iterator
from typing import Any

from forsys.settings import Settings, load_settings


def changed_settings(settings: Settings) -> dict[str, Any]:
    """Key, such as retrieval.sources.als.factors -> JSON-like value.

    False for a source that is switched off, for a parameter that is no longer tried, and for a member left out.
    """
    default = load_settings()
    usual = dict(_leaves(default.model_dump(mode="json")))
    ours = dict(_leaves(settings.model_dump(mode="json")))
    changed = {key: value for key, value in ours.items() if key not in usual or usual[key] != value}
    return changed | dict.fromkeys(sorted(_lost(default, settings)), False)


def _lost(default: Settings, settings: Settings) -> Iterator[str]:
    """The keys of default sources, tried parameters and members of the mixture that the settings lack."""
    sources, grid = settings.retrieval.sources, settings.tuning.grid
    members = settings.compare.mixture["members"]
    yield from (f"retrieval.sources.{name}" for name in default.retrieval.sources if name not in sources)
    gone = (key for key in default.tuning.grid if key not in grid and key.partition(".")[0] in sources)
    yield from (f'tuning.grid."{key}"' for key in gone)
    gone = (name for name in default.compare.mixture["members"] if name not in members)
    yield from (f"compare.mixture.members.{name}" for name in gone)


def _leaves(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table, by its dotted key."""
    for name, value in tree.items():
        key = path + (f'"{name}"' if "." in name else name)
        if isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value
