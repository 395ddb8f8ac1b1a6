"""Parts of the package that need libraries of their own, which an installation may leave out."""

from importlib.util import find_spec

PARTS = {"recurrent": ("tensorflow", "keras"), "content": ("skimage", "yake")}
"""The extras of pyproject.toml, and the modules that each brings."""


def missing_modules(part: str) -> list[str]:
    """The modules of a part that are not installed."""
    return [module for module in PARTS[part] if not _is_installed(module)]


def how_to_install(part: str) -> str:
    """The command that installs a part."""
    return f"pip install 'forsys[{part}]'"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a stub without a spec
        return True
