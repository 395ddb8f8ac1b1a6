"""Imports go down only, as pyproject.toml draws the rooms; a module that stands in none of them fails too."""

import re
import tomllib

from importlinter.cli import lint_imports

from world import PROJECT


def test_imports_go_down_only() -> None:
    assert lint_imports(config_filename=str(PROJECT / "pyproject.toml"), no_cache=True) == 0


def test_no_path_is_a_pattern() -> None:
    """polars takes [, * and ? in a path for patterns: it found nothing, or another shop's tables."""
    texts = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "src").rglob("*.py")}
    calls = [
        (path, call)
        for path, text in texts.items()
        for call in re.split(r"pl\.(?:read|scan)_(?=parquet|csv)", text)[1:]
    ]
    assert len(calls) > 20
    assert [path for path, call in calls if "glob=False" not in call[:300]] == []


def test_the_diagram_has_every_layer_in_its_place() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    boxes = re.findall(r'\["(.*?)"\]', page.partition("```mermaid")[2].partition("```")[0])
    drawn = [re.findall(r"[a-z_]+", part) for box in boxes for part in re.split(r", then ", box)]
    assert [sorted(each) for each in drawn] == [sorted(re.findall(r"[a-z_]+", layer)) for layer in layers[1:]]
