"""Parts of the package that need libraries of their own, which an installation may leave out."""

from dataclasses import dataclass
from importlib.util import find_spec

from forsys.errors import DataError


@dataclass(frozen=True)
class Part:
    """An extra of pyproject.toml.

    modules: what it brings. serves: what is left out without it; empty if only a command that asks for it needs it.
    """

    modules: tuple[str, ...]
    serves: str


PARTS = {
    "recurrent": Part(("tensorflow", "keras"), "the source next_item and the command compare"),
    "content": Part(("skimage", "yake"), "colours, shapes and keywords of the articles"),
    "search": Part(("optuna",), "the command search"),
    "cluster": Part(("distributed",), ""),
    "store": Part(("s3fs",), ""),
}


def missing_modules(part: str) -> list[str]:
    """The modules of a part that are not installed."""
    return [module for module in PARTS[part].modules if not _is_installed(module)]


def how_to_install(part: str) -> str:
    """The command that installs a part; forsys is installed from the project's folder."""
    return f"in the project's folder, pip install '.[{part}]'"


def left_out() -> list[str]:
    """One line for each part that is not installed: what is left out, and how to have it."""
    return [
        f"Left out: {PARTS[part].serves}, since {_are_missing(missing)}: {how_to_install(part)}"
        for part in PARTS
        if PARTS[part].serves and (missing := missing_modules(part))
    ]


def require_part(part: str, what: str) -> None:
    """Raises DataError where a part is not installed that `what` cannot do without."""
    if missing := missing_modules(part):
        raise DataError(f"{what} needs {' and '.join(missing)}. To install it: {how_to_install(part)}")


def _are_missing(modules: list[str]) -> str:
    return f"{' and '.join(modules)} {'is' if len(modules) == 1 else 'are'} missing"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # loaded without a spec, as a stub may be
        return True
