"""Imports go down only, as pyproject.toml draws the rooms; a module that stands in none of them fails too."""

from importlinter.cli import lint_imports

from world import PROJECT


def test_imports_go_down_only() -> None:
    assert lint_imports(config_filename=str(PROJECT / "pyproject.toml"), no_cache=True) == 0
